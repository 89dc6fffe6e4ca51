//! Small promises that random programs do not see, each found by a mutation that nothing else noticed.

use brigade::{
    AllocOptions, BlockCache, Brigade, Bucket, BucketAlloc, Data, Error, ErrorKind, ReadCx,
    ReadMode, Result,
};

fn three() -> Brigade<'static> {
    [&b"one"[..], b"two", b"three"].into_iter().map(Bucket::immortal).collect()
}

#[test]
fn walks_say_how_many_buckets_are_left() {
    let brigade = three();
    let mut borrowed = brigade.iter();
    borrowed.next();
    assert_eq!((borrowed.len(), borrowed.size_hint()), (2, (2, Some(2))));
    let mut owned = brigade.into_iter();
    owned.next_back();
    assert_eq!((owned.len(), owned.size_hint()), (2, (2, Some(2))));
}

/// Data whose source cannot be cut, and says why.
struct Uncut;

impl Data for Uncut {
    fn name(&self) -> &'static str {
        "UNCUT"
    }

    fn len(&self) -> Option<u64> {
        Some(3)
    }

    fn read(&mut self, _cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        unreachable!("an error is no reason to read")
    }

    fn split_at(&mut self, _at_bytes: u64) -> Result<Box<dyn Data>> {
        Err(Error::new(ErrorKind::Io, "seek"))
    }
}

#[test]
fn error_of_a_cut_is_handed_on_and_nothing_is_read_or_lost() {
    let mut alloc = BucketAlloc::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let mut brigade = three();
    brigade.push_back(Bucket::of(Uncut));
    let error = brigade.partition_read(12, &mut cx).unwrap_err();
    assert_eq!((error.kind(), brigade.len_bytes()), (ErrorKind::Io, Some(14)));
    assert_eq!(brigade.back().map(Bucket::kind_name), Some("UNCUT"));
    assert_eq!(brigade.partition(12).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(brigade.len_bytes(), Some(14));
}

#[test]
fn length_that_is_known_is_told_whatever_may_be_in_memory() {
    let mut alloc = BucketAlloc::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    assert_eq!(three().len_bytes_read(1, &mut cx).ok(), Some(11));
}

fn small() -> BucketAlloc {
    AllocOptions::default().block_size(64).max_idle(4).build()
}

#[test]
fn statistics_count_each_block_that_is_lent_again() {
    let mut alloc = small();
    (0..10).for_each(|_| drop(alloc.copy(&[7; 64])));
    assert_eq!((alloc.stats().blocks_created, alloc.stats().blocks_reused), (1, 9), "in place");
    let mut alloc = small();
    let (first, _second) = (alloc.copy(&[7; 64]), alloc.copy(&[7; 64]));
    drop(first);
    let _third = alloc.copy(&[7; 64]);
    assert_eq!((alloc.stats().blocks_created, alloc.stats().blocks_reused), (2, 1), "the first");
}

#[test]
fn statistics_count_the_blocks_of_a_burst_that_are_kept_idle() {
    let mut alloc = small();
    drop((0..8).map(|_| alloc.copy(&[7; 64])).collect::<Vec<_>>());
    let mut turn = || {
        let _kept = (alloc.copy(&[7; 64]), alloc.copy(&[7; 64]));
        alloc.stats().blocks_idle
    };
    let most = (0..300).map(|_| turn()).max();
    assert!((1..=4).contains(&most.unwrap_or(0)), "{most:?}");
}

#[test]
fn cache_says_its_limit_and_counts_what_was_taken() {
    let cache = BlockCache::new(64, 5);
    let make = || AllocOptions::default().cache(cache.clone()).build();
    let mut alloc = make();
    drop([alloc.copy(&[7; 64]), alloc.copy(&[7; 64])]);
    alloc.trim();
    let mut other = make();
    let _kept = [other.copy(&[7; 64]), other.copy(&[7; 64])];
    let stats = cache.stats();
    assert_eq!((cache.limit(), stats.given, stats.taken, stats.blocks), (5, 2, 2, 0));
}
