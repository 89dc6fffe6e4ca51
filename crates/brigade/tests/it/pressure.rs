//! Edges of a budget: what an allocator does where the limit is just reached.

use brigade::{AllocOptions, Bucket, BucketAlloc, Budget, ReadCx, ReadMode};

use crate::kit::{file_of, pattern};

const BLOCK: usize = 8 * 1024;

fn within(budget: &Budget) -> BucketAlloc {
    AllocOptions::default().budget(budget.clone()).build()
}

#[test]
fn allocator_says_which_budget_it_is_in() {
    let budget = Budget::new(3 * BLOCK);
    let mut alloc = within(&budget);
    let _held = alloc.copy(b"abc");
    let said = alloc.budget().unwrap();
    assert_eq!((said.limit_bytes(), said.held_bytes()), (3 * BLOCK, BLOCK));
}

/// Holds all of a budget in `blocks` blocks, drops what is in one of them, and reads.
#[track_caller]
fn check_lends_the_free_one(blocks: usize) {
    let budget = Budget::new(blocks * BLOCK);
    let mut alloc = within(&budget);
    let mut held: Vec<_> = (0..blocks).map(|_| alloc.copy(&[7; BLOCK])).collect();
    assert!(budget.is_exhausted());
    drop(held.swap_remove(blocks / 2));
    let mut file = Bucket::file(file_of(&pattern(BLOCK)), 0, BLOCK as u64);
    let piece = file.read(&mut ReadCx::new(&mut alloc, ReadMode::Blocking)).unwrap();
    assert_eq!(piece.and_then(|piece| piece.len()), Some(BLOCK as u64));
    assert_eq!(budget.high_water_bytes(), budget.limit_bytes(), "{blocks} blocks");
}

#[test]
fn read_at_the_limit_lends_the_block_that_is_free_before_it_makes_one() {
    // With many lent blocks, some may be made between two looks at all of them.
    (1..64).for_each(check_lends_the_free_one);
}
