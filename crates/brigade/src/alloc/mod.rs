//! Storage for the bytes of buckets: blocks that are lent again when their last bucket is dropped.
//!
//! Invariant: what a bucket shows is what was written for it. Bytes that an earlier response left in
//! a block are never shown.

#[allow(unsafe_code)] // The one file of it; every block is argued there.
mod block;
mod blocks;
mod budget;
mod cache;
#[cfg(test)]
mod flat;
mod lending;
mod look;
mod pressure;
#[cfg(test)]
mod tests;

use std::io;

use bytes::Bytes;

pub(crate) use self::block::{BlockSlice, ByValue, Release};
pub use self::blocks::BlockUse;
use self::blocks::Blocks;
pub(crate) use self::blocks::TakenBlock;
use self::budget::Share;
pub use self::budget::{Budget, Charge};
pub use self::cache::{BlockCache, CacheStats};
use crate::Bucket;

/// Block size and how many idle blocks to keep: where to start, and rarely worth changing; and what
/// the allocators of a server share.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AllocOptions {
    /// Bytes in a block. 8 KiB fits the first-level cache with all else a response touches; larger
    /// ones measured slower.
    #[doc(alias = "APR_BUCKET_BUFF_SIZE")]
    pub block_size: usize,
    /// Blocks without a bucket in them that are kept for the next one. It must exceed what the
    /// network writer holds (64 KiB, 8 blocks), or each full writer makes its blocks anew.
    pub max_idle: usize,
    /// Where its first blocks come from, and where they go when it is trimmed or dropped: to and from
    /// the system unless there is one.
    pub cache: Option<BlockCache>,
    /// What limits the blocks held, beside back-pressure: nothing unless there is one.
    pub budget: Option<Budget>,
}

impl Default for AllocOptions {
    fn default() -> Self {
        Self { block_size: 8 * 1024, max_idle: 16, cache: None, budget: None }
    }
}

impl AllocOptions {
    /// Sets the bytes in a block.
    #[must_use]
    pub fn block_size(mut self, bytes: usize) -> Self {
        self.block_size = bytes;
        self
    }

    /// Sets how many idle blocks are kept.
    #[must_use]
    pub fn max_idle(mut self, blocks: usize) -> Self {
        self.max_idle = blocks;
        self
    }

    /// Sets the cache that it shares with others, and the block size to the cache's.
    #[must_use]
    pub fn cache(mut self, cache: BlockCache) -> Self {
        self.block_size = cache.block_size();
        self.cache = Some(cache);
        self
    }

    /// Sets the budget: shared with those that were given a clone of it.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Makes the allocator.
    ///
    /// # Panics
    ///
    /// When `block_size` is below 64 or above `u32::MAX` bytes, or is not the cache's.
    #[doc(alias = "apr_bucket_alloc_create_ex")]
    pub fn build(self) -> BucketAlloc {
        let range = 64..=u32::MAX as usize;
        assert!(
            range.contains(&self.block_size),
            "a block size of {} bytes, allowed {range:?}",
            self.block_size
        );
        if let Some(cache) = &self.cache {
            let (ours, of_cache) = (self.block_size, cache.block_size());
            assert!(ours == of_cache, "blocks of {ours} bytes with a cache of {of_cache}");
        }
        let share = self.budget.map(|budget| Share::new(budget, self.block_size));
        let blocks = Blocks::new(self.block_size, self.max_idle);
        BucketAlloc { blocks: blocks.with_cache(self.cache).with_share(share), copied_apart: 0 }
    }
}

/// What an allocator did and holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AllocStats {
    /// Blocks taken from the system.
    pub blocks_created: u64,
    /// Blocks taken from the [cache](AllocOptions::cache).
    pub blocks_from_cache: u64,
    /// Times a block was lent again.
    pub blocks_reused: u64,
    /// Pieces larger than a block, each in storage of its own that is freed with it.
    pub oversize_created: u64,
    /// Blocks held now, idle ones included.
    pub blocks_live: usize,
    /// Blocks held now that have been found without a bucket in them.
    pub blocks_idle: usize,
    /// The most blocks ever held at once.
    pub blocks_high_water: usize,
    /// Bytes copied into blocks.
    pub copied_bytes: u64,
}

