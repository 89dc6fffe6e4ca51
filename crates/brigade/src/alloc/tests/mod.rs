//! The register against the truth: what is lent, how much is alive, and what every slice shows.

mod block;

use std::collections::HashMap;

use proptest::prelude::*;

use super::block::BlockSlice;
use super::{AllocOptions, BlockCache, BlockUse, BucketAlloc, Budget};

/// A slice that is kept, and what was written to it.
struct Kept {
    slice: BlockSlice,
    bytes: Vec<u8>,
}

struct World {
    alloc: BucketAlloc,
    max_idle: usize,
    kept: Vec<Kept>,
    peak_pinned: usize,
    written: u8,
}

#[derive(Debug, Clone)]
enum Op {
    Copy(usize),
    Extend(usize, usize),
    Fill(usize, usize),
    Clone(usize),
    Split(usize, usize),
    Merge,
    Drop(usize),
    DropOldest(usize),
    DropNewest(usize),
    Trim,
}

impl World {
    fn new(max_idle: usize) -> Self {
        Self::over(AllocOptions::default().block_size(64).max_idle(max_idle))
    }

    fn over(options: AllocOptions) -> Self {
        let max_idle = options.max_idle;
        let alloc = options.build();
        Self { alloc, max_idle, kept: Vec::new(), peak_pinned: 0, written: 0 }
    }

    /// Bytes that were never written before and are never 0.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len)
            .map(|_| {
                self.written = self.written.checked_add(1).unwrap_or(1);
                self.written
            })
            .collect()
    }

    fn copy(&mut self, len: usize) {
        let bytes = self.bytes(len);
        let slice = self.alloc.blocks.open(len).append(&bytes);
        self.kept.push(Kept { slice, bytes });
    }

    fn run(&mut self, op: &Op) {
        let count = self.kept.len();
        match *op {
            Op::Copy(len) => self.copy(len),
            Op::Fill(limit, taken) => self.fill(limit, taken),
            Op::DropOldest(drop) => drop_all(self.kept.drain(..drop.min(count))),
            Op::DropNewest(drop) => drop_all(self.kept.drain(count - drop.min(count)..)),
            Op::Trim => self.alloc.trim(),
            _ if count == 0 => {}
            Op::Extend(at, len) => {
                let bytes = self.bytes(len);
                let kept = &mut self.kept[at % count];
                let taken = self.alloc.extend(&mut kept.slice, &bytes);
                kept.bytes.extend_from_slice(&bytes[..taken]);
            }
            Op::Clone(at) => {
                let Kept { slice, bytes } = &self.kept[at % count];
                let clone = Kept { slice: slice.clone(), bytes: bytes.clone() };
                self.kept.push(clone);
            }
            Op::Split(at, place) => {
                let kept = &mut self.kept[at % count];
                let place = place % (kept.bytes.len() + 1);
                let slice = kept.slice.split_off(place);
                let bytes = kept.bytes.split_off(place);
                self.kept.push(Kept { slice, bytes });
            }
            Op::Merge => {
                let last = self.kept.pop().expect("there is one");
                self.merge(last);
            }
            Op::Drop(at) => drop(self.kept.swap_remove(at % count)),
        }
    }

    fn fill(&mut self, limit: usize, taken: usize) {
        let mut bytes = self.bytes(taken);
        // The kernel writes less than the room it is lent, and no one sees the rest.
        let filled = self.alloc.fill_by_kernel(limit, |room| {
            bytes.truncate(room.len());
            room[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        });
        if let Ok(super::Fill::Data(mut bucket)) = filled {
            let slice = bucket.block_mut().expect("a piece is in a block").clone();
            self.kept.push(Kept { slice, bytes });
        }
    }

    fn merge(&mut self, last: Kept) {
        let Some(before) = self.kept.last_mut() else { return self.kept.push(last) };
        let is_neighbour = before.slice.touches(&last.slice);
        match before.slice.merge(last.slice) {
            Ok(()) => {
                assert!(is_neighbour);
                before.bytes.extend_from_slice(&last.bytes);
            }
            Err(slice) => {
                assert!(!is_neighbour);
                self.kept.push(Kept { slice, bytes: last.bytes });
            }
        }
    }

    /// How many slices are in each block of the register, by the slices themselves.
    fn truth(&self) -> HashMap<usize, usize> {
        let mut slices = HashMap::new();
        let registered = self.kept.iter().filter(|kept| !self.is_oversize(kept));
        registered.for_each(|kept| *slices.entry(kept.slice.block_id()).or_default() += 1);
        slices
    }

    /// Bytes of the pieces that have storage of their own.
    fn oversize_bytes(&self) -> usize {
        let oversize = self.kept.iter().filter(|kept| self.is_oversize(kept));
        let pieces: HashMap<usize, usize> =
            oversize.map(|kept| (kept.slice.block_id(), kept.slice.block_len())).collect();
        pieces.values().sum()
    }

    fn is_oversize(&self, kept: &Kept) -> bool {
        kept.slice.block_len() > self.alloc.block_size()
    }

    fn check(&mut self) {
        self.alloc.blocks.assert_invariants();
        for kept in &self.kept {
            assert_eq!(kept.slice.bytes(), kept.bytes, "a slice shows what was written to it");
        }
        let mut truth = self.truth();
        self.peak_pinned = self.peak_pinned.max(truth.len());
        let stats = self.alloc.stats();
        let bound = self.peak_pinned * 9 / 8 + self.max_idle + 2;
        assert!(stats.blocks_live <= bound, "{stats:?} with a peak of {}", self.peak_pinned);
        assert_eq!(self.alloc.blocks.count_free(), stats.blocks_live - truth.len());
        if let Some(open) = self.alloc.blocks.open_id() {
            truth.remove(&open);
        }
        let mut truth: Vec<usize> = truth.into_values().collect();
        let lent = self.alloc.blocks().filter_map(|(_, now)| match now {
            BlockUse::Lent(slices) => Some(slices),
            _ => None,
        });
        let mut lent: Vec<usize> = lent.collect();
        truth.sort_unstable();
        lent.sort_unstable();
        assert_eq!(lent, truth, "the register's view is the truth");
    }

    fn end(mut self) {
        self.kept.clear();
        self.alloc.trim();
        let stats = self.alloc.stats();
        assert_eq!((stats.blocks_live, stats.blocks_idle), (0, 0));
    }
}

