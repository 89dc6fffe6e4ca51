//! How blocks that came back are found, and when they go back to the system.
//!
//! Invariant: right after a sweep all lent blocks have a live slice; before the next at most `max_idle`
//! or an eighth of them, whichever is more, are lent or made beside them. So the blocks alive are never
//! more than 9/8 of the peak of blocks with a live slice, and `max_idle`, and 2.

use slab::Slab;

use super::{Blocks, Slot, TakenBlock};

/// A sweep is worth its look at every lent block after an eighth as many new ones.
const SWEEP_SHARE: usize = 8;

/// And now and then when none is made: the blocks of a burst go back to the system though the same hot
/// one is lent again and again. With so many turns between, a turn pays for a quarter of a look.
const SWEEP_TURNS: usize = 64;

/// Lists of so many keys are kept by an allocator that holds no block, so that waking allocates
/// nothing: some 300 bytes. What a burst left is given back.
const SMALL_LIST: usize = 8;

impl Blocks {
    /// Makes sure that a block that is [free](Self::count_free) now is lent before another is made.
    pub(crate) fn find_free(&mut self) {
        self.sweep();
    }

    /// Gives every block without a live slice to the cache, or back to the system.
    pub(crate) fn trim(&mut self) {
        self.filled_before = self.filled_bytes();
        if let Some((key, open)) = self.open.take() {
            self.give_back(TakenBlock { key, open });
        }
        self.collect();
        let (register, count) = (&mut self.register, self.idle.len());
        let blocks = self.idle.drain(..).map(|key| register.remove(key));
        match &self.cache {
            Some(cache) => cache.give(blocks.map(Slot::reopen)),
            None => blocks.for_each(drop),
        }
        if self.register.is_empty() && self.register.capacity() > SMALL_LIST {
            self.register = Slab::new();
        }
        self.lent.shrink_to(SMALL_LIST);
        self.idle.shrink_to(SMALL_LIST);
        self.allowance = 0;
        if let Some(share) = &mut self.share {
            share.give(count);
        }
    }

    /// Sweeps now and then.
    pub(super) fn look_around(&mut self) {
        self.turns += 1;
        if self.turns > SWEEP_TURNS + 4 * self.lent.len() {
            self.sweep();
        }
    }

    /// Moves the blocks that came back from `lent` to `idle`.
    fn collect(&mut self) {
        let (register, idle) = (&mut self.register, &mut self.idle);
        self.lent.retain(|&key| {
            let slot = &mut register[key];
            if !slot.came_back() {
                return true;
            }
            let id = slot.id();
            if let Slot::Lent(block) = std::mem::replace(slot, Slot::Open(id)) {
                *slot = Slot::Idle(block);
            }
            idle.push(key);
            false
        });
    }

    /// Finds the blocks that came back, and releases those past the limit.
    pub(super) fn sweep(&mut self) {
        self.collect();
        // All that is still lent is pinned. Idle blocks count as a part of the eighth: they are lent
        // before the next sweep as well.
        let share = (self.lent.len() / SWEEP_SHARE).max(1);
        // Where a budget is reached others want what is kept here for a later need.
        let max_idle = if self.is_pressed() { 0 } else { self.max_idle };
        let kept = self.idle.len().min(max_idle.max(share));
        let released = self.idle.len() - kept;
        for key in self.idle.drain(kept..) {
            self.register.remove(key);
        }
        self.allowance = share.saturating_sub(kept);
        self.turns = 0;
        if let Some(share) = self.share.as_mut().filter(|_| released > 0) {
            share.give(released);
        }
    }
}

/// What the next connection can use goes to the cache.
impl Drop for Blocks {
    fn drop(&mut self) {
        if self.cache.is_some() {
            self.trim();
        }
    }
}
