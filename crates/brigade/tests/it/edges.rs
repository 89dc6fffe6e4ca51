//! Small promises that random programs do not see, each found by a mutation that nothing else noticed.

use std::sync::{Arc, Mutex};
use std::task::Waker;

use brigade::{
    AllocOptions, BlockCache, Brigade, Bucket, BucketAlloc, Budget, Chain, Data, End, Error,
    ErrorKind, Outcome, ReadCx, ReadMode, Result, from_fn, recorder,
};

use crate::failure::names;
use crate::kit::member;

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

#[test]
fn marks_of_the_connection_go_on_from_a_call_that_fails_and_are_told_a_good_end() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = Arc::clone(&told);
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(member("strict", from_fn(|_, _| Err(Error::other("no")))));
    let eor = Bucket::eor(move |outcome: &Outcome| tells.lock().unwrap().push(outcome.end));
    let given = [Bucket::immortal(b"x"), Bucket::flush(), eor, Bucket::eoc()];
    chain.pass(&mut given.into_iter().collect()).unwrap_err();
    assert_eq!(names(record.marks()), ["EOR", "EOC"]);
    assert_eq!(*told.lock().unwrap(), [End::Complete]);
}

#[test]
fn tally_is_right_when_the_second_end_of_a_failed_body_is_dropped() {
    let mut chain = Chain::new(recorder().0);
    let looks = from_fn(|input, next| {
        input.assert_invariants();
        next.push_all(input)
    });
    chain.join(member("looks", looks));
    chain.join_request(member("strict", from_fn(|_, _| Err(Error::other("no")))));
    chain.pass(&mut [Bucket::immortal(b"x"), Bucket::eos()].into_iter().collect()).unwrap_err();
    chain.pass(&mut [Bucket::eos(), Bucket::flush()].into_iter().collect()).unwrap();
}

#[test]
fn brigade_of_a_stream_and_a_flush_leaves_nothing_to_flush() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let given = [Bucket::stream(&b"x"[..]), Bucket::flush()];
    chain.pass(&mut given.into_iter().collect()).unwrap();
    chain.idle().unwrap();
    assert_eq!(names(record.marks()), ["FLUSH"]);
}

#[test]
fn allocator_without_a_budget_keeps_as_many_idle_blocks_of_a_burst_as_it_may() {
    let mut alloc = small();
    drop((0..8).map(|_| alloc.copy(&[7; 64])).collect::<Vec<_>>());
    (0..300).for_each(|_| drop(alloc.copy(&[7; 64])));
    assert_eq!((alloc.stats().blocks_idle, alloc.stats().blocks_live), (4, 5), "and the open one");
}

#[test]
fn allocator_without_a_budget_has_room_and_gives_up_no_block_when_asked() {
    let mut alloc = small();
    drop(alloc.copy(b"abc"));
    assert!(alloc.budget().is_none() && !alloc.waits_for_budget());
    assert!(alloc.poll_room(Waker::noop()).is_ready());
    assert_eq!(alloc.stats().blocks_live, 1);
}

#[test]
fn statistics_count_the_bytes_that_a_chain_gathered_once() {
    let mut chain = Chain::new(recorder().0);
    (0..5).for_each(|_| chain.write(b"abc").unwrap());
    chain.flush().unwrap();
    chain.write(b"de").unwrap();
    chain.flush().unwrap();
    assert_eq!(chain.alloc().stats().copied_bytes, 17);
}

#[test]
fn budget_and_cache_say_their_limits_and_what_they_hold() {
    let (budget, cache) = (Budget::new(640), BlockCache::new(64, 5));
    let options = AllocOptions::default().cache(cache.clone()).budget(budget.clone());
    let _kept = options.build().copy(b"one");
    assert_eq!(
        format!("{budget:?}"),
        "Budget { limit_bytes: 640, held_bytes: 0, high_water_bytes: 64, waiting: 0 }"
    );
    let said = format!("{cache:?}");
    assert!(
        said.starts_with("BlockCache { block_size: 64, limit: 5, stats: CacheStats {"),
        "{said}"
    );
}
