//! Files that are not in memory: other threads read them first, so that no disk stops an event loop.
//!
//! Invariants: nothing here waits for a disk where the system can tell that one would have to. For each
//! connection at most one window is being read. What was read for a connection is not asked about
//! again: a system that is short of memory and forgets it at once must not keep the connection waiting
//! for ever.

mod probe;
mod reading;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Poll, Waker};

use brigade::{Disk, FileSlice};

use self::probe::{Resident, is_resident, read_resident};
use self::reading::{Place, Reading};

/// How much is brought into memory for somebody who reads a file in small pieces, in bytes: what the
/// writer sends of one at a time.
const WINDOW_BYTES: u64 = 256 * 1024;

/// A read of a file that may have to wait for the disk, for a thread that may: call it there, once.
/// Dropped instead, the connection goes on and waits for the disk itself.
pub type DiskJob = Box<dyn FnOnce() + Send>;

/// The way to files of a connection on an event loop: what is in memory is taken, what is not is read by
/// threads that may wait, and the connection goes on when its chain's waker is called. So it goes window
/// by window: what is sent by one call ([`file_window`](crate::WriterOptions::file_window), 256 KiB), or
/// read by one.
///
/// A window is asked for with `preadv2(RWF_NOWAIT)`, a byte at both its ends, when it is about to be
/// sent; what is read is read by such a call, and costs none more. (Asking at the end of a window alone
/// would not do: the question makes the system fetch the page it is about, so that the
/// next who asks is told that a window is there of which that is all.)
///
/// It is what one can know: a page in the middle may be missing, or be forgotten between question and
/// use. Where the system cannot tell, files are read in place, as without this: on Linux in tmpfs, which
/// is memory, and in some network and layered file systems; and everywhere else. Pages of a mapping, as
/// of `mmap` buckets, fault without asking.
///
/// Apache and nginx (`aio threads`) leave this to the operator.
///
/// ```
/// use brigade::{Chain, ReadMode};
/// use brigade_net::{NetworkWriter, NonBlockingTransport, PooledDisk};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (socket, _peer) = std::os::unix::net::UnixStream::pair()?;
/// // A thread for each read that has to wait, for want of a pool.
/// let disk = PooledDisk::new(|job| {
///     std::thread::spawn(job);
/// });
/// let writer = NetworkWriter::new(NonBlockingTransport::new(socket.into()));
/// let chain = Chain::new(writer).mode(ReadMode::NonBlocking).disk(Box::new(disk));
/// # Ok(())
/// # }
/// ```
pub struct PooledDisk<R = fn(DiskJob)> {
    run: R,
    reading: Option<Arc<Reading>>, // Kept when it is over, until somebody asks for another.
}

impl<R: Fn(DiskJob) + Send> PooledDisk<R> {
    /// Makes a way to files whose reads that have to wait are handed to `run`: it has each called on a
    /// thread that may wait, and returns at once.
    pub fn new(run: R) -> Self {
        Self { run, reading: None }
    }

    /// Whether a thread that may wait has read `part`; has it do so.
    fn poll_read(&mut self, part: FileSlice<'_>, waker: &Waker) -> Poll<io::Result<()>> {
        let place = match Place::of(part) {
            Ok(place) => place,
            Err(error) => return Poll::Ready(Err(error)),
        };
        if let Some(reading) = &self.reading {
            let Poll::Ready(answer) = reading.poll(waker) else { return Poll::Pending };
            let is_this = reading.place().covers(&place);
            self.reading = None;
            if is_this {
                return Poll::Ready(answer);
            }
        }
        let (reading, job) = Reading::begin(Arc::clone(part.file), place, waker.clone());
        self.reading = Some(reading);
        (self.run)(Box::new(move || job.run()));
        Poll::Pending
    }
}

#[cfg(feature = "tokio")]
impl PooledDisk {
    /// Has what must wait read on the threads of tokio's runtime for blocking work.
    ///
    /// # Panics
    ///
    /// When a file that is not in memory is met outside of a runtime.
    pub fn tokio() -> Self {
        Self::new(|job| drop(tokio::task::spawn_blocking(job)))
    }
}

impl<R: Fn(DiskJob) + Send> Disk for PooledDisk<R> {
    fn poll_ready(&mut self, part: FileSlice<'_>, waker: &Waker) -> Poll<io::Result<()>> {
        match is_resident(part) {
            Resident::No => self.poll_read(part, waker),
            Resident::Yes | Resident::Unknown => Poll::Ready(Ok(())),
        }
    }

    fn read(&mut self, part: FileSlice<'_>, room: &mut [u8], waker: &Waker) -> io::Result<usize> {
        match read_resident(part, room) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            answer => return answer,
        }
        let window = FileSlice { len: part.len.min(WINDOW_BYTES), ..part };
        match self.poll_read(window, waker) {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(answer) => {
                answer?;
                probe::read_in_place(part, room)
            }
        }
    }
}

impl<R> fmt::Debug for PooledDisk<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledDisk").field("reading", &self.reading).finish_non_exhaustive()
    }
}
