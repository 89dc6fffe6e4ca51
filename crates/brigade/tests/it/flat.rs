//! Bytes out of a brigade as one run, code that writes into one, and letting go of blocks.

use std::fmt;
use std::io::{IoSlice, Write as _};

use brigade::{AllocOptions, Brigade, Bucket, BucketAlloc, ErrorKind};
use bytes::Bytes;
use proptest::prelude::*;

use crate::brigade::of;
use crate::kit::{file_of, halting, pattern};
use crate::sources::{brigade_of, bytes_of, cuts_in_memory, items, shown};

proptest! {
    #[test]
    fn every_way_of_flattening_gives_the_same_bytes(
        items in items(b"abc", 60),
        cuts in cuts_in_memory(),
        piece in 1usize..10,
    ) {
        let mut alloc = BucketAlloc::new();
        let mut brigade = brigade_of(&items, &cuts, &mut alloc);
        let bytes = bytes_of(&items);
        prop_assert_eq!(&brigade.flatten(60).unwrap(), &bytes);
        prop_assert_eq!(&brigade.flatten_bytes(60).unwrap()[..], &bytes);
        let before = shown(&brigade);
        let mut out = Vec::new();
        loop {
            let mut to = vec![0; piece];
            let copied = brigade.flatten_into(&mut to);
            out.extend_from_slice(&to[..copied.count_bytes]);
            if !copied.has_rest {
                break;
            }
            prop_assert_eq!(copied.count_bytes, piece);
            brigade.consume(piece, drop);
        }
        prop_assert_eq!(&out, &bytes);
        prop_assert_eq!(before.is_empty(), items.is_empty());
    }
}

#[track_caller]
fn check_into(brigade: &Brigade<'_>, room: usize, bytes: &[u8], has_rest: bool) {
    let mut to = vec![b'.'; room];
    let copied = brigade.flatten_into(&mut to);
    assert_eq!((&to[..copied.count_bytes], copied.has_rest), (bytes, has_rest));
    assert!(to[copied.count_bytes..].iter().all(|byte| *byte == b'.'), "the rest is not touched");
}

#[test]
fn flatten_into_says_how_many_and_whether_more_remains() {
    let brigade = of([Bucket::immortal(b"abc"), Bucket::flush(), Bucket::immortal(b"de")]);
    for room in 0..5 {
        check_into(&brigade, room, &b"abcde"[..room], true);
    }
    check_into(&brigade, 5, b"abcde", false);
    check_into(&brigade, 6, b"abcde", false);
    check_into(&Brigade::new(), 0, b"", false);
    check_into(&of([Bucket::eos(), Bucket::immortal(b"")]), 0, b"", false);
}

#[test]
fn flatten_into_stops_before_what_must_be_read() {
    let abc = || Bucket::immortal(b"abc");
    check_into(&of([abc(), halting(&[]), Bucket::immortal(b"d")]), 9, b"abc", true);
    check_into(&of([abc(), Bucket::file(file_of(b"d"), 0, 1)]), 9, b"abc", true);
    check_into(
        &of([abc(), Bucket::file(file_of(b""), 0, 0), Bucket::immortal(b"d")]),
        9,
        b"abcd",
        false,
    );
}

#[track_caller]
fn check_shares(brigade: &Brigade<'_>, is_shared: bool) {
    let first = brigade.iter().find(|bucket| !bucket.is_empty() && bucket.is_data()).unwrap();
    let at = first.bytes().unwrap().as_ptr();
    let flat = brigade.flatten_bytes(100).unwrap();
    assert_eq!(flat, brigade.flatten(100).unwrap());
    assert_eq!(flat.as_ptr() == at, is_shared, "{brigade:?}");
}

#[test]
fn flatten_to_bytes_copies_only_what_is_borrowed_or_in_several_runs() {
    let mut alloc = BucketAlloc::new();
    let neighbours =
        |alloc: &mut BucketAlloc| of([&b"ab"[..], b"cd", b"ef"].map(|piece| alloc.copy(piece)));
    check_shares(&neighbours(&mut alloc), true);
    let mut marked = neighbours(&mut alloc);
    marked.push_front(Bucket::flush());
    marked.push_front(Bucket::immortal(b""));
    marked.push_back(Bucket::eos());
    check_shares(&marked, true);
    check_shares(&of([Bucket::heap(Bytes::from_static(b"ab")), Bucket::eos()]), true);
    check_shares(&of([Bucket::immortal(b"ab")]), true);
    check_shares(&of([Bucket::transient(b"ab")]), false);
    check_shares(&of([Bucket::immortal(b"ab"), Bucket::immortal(b"cd")]), false);
    let mut gap = neighbours(&mut alloc);
    drop(alloc.copy(b"gap"));
    gap.push_back(alloc.copy(b"gh"));
    check_shares(&gap, false);
    gap.push_front(alloc.copy(b"later"));
    check_shares(&gap, false);
    let mut backwards = neighbours(&mut alloc);
    let first = backwards.pop_front().unwrap();
    backwards.push_back(first);
    check_shares(&backwards, false);
    assert!(Brigade::new().flatten_bytes(0).unwrap().is_empty());
}

