//! What a data bucket that is not in memory can do: the trait of FILE, STREAM and kinds of your own.
//!
//! Invariant: reading never goes to the end by itself; each read gives one piece of bounded size.

use std::any::Any;
use std::fs::File;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::{fmt, io};

use super::Disk;
use crate::{Bucket, BucketAlloc, Error, ErrorKind, Result};

/// Bytes that are not in memory yet. Models the function table of `apr_bucket_type_t`.
///
/// ```
/// use brigade::{Bucket, BucketAlloc, Data, ReadCx, ReadMode, Result};
///
/// /// As many zeroes as somebody reads: one block of storage, however many they are.
/// struct Zeroes(u64);
///
/// impl Data for Zeroes {
///     fn name(&self) -> &str {
///         "ZEROES"
///     }
///     fn len(&self) -> Option<u64> {
///         Some(self.0)
///     }
///     fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
///         let piece = self.0.min(cx.alloc().block_size() as u64);
///         self.0 -= piece;
///         Ok((piece > 0).then(|| cx.alloc().copy_with(piece as usize, |_| ())))
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let mut alloc = BucketAlloc::new();
/// let mut bucket = Bucket::of(Zeroes(1 << 20));
/// let mut read = 0;
/// while let Some(piece) = bucket.read(&mut ReadCx::new(&mut alloc, ReadMode::Blocking))? {
///     read += piece.bytes().map_or(0, <[u8]>::len);
/// }
/// assert_eq!((read, alloc.stats().blocks_live), (1 << 20, 1));
/// # Ok(())
/// # }
/// ```
#[doc(alias = "apr_bucket_type_t")]
pub trait Data: Any + Send {
    /// The kind's name, for people: capitals by custom.
    fn name(&self) -> &str;

    /// Bytes still to be read; `None` when only reading will tell. A FILE's length is a promise.
    ///
    /// It changes by [`read`](Self::read) and [`split_at`](Self::split_at) alone: brigades keep the sum
    /// of the lengths they hold, and a response announces it.
    fn len(&self) -> Option<u64>;

    /// Whether nothing is left, as far as one can know without reading.
    fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Gives the next piece, of at most 64 KiB; `self` becomes the rest. `None`: nothing is left, and
    /// the bucket goes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`] when nothing is there yet: the source has then taken
    /// [`ReadCx::waker`] and calls it when there is. Any other error ends the body.
    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>>;

    /// Whether `read` may put its thread to sleep for as long as a peer likes. A non-blocking chain
    /// never reads such data.
    fn may_block(&self) -> bool {
        false
    }

    /// Keeps the first `at_bytes` bytes and returns the rest, without reading.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`], as here, for a source that must be read to be cut.
    fn split_at(&mut self, at_bytes: u64) -> Result<Box<dyn Data>> {
        let context = format!("split {} at byte {at_bytes} without reading it", self.name());
        Err(Error::new(ErrorKind::Unsupported, context))
    }

    /// The same bytes once more; `None`, as here, where they can be read only once.
    fn try_clone(&self) -> Option<Box<dyn Data>> {
        None
    }

    /// The part of an open file these bytes are, if they are: a transport may then send them without
    /// reading. It is used together with [`split_at`](Self::split_at).
    fn as_file(&self) -> Option<FileSlice<'_>> {
        None
    }
}

/// `len` bytes of an open file, from `offset`.
#[derive(Debug, Clone, Copy)]
pub struct FileSlice<'f> {
    /// The file.
    pub file: &'f Arc<File>,
    /// Where the bytes begin, in bytes.
    pub offset: u64,
    /// How many bytes are meant.
    pub len: u64,
}

/// Whether a read may put the thread to sleep. Models `apr_read_type_e`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[doc(alias = "apr_read_type_e", alias = "APR_BLOCK_READ", alias = "APR_NONBLOCK_READ")]
pub enum ReadMode {
    /// The thread may wait.
    #[default]
    Blocking,
    /// The thread serves others: wait by answering [`ErrorKind::WouldBlock`]. The disk counts as
    /// never blocking, unless there is a [`Disk`] to be asked.
    NonBlocking,
}

/// What a read is lent: storage, the mode, whom to wake, and the way to files.
pub struct ReadCx<'c> {
    alloc: &'c mut BucketAlloc,
    mode: ReadMode,
    waker: &'c Waker,
    disk: Option<&'c mut dyn Disk>,
}

