//! FILE for servers without `sendfile`: read piece by piece where blocking is allowed.
//!
//! Invariant: at most one piece (64 KiB) is being read; a file that is not asked for is not read.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use brigade::{AllocOptions, Brigade, BucketAlloc, Error, ReadCx, ReadMode, Result};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// The most that is read at once, in bytes.
const PIECE_BYTES: u64 = 64 * 1024;

type Read = (Brigade<'static>, BucketAlloc, Result<()>);

/// Reads FILEs on the runtime's threads for blocking work, or in place where there is no runtime.
#[derive(Debug, Default)]
pub(super) struct FileReader {
    reading: Option<JoinHandle<Read>>,
    bytes: u64,                 // Of the piece that is being read.
    alloc: Option<BucketAlloc>, // It goes along to the thread that reads.
}

impl FileReader {
    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Bytes that are being read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the next piece, read, in front of `held`, which begins with the FILE or what follows it.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](brigade::ErrorKind::WouldBlock) while it is being read: the waker of `cx` is
    /// called. Else what the file answered.
    pub(super) fn read(&mut self, held: &mut Brigade<'static>, cx: &mut ReadCx<'_>) -> Result<()> {
        let mut reading = match self.reading.take() {
            Some(reading) => reading,
            None => match self.begin(held)? {
                Some(reading) => reading,
                None => return Ok(()),
            },
        };
        match Pin::new(&mut reading).poll(&mut Context::from_waker(cx.waker())) {
            Poll::Pending => {
                self.reading = Some(reading);
                Err(Error::would_block())
            }
            Poll::Ready(Ok(read)) => self.arrived(read, held),
            Poll::Ready(Err(cause)) => {
                self.bytes = 0;
                Err(Error::other("read a file on another thread").because(cause))
            }
        }
    }

    /// Cuts a piece off the FILE in front and has it read. `None`: it has been read.
    fn begin(&mut self, held: &mut Brigade<'static>) -> Result<Option<JoinHandle<Read>>> {
        let Some(mut file) = held.pop_front() else { return Ok(None) };
        let len = file.len().unwrap_or(PIECE_BYTES);
        if len > PIECE_BYTES {
            held.push_front(file.split_at(PIECE_BYTES)?);
        }
        self.bytes = len.min(PIECE_BYTES);
        let mut alloc = self.alloc_for(self.bytes);
        let mut piece = Brigade::from(file);
        let read = move || {
            let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
            let answer = piece.read_all(PIECE_BYTES, &mut cx);
            (piece, alloc, answer)
        };
        match Handle::try_current() {
            Ok(runtime) => Ok(Some(runtime.spawn_blocking(read))),
            Err(_) => self.arrived(read(), held).map(|()| None),
        }
    }

    /// Storage whose blocks take a whole piece, so that it leaves as one frame.
    fn alloc_for(&mut self, bytes: u64) -> BucketAlloc {
        let room = usize::try_from(bytes.clamp(64, PIECE_BYTES)).unwrap_or(usize::MAX);
        let kept = self.alloc.take().filter(|alloc| alloc.block_size() >= room);
        kept.unwrap_or_else(|| AllocOptions::default().block_size(room).max_idle(1).build())
    }

    fn arrived(&mut self, read: Read, held: &mut Brigade<'static>) -> Result<()> {
        let (mut piece, alloc, answer) = read;
        self.bytes = 0;
        self.alloc = Some(alloc);
        answer?;
        held.prepend(&mut piece);
        Ok(())
    }
}