/// What a reader put into the room it was lent: see [`BucketAlloc::fill`].
#[derive(Debug)]
pub enum Fill {
    /// Bytes came.
    Data(Bucket<'static>),
    /// The source has ended.
    End,
}

/// Lends storage for the bytes of buckets, and lends it again when they are dropped.
///
/// One for each connection, passed as `&mut`: no bucket takes a lock. A bucket may outlive the
/// allocator and be dropped on any thread. For any pattern of what is kept for how long, the blocks
/// alive are at most 9/8 of the peak of blocks with a live bucket in them, and `max_idle`, and 2.
///
/// Models `apr_bucket_alloc_t`, which gives nothing back to the system before it is destroyed, and
/// takes 8 KiB for every piece of 129 bytes or more.
///
/// ```
/// use brigade::BucketAlloc;
///
/// let mut alloc = BucketAlloc::new();
/// for _ in 0..1_000_000 {
///     let bucket = alloc.copy(b"a small write");
///     assert_eq!(bucket.bytes(), Some(&b"a small write"[..]));
/// }
/// assert_eq!(alloc.stats().blocks_created, 1);
/// ```
#[derive(Debug)]
#[doc(alias = "apr_bucket_alloc_t")]
pub struct BucketAlloc {
    blocks: Blocks,
    copied_apart: u64, // Bytes copied elsewhere than into the open block: that one is asked.
}

impl Default for BucketAlloc {
    fn default() -> Self {
        Self::new()
    }
}

impl BucketAlloc {
    /// Makes an allocator with the default options. It holds no block before the first bucket.
    #[doc(alias = "apr_bucket_alloc_create")]
    pub fn new() -> Self {
        AllocOptions::default().build()
    }

    /// Bytes in a block: the largest piece that shares one.
    #[doc(alias = "apr_bucket_alloc_aligned_floor")]
    pub fn block_size(&self) -> usize {
        self.blocks.block_size()
    }

