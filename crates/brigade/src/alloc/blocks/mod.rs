//! The register of blocks: which is open, which are lent, which are idle.
//!
//! Invariant: a block is in the register from its making to its release, in exactly one state, and
//! the register (or the open block) holds exactly one `Arc` of it.

mod sweep;

#[cfg(loom)]
use loom::sync::Arc;
#[cfg(not(loom))]
use std::sync::Arc;

use slab::Slab;

use super::block::{Block, BlockSlice, Open, id_of, is_whole, slices_of};
use super::budget::Share;
use super::cache::BlockCache;

/// What a connection needs to answer a small request: a block for what it reads, one for what it
/// gathers, one for a filter, one for the writer. So many may come from the cache.
const FIRST_BLOCKS: usize = 4;

/// What a block is used for: see [`BucketAlloc::blocks`](super::BucketAlloc::blocks).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockUse {
    /// Being filled; buckets may be in what is filled already.
    Open,
    /// So many buckets are in it.
    Lent(usize),
    /// No bucket is in it: it came back, and will be lent again.
    Free,
}

/// One block, as the register knows it.
#[derive(Debug)]
enum Slot {
    /// Being filled; its `Arc` is in `Blocks::open`, or in a [`TakenBlock`].
    Open(usize), // Its id.
    Lent(Arc<Block>),
    Idle(Arc<Block>),
}

impl Slot {
    fn id(&self) -> usize {
        match self {
            Self::Open(id) => *id,
            Self::Lent(block) | Self::Idle(block) => id_of(block),
        }
    }

    /// Whether this is a lent block that came back.
    fn came_back(&mut self) -> bool {
        match self {
            Self::Lent(block) => is_whole(block),
            Self::Open(_) | Self::Idle(_) => false,
        }
    }

    /// The idle block's bytes, to be written anew by anybody.
    fn reopen(self) -> Open {
        match self {
            Self::Lent(block) | Self::Idle(block) => Open::again(block),
            Self::Open(_) => unreachable!("the open block's key is in no list"),
        }
    }
}

/// A block that one writer fills; it must be given back.
#[derive(Debug)]
pub(crate) struct TakenBlock {
    key: usize,
    open: Open,
}

impl TakenBlock {
    /// Copies `bytes` to the end, if they fit; says whether they did.
    #[inline]
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> bool {
        self.open.fill(bytes)
    }

    pub(crate) fn filled(&self) -> usize {
        self.open.filled()
    }

    pub(crate) fn room(&self) -> usize {
        self.open.room()
    }

    /// Lends the bytes filled from `start` on, if there are any.
    pub(crate) fn lend(&self, start: usize) -> Option<BlockSlice> {
        self.open.lend(start)
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) created: u64,
    pub(super) reused: u64,
    pub(super) from_cache: u64,
    pub(super) oversize: u64,
    pub(super) high_water: usize,
}

#[derive(Debug)]
pub(super) struct Blocks {
    register: Slab<Slot>,
    open: Option<(usize, Open)>,
    lent: Vec<usize>, // Keys of the lent blocks, the one lent last at the end.
    idle: Vec<usize>,
    allowance: usize, // How many blocks may still be made before the next sweep.
    turns: usize,     // How often a block was asked for since the last sweep.
    block_size: usize,
    max_idle: usize,
    filled_before: u64, // Bytes filled in what was open before `open`, and in its lives before.
    counts: Counts,
    cache: Option<BlockCache>, // Invariant: of blocks of `block_size`.
    share: Option<Share>,      // Invariant: it counts the blocks in `register`.
}

impl Blocks {
    pub(super) const fn new(block_size: usize, max_idle: usize) -> Self {
        let counts = Counts { created: 0, reused: 0, from_cache: 0, oversize: 0, high_water: 0 };
        Self {
            register: Slab::new(),
            open: None,
            lent: Vec::new(),
            idle: Vec::new(),
            allowance: 0,
            turns: 0,
            block_size,
            max_idle,
            filled_before: 0,
            counts,
            cache: None,
            share: None,
        }
    }