fn drop_all(kept: std::vec::Drain<'_, Kept>) {
    drop(kept);
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (1..=64usize).prop_map(Op::Copy),
        4 => Just(Op::Copy(64)),
        2 => (0..1000usize, 1..80usize).prop_map(|(at, len)| Op::Extend(at, len)),
        2 => (1..160usize, 0..160usize).prop_map(|(limit, taken)| Op::Fill(limit, taken)),
        2 => (0..1000usize).prop_map(Op::Clone),
        2 => (0..1000usize, 0..64usize).prop_map(|(at, place)| Op::Split(at, place)),
        1 => Just(Op::Merge),
        6 => (0..1000usize).prop_map(Op::Drop),
        1 => (0..40usize).prop_map(Op::DropOldest),
        1 => (0..40usize).prop_map(Op::DropNewest),
        1 => Just(Op::Trim),
    ]
}

/// So many programs; under Miri, which takes seconds for one and lets nothing touch the disk, two.
pub(super) fn cases(count: u32) -> ProptestConfig {
    if cfg!(miri) {
        ProptestConfig { cases: 2, failure_persistence: None, ..ProptestConfig::default() }
    } else {
        ProptestConfig::with_cases(count)
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn register_equals_the_truth_and_memory_is_flat_for_any_pattern(
        ops in prop::collection::vec(op(), 1..600),
        max_idle in 0..6usize,
    ) {
        let mut world = World::new(max_idle);
        for op in &ops {
            world.run(op);
            world.check();
        }
        world.end();
    }
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn budget_counts_what_is_held_and_a_cache_mixes_no_bytes_for_any_pattern_of_several(
        ops in prop::collection::vec((0..3usize, op()), 1..600),
        limit in 0..40usize,
    ) {
        let (cache, budget) = (BlockCache::new(64, 5), Budget::new(limit * 64));
        let options = AllocOptions::default().cache(cache.clone()).budget(budget.clone());
        let mut worlds: Vec<World> =
            (0..3).map(|idle| World::over(options.clone().max_idle(idle * 2))).collect();
        for (at, op) in &ops {
            worlds[*at].run(op);
            worlds[*at].check();
            let live: usize = worlds.iter().map(|world| world.alloc.stats().blocks_live).sum();
            let oversize: usize = worlds.iter().map(World::oversize_bytes).sum();
            assert_eq!(budget.held_bytes(), live * 64 + oversize);
            assert!(cache.stats().blocks <= 5);
        }
        worlds.into_iter().for_each(World::end);
        assert_eq!(budget.held_bytes(), 0);
        let stats = cache.stats();
        assert_eq!(stats.given, stats.taken + stats.blocks as u64);
    }
}

/// Long enough for memory to grow if it can; Miri looks for something else.
const TURNS: usize = if cfg!(miri) { 200 } else { 20_000 };

/// A linear congruential generator: patterns long enough to matter, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

#[test]
fn blocks_kept_for_ever_never_make_memory_grow() {
    for held in [1, 64, 1000] {
        let mut world = World::new(16);
        (0..held).for_each(|_| world.copy(64));
        let mut dice = Dice(held as u64);
        for turn in 0..TURNS {
            world.copy(64);
            if world.kept.len() > held + 8 {
                let at = held + dice.below(world.kept.len() - held);
                drop(world.kept.swap_remove(at));
            }
            world.peak_pinned = world.peak_pinned.max(held + 9);
            if turn % 1000 == 0 {
                world.check();
            }
            assert!(world.alloc.stats().blocks_live <= (held + 9) * 9 / 8 + 18);
        }
        world.check();
        world.end();
    }
}

#[test]
fn memory_stays_flat_when_the_oldest_or_random_ones_of_many_are_dropped() {
    for (pinned, random) in [(200, false), (1000, false), (200, true), (1000, true)] {
        let mut world = World::new(0);
        let mut dice = Dice(7);
        (0..pinned).for_each(|_| world.copy(64));
        world.kept.reverse();
        for _ in 0..TURNS {
            if random {
                let at = dice.below(world.kept.len());
                drop(world.kept.swap_remove(at));
                world.copy(64);
            } else {
                // A few at a time, so that what is idle is lent while others are kept.
                drop(world.kept.pop());
                world.copy(64);
                let newest = world.kept.pop().expect("it was copied a line ago");
                world.kept.insert(0, newest);
            }
            let live = world.alloc.stats().blocks_live;
            assert!(live <= pinned * 9 / 8 + 2, "{live} blocks for {pinned} pinned");
        }
    }
}

#[test]
fn bursts_of_random_size_stay_within_the_bound() {
    let mut world = World::new(4);
    let mut dice = Dice(3);
    for _ in 0..TURNS / 50 {
        (0..dice.below(300)).for_each(|_| world.copy(64));
        world.check();
        for _ in 0..dice.below(world.kept.len() + 1) {
            let at = dice.below(world.kept.len());
            drop(world.kept.swap_remove(at));
        }
        world.check();
    }
    world.end();
}

/// What is left of the register of an allocator that is trimmed after `blocks` blocks.
fn register_after(blocks: usize) -> usize {
    let mut world = World::new(0);
    (0..blocks).for_each(|_| world.copy(64));
    world.kept.clear();
    world.alloc.trim();
    world.alloc.blocks.register_capacity()
}

#[test]
fn register_of_an_idle_allocator_is_kept_while_it_is_small() {
    assert_eq!((register_after(8), register_after(9), register_after(1000)), (8, 0, 0));
}