    /// Copies `bytes` into a HEAP bucket. No bytes need no storage.
    ///
    /// Costs the copy and one reference count; a piece larger than a block gets storage of its own.
    #[inline]
    #[doc(
        alias = "apr_bucket_heap_create",
        alias = "apr_bucket_heap_make",
        alias = "apr_bucket_alloc"
    )]
    pub fn copy(&mut self, bytes: &[u8]) -> Bucket<'static> {
        if bytes.is_empty() {
            return Bucket::immortal(b"");
        }
        if bytes.len() <= self.blocks.block_size() {
            return Bucket::block(self.blocks.open(bytes.len()).append(bytes));
        }
        self.copied_apart += bytes.len() as u64;
        match u32::try_from(bytes.len()) {
            Ok(_) => Bucket::block(self.blocks.oversize(bytes.len()).append(bytes)),
            Err(_) => Bucket::heap(Bytes::copy_from_slice(bytes)),
        }
    }

    /// Makes a HEAP bucket of `len` bytes that `fill` writes. It is lent zeroes.
    ///
    /// This is how a filter changes bytes: it reads one bucket and writes the next, in one copy.
    ///
    /// ```
    /// # let mut alloc = brigade::BucketAlloc::new();
    /// let upper = alloc.copy_with(3, |to| {
    ///     to.copy_from_slice(b"abc");
    ///     to.make_ascii_uppercase();
    /// });
    /// assert_eq!(upper.bytes(), Some(&b"ABC"[..]));
    /// ```
    pub fn copy_with(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> Bucket<'static> {
        if len == 0 {
            return Bucket::immortal(b"");
        }
        if len <= self.blocks.block_size() {
            let open = self.blocks.open(len);
            let to = &mut open.tail()[..len];
            to.fill(0);
            fill(to);
            return Bucket::block(open.publish(len));
        }
        self.copied_apart += len as u64;
        // A piece larger than a block is new, and so zeroed already.
        match u32::try_from(len) {
            Ok(_) => {
                let mut open = self.blocks.oversize(len);
                fill(open.tail());
                Bucket::block(open.publish(len))
            }
            Err(_) => {
                let mut bytes = vec![0; len];
                fill(&mut bytes);
                Bucket::heap(bytes)
            }
        }
    }

    /// Lends up to `limit_bytes` of zeroed room to `read`, which answers how many it wrote; those
    /// become a HEAP bucket. No room is kept when it fails.
    ///
    /// This is how the bytes of a socket or of any [`io::Read`] come in without a copy.
    /// [`io::ErrorKind::Interrupted`] is tried again.
    ///
    /// # Errors
    ///
    /// What `read` answered.
    ///
    /// # Panics
    ///
    /// When `read` answers more than it was lent, or `limit_bytes` is 0.
    pub fn fill(
        &mut self,
        limit_bytes: usize,
        read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Fill> {
        self.fill_with(limit_bytes, |room| room.fill(0), read)
    }

    /// As [`fill`](Self::fill), for a `read` that hands its room to the kernel: it is not zeroed. Room
    /// larger than a block is storage of its own, as much as the budget has room for.
    pub(crate) fn fill_by_kernel(
        &mut self,
        limit_bytes: usize,
        read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Fill> {
        self.fill_large(limit_bytes, |_| (), read)
    }

    /// As [`fill`](Self::fill), with room of its own for more than a block.
    pub(crate) fn fill_piece(
        &mut self,
        limit_bytes: usize,
        read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Fill> {
        self.fill_large(limit_bytes, |room| room.fill(0), read)
    }

    /// Fills room of a block that is `prepare`d, or more than a block, which is new and so zeroed.
    fn fill_large(
        &mut self,
        limit_bytes: usize,
        prepare: impl FnOnce(&mut [u8]),
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Fill> {
        let limit = limit_bytes.min(self.blocks.budget_room().unwrap_or(usize::MAX));
        if limit <= self.block_size() || u32::try_from(limit).is_err() {
            return self.fill_with(limit_bytes.min(self.block_size()), prepare, read);
        }
        let mut open = self.blocks.oversize(limit);
        let count = read_once(open.tail(), &mut read)?;
        if count <= self.block_size() {
            // Too little to keep so much for.
            let bytes = self.copy(open.publish(count).bytes());
            return Ok(if count > 0 { Fill::Data(bytes) } else { Fill::End });
        }
        self.copied_apart += count as u64;
        Ok(Fill::Data(Bucket::block(open.publish(count))))
    }

    fn fill_with(
        &mut self,
        limit_bytes: usize,
        prepare: impl FnOnce(&mut [u8]),
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Fill> {
        assert!(limit_bytes > 0, "room for 0 bytes: nothing could tell the end of the source");
        // Half a block is worth a read; asking for all of it would leave a stray behind each time
        // something small, a chunk's head say, was written in between.
        let worth = limit_bytes.min(self.block_size() / 2);
        let open = self.blocks.open(worth);
        let len = limit_bytes.min(open.room());
        let room = &mut open.tail()[..len];
        prepare(room);
        let count = read_once(room, &mut read)?;
        if count == 0 {
            return Ok(Fill::End);
        }
        Ok(Fill::Data(Bucket::block(open.publish(count))))
    }

    /// Lets `slice` grow by what fits of `bytes` where it ends; begins a new slice where it has to.
    /// Answers how many bytes `slice` took.
    #[inline]
    pub(crate) fn extend(&mut self, slice: &mut BlockSlice, bytes: &[u8]) -> usize {
        self.blocks.extend(slice, bytes)
    }

    /// As [`extend`](Self::extend), all of `bytes` or none; says whether `slice` took them.
    #[inline]
    pub(crate) fn extend_whole(&mut self, slice: &mut BlockSlice, bytes: &[u8]) -> bool {
        self.blocks.extend_whole(slice, bytes)
    }

    /// Lends as many of `bytes` as the open block has room for, at least one.
    pub(crate) fn begin(&mut self, bytes: &[u8]) -> BlockSlice {
        debug_assert!(!bytes.is_empty(), "a run begins with a byte");
        let open = self.blocks.open(1);
        let taken = bytes.len().min(open.room());
        open.append(&bytes[..taken])
    }

    /// Takes a block to be filled by one writer alone.
    pub(crate) fn take_block(&mut self) -> TakenBlock {
        self.blocks.take()
    }

    /// Takes back what [`take_block`](Self::take_block) gave.
    pub(crate) fn give_back(&mut self, block: TakenBlock) {
        self.blocks.give_back(block);
    }

    pub(crate) fn note_copied(&mut self, bytes: usize) {
        self.copied_apart += bytes as u64;
    }

    /// Gives every block that no bucket is in to the [cache](AllocOptions::cache), or back to the
    /// system: for a connection that waits for its next request. What it keeps then is some 300 bytes.
    pub fn trim(&mut self) {
        self.blocks.trim();
    }

    /// What this allocator did and holds.
    pub fn stats(&self) -> AllocStats {
        let counts = self.blocks.counts();
        AllocStats {
            blocks_created: counts.created,
            blocks_from_cache: counts.from_cache,
            blocks_reused: counts.reused,
            oversize_created: counts.oversize,
            blocks_live: self.blocks.live(),
            blocks_idle: self.blocks.idle(),
            blocks_high_water: counts.high_water,
            copied_bytes: self.copied_apart + self.blocks.filled_bytes(),
        }
    }
}

/// Reads into `room`, again where a signal came; says how many bytes.
fn read_once(
    room: &mut [u8],
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        match read(room) {
            Ok(count) => {
                let lent = room.len();
                assert!(count <= lent, "a reader answers {count} bytes, it was lent {lent}");
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
