//! A limit on the bytes of blocks, for one allocator or many, and who waits for room.
//!
//! Invariants: `held` is the sum of what the shares hold and of the charges. Who was turned away is in
//! `waiting` until woken or gone; a release that makes room takes the lock after it has lowered `held`,
//! and whoever registers looks at `held` under the lock, after it is in the list: one of them sees the
//! other.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::PoisonError;
use std::task::{Poll, Waker};

#[cfg(loom)]
use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
#[cfg(not(loom))]
use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// A limit on the bytes of blocks that allocators hold, its own for each or shared by many: see
/// [`AllocOptions::budget`](super::AllocOptions::budget).
///
/// It counts blocks, whole, from when an allocator makes one (or takes it from a
/// [`BlockCache`](super::BlockCache)) until it gives it back: idle ones too. A piece larger than a
/// block, which has storage of its own, counts until its last bucket is dropped, wherever that is. It
/// does not count what a cache holds, nor memory that buckets were made of. Counting is an atomic
/// addition when a block is made or released; where blocks are lent again, nothing.
///
/// While the limit is reached nobody reads more: reading data that is not in memory answers
/// [`WouldBlock`](crate::ErrorKind::WouldBlock),
/// [`Chain::should_yield`](crate::Chain::should_yield) and
/// [`Next::should_yield`](crate::Next::should_yield) are true, and a server pauses accepting. Blocks
/// without a bucket in them do not count against the allocator that holds them: it lends those again
/// first, so that nobody waits for itself. What is in memory already can always be changed and set
/// aside, so the limit is overshot by what is in flight: at most a piece (64 KiB) a filter.
///
/// Those turned away are woken when there is room, the one that waited longest first, as many as
/// there are blocks of room; one that is let through and leaves room has the next one woken. Room is
/// seen where an allocator looks: when it is trimmed or dropped, and at its sweeps, which under a
/// reached limit keep an eighth of the lent blocks idle, at least one, and not `max_idle`. A bucket
/// that is dropped elsewhere makes no room before its allocator looks, unless it is larger than a
/// block; after its allocator is gone it is not counted at all, with the same exception. A chain looks
/// by itself whenever it is [resumed](crate::Chain::resume) or [idle](crate::Chain::idle).
///
/// The limit must exceed what all filters, terminals and readers keep while they wait for more: if
/// that alone reaches it, they wait for each other until time limits end some. A block for each
/// connection that may be in the middle of something is enough for filters with a small `carry`.
///
/// A clone is the same budget.
///
/// ```
/// use brigade::{AllocOptions, Budget};
///
/// let budget = Budget::new(64 * 1024 * 1024);
/// let mut alloc = AllocOptions::default().budget(budget.clone()).build();
/// let bucket = alloc.copy(b"a small write");
/// assert_eq!(budget.held_bytes(), 8 * 1024); // its block
/// assert!(!budget.is_exhausted());
/// # drop(bucket);
/// ```
#[derive(Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

struct Shared {
    limit_bytes: usize,
    held: AtomicUsize,
    // The most that `held` ever was. It orders nothing: no model has to watch it.
    most: std::sync::atomic::AtomicUsize,
    // How many are in `waiting`: spares those who release a lock.
    waits: AtomicUsize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    shares: BTreeMap<u64, Waker>, // By ticket: the first has waited longest.
    last_ticket: u64,
    others: Vec<Waker>, // Of those without a share: few, and all are woken.
}

impl Waiting {
    fn len(&self) -> usize {
        self.shares.len() + self.others.len()
    }
}

