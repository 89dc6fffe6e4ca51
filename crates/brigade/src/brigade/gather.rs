//! Gathering: small writes share one run of bytes until its block is full.
//!
//! Invariant: the run ends where the open block is filled to, or is sealed by whatever was written
//! after it; either way its bytes are never moved.

use crate::alloc::BlockSlice;
use crate::{Bucket, BucketAlloc};

/// Bytes written and not yet made a bucket.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    run: Option<BlockSlice>,
}

impl Gather {
    /// Bytes gathered.
    pub(crate) fn len(&self) -> usize {
        self.run.as_ref().map_or(0, BlockSlice::len)
    }

    /// Takes as many of `bytes` as share the run's block, and says how many. Fewer than all: the run
    /// is complete, [`finish`](Self::finish) it and go on.
    #[inline]
    pub(crate) fn write(&mut self, alloc: &mut BucketAlloc, bytes: &[u8]) -> usize {
        match &mut self.run {
            Some(run) => alloc.extend(run, bytes),
            None if bytes.is_empty() => 0,
            None => self.run.insert(alloc.begin(bytes)).len(),
        }
    }

    /// Makes a bucket of the run; `None` when nothing was written.
    pub(crate) fn finish(&mut self) -> Option<Bucket<'static>> {
        self.run.take().map(Bucket::block)
    }
}
