//! How a chain that must not stop its thread gets at files: what stands between FILE and a slow disk.
//!
//! Invariant: it is asked in non-blocking chains alone, and only for bytes that are about to be sent or
//! read.

use std::io;
use std::task::{Poll, Waker};

use super::FileSlice;

/// Gets at files without making an event loop wait for the disk.
///
/// A read of a file that the system has in memory is a copy; of one that it has not, it lasts as long
/// as the disk takes, and all that the thread serves stands still meanwhile. A [chain](crate::Chain::disk)
/// that was given a `Disk` asks it first; the one of `brigade-net` (`PooledDisk`) looks whether the bytes
/// are in memory, and has other threads bring them there. Without one the disk counts as never blocking,
/// as it does in Apache's event MPM and in nginx without a pool of threads.
///
/// ```
/// use std::io;
/// use std::sync::Arc;
/// use std::task::{Poll, Waker};
///
/// use brigade::{Bucket, BucketAlloc, Disk, FileSlice, ReadCx, ReadMode};
///
/// /// A disk that is always asleep at first, as one that is being tested with.
/// struct Sleepy(bool);
///
/// impl Disk for Sleepy {
///     fn poll_ready(&mut self, _part: FileSlice<'_>, waker: &Waker) -> Poll<io::Result<()>> {
///         if std::mem::replace(&mut self.0, true) {
///             return Poll::Ready(Ok(()));
///         }
///         waker.wake_by_ref(); // when it has been read; here at once
///         Poll::Pending
///     }
/// }
///
/// # fn main() -> brigade::Result<()> {
/// # let file = std::fs::File::open(std::env::current_exe()?)?;
/// let (mut alloc, mut disk) = (BucketAlloc::new(), Sleepy(false));
/// let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking).with_disk(&mut disk);
/// let mut bucket = Bucket::file(file, 0, 100);
/// assert!(bucket.read(&mut cx).is_err_and(|error| error.is_would_block()));
/// assert_eq!(bucket.read(&mut cx)?.and_then(|piece| piece.len()), Some(100));
/// # Ok(())
/// # }
/// ```
pub trait Disk: Send {
    /// Whether all of `part` can be sent or read now without waiting for the disk. `Pending`: it has
    /// been asked for, and `waker` is called when it is worth another try.
    ///
    /// It must not answer `Pending` for ever for the same part: a system that is short of memory may
    /// forget what was read before it is asked again.
    ///
    /// # Errors
    ///
    /// What the disk answered to who read it; the body ends with it. The end of the file is none.
    fn poll_ready(&mut self, part: FileSlice<'_>, waker: &Waker) -> Poll<io::Result<()>>;

    /// Reads the first bytes of `part` to `room`, as many as can be had without waiting for the disk;
    /// `part` is what will be read on. 0: the file ends before it. A system that can read so in one call
    /// needs none to [ask](Self::poll_ready) first, which is what this does otherwise.
    ///
    /// The room is zeroed.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] where [`poll_ready`](Self::poll_ready) is `Pending`. Else as there.
    fn read(&mut self, part: FileSlice<'_>, room: &mut [u8], waker: &Waker) -> io::Result<usize> {
        let first = FileSlice { len: part.len.min(room.len() as u64), ..part };
        match self.poll_ready(first, waker) {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(ready) => {
                ready?;
                std::os::unix::fs::FileExt::read_at(&**part.file, room, part.offset)
            }
        }
    }
}
