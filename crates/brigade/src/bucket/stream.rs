//! STREAM: a reader of unknown length.
//!
//! Invariant: "nothing yet" and "the end" are two answers, and an empty read is always the end.

use std::io::Read;
use std::task::Waker;
use std::{fmt, io};

use crate::alloc::Fill;
use crate::{Bucket, Data, Error, ReadCx, Result};

/// The data of [`Bucket::stream`]: whatever a reader gives until it ends.
pub struct StreamData {
    source: Source,
}

enum Source {
    /// May put the thread to sleep.
    Blocking(Box<dyn Read + Send>),
    /// Answers `WouldBlock`, having taken the waker.
    Ready(Box<ReadyRead>),
}

type ReadyRead = dyn FnMut(&mut [u8], &Waker) -> io::Result<usize> + Send;

impl StreamData {
    /// A reader that may put its thread to sleep: for chains that run on a thread of their own.
    pub fn blocking(reader: impl Read + Send + 'static) -> Self {
        Self { source: Source::Blocking(Box::new(reader)) }
    }

    /// A source that never sleeps: where nothing is there yet it keeps the waker, answers
    /// [`io::ErrorKind::WouldBlock`], and wakes when it is worth another try. Answering 0 bytes ends
    /// it.
    pub fn ready(
        source: impl FnMut(&mut [u8], &Waker) -> io::Result<usize> + Send + 'static,
    ) -> Self {
        Self { source: Source::Ready(Box::new(source)) }
    }
}

impl Data for StreamData {
    fn name(&self) -> &'static str {
        "STREAM"
    }

    fn len(&self) -> Option<u64> {
        None
    }

    fn may_block(&self) -> bool {
        matches!(self.source, Source::Blocking(_))
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        let (alloc, waker) = cx.parts();
        let limit = alloc.block_size();
        let filled = match &mut self.source {
            Source::Blocking(reader) => alloc.fill(limit, |room| reader.read(room)),
            Source::Ready(source) => alloc.fill(limit, |room| source(room, waker)),
        };
        match filled {
            Ok(Fill::Data(piece)) => Ok(Some(piece)),
            Ok(Fill::End) => Ok(None),
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => Err(Error::would_block()),
            Err(cause) => Err(Error::from(cause)),
        }
    }
}

impl fmt::Debug for StreamData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = if self.may_block() { "blocking" } else { "ready" };
        f.debug_struct("StreamData").field("source", &source).finish()
    }
}
