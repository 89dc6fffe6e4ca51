//! The network reader: what a peer sent, in one run, for who parses it.
//!
//! Invariants: nothing is held while there are no bytes; with some, at most the limit, in a slice of a
//! block of the chain's allocator or, when they came in pieces, in one buffer. No block is held while
//! the rest of a run is waited for.

use std::task::{Poll, Waker};
use std::{io, mem};

use brigade::{Bucket, BucketAlloc, Error, ErrorKind, Fill, ReadCx, Result};

use crate::Interest;

/// Where a reader's bytes come from.
///
/// Any `FnMut(&mut [u8]) -> io::Result<usize>` is one.
pub trait Source {
    /// Reads what is there, and says how many bytes; 0: there will be no more.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when nothing is there now and this source does not wait;
    /// [`io::ErrorKind::TimedOut`] when it waited too long.
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize>;

    /// Waits until there is something to read, if reading would wait: so that a connection at rest
    /// holds no room.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    fn wait(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// What a source that answered `WouldBlock` waits for.
    fn waits_for(&self) -> Interest {
        Interest::Readable
    }
}

impl<F: FnMut(&mut [u8]) -> io::Result<usize>> Source for F {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self(room)
    }
}

/// Takes in what a peer sends, and shows it as one run of bytes.
///
/// For what is parsed as a whole and is small: the head of a request. A run that came at once is
/// shown where the system put it; one that came in pieces is copied together, each byte once or
/// twice however small the pieces. A connection at rest holds no block, if its chain is
/// [trimmed](brigade::Chain::trim) before it waits.
///
/// # Over budget
///
/// While the [budget](brigade::Budget) of the storage is used up, who holds blocks already receives
/// nothing more: the client that pipelines waits for its responses. Two may always receive, over the
/// budget by one block and for one call: who holds no block, and who has the beginning of a run and
/// waits for the rest, which is in a buffer of its own by then. So what is waited for in a reader
/// never takes part in using a budget up, however many peers send half a head and no more; those who
/// wait for the budget wait for who sends, or for who lets go. Beginnings are not counted in it: they
/// are bytes that came, at most the reader's limit.
///
/// ```
/// use brigade::{BucketAlloc, ReadCx, ReadMode};
/// use brigade_net::NetworkReader;
///
/// # fn main() -> brigade::Result<()> {
/// let mut alloc = BucketAlloc::new(); // or `chain.alloc()`
/// let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
/// let mut peer = &b"GET / HTTP/1.1\r\n\r\nGET /next"[..];
///
/// let mut reader = NetworkReader::new(64 * 1024);
/// let count = reader.fill(&mut cx, |room: &mut [u8]| std::io::Read::read(&mut peer, room))?;
/// assert_eq!(count, 27);
/// assert!(reader.bytes().starts_with(b"GET / HTTP/1.1\r\n\r\n"));
/// reader.consume(18);
/// assert_eq!(reader.bytes(), b"GET /next");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct NetworkReader {
    limit_bytes: usize,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Nothing,
    /// What came at once, where it was received.
    Piece(Bucket<'static>),
    /// What came in pieces. Bytes before `start` are consumed.
    Joined {
        bytes: Vec<u8>,
        start: usize,
    },
}

