//! FILE: part of an open file, read positionally, or sent unread.
//!
//! Invariant: halves and clones share the descriptor and nothing else; no read moves its offset.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::alloc::Fill;
use crate::{Bucket, Data, Error, ErrorKind, FileSlice, ReadCx, Result};

/// `len` bytes of an open file, from an offset; the data of [`Bucket::file`].
#[derive(Debug, Clone)]
pub struct FileData {
    file: Arc<File>,
    offset: u64,
    len: u64,
}

impl FileData {
    pub(super) fn new(file: Arc<File>, offset: u64, len: u64) -> Self {
        Self { file, offset, len }
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
        let alloc = cx.alloc();
        let limit = usize::try_from(self.len).unwrap_or(usize::MAX).min(alloc.block_size());
        let filled = alloc.fill_by_kernel(limit, |room| self.file.read_at(room, self.offset));
        match filled {
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
        let rest =
            Self::new(self.file.clone(), self.offset.saturating_add(at_bytes), self.len - at_bytes);
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
