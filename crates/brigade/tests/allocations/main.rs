//! What is allocated: nothing per bucket, once everything that is used again exists.

use brigade::{
    AllocOptions, AsyncBody, AsyncFilter, BlockCache, Brigade, Bucket, BucketAlloc, Budget, Chain,
    FilterKind, Member, OutputFilter, ReadCx, Result, Split, Terminal, from_fn,
};
use brigade_testkit::{Allocated, CountingAlloc};

#[global_allocator]
static COUNTING: CountingAlloc = CountingAlloc;

/// How often this thread asked for memory while `run` ran: new, or more of the same.
fn allocations(run: impl FnOnce()) -> u64 {
    Allocated::during(run).0.calls
}

/// Runs `turn` until all that is used again exists, and then counts what many more turns allocate.
#[track_caller]
fn check_steady(what: &str, mut turn: impl FnMut()) {
    (0..4000).for_each(|_| turn());
    let count = allocations(|| (0..1000).for_each(|_| turn()));
    assert_eq!(count, 0, "allocations in 1000 turns of {what}");
}

#[test]
fn new_brigade_costs_one_allocation_and_one_that_is_used_again_none() {
    let count = allocations(|| {
        let mut brigade = Brigade::new();
        brigade.push_back(Bucket::transient(b"a"));
        brigade.push_back(Bucket::transient(b"b"));
        brigade.push_back(Bucket::eos());
        drop(brigade);
    });
    assert_eq!(count, 1);
    let mut brigade = Brigade::new();
    check_steady("a brigade that is cleared", || {
        (0..50).for_each(|_| brigade.push_back(Bucket::transient(b"x")));
        brigade.clear();
    });
}

#[test]
fn brigade_of_as_many_buckets_as_an_iterator_says_costs_one_allocation() {
    let pieces = [b'x'; 50];
    let buckets = pieces.chunks(1).map(Bucket::transient);
    let count = allocations(|| drop(buckets.collect::<Brigade<'_>>()));
    assert_eq!(count, 1);
}

#[test]
fn recycled_storage_is_the_same_storage() {
    let mut storage: Brigade<'static> = Brigade::new();
    check_steady("a brigade that is recycled", || {
        let line = [b'x'; 16];
        let mut brigade = std::mem::take(&mut storage).recycle();
        line.chunks(1).for_each(|piece| brigade.push_back(Bucket::transient(piece)));
        storage = brigade.recycle();
    });
}

#[test]
fn queue_that_never_runs_empty_does_not_grow() {
    let mut brigade: Brigade<'_> = (0..10).map(|_| Bucket::immortal(b"x")).collect();
    check_steady("a brigade that is filled behind and drained in front", || {
        brigade.push_back(Bucket::immortal(b"x"));
        drop(brigade.pop_front());
    });
    check_steady("a brigade that is filled in front and drained behind", || {
        brigade.push_front(Bucket::immortal(b"x"));
        drop(brigade.pop_back());
    });
}

#[test]
fn moving_between_brigades_allocates_nothing() {
    let (mut one, mut other) = (Brigade::new(), Brigade::new());
    (0..20).for_each(|_| one.push_back(Bucket::immortal(b"0123456789")));
    check_steady("brigades that are appended and prepended", || {
        other.append(&mut one);
        one.prepend(&mut other);
    });
}

#[test]
fn gathering_splitting_and_draining_resident_buckets_allocates_nothing() {
    let mut alloc = BucketAlloc::new();
    let (mut brigade, mut line) = (Brigade::new(), Brigade::new());
    check_steady("bytes that are written, split and drained", || {
        (0..100).for_each(|_| brigade.write(&mut alloc, b"a line of thirty-two bytes is it\n"));
        while brigade.split_line(&mut line, 100).is_ok_and(Split::is_found) {
            while let Some(mut bucket) = line.pop_front() {
                let half = bucket.len().map_or(0, |len| len / 2);
                let rest = bucket.split_at(half);
                assert!(bucket.advance(half / 2).is_ok() && rest.is_ok());
            }
        }
        brigade.write(&mut alloc, b"and what is consumed");
        brigade.consume(20, drop);
        assert!(brigade.is_empty() && line.is_empty());
    });
    let mut kept = Brigade::new();
    check_steady("borrowed bytes that are set aside and written", || {
        (0..16).for_each(|_| brigade.push_back(Bucket::transient(&[7; 100])));
        brigade.set_aside(&mut kept, &mut alloc);
        assert_eq!(kept.io_slices(16).len(), kept.len());
        kept.clear();
    });
}

#[test]
fn waking_with_a_cache_and_going_idle_again_allocates_nothing() {
    let (cache, budget) = (BlockCache::new(8192, 8), Budget::new(8192 * 8));
    let options = AllocOptions::default().cache(cache).budget(budget);
    let mut allocs = [options.clone().build(), options.build()];
    check_steady("allocators that take turns with four blocks", || {
        for alloc in &mut allocs {
            drop([(); 4].map(|()| alloc.copy(&[1; 8192])));
            alloc.trim();
        }
    });
}

#[test]
fn marks_without_a_box_and_clones_of_slices_allocate_nothing() {
    let mut alloc = BucketAlloc::new();
    check_steady("marks and clones", || {
        drop((Bucket::eos(), Bucket::flush(), Bucket::eoc()));
        let bucket = alloc.copy(b"shared");
        let clones = [bucket.try_clone(), bucket.try_clone()];
        drop((bucket, clones));
    });
}

/// Takes everything and forgets it.
struct Sink;

impl Terminal for Sink {
    fn write(&mut self, brigade: &mut Brigade<'_>, _cx: &mut ReadCx<'_>) -> Result<()> {
        brigade.clear();
        Ok(())
    }
}

fn push_each() -> impl OutputFilter {
    from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            let out = match bucket.bytes() {
                Some(bytes) => next.alloc().copy(bytes),
                None => bucket,
            };
            next.push(out)?;
        }
        Ok(())
    })
}