impl NetworkReader {
    /// Makes a reader that holds at most `limit_bytes`.
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, held: Held::Nothing }
    }

    /// Takes in what `source` has, at most a block and at most the limit; says how many bytes. 0: the
    /// peer sends no more; what was received before is still held.
    ///
    /// Whether it may sleep is the source's to know, not the mode's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`] when there is nothing now, or this is held back for want of budget:
    /// [`poll_room`](Self::poll_room) tells which, and the waker of `cx` is called when there is room.
    /// [`ErrorKind::TooLarge`] when as many bytes are held as the limit allows;
    /// [`ErrorKind::ClientGone`], [`ErrorKind::TimedOut`] or [`ErrorKind::Io`] from the source. What
    /// is held stays.
    pub fn fill(&mut self, cx: &mut ReadCx<'_>, mut source: impl Source) -> Result<usize> {
        let held = self.bytes().len();
        let room = self.limit_bytes.saturating_sub(held);
        if room == 0 {
            let context = format!("receive more than {held} bytes before some are consumed");
            return Err(Error::new(ErrorKind::TooLarge, context));
        }
        self.set_aside();
        source.wait().map_err(|cause| failed(held, cause))?;
        // Asked last: whoever is let through takes the room at once.
        if cx.alloc().budget().is_some() {
            let waker = cx.waker().clone();
            if self.poll_room(cx.alloc(), &waker).is_pending() {
                return Err(Error::would_block());
            }
        }
        match cx.alloc().fill(room, |room| source.read(room)) {
            Ok(Fill::Data(piece)) => {
                let count = piece.bytes().map_or(0, <[u8]>::len);
                self.take_in(piece);
                Ok(count)
            }
            Ok(Fill::End) => Ok(0),
            Err(cause) => Err(failed(held, cause)),
        }
    }

    /// Whether [`fill`](Self::fill) may receive now as far as the budget of `alloc` goes; `waker` is
    /// called when it may. For an owner that would otherwise wait for a peer that has sent already.
    ///
    /// As [`BucketAlloc::poll_room`], and always ready with the beginning of a run.
    pub fn poll_room(&mut self, alloc: &mut BucketAlloc, waker: &Waker) -> Poll<()> {
        if self.is_empty() { alloc.poll_room(waker) } else { Poll::Ready(()) }
    }

    /// Moves what is held out of the block it was received in, which is then free for others: before
    /// something is waited for that may take long, as a response is while the next request is here
    /// already. Costs a copy of what is held, once; the next [`fill`](Self::fill) would make it.
    pub fn set_aside(&mut self) {
        if let Held::Piece(piece) = &self.held {
            let bytes = piece.bytes().unwrap_or_default().to_vec();
            self.held = Held::Joined { bytes, start: 0 };
        }
    }

    /// All bytes received and not consumed.
    pub fn bytes(&self) -> &[u8] {
        match &self.held {
            Held::Nothing => &[],
            Held::Piece(piece) => piece.bytes().unwrap_or_default(),
            Held::Joined { bytes, start } => &bytes[*start..],
        }
    }

    /// Whether no byte is held.
    pub fn is_empty(&self) -> bool {
        matches!(self.held, Held::Nothing)
    }

    /// Forgets the first `count_bytes`: they have been dealt with. The last one takes what held it
    /// along.
    ///
    /// # Panics
    ///
    /// When fewer are held.
    pub fn consume(&mut self, count_bytes: usize) {
        let held = self.bytes().len();
        assert!(count_bytes <= held, "consume {count_bytes} bytes of {held}");
        if count_bytes == held {
            self.held = Held::Nothing;
            return;
        }
        match &mut self.held {
            Held::Nothing => {}
            Held::Piece(piece) => {
                piece.advance(count_bytes as u64).expect("it has more bytes than that");
            }
            Held::Joined { start, .. } => *start += count_bytes,
        }
    }

    fn take_in(&mut self, piece: Bucket<'static>) {
        let new = piece.bytes().unwrap_or_default();
        match &mut self.held {
            Held::Joined { bytes, start } => {
                // Only the first piece after a `consume` moves what is left.
                bytes.drain(..mem::take(start));
                bytes.extend_from_slice(new);
            }
            Held::Nothing | Held::Piece(_) => self.held = Held::Piece(piece),
        }
    }
}

fn failed(held: usize, cause: io::Error) -> Error {
    // Said every time a connection is found at rest: no words are spent on it.
    if cause.kind() == io::ErrorKind::WouldBlock {
        return Error::would_block();
    }
    let kind = Error::from(io::Error::from(cause.kind())).kind();
    Error::new(kind, format!("receive, with {held} bytes held")).because(cause)
}