#[test]
fn flattened_bytes_outlive_the_brigade_and_its_allocator() {
    let mut alloc = BucketAlloc::new();
    let brigade = of([&b"ab"[..], b"cd"].map(|piece| alloc.copy(piece)));
    let flat = brigade.flatten_bytes(100).unwrap();
    drop(brigade);
    drop(alloc.copy(b"written while they are alive"));
    drop(alloc);
    assert_eq!(flat, "abcd");
}

#[test]
fn flatten_to_bytes_has_the_limits_of_flatten() {
    let brigade = of([Bucket::immortal(b"abcde")]);
    let error = brigade.flatten_bytes(4).unwrap_err();
    assert_eq!(
        (error.kind(), &*error.to_string()),
        (ErrorKind::TooLarge, "flatten 5 bytes, limit 4")
    );
    assert_eq!(brigade.flatten_bytes(5).unwrap(), "abcde");
    let unread = of([Bucket::file(file_of(b"abc"), 0, 3)]);
    assert_eq!(unread.flatten_bytes(9).unwrap_err().kind(), ErrorKind::Unsupported);
    let nothing = of([Bucket::file(file_of(b""), 0, 0), Bucket::immortal(b"abc")]);
    assert_eq!(nothing.flatten_bytes(9).unwrap(), "abc");
}

#[test]
fn writer_takes_all_it_is_given_and_gathers() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([Bucket::flush()]);
    let mut out = brigade.writer(&mut alloc);
    out.write_all(b"ab").unwrap();
    let slices = [IoSlice::new(b"cd"), IoSlice::new(b""), IoSlice::new(b"ef")];
    assert_eq!(out.write_vectored(&slices).unwrap(), 4);
    out.flush().unwrap();
    fmt::Write::write_str(&mut out, "gh").unwrap();
    write!(out, "{:03}", 7).unwrap();
    assert_eq!(shown(&brigade), "FLUSH|abcdefgh007");
}

#[test]
fn writev_of_more_than_a_block_leaves_no_gaps() {
    let mut alloc = BucketAlloc::new();
    let bytes = pattern(40_000);
    let mut brigade = Brigade::new();
    let slices: Vec<IoSlice<'_>> = bytes.chunks(3001).map(IoSlice::new).collect();
    assert_eq!(brigade.writer(&mut alloc).write_vectored(&slices).unwrap(), 40_000);
    assert_eq!((brigade.len(), alloc.stats().blocks_created), (5, 5));
    assert_eq!(brigade.flatten(40_000).unwrap(), bytes);
}

/// 100 bytes of each of 1,000 blocks.
fn little_of_many(alloc: &mut BucketAlloc) -> Brigade<'static> {
    let piece = |_| {
        let mut bucket = alloc.copy(&pattern(8192));
        bucket.advance(8092).unwrap();
        bucket
    };
    of((0..1000).map(piece))
}

#[test]
fn compact_keeps_the_bytes_and_lets_go_of_the_blocks() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = little_of_many(&mut alloc);
    brigade.push_back(Bucket::eos());
    alloc.trim();
    assert_eq!(alloc.stats().blocks_live, 1000);
    let before = brigade.flatten(100_000).unwrap();
    brigade.compact(&mut alloc);
    alloc.trim();
    assert_eq!(alloc.stats().blocks_live, 13, "100,000 bytes in blocks of 8,192");
    assert_eq!((brigade.len(), brigade.back().unwrap().is_eos()), (14, true));
    assert_eq!(brigade.flatten(100_000).unwrap(), before);
    brigade.assert_invariants();
}

#[test]
fn compact_leaves_what_uses_half_of_its_block_and_what_is_in_none() {
    let mut alloc = AllocOptions::default().block_size(64).build();
    let mut brigade = of([
        Bucket::transient(b"borrowed"),
        alloc.copy(&[b'x'; 32]),
        Bucket::flush(),
        Bucket::heap(vec![b'y'; 3]),
        Bucket::file(file_of(b"abc"), 0, 3),
        alloc.copy(&[b'z'; 40]),
        alloc.copy(&[b'o'; 500]),
    ]);
    let (before, copied) = (shown(&brigade), alloc.stats().copied_bytes);
    brigade.compact(&mut alloc);
    assert_eq!((shown(&brigade), alloc.stats().copied_bytes), (before, copied));
}

#[test]
fn compact_joins_neighbours_before_it_copies() {
    let mut alloc = AllocOptions::default().block_size(64).build();
    let mut brigade = of((0..4).map(|_| alloc.copy(&[b'x'; 10])));
    let copied = alloc.stats().copied_bytes;
    brigade.compact(&mut alloc);
    assert_eq!((brigade.len(), alloc.stats().copied_bytes), (1, copied));
}

#[test]
fn compact_lets_go_of_a_large_piece_of_which_little_is_kept() {
    let mut alloc = BucketAlloc::new();
    let mut large = alloc.copy(&pattern(1 << 20));
    let tail = large.split_at((1 << 20) - 10).unwrap();
    drop(large);
    let mut brigade = of([tail]);
    brigade.compact(&mut alloc);
    assert_eq!(alloc.stats().blocks_live, 1, "the ten bytes are in a block of the allocator's");
    assert_eq!(brigade.flatten(10).unwrap(), &pattern(1 << 20)[(1 << 20) - 10..]);
}
