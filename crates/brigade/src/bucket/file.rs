//! FILE: part of an open file, read positionally, or sent unread.
//!
//! Invariant: halves and clones share the descriptor and nothing else; no read moves its offset.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::alloc::Fill;
use crate::{Bucket, Data, Error, ErrorKind, FileSlice, ReadCx, Result};

/// `len` bytes of an open file, from an offset; the data of [`Bucket::file`], which takes the settings
/// as they are here at first.
///
/// ```
/// # use brigade::{Bucket, BucketAlloc, FileData, ReadCx, ReadMode};
/// # fn main() -> brigade::Result<()> {
/// # let mut alloc = BucketAlloc::new();
/// # let file = std::fs::File::open(std::env::current_exe()?)?;
/// // Its client is slow, and there are many of them: no more in memory than a block.
/// let data = FileData::new(file, 0, 40_000).read_size(8 * 1024);
/// let piece = Bucket::of(data).read(&mut ReadCx::new(&mut alloc, ReadMode::Blocking))?;
/// assert_eq!(piece.and_then(|piece| piece.len()), Some(8 * 1024));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FileData {
    file: Arc<File>,
    offset: u64,
    len: u64,
    read_size: usize, // Invariant: 1 to `FileData::READ_SIZE`.
}

impl FileData {
    /// The most bytes that one read takes, and what it takes where nothing else is said: 64 KiB.
    pub const READ_SIZE: usize = 64 * 1024;

    /// Makes the data; nothing is read.
    pub fn new(file: impl Into<Arc<File>>, offset: u64, len: u64) -> Self {
        Self { file: file.into(), offset, len, read_size: Self::READ_SIZE }
    }

    /// Sets how many bytes one read takes at most, which is what a reader of this file has in memory
    /// at a time; from 1 to [`READ_SIZE`](Self::READ_SIZE), the nearest of which it becomes. Where a
    /// [budget](crate::Budget) has room for less, less is read, but a block at least.
    ///
    /// Fewer than 8 KiB make many system calls; a whole body costs a third more in pieces of 8 KiB
    /// than in pieces of 64. Halves and clones have the same setting.
    ///
    /// Models `apr_bucket_file_set_buf_size`.
    #[must_use]
    #[doc(alias = "apr_bucket_file_set_buf_size")]
    pub fn read_size(mut self, bytes: usize) -> Self {
        self.read_size = bytes.clamp(1, Self::READ_SIZE);
        self
    }
}

impl FileData {
    /// Reads a piece from the beginning, without waiting for the disk if the thread must not.
    fn read_piece(&self, cx: &mut ReadCx<'_>) -> io::Result<Fill> {
        let limit = usize::try_from(self.len).unwrap_or(usize::MAX).min(self.read_size);
        let part = FileSlice { file: &self.file, offset: self.offset, len: self.len };
        let (alloc, disk, waker) = cx.parts_of_file();
        match disk {
            Some(disk) => alloc.fill_piece(limit, |room| disk.read(part, room, waker)),
            // It is the kernel alone that sees this room, which is not zeroed.
            None => alloc.fill_by_kernel(limit, |room| self.file.read_at(room, self.offset)),
        }
    }
}

impl Data for FileData {
    fn name(&self) -> &'static str {
        "FILE"
    }

    fn len(&self) -> Option<u64> {
        Some(self.len)
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        if self.len == 0 {
            return Ok(None);
        }
        match self.read_piece(cx) {
            Ok(Fill::Data(piece)) => {
                let count = piece.len().unwrap_or(0);
                self.offset += count;
                self.len -= count;
                Ok(Some(piece))
            }
            Ok(Fill::End) => Err(Error::new(
                ErrorKind::Incomplete,
                format!("read a file at byte {}: it ends {} bytes early", self.offset, self.len),
            )),
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => Err(Error::would_block()),
            Err(cause) => Err(Error::new(
                ErrorKind::Io,
                format!("read a file at byte {}, {} bytes to go", self.offset, self.len),
            )
            .because(cause)),
        }
    }

    fn split_at(&mut self, at_bytes: u64) -> Result<Box<dyn Data>> {
        if at_bytes > self.len {
            let context = format!("split a FILE of {} bytes at {at_bytes}", self.len);
            return Err(Error::new(ErrorKind::Incomplete, context));
        }
        let rest = Self {
            offset: self.offset.saturating_add(at_bytes),
            len: self.len - at_bytes,
            ..self.clone()
        };
        self.len = at_bytes;
        Ok(Box::new(rest))
    }

    fn try_clone(&self) -> Option<Box<dyn Data>> {
        Some(Box::new(self.clone()))
    }

    fn as_file(&self) -> Option<FileSlice<'_>> {
        Some(FileSlice { file: &self.file, offset: self.offset, len: self.len })
    }
}
