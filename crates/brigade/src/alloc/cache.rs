//! Blocks between two connections: what one that goes idle gives, the next to wake takes.
//!
//! Invariant: the cache holds the right to write each of its blocks, so nobody has a slice of one; all
//! have one size; they are never more than the limit.

use std::fmt;
use std::sync::PoisonError;

#[cfg(loom)]
use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Arc, Mutex, MutexGuard};

use super::block::Open;

/// Idle blocks, shared by the allocators of many connections: see
/// [`AllocOptions::cache`](super::AllocOptions::cache).
///
/// An allocator that is trimmed or dropped gives its blocks here, up to the limit; one that holds none
/// takes its first ones from here. So ten thousand idle connections hold no block, and waking one
/// does not go to the system. Each is one lock of a mutex; nothing else an allocator does takes it, so
/// it is not for buckets but for requests.
///
/// A clone is the same cache. Blocks are not cleared in between: a bucket never shows more than what
/// was written for it.
///
/// ```
/// use brigade::{AllocOptions, BlockCache};
///
/// let cache = BlockCache::new(8 * 1024, 1000); // at most 8 MB
/// let mut idle = AllocOptions::default().cache(cache.clone()).build();
/// drop(idle.copy(b"a response"));
/// idle.trim();
/// let mut wakes = AllocOptions::default().cache(cache.clone()).build();
/// drop(wakes.copy(b"another"));
/// assert_eq!(wakes.stats().blocks_created, 0);
/// ```
#[derive(Clone)]
pub struct BlockCache {
    shared: Arc<Shared>,
}

struct Shared {
    block_size: usize,
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    blocks: Vec<Open>, // Each from its start; the one given last at the end.
    stats: CacheStats,
}

/// What a [`BlockCache`] did and holds, in blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Held now.
    pub blocks: usize,
    /// Taken by allocators that opened their first blocks.
    pub taken: u64,
    /// Asked for when there was none.
    pub missed: u64,
    /// Given by allocators that were trimmed or dropped, and kept.
    pub given: u64,
    /// Given when the cache was full: they went back to the system.
    pub released: u64,
}

impl BlockCache {
    /// Makes a cache of at most `limit` blocks of `block_size` bytes each. It is empty, and allocates
    /// as it grows.
    pub fn new(block_size: usize, limit: usize) -> Self {
        Self { shared: Arc::new(Shared { block_size, limit, state: Mutex::default() }) }
    }

    /// Bytes in each block.
    pub fn block_size(&self) -> usize {
        self.shared.block_size
    }

    /// The most blocks it holds.
    pub fn limit(&self) -> usize {
        self.shared.limit
    }

    /// What it did and holds.
    pub fn stats(&self) -> CacheStats {
        let state = self.lock();
        CacheStats { blocks: state.blocks.len(), ..state.stats }
    }

    pub(super) fn take(&self) -> Option<Open> {
        let mut state = self.lock();
        let block = state.blocks.pop();
        match block {
            Some(_) => state.stats.taken += 1,
            None => state.stats.missed += 1,
        }
        block
    }

    /// Takes what fits of `count` blocks; drops the rest once nobody waits for it.
    pub(super) fn give(&self, mut blocks: impl ExactSizeIterator<Item = Open>) {
        let count = blocks.len();
        if count == 0 {
            return;
        }
        let mut state = self.lock();
        let room = self.shared.limit - state.blocks.len();
        state.blocks.extend(blocks.by_ref().take(room));
        state.stats.given += room.min(count) as u64;
        state.stats.released += blocks.len() as u64;
        drop(state);
        blocks.for_each(drop);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked left a whole vector of whole blocks.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockCache")
            .field("block_size", &self.shared.block_size)
            .field("limit", &self.shared.limit)
            .field("stats", &self.stats())
            .finish()
    }
}