    /// Takes its first blocks from `cache`, and gives them there.
    pub(super) fn with_cache(mut self, cache: Option<BlockCache>) -> Self {
        self.cache = cache;
        self
    }

    /// Counts its blocks in `share`.
    pub(super) fn with_share(mut self, share: Option<Share>) -> Self {
        self.share = share;
        self
    }

    pub(super) fn share(&self) -> Option<&Share> {
        self.share.as_ref()
    }

    /// Whether there is a budget and its limit is reached.
    #[inline]
    pub(super) fn is_pressed(&self) -> bool {
        self.share.as_ref().is_some_and(|share| share.budget().is_exhausted())
    }

    /// Bytes that may be taken before the budget's limit is reached: `None` without a budget.
    pub(super) fn budget_room(&self) -> Option<usize> {
        let budget = self.share.as_ref()?.budget();
        Some(budget.limit_bytes().saturating_sub(budget.held_bytes()))
    }

    /// How many blocks have no bucket in them: they could be filled from their start. Looks at every
    /// lent block.
    pub(super) fn count_free(&self) -> usize {
        let open = self.open.as_ref().is_some_and(|(_, open)| open.slices() == 0);
        usize::from(open) + self.uses().filter(|(_, now)| *now == BlockUse::Free).count()
    }

    /// Bytes ever filled in open blocks: counted when a block ceases to be open, not at each write.
    pub(super) fn filled_bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |(_, open)| open.filled() as u64);
        self.filled_before + open
    }

    pub(super) fn block_size(&self) -> usize {
        self.block_size
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn live(&self) -> usize {
        self.register.len()
    }

    pub(super) fn idle(&self) -> usize {
        self.idle.len()
    }

    /// What each block is used for, by its key.
    pub(super) fn uses(&self) -> impl Iterator<Item = (usize, BlockUse)> {
        self.register.iter().map(|(key, slot)| match slot {
            Slot::Open(_) => (key, BlockUse::Open),
            Slot::Idle(_) => (key, BlockUse::Free),
            Slot::Lent(block) => match slices_of(block) {
                0 => (key, BlockUse::Free),
                slices => (key, BlockUse::Lent(slices)),
            },
        })
    }

    /// The key of the block that `slice` is in, unless it has storage of its own.
    pub(super) fn key_of(&self, slice: &BlockSlice) -> Option<usize> {
        let id = slice.block_id();
        self.register.iter().find_map(|(key, slot)| (slot.id() == id).then_some(key))
    }

    /// The open block with room for `need` bytes, at most `block_size` of them.
    #[inline]
    pub(super) fn open(&mut self, need: usize) -> &mut Open {
        let ready = self.open.as_ref().is_some_and(|(_, open)| open.room() >= need);
        if !ready {
            self.turn(need);
        }
        &mut self.open.as_mut().expect("a turn opens a block").1
    }

    /// Takes a block to be filled by one writer alone, until it is given back.
    pub(super) fn take(&mut self) -> TakenBlock {
        self.look_around();
        let (key, open) = self.fetch();
        TakenBlock { key, open }
    }

    /// Takes back what [`take`](Self::take) gave.
    pub(super) fn give_back(&mut self, TakenBlock { key, open }: TakenBlock) {
        self.register[key] = Slot::Lent(open.close());
        self.lent.push(key);
    }

    /// Lets `slice` grow by what fits of `bytes`, if it is the last in the open block.
    #[inline]
    pub(super) fn extend(&mut self, slice: &mut BlockSlice, bytes: &[u8]) -> usize {
        self.open.as_mut().map_or(0, |(_, open)| open.extend(slice, bytes))
    }

    /// As [`extend`](Self::extend), all of `bytes` or none; says whether it took them.
    #[inline]
    pub(super) fn extend_whole(&mut self, slice: &mut BlockSlice, bytes: &[u8]) -> bool {
        self.open.as_mut().is_some_and(|(_, open)| open.extend_whole(slice, bytes))
    }

    /// A block of its own for `len` bytes, outside the register: it is freed with its last slice.
    pub(super) fn oversize(&mut self, len: usize) -> Open {
        self.counts.oversize += 1;
        Open::charged(len, self.share.as_ref().map(|share| share.charge(len)))
    }

    #[cold]
    fn turn(&mut self, need: usize) {
        debug_assert!(need <= self.block_size, "{need} bytes of a block of {}", self.block_size);
        self.look_around();
        self.filled_before = self.filled_bytes();
        if let Some((_, open)) = &mut self.open {
            // The same bytes again, still in the first-level cache.
            if open.restart() {
                self.counts.reused += 1;
                return;
            }
        }
        let next = self.fetch();
        if let Some((key, open)) = self.open.replace(next) {
            self.give_back(TakenBlock { key, open });
        }
    }

    fn fetch(&mut self) -> (usize, Open) {
        if let Some(&key) = self.lent.last()
            && self.register[key].came_back()
        {
            self.lent.pop();
            return self.open_again(key);
        }
        if self.idle.is_empty() && self.allowance == 0 {
            self.sweep();
        }
        match self.idle.pop() {
            Some(key) => self.open_again(key),
            None => self.make(),
        }
    }

    fn open_again(&mut self, key: usize) -> (usize, Open) {
        self.counts.reused += 1;
        let slot = &mut self.register[key];
        let id = slot.id();
        (key, std::mem::replace(slot, Slot::Open(id)).reopen())
    }

    fn make(&mut self) -> (usize, Open) {
        self.allowance = self.allowance.saturating_sub(1);
        let open = match self.take_cached() {
            Some(open) => {
                self.counts.from_cache += 1;
                open
            }
            None => {
                self.counts.created += 1;
                Open::new(self.block_size)
            }
        };
        let key = self.register.insert(Slot::Open(open.id()));
        self.counts.high_water = self.counts.high_water.max(self.register.len());
        if let Some(share) = &mut self.share {
            share.take();
        }
        (key, open)
    }

    fn take_cached(&self) -> Option<Open> {
        self.cache.as_ref().filter(|_| self.register.len() < FIRST_BLOCKS)?.take()
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn open_id(&self) -> Option<usize> {
        self.open.as_ref().map(|(_, open)| open.id())
    }

    /// How many blocks the register has storage for.
    #[cfg(all(test, not(loom)))]
    pub(super) fn register_capacity(&self) -> usize {
        self.register.capacity()
    }

    /// Panics unless every key is in the one list that its slot's state names.
    #[cfg(test)]
    pub(super) fn assert_invariants(&self) {
        let open = self.open.as_ref().map(|(key, _)| *key);
        let counted = self.share.as_ref().map_or(self.register.len(), Share::blocks);
        assert_eq!(counted, self.register.len(), "the budget counts the register");
        for (key, slot) in &self.register {
            let (is_lent, is_idle) = (self.lent.contains(&key), self.idle.contains(&key));
            match slot {
                Slot::Open(_) => assert!(!is_lent && !is_idle, "open {key}"),
                Slot::Lent(_) => assert!(is_lent && !is_idle && open != Some(key), "lent {key}"),
                Slot::Idle(block) => {
                    assert!(is_idle && !is_lent && open != Some(key), "idle {key}");
                    assert_eq!(slices_of(block), 0, "idle block {key} has slices");
                }
            }
        }
        let being_filled = self.register.iter().filter(|(_, slot)| matches!(slot, Slot::Open(_)));
        let listed = self.lent.len() + self.idle.len() + being_filled.count();
        assert_eq!(listed, self.register.len(), "a key is in no list, or in two");
        let open_is_registered = open.is_none_or(|key| matches!(self.register[key], Slot::Open(_)));
        assert!(open_is_registered, "the open block is {open:?}");
    }
}
