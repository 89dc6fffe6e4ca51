//! Looking at each block of an allocator, for live views and traces.
//!
//! Invariant: a look changes nothing. A count may be out of date by the time it is read, since buckets
//! are dropped on any thread.

use super::{BlockUse, BucketAlloc};
use crate::Bucket;

impl BucketAlloc {
    /// All blocks, by their keys: for a live view. Two looks tell which were lent in between and which
    /// came back. What is larger than a block has storage of its own, and is in none.
    ///
    /// Looks at every block. A key is given to another block once its own is back with the system.
    ///
    /// ```
    /// use brigade::{BlockUse, BucketAlloc};
    ///
    /// let mut alloc = BucketAlloc::new();
    /// let kept = alloc.copy(&[b'x'; 5000]);
    /// let more = alloc.copy(&[b'y'; 5000]);
    /// let key = alloc.key_of(&kept).expect("it is in a block");
    /// let look = |alloc: &BucketAlloc| alloc.blocks().find(|(at, _)| *at == key).map(|(_, now)| now);
    /// assert_eq!(look(&alloc), Some(BlockUse::Lent(1)));
    /// assert_ne!(alloc.key_of(&more), Some(key));
    /// drop(kept);
    /// assert_eq!(look(&alloc), Some(BlockUse::Free));
    /// ```
    pub fn blocks(&self) -> impl Iterator<Item = (usize, BlockUse)> {
        self.blocks.uses()
    }

    /// The key of the block that the bytes of `bucket` are in, as [`blocks`](Self::blocks) gives it.
    /// `None`: in none of this allocator. Looks at every block.
    pub fn key_of(&self, bucket: &Bucket<'_>) -> Option<usize> {
        self.blocks.key_of(bucket.block_ref()?)
    }
}