impl<'c> ReadCx<'c> {
    /// Lends `alloc`; nobody is woken.
    pub fn new(alloc: &'c mut BucketAlloc, mode: ReadMode) -> Self {
        Self { alloc, mode, waker: Waker::noop(), disk: None }
    }

    /// Says whom a source that answered [`ErrorKind::WouldBlock`] wakes when it has something.
    #[must_use]
    pub fn with_waker(mut self, waker: &'c Waker) -> Self {
        self.waker = waker;
        self
    }

    /// Says how to get at files where the thread must not wait for a disk.
    #[must_use]
    pub fn with_disk(self, disk: &'c mut dyn Disk) -> Self {
        self.with_disk_if(Some(disk))
    }

    pub(crate) fn with_disk_if(mut self, disk: Option<&'c mut dyn Disk>) -> Self {
        self.disk = disk;
        self
    }

    /// Whether all of `part` can be sent or read without waiting for the disk, as far as one can
    /// tell: always in a blocking read, and where there is no [`Disk`] to be asked. `Pending`: the
    /// [waker](Self::waker) is called.
    ///
    /// For who sends a file unread, and for data of one's own that reads one.
    ///
    /// # Errors
    ///
    /// What the disk answered.
    pub fn poll_file(&mut self, part: FileSlice<'_>) -> Poll<io::Result<()>> {
        match self.parts_of_file() {
            (_, Some(disk), waker) => disk.poll_ready(part, waker),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Storage, the disk if it is to be asked, and the waker.
    pub(super) fn parts_of_file(
        &mut self,
    ) -> (&mut BucketAlloc, Option<&mut (dyn Disk + 'c)>, &Waker) {
        let disk = match self.mode {
            ReadMode::Blocking => None,
            ReadMode::NonBlocking => self.disk.as_deref_mut(),
        };
        (self.alloc, disk, self.waker)
    }

    /// Storage for what is read.
    pub fn alloc(&mut self) -> &mut BucketAlloc {
        self.alloc
    }

    /// Storage and waker at once.
    pub(super) fn parts(&mut self) -> (&mut BucketAlloc, &Waker) {
        (self.alloc, self.waker)
    }

    /// Whether the thread may wait.
    pub fn mode(&self) -> ReadMode {
        self.mode
    }

    /// Whom to wake.
    pub fn waker(&self) -> &Waker {
        self.waker
    }
}

impl fmt::Debug for ReadCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadCx")
            .field("alloc", &self.alloc)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Reads `data`, unless it may block where that is not allowed, and holds it to what it said of
/// itself: lengths decide the framing of a response, so that a wrong one must not go by in silence.
pub(super) fn read_checked<'a>(
    data: &mut dyn Data,
    cx: &mut ReadCx<'_>,
) -> Result<Option<Bucket<'a>>> {
    if cx.mode == ReadMode::NonBlocking && data.may_block() {
        let context = format!(
            "read {} in a non-blocking chain: its source may block the thread; pump it, or make it \
             of a source that answers WouldBlock",
            data.name()
        );
        return Err(Error::new(ErrorKind::Unsupported, context));
    }
    let before = data.len();
    if before != Some(0) && !cx.alloc.may_read(cx.waker) {
        return Err(Error::would_block());
    }
    let piece = data.read(cx)?;
    let after = data.len();
    let given = match &piece {
        None => 0,
        Some(piece) => match piece.bytes() {
            Some(bytes) => bytes.len() as u64,
            None => {
                let context = format!("reading {} gave {piece:?}, which is no bytes", data.name());
                return Err(Error::new(ErrorKind::Contract, context));
            }
        },
    };
    match (before, after) {
        (Some(_), Some(left)) if piece.is_none() && left > 0 => {
            let context = format!("{} ended {left} bytes before its stated length", data.name());
            Err(Error::new(ErrorKind::Incomplete, context))
        }
        (Some(before), Some(after)) if before.checked_sub(given) != Some(after) => {
            let context = format!(
                "reading {given} bytes of {} took its length from {before} to {after}",
                data.name()
            );
            Err(Error::new(ErrorKind::Contract, context))
        }
        _ => Ok(piece),
    }
}
