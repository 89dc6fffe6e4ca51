//! Small pieces become long ones: what is kept, and what is about to be written, is packed.
//!
//! Invariant: a short piece is copied once, into the open block, where its neighbours follow it.
//! So a kept byte pins no block but the one it shares, and what a transport does not take is set
//! aside already.

use std::mem;

use brigade::{Brigade, Bucket, BucketAlloc};

use super::{Line, NetworkWriter};
use crate::Transport;

/// Storage for more buckets than these is given back when a burst is over.
const LARGE_BUCKETS: usize = 64;

/// What is kept is looked through again when it has grown by so many buckets.
const LOOSE_BUCKETS: usize = 16;

impl<T: Transport> NetworkWriter<T> {
    /// Sets all of `input` aside, behind what is pending.
    pub(super) fn keep<'b>(&mut self, input: &mut Brigade<'b>, alloc: &mut BucketAlloc) {
        while let Some(bucket) = input.pop_front() {
            if asks_for_nothing(&bucket) {
                continue;
            }
            if self.is_packed(&self.pending, &bucket, input.front()) {
                self.pending.write(alloc, bucket.bytes().unwrap_or_default());
            } else if self.pending.is_empty() && self.line == Line::Clear && bucket.is_metadata() {
                // No byte before it is left.
                self.responses.mark(bucket, self.line, alloc);
            } else if self.is_kept_better(&bucket, alloc.block_size()) {
                let mut one: Brigade<'b> = mem::take(&mut self.spare);
                one.push_back(bucket);
                one.set_aside(&mut self.pending, alloc);
                self.spare = one.recycle();
            } else {
                self.pending.push_back(bucket.set_aside(alloc));
            }
        }
        self.is_large |= self.pending.len() > LARGE_BUCKETS;
        self.compact(alloc);
    }

    /// Copies short runs together, so that few bytes do not pin many blocks: between two of them others
    /// may have filled the block, as whoever reads much to write little does.
    fn compact(&mut self, alloc: &mut BucketAlloc) {
        self.compacted = self.compacted.min(self.pending.len());
        if self.pending.len() > self.compacted + LOOSE_BUCKETS {
            self.pending.compact(alloc);
            self.compacted = self.pending.len();
        }
    }

    /// Whether a brigade keeps `bucket` better than the bucket itself: what is borrowed and longer than
    /// a block goes into blocks, which are lent again one by one; what lies behind the last is merged
    /// with it.
    fn is_kept_better(&self, bucket: &Bucket<'_>, block_size: usize) -> bool {
        bucket.bytes().is_some_and(|bytes| bytes.len() > block_size)
            || self.pending.back().is_some_and(|last| touches(last, bucket))
    }

    /// Moves the first bucket of `input` behind what is `ready` to be written.
    pub(super) fn place<'b>(
        &self,
        ready: &mut Brigade<'b>,
        input: &mut Brigade<'b>,
        alloc: &mut BucketAlloc,
    ) {
        let Some(bucket) = input.pop_front() else { return };
        if asks_for_nothing(&bucket) {
            return;
        }
        if self.is_packed(ready, &bucket, input.front()) {
            ready.write(alloc, bucket.bytes().unwrap_or_default());
        } else {
            ready.push_back(bucket);
        }
    }

    /// Whether `bucket`, between what is `before` it and `next`, is copied together with others. One
    /// short piece alone is not, nor one that lies behind the last already: there is nothing to gain.
    fn is_packed(
        &self,
        before: &Brigade<'_>,
        bucket: &Bucket<'_>,
        next: Option<&Bucket<'_>>,
    ) -> bool {
        self.is_small(bucket)
            && (!before.is_empty() || next.is_some_and(|next| self.is_small(next)))
            && !before.back().is_some_and(|last| touches(last, bucket))
    }

    fn is_small(&self, bucket: &Bucket<'_>) -> bool {
        bucket.bytes().is_some_and(|bytes| (1..self.options.small_bytes).contains(&bytes.len()))
    }
}

/// Whether there is nothing in it to give away, and nobody to be told when it has its turn. An empty
/// slice must never reach a system call; some take it for the end.
fn asks_for_nothing(bucket: &Bucket<'_>) -> bool {
    bucket.is_flush() || bucket.is_eos() || bucket.is_empty()
}

/// Whether the bytes of `next` begin where those of `last` end. Those of one block are one run to all
/// who write or keep them; for others it is chance, and costs a slice.
fn touches(last: &Bucket<'_>, next: &Bucket<'_>) -> bool {
    match (last.bytes(), next.bytes()) {
        (Some(last), Some(next)) => last.as_ptr_range().end == next.as_ptr(),
        _ => false,
    }
}