fn chain() -> Chain {
    let mut chain = Chain::new(Sink);
    for _ in 0..3 {
        chain.join(Member::new("push", FilterKind::RESOURCE, push_each()));
    }
    chain
}

#[test]
fn three_filters_that_push_each_bucket_allocate_nothing() {
    let mut chain = chain();
    let mut brigade = Brigade::new();
    check_steady("passes of borrowed pieces", || {
        let text = [b'x'; 400];
        let mut borrowed = std::mem::take(&mut brigade).recycle();
        text.chunks(50).for_each(|piece| borrowed.push_back(Bucket::transient(piece)));
        borrowed.push_back(Bucket::flush());
        assert!(chain.pass(&mut borrowed).is_ok());
        brigade = borrowed.recycle();
    });
    check_steady("small writes with and without a flush", || {
        (0..1000).for_each(|_| assert!(chain.write(b"a piece of thirty-two bytes is it").is_ok()));
        assert!(chain.flush().is_ok());
    });
}

#[test]
fn pieces_that_go_down_in_the_middle_of_a_call_allocate_nothing() {
    let mut chain = chain();
    let big = vec![7; 8000];
    let mut brigade = Brigade::new();
    check_steady("a call that pushes many times a piece", || {
        (0..30).for_each(|_| brigade.push_back(Bucket::transient(&big)));
        assert!(chain.pass(&mut brigade).is_ok());
    });
}

#[test]
fn future_that_waited_for_its_body_when_it_was_dropped_leaves_nothing() {
    let drop_while_it_waits = || {
        let filter = AsyncFilter::new(|mut body: AsyncBody| async move {
            while let Some(bucket) = body.read().await {
                body.push(bucket).await;
            }
            Ok(())
        });
        let mut chain = Chain::new(Sink);
        chain.join(Member::new("waits", FilterKind::RESOURCE, filter));
        assert!(chain.write(b"more will not come").is_ok());
        assert!(chain.flush().is_ok());
    };
    drop_while_it_waits(); // What the thread makes once.
    let (allocated, ()) = Allocated::during(drop_while_it_waits);
    assert_eq!(allocated.left_bytes, 0);
}
