//! Gathering: small writes share one run of bytes until its block is full.
//!
//! Invariant: the run is `start..` of a block that nobody else fills, so a write is a comparison and a
//! copy. What was finished before it stays where it is.

use crate::alloc::TakenBlock;
use crate::{Bucket, BucketAlloc};

/// Bytes written and not yet made a bucket.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    block: Option<TakenBlock>,
    start: usize,
}

impl Gather {
    /// Bytes gathered.
    pub(crate) fn len(&self) -> usize {
        self.block.as_ref().map_or(0, |block| block.filled() - self.start)
    }

    /// Takes `bytes`, if the run's block has room for all of them; says whether it has.
    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        self.block.as_mut().is_some_and(|block| block.fill(bytes))
    }

    /// Takes as many of `bytes` as the run's block has room for, and says how many.
    pub(crate) fn write_some(&mut self, bytes: &[u8]) -> usize {
        let room = self.block.as_ref().map_or(0, TakenBlock::room);
        let taken = bytes.len().min(room);
        if self.write(&bytes[..taken]) { taken } else { 0 }
    }

    /// Makes room for a run, if there is none.
    pub(crate) fn begin(&mut self, alloc: &mut BucketAlloc) {
        if self.block.as_ref().is_some_and(|block| block.room() > 0) {
            return;
        }
        debug_assert_eq!(self.len(), 0, "a run is finished before the next begins");
        self.release(alloc);
        self.block = Some(alloc.take_block());
        self.start = 0;
    }

    /// Makes a bucket of the run; `None` when nothing was written.
    pub(crate) fn finish(&mut self, alloc: &mut BucketAlloc) -> Option<Bucket<'static>> {
        let block = self.block.as_mut()?;
        let run = block.lend(self.start)?;
        self.start = block.filled();
        alloc.note_copied(run.len());
        if block.room() == 0 {
            self.release(alloc);
        }
        Some(Bucket::block(run))
    }

    /// Forgets what was written and not made a bucket, and gives the block back.
    pub(crate) fn release(&mut self, alloc: &mut BucketAlloc) {
        self.start = 0;
        if let Some(block) = self.block.take() {
            alloc.give_back(block);
        }
    }
}
