//! Streams that give what they are told, when they are told.
//!
//! Invariant: they never put a thread to sleep, and wake whoever was told to wait as soon as another
//! try is worth it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use brigade::{Bucket, StreamData};

/// Makes a STREAM that has nothing until its gate gives it something.
///
/// ```
/// use brigade::{Chain, ReadMode};
/// use brigade_testkit::{SlowSink, gated};
///
/// # fn main() -> brigade::Result<()> {
/// let (sink, record) = SlowSink::new(usize::MAX);
/// let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
/// let (gate, stream) = gated();
/// chain.pass_bucket(stream)?;
/// gate.give("DA");
/// let _ = chain.resume()?;
/// assert_eq!(record.bytes(), b"DA");
/// # Ok(())
/// # }
/// ```
pub fn gated() -> (Gate, Bucket<'static>) {
    let gate = Gate(Arc::default());
    let source = gate.clone();
    let read = move |room: &mut [u8], waker: &Waker| source.lock().read(room, waker);
    (gate, Bucket::of(StreamData::ready(read)))
}

/// Makes a STREAM that gives `pieces`, one a read, and has nothing once before each of them and
/// before its end; it wakes its reader each time.
pub fn stuttering<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Bucket<'static> {
    let mut state = Gated::default();
    for piece in pieces {
        state.pieces.push_back(piece.as_ref().to_vec());
    }
    state.has_ended = true;
    let mut has_waited = false;
    Bucket::of(StreamData::ready(move |room: &mut [u8], waker: &Waker| {
        has_waited = !has_waited;
        if has_waited {
            waker.wake_by_ref();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.read(room, waker)
    }))
}

/// Opens a [`gated`] STREAM, piece by piece. Clones share.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Mutex<Gated>>);

impl Gate {
    /// Lets one piece through. An empty one is none: to a STREAM it would be the end.
    pub fn give(&self, piece: impl AsRef<[u8]>) {
        let piece = piece.as_ref();
        if !piece.is_empty() {
            self.change(|gated| gated.pieces.push_back(piece.to_vec()));
        }
    }

    /// Ends the stream after what was given.
    pub fn end(&self) {
        self.change(|gated| gated.has_ended = true);
    }

    /// Lets the stream fail after what was given.
    pub fn fail(&self, kind: io::ErrorKind) {
        self.change(|gated| gated.failure = Some(kind));
    }

    /// Whether all that was given has been read, and somebody waits for more.
    pub fn is_awaited(&self) -> bool {
        let gated = self.lock();
        gated.pieces.is_empty() && gated.waker.is_some()
    }

    fn change(&self, change: impl FnOnce(&mut Gated)) {
        let waker = {
            let mut gated = self.lock();
            change(&mut gated);
            gated.waker.take()
        };
        // Outside the lock: whom it wakes may read at once.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gated> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Gated {
    pieces: VecDeque<Vec<u8>>,
    has_ended: bool,
    failure: Option<io::ErrorKind>,
    waker: Option<Waker>,
}

impl Gated {
    fn read(&mut self, room: &mut [u8], waker: &Waker) -> io::Result<usize> {
        if let Some(mut piece) = self.pieces.pop_front() {
            let count = piece.len().min(room.len());
            room[..count].copy_from_slice(&piece[..count]);
            if count < piece.len() {
                self.pieces.push_front(piece.split_off(count));
            }
            return Ok(count);
        }
        match self.failure {
            Some(kind) => Err(kind.into()),
            None if self.has_ended => Ok(0),
            None => {
                self.waker = Some(waker.clone());
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }
}
