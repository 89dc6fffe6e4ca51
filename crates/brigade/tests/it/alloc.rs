//! Storage, as a user sees it: blocks are lent again, and never show what an earlier bucket held.

use std::io::{self, Read};
use std::thread;

use brigade::{AllocOptions, BlockUse, Brigade, Bucket, BucketAlloc, Fill};

use crate::kit::pattern;

fn small() -> BucketAlloc {
    AllocOptions::default().block_size(64).max_idle(2).build()
}

fn uses(alloc: &BucketAlloc) -> Vec<BlockUse> {
    alloc.blocks().map(|(_, now)| now).collect()
}

#[test]
fn a_million_short_lived_buckets_need_one_block() {
    let mut alloc = BucketAlloc::new();
    for _ in 0..1_000_000 {
        assert_eq!(alloc.copy(b"a small write").len(), Some(13));
    }
    let stats = alloc.stats();
    assert_eq!((stats.blocks_created, stats.blocks_live, stats.blocks_high_water), (1, 1, 1));
    assert_eq!(stats.copied_bytes, 13_000_000);
}

#[test]
fn new_allocator_holds_no_block_and_trim_gives_back_all_that_no_bucket_is_in() {
    let mut alloc = small();
    assert_eq!(alloc.stats().blocks_live, 0);
    let kept: Vec<_> = (0..5).map(|_| alloc.copy(&[b'x'; 64])).collect();
    assert_eq!(alloc.stats().blocks_live, 5);
    alloc.trim();
    assert_eq!(alloc.stats().blocks_live, 5, "a bucket is in each");
    assert_eq!(uses(&alloc), [BlockUse::Lent(1); 5]);
    drop(kept);
    alloc.trim();
    assert_eq!((alloc.stats().blocks_live, alloc.stats().blocks_idle), (0, 0));
}

#[test]
fn blocks_say_how_many_buckets_share_each_and_which_came_back() {
    let mut alloc = small();
    let bucket = alloc.copy(&[b'x'; 40]);
    let clones = [bucket.try_clone(), bucket.try_clone()];
    let _next = alloc.copy(&[b'y'; 40]);
    assert_eq!(uses(&alloc), [BlockUse::Lent(3), BlockUse::Open]);
    drop(clones);
    assert_eq!(uses(&alloc), [BlockUse::Lent(1), BlockUse::Open]);
    drop(bucket);
    assert_eq!(uses(&alloc), [BlockUse::Free, BlockUse::Open]);
}

#[test]
fn piece_larger_than_a_block_has_storage_of_its_own() {
    let mut alloc = small();
    let bytes = pattern(1000);
    let copied = alloc.copy(&bytes);
    let made = alloc.copy_with(1000, |to| to.copy_from_slice(&bytes));
    assert_eq!((copied.bytes(), made.bytes()), (Some(&bytes[..]), Some(&bytes[..])));
    assert_eq!((alloc.stats().oversize_created, alloc.stats().blocks_live), (2, 0));
}

#[test]
fn buckets_outlive_the_allocator_and_are_dropped_on_any_thread() {
    let mut alloc = small();
    let buckets: Vec<_> = (0u8..100).map(|at| alloc.copy(&[at; 40])).collect();
    drop(alloc);
    let check = thread::spawn(move || {
        for (at, bucket) in (0u8..).zip(&buckets) {
            assert_eq!(bucket.bytes(), Some(&[at; 40][..]));
        }
    });
    check.join().unwrap();
}

#[test]
fn block_that_another_thread_gave_back_is_lent_again() {
    let mut alloc = small();
    for _ in 0..100 {
        let buckets: Vec<_> = (0..8).map(|_| alloc.copy(&[b'x'; 64])).collect();
        thread::spawn(move || drop(buckets)).join().unwrap();
    }
    assert!(alloc.stats().blocks_high_water <= 12, "{:?}", alloc.stats());
}

#[test]
fn room_is_zeroed_where_it_held_something_before() {
    let mut alloc = small();
    drop(alloc.copy(&[b'S'; 64]));
    let made = alloc.copy_with(24, |to| assert_eq!(to, [0; 24]));
    assert_eq!(made.bytes(), Some(&[0; 24][..]));
    drop(made);
    drop(alloc.copy(&[b'S'; 64]));
    // A reader that says more than it wrote.
    let Fill::Data(lied) = alloc.fill(64, |_| Ok(16)).unwrap() else { panic!("an end") };
    assert_eq!(lied.bytes(), Some(&[0; 16][..]));
}

#[test]
fn writer_that_panics_shows_nothing_and_breaks_nothing() {
    let mut alloc = small();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        alloc.copy_with(10, |to| {
            to.fill(b'S');
            panic!("in the middle");
        })
    }));
    assert!(caught.is_err());
    assert_eq!(alloc.copy_with(10, |to| assert_eq!(to, [0; 10])).bytes(), Some(&[0; 10][..]));
}

#[test]
fn fill_takes_what_a_reader_gives_until_its_end() {
    let mut alloc = BucketAlloc::new();
    let bytes = pattern(30_000);
    let mut reader = &bytes[..];
    let mut brigade = Brigade::new();
    while let Fill::Data(piece) = alloc.fill(5_000, |room| reader.read(room)).unwrap() {
        brigade.push_back(piece);
    }
    assert_eq!(brigade.flatten(30_000).unwrap(), bytes);
    // Six, each filled by one read of 5,000 bytes, and one for the read that met the end.
    assert_eq!((alloc.stats().blocks_created, alloc.stats().copied_bytes), (7, 30_000));
}

#[test]
fn fill_that_fails_keeps_no_room_and_interruptions_are_tried_again() {
    let mut alloc = BucketAlloc::new();
    let error = alloc.fill(100, |_| Err(io::ErrorKind::WouldBlock.into())).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    let mut turns = 0;
    let filled = alloc.fill(100, |room| {
        turns += 1;
        if turns < 3 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        room[0] = b'x';
        Ok(1)
    });
    let Fill::Data(piece) = filled.unwrap() else { panic!("an end") };
    assert_eq!((piece.bytes(), turns), (Some(&b"x"[..]), 3));
    assert_eq!(alloc.stats().copied_bytes, 1);
}

#[test]
#[should_panic(expected = "a reader answers 101 bytes, it was lent 100")]
fn reader_that_answers_more_than_it_was_lent_panics_with_both_numbers() {
    let _ = BucketAlloc::new().fill(100, |_| Ok(101));
}

#[test]
#[should_panic(expected = "room for 0 bytes")]
fn room_for_nothing_panics_since_it_would_look_like_the_end() {
    let _ = BucketAlloc::new().fill(0, |_| Ok(0));
}

#[test]
#[should_panic(expected = "a block size of 63 bytes")]
fn block_size_too_small_panics_with_the_number() {
    let _ = AllocOptions::default().block_size(63).build();
}

#[test]
fn blocks_of_a_burst_go_back_to_the_system_while_small_writes_go_on() {
    let mut alloc = small();
    let burst: Vec<Bucket<'_>> = (0..100).map(|_| alloc.copy(&[b'x'; 64])).collect();
    assert_eq!(alloc.stats().blocks_live, 100);
    drop(burst);
    for _ in 0..1000 {
        drop(alloc.copy(&[b'y'; 64]));
    }
    assert!(alloc.stats().blocks_live <= 3, "{:?}", alloc.stats());
}
