//! Memory follows what is in flight, whatever brigades do: a property over everything that takes blocks.

use std::collections::HashSet;

use proptest::prelude::*;

use super::block::BlockSlice;
use super::tests::cases;
use super::{AllocOptions, BucketAlloc};
use crate::brigade::Gather;
use crate::{Brigade, Bucket};

/// A response under way: what is gathered, what waits, what was set aside, and clones kept elsewhere.
struct World {
    alloc: BucketAlloc,
    max_idle: usize,
    gather: Gather,
    waiting: Brigade<'static>,
    aside: Brigade<'static>,
    kept: Vec<(Bucket<'static>, Vec<u8>)>,
    peak_pinned: usize,
    written: u8,
}

#[derive(Debug, Clone)]
enum Op {
    /// Through a run that gathers, as a chain's.
    Gather(usize),
    Flush,
    Write(usize),
    /// So many borrowed pieces of so many bytes.
    SetAside(usize, usize),
    TakeBack,
    Drain(usize),
    Clone(usize),
    DropClone(usize),
    Compact,
    Trim,
}

impl World {
    fn new(max_idle: usize) -> Self {
        Self {
            alloc: AllocOptions::default().block_size(64).max_idle(max_idle).build(),
            max_idle,
            gather: Gather::default(),
            waiting: Brigade::new(),
            aside: Brigade::new(),
            kept: Vec::new(),
            peak_pinned: 0,
            written: 0,
        }
    }

    /// Bytes that were not there a moment ago.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let next = |written: &mut u8| {
            *written = written.wrapping_add(1);
            *written
        };
        (0..len).map(|_| next(&mut self.written)).collect()
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Gather(len) => {
                let bytes = self.bytes(len);
                self.gather(&bytes);
            }
            Op::Flush => {
                self.finish_run();
                self.waiting.push_back(Bucket::flush());
            }
            Op::Write(len) => {
                let bytes = self.bytes(len);
                self.waiting.write(&mut self.alloc, &bytes);
            }
            Op::SetAside(count, len) => {
                let bytes = self.bytes(count * len);
                let mut borrowed: Brigade<'_> = bytes.chunks(len).map(Bucket::transient).collect();
                borrowed.set_aside(&mut self.aside, &mut self.alloc);
            }
            Op::TakeBack => self.waiting.append(&mut self.aside),
            Op::Drain(count) => {
                let count = count.min(usize::try_from(self.waiting.resident_bytes()).unwrap_or(0));
                self.waiting.consume(count, drop);
            }
            Op::Clone(at) => {
                let buckets = self.waiting.iter().chain(&self.aside).filter(|one| one.is_data());
                let found = buckets.cycle().nth(at).and_then(Bucket::try_clone);
                self.kept.extend(found.map(|clone| {
                    let bytes = clone.bytes().unwrap_or_default().to_vec();
                    (clone, bytes)
                }));
            }
            Op::DropClone(at) if self.kept.is_empty() => _ = at,
            Op::DropClone(at) => drop(self.kept.swap_remove(at % self.kept.len())),
            Op::Compact => self.waiting.compact(&mut self.alloc),
            Op::Trim => self.alloc.trim(),
        }
    }

    fn gather(&mut self, bytes: &[u8]) {
        let taken = self.gather.write_some(bytes);
        if taken < bytes.len() {
            self.finish_run();
            self.gather.begin(&mut self.alloc);
            self.gather(&bytes[taken..]);
        }
    }

    fn finish_run(&mut self) {
        if let Some(run) = self.gather.finish(&mut self.alloc) {
            self.waiting.push_back(run);
        }
    }

    fn check(&mut self) {
        self.alloc.blocks.assert_invariants();
        for (clone, bytes) in &self.kept {
            assert_eq!(clone.bytes(), Some(&bytes[..]), "a clone shows what was written");
        }
        let clones = self.kept.iter().map(|(clone, _)| clone);
        let held = self.waiting.iter().chain(&self.aside).chain(clones);
        let pinned: HashSet<usize> =
            held.filter_map(Bucket::block_ref).map(BlockSlice::block_id).collect();
        self.peak_pinned = self.peak_pinned.max(pinned.len());
        let stats = self.alloc.stats();
        let bound = self.peak_pinned * 9 / 8 + self.max_idle + 2;
        assert!(stats.blocks_live <= bound, "{stats:?} with a peak of {}", self.peak_pinned);
    }

    fn end(mut self) {
        self.gather.release(&mut self.alloc);
        self.waiting.clear();
        self.aside.clear();
        self.kept.clear();
        self.alloc.trim();
        let stats = self.alloc.stats();
        assert_eq!((stats.blocks_live, stats.blocks_idle), (0, 0));
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (1..100usize).prop_map(Op::Gather),
        4 => Just(Op::Flush),
        6 => (1..100usize).prop_map(Op::Write),
        4 => (1..20usize, 1..100usize).prop_map(|(count, len)| Op::SetAside(count, len)),
        4 => Just(Op::TakeBack),
        10 => (1..400usize).prop_map(Op::Drain),
        4 => (0..40usize).prop_map(Op::Clone),
        3 => (0..1000usize).prop_map(Op::DropClone),
        1 => Just(Op::Compact),
        1 => Just(Op::Trim),
    ]
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn memory_is_flat_for_any_pattern_of_writes_flushes_drains_and_clones(
        ops in prop::collection::vec(op(), 1..400),
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
