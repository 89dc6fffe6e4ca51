//! Runs a program of operations on brigades, and the same on plain lists of bytes and marks: equal
//! after every step, and the tally is the sum over the buckets.
//!
//! The property in `oracle.rs`, the one over mapped buckets in `brigade-net` and the fuzz target
//! `brigade_ops` run the same programs through this; it uses nothing but the public API.

mod cut;
mod end;
mod item;
mod keep;
mod op;
mod part;
mod put;
mod read;
mod see;
mod take;

use brigade::{AllocOptions, Brigade, Bucket, BucketAlloc, ReadMode};

use self::end::Ends;
use self::item::{Item, bytes_of, items};
use self::op::Op;
pub(crate) use self::op::Program;

impl Program {
    /// Runs it, compares after each step, and reads to the end what is left. `mapped` makes a bucket
    /// of memory that is not an allocator's.
    ///
    /// # Panics
    ///
    /// When the brigade and the list differ.
    pub(crate) fn run(&self, mapped: fn(&[u8]) -> Bucket<'static>) {
        let mut world = World::new(mapped);
        for op in &self.0 {
            world.step(op);
            world.check();
        }
        world.finish();
    }
}

struct World {
    alloc: BucketAlloc,
    mapped: fn(&[u8]) -> Bucket<'static>,
    ends: Ends,
    brigade: Brigade<'static>,
    oracle: Vec<Item>,
    // What was cut off or set aside: a second brigade, so that storage is shared between two.
    aside: Brigade<'static>,
    aside_oracle: Vec<Item>,
}

impl World {
    fn new(mapped: fn(&[u8]) -> Bucket<'static>) -> Self {
        Self {
            // Small blocks: a program fills, gathers across and outgrows many of them.
            alloc: AllocOptions::default().block_size(64).max_idle(2).build(),
            mapped,
            ends: Ends::default(),
            brigade: Brigade::new(),
            oracle: Vec::new(),
            aside: Brigade::new(),
            aside_oracle: Vec::new(),
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Put(put) => self.put(put),
            Op::Take(take) => self.take(take),
            Op::Cut(cut) => self.cut(cut),
            Op::Part(part) => self.part(part),
            Op::Read(read) => self.read(read),
            Op::See(see) => self.see(see),
            Op::Keep(keep) => self.keep(keep),
        }
    }

    fn check(&self) {
        check_equal(&self.brigade, &self.oracle);
        check_equal(&self.aside, &self.aside_oracle);
        self.ends.check(self.oracle.iter().chain(&self.aside_oracle));
    }

    /// Reads all that is left. Nothing is left then, in the allocator neither.
    fn finish(mut self) {
        self.take_back();
        let (mut waits, most) = (0, self.brigade.len());
        loop {
            match self.pop_read(ReadMode::Blocking) {
                Ok(true) => waits = 0,
                Ok(false) => break,
                // Whatever waits has something the next time, or is at its end.
                Err(error) => {
                    waits += 1;
                    assert!(waits <= most, "{error}");
                }
            }
            self.check();
        }
        assert!(self.brigade.is_empty() && self.oracle.is_empty());
        self.alloc.trim();
        assert_eq!(self.alloc.stats().blocks_live, 0);
    }
}

fn check_equal(brigade: &Brigade<'_>, oracle: &[Item]) {
    brigade.assert_invariants();
    assert_eq!(items(brigade), oracle);
    let is_known = brigade.iter().all(|bucket| bucket.len().is_some());
    let len = bytes_of(oracle).len() as u64;
    assert_eq!(brigade.len_bytes(), is_known.then_some(len));
    let resident = brigade.iter().filter_map(Bucket::bytes).map(<[u8]>::len).sum::<usize>();
    assert_eq!(brigade.resident_bytes(), resident as u64);
    assert_eq!(brigade.ends_body(), brigade.iter().any(Bucket::ends_body));
}
