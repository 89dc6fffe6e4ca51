//! A cache of idle blocks, shared by allocators: what is given and taken, and that nobody sees whose it
//! was.

use brigade::{AllocOptions, BlockCache, BucketAlloc, Chain, Fill, recorder};

const BLOCK: usize = 8 * 1024;

fn cached(cache: &BlockCache) -> BucketAlloc {
    AllocOptions::default().cache(cache.clone()).build()
}

#[test]
fn ten_thousand_idle_allocators_hold_no_block_and_the_cache_its_limit() {
    let cache = BlockCache::new(BLOCK, 100);
    let mut allocs: Vec<BucketAlloc> = (0..10_000).map(|_| cached(&cache)).collect();
    for alloc in &mut allocs {
        drop((alloc.copy(&[1; BLOCK]), alloc.copy(b"a"), alloc.copy(&[2; 5000])));
    }
    allocs.iter_mut().for_each(BucketAlloc::trim);
    assert!(allocs.iter().all(|alloc| alloc.stats().blocks_live == 0));
    let stats = cache.stats();
    assert_eq!((stats.blocks, stats.given), (100, 100));
    assert!(stats.released >= 9_900, "{stats:?}");
}

#[test]
fn allocator_that_wakes_takes_its_first_blocks_from_the_cache() {
    let cache = BlockCache::new(BLOCK, 100);
    let mut first = cached(&cache);
    drop([(); 10].map(|()| first.copy(&[7; BLOCK])));
    first.trim();
    assert_eq!(cache.stats().blocks, 10);
    let mut wakes = cached(&cache);
    let held = [(); 6].map(|()| wakes.copy(&[7; BLOCK]));
    let stats = wakes.stats();
    assert_eq!((stats.blocks_from_cache, stats.blocks_created), (4, 2));
    let stats = cache.stats();
    assert_eq!((stats.blocks, stats.taken, stats.missed), (6, 4, 4));
    drop(held);
    drop(wakes);
    assert_eq!(cache.stats().blocks, 12, "what a connection leaves when it closes");
}

#[test]
fn block_of_the_cache_shows_nothing_of_who_had_it_before() {
    let cache = BlockCache::new(BLOCK, 1);
    let mut before = cached(&cache);
    drop(before.copy(&[b'!'; BLOCK]));
    before.trim();
    let mut after = cached(&cache);
    let lent = after.copy_with(100, |room| assert_eq!(room, [0; 100]));
    assert_eq!(lent.bytes(), Some(&[0; 100][..]));
    let filled = after.fill(BLOCK, |room| {
        assert!(room.iter().all(|byte| *byte == 0));
        room[0] = b'a';
        Ok(1)
    });
    assert!(matches!(filled, Ok(Fill::Data(data)) if data.bytes() == Some(b"a")));
    let mut chain = Chain::new(recorder().0).storage(after);
    chain.write(b"own").unwrap();
    assert_eq!(chain.alloc().copy(b"bytes").bytes(), Some(&b"bytes"[..]));
}

#[test]
fn lent_block_outlives_its_allocator_and_the_cache() {
    let cache = BlockCache::new(BLOCK, 10);
    let mut alloc = cached(&cache);
    let kept = alloc.copy(b"kept");
    drop([(); 2].map(|()| alloc.copy(&[7; BLOCK])));
    drop(alloc);
    assert_eq!(cache.stats().blocks, 2, "not the one that is lent");
    let mut next = cached(&cache);
    drop(cache);
    let other = next.copy(b"other");
    drop(next);
    let dropped = std::thread::spawn(move || assert_eq!(kept.bytes(), Some(&b"kept"[..])));
    dropped.join().unwrap();
    assert_eq!(other.bytes(), Some(&b"other"[..]));
}

#[test]
fn cache_sets_the_block_size() {
    let cache = BlockCache::new(4096, 1);
    assert_eq!(cached(&cache).block_size(), 4096);
}

#[test]
#[should_panic(expected = "blocks of 8192 bytes with a cache of 4096")]
fn cache_of_another_block_size_is_refused() {
    let _ = AllocOptions::default().cache(BlockCache::new(4096, 1)).block_size(BLOCK).build();
}