impl Budget {
    /// Makes a budget of `limit_bytes` bytes.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                limit_bytes,
                held: AtomicUsize::new(0),
                most: std::sync::atomic::AtomicUsize::new(0),
                waits: AtomicUsize::new(0),
                waiting: Mutex::default(),
            }),
        }
    }

    /// The limit in bytes.
    pub fn limit_bytes(&self) -> usize {
        self.shared.limit_bytes
    }

    /// Bytes of the blocks held now by all its allocators, idle ones included.
    pub fn held_bytes(&self) -> usize {
        self.shared.held.load(Ordering::Acquire)
    }

    /// The most bytes of blocks that were ever held at once: by how much the limit was overshot.
    pub fn high_water_bytes(&self) -> usize {
        self.shared.most.load(Ordering::Relaxed)
    }

    /// Whether the limit is reached: a server then accepts nobody.
    pub fn is_exhausted(&self) -> bool {
        self.held_bytes() >= self.shared.limit_bytes
    }

    /// How many wait for room now: allocators, and those who asked [`poll_room`](Self::poll_room).
    pub fn waiting(&self) -> usize {
        self.shared.waits.load(Ordering::Relaxed)
    }

    /// Waits for room: for who has no allocator, as one that accepts connections. All who wait this
    /// way are woken by the first release that makes room.
    pub fn poll_room(&self, waker: &Waker) -> Poll<()> {
        if !self.is_exhausted() {
            return Poll::Ready(());
        }
        let mut waiting = self.lock();
        if !waiting.others.iter().any(|other| other.will_wake(waker)) {
            waiting.others.push(waker.clone());
        }
        self.note(&waiting);
        // Whoever made room before this was locked is seen here; whoever does later sees the waker.
        if self.is_exhausted() {
            return Poll::Pending;
        }
        waiting.others.retain(|other| !other.will_wake(waker));
        self.note(&waiting);
        Poll::Ready(())
    }

    /// Takes `bytes` off what is held, and wakes as many as there are blocks of room.
    fn release(&self, bytes: usize, block_size: usize) {
        let before = self.shared.held.fetch_sub(bytes, Ordering::AcqRel);
        let limit = self.shared.limit_bytes;
        let has_room = before - bytes < limit;
        if has_room && (before >= limit || self.waiting() > 0) {
            self.wake(block_size);
        }
    }

    #[cold]
    fn wake(&self, block_size: usize) {
        let mut waiting = self.lock();
        let room = self.shared.limit_bytes.saturating_sub(self.held_bytes());
        let mut woken = if room > 0 { std::mem::take(&mut waiting.others) } else { Vec::new() };
        for _ in 0..room.div_ceil(block_size) {
            let Some((_, waker)) = waiting.shares.pop_first() else { break };
            woken.push(waker);
        }
        self.note(&waiting);
        drop(waiting);
        woken.into_iter().for_each(Waker::wake);
    }

    fn note(&self, waiting: &Waiting) {
        self.shared.waits.store(waiting.len(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Cloning a waker is the only foreign code under the lock; the lists are whole before it.
        self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("limit_bytes", &self.limit_bytes())
            .field("held_bytes", &self.held_bytes())
            .field("high_water_bytes", &self.high_water_bytes())
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// What memory that is no block counts for in a [`Budget`]: see
/// [`BucketAlloc::charge`](super::BucketAlloc::charge). It goes back when this is dropped, on any thread.
pub struct Charge {
    budget: Budget,
    bytes: usize,
    block_size: usize,
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charge").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.release(self.bytes, self.block_size);
    }
}

/// What one allocator holds of a budget. It goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    block_size: usize,
    blocks: usize,
    // In the budget's list, or in none any more; 0: it was never turned away, or is served.
    ticket: AtomicU64,
}

impl Share {
    pub(super) fn new(budget: Budget, block_size: usize) -> Self {
        Self { budget, block_size, blocks: 0, ticket: AtomicU64::new(0) }
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    #[cfg(test)]
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Counts a block. Whoever may make one has been asked before; what is in flight is not refused.
    pub(super) fn take(&mut self) {
        self.blocks += 1;
        let shared = &self.budget.shared;
        let held = shared.held.fetch_add(self.block_size, Ordering::AcqRel) + self.block_size;
        shared.most.fetch_max(held, Ordering::Relaxed);
    }

    /// Counts a piece of `bytes` bytes for as long as what is answered lives.
    pub(super) fn charge(&self, bytes: usize) -> Charge {
        self.budget.shared.held.fetch_add(bytes, Ordering::AcqRel);
        Charge { budget: self.budget.clone(), bytes, block_size: self.block_size }
    }

    /// Counts `blocks` less. With none it passes on what room there is: this one may have been woken
    /// for it, and did not want it.
    pub(super) fn give(&mut self, blocks: usize) {
        self.blocks -= blocks;
        self.budget.release(blocks * self.block_size, self.block_size);
    }

    /// Whether this one was turned away and has not been [served](Self::served) since.
    pub(super) fn is_waiting(&self) -> bool {
        self.ticket.load(Ordering::Relaxed) != 0
    }

    /// Has `waker` called when there is room; says `false` if there is some now.
    #[cold]
    pub(super) fn wait(&self, waker: &Waker) -> bool {
        let mut waiting = self.budget.lock();
        let mut ticket = self.ticket.load(Ordering::Relaxed);
        if ticket == 0 {
            waiting.last_ticket += 1;
            ticket = waiting.last_ticket;
            self.ticket.store(ticket, Ordering::Relaxed);
        }
        // It keeps its place, though it was woken and others were faster.
        let place = waiting.shares.entry(ticket);
        place.and_modify(|before| before.clone_from(waker)).or_insert_with(|| waker.clone());
        self.budget.note(&waiting);
        let is_exhausted = self.budget.is_exhausted();
        drop(waiting);
        if !is_exhausted {
            self.served();
        }
        is_exhausted
    }

    /// It goes on: it is not to be woken in place of others. If it was woken for room and wants less than
    /// there is, or nothing any more, the next one is told.
    pub(super) fn served(&self) {
        if self.is_waiting() {
            let ticket = self.ticket.swap(0, Ordering::Relaxed);
            let mut waiting = self.budget.lock();
            let waker = waiting.shares.remove(&ticket);
            self.budget.note(&waiting);
            drop(waiting);
            // Foreign code: not under the lock.
            if waker.is_none() {
                self.budget.release(0, self.block_size);
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.served();
        self.give(self.blocks);
    }
}
