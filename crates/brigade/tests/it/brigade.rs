//! A brigade: cutting, joining, gathering, flattening, setting aside.

use brigade::{Brigade, Bucket, BucketAlloc, Error, ErrorKind, ReadCx, ReadMode};

use crate::kit::{Pieces, file_of, halting, pattern};

pub(crate) fn of<'a>(buckets: impl IntoIterator<Item = Bucket<'a>>) -> Brigade<'a> {
    buckets.into_iter().collect()
}

pub(crate) fn shown(brigade: &Brigade<'_>) -> String {
    brigade.assert_invariants();
    format!("{brigade:?}")
}

/// Three pieces, a mark, a zero-length piece and a FILE: 15 bytes.
pub(crate) fn mixed() -> Brigade<'static> {
    of([
        Bucket::immortal(b"abc"),
        Bucket::flush(),
        Bucket::immortal(b"defg"),
        Bucket::immortal(b""),
        Bucket::file(file_of(b"hijklmno"), 0, 8),
        Bucket::eos(),
    ])
}

#[test]
fn brigade_knows_its_lengths_without_a_walk() {
    let mut brigade = mixed();
    assert_eq!((brigade.len(), brigade.len_bytes(), brigade.resident_bytes()), (6, Some(15), 7));
    assert!(brigade.ends_body());
    brigade.push_front(halting(&[]));
    assert_eq!((brigade.len_bytes(), brigade.resident_bytes()), (None, 7));
    drop(brigade.pop_front());
    drop(brigade.pop_back());
    assert_eq!((brigade.len_bytes(), brigade.ends_body()), (Some(15), false));
    brigade.assert_invariants();
}

#[test]
fn error_in_the_place_of_eos_ends_a_body_too() {
    assert!(of([Bucket::error(Error::other("no"))]).ends_body());
    assert!(!of([Bucket::flush(), Bucket::eoc()]).ends_body());
}

#[test]
fn append_and_prepend_move_all_and_leave_the_other_empty() {
    let mut brigade = of([Bucket::immortal(b"b")]);
    let mut before = of([Bucket::immortal(b"a"), Bucket::flush()]);
    let mut after = of([Bucket::immortal(b"c"), Bucket::eos()]);
    brigade.prepend(&mut before);
    brigade.append(&mut after);
    assert!(before.is_empty() && after.is_empty() && before.len_bytes() == Some(0));
    assert_eq!(shown(&brigade), r#"[IMMORTAL 1 "a", FLUSH, IMMORTAL 1 "b", IMMORTAL 1 "c", EOS]"#);
    before.assert_invariants();
    after.assert_invariants();
}

#[test]
fn longer_lived_buckets_join_a_brigade_that_borrows() {
    let mut own: Brigade<'static> = of([Bucket::immortal(b"own")]);
    let line = String::from("borrowed");
    let mut brigade = of([Bucket::transient(line.as_bytes())]);
    brigade.append(&mut own);
    own.push_back(Bucket::immortal(b"again"));
    assert_eq!((brigade.len(), own.len()), (2, 1));
}

#[test]
fn brigade_may_be_declared_before_what_it_borrows() {
    let mut brigade = Brigade::new();
    let line = String::from("borrowed");
    brigade.push_back(Bucket::transient(line.as_bytes()));
    assert_eq!(brigade.flatten(8).unwrap(), b"borrowed");
}

#[test]
fn flatten_copies_all_bytes_within_its_limit() {
    let brigade = of([Bucket::immortal(b"abc"), Bucket::flush(), Bucket::immortal(b"de")]);
    assert_eq!(brigade.flatten(5).unwrap(), b"abcde");
    let error = brigade.flatten(4).unwrap_err();
    assert_eq!(
        (error.kind(), &*error.to_string()),
        (ErrorKind::TooLarge, "flatten 5 bytes, limit 4")
    );
    let error = mixed().flatten(64).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "flatten a FILE that is not read");
}

#[test]
fn small_writes_share_a_bucket_until_its_block_is_full() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = Brigade::new();
    for turn in 0..3000 {
        brigade.write(&mut alloc, &pattern(3006)[turn..turn + 6]);
    }
    assert_eq!((brigade.len(), brigade.len_bytes()), (3, Some(18_000)));
    let mut expected = Vec::new();
    (0..3000).for_each(|turn| expected.extend_from_slice(&pattern(3006)[turn..turn + 6]));
    assert_eq!(brigade.flatten(18_000).unwrap(), expected);
    brigade.assert_invariants();
}

#[test]
fn write_begins_a_bucket_where_the_last_cannot_grow() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([Bucket::transient(b"a")]);
    brigade.write(&mut alloc, b"b");
    let foreign = alloc.copy(b"x");
    brigade.write(&mut alloc, b"c");
    brigade.push_back(Bucket::flush());
    brigade.write(&mut alloc, b"");
    brigade.write(&mut alloc, b"d");
    assert_eq!(shown(&brigade), r#"[TRANSIENT 1 "a", HEAP 1 "b", HEAP 1 "c", FLUSH, HEAP 1 "d"]"#);
    assert_eq!(foreign.bytes(), Some(&b"x"[..]));
}

#[test]
fn write_after_a_clone_or_a_cut_never_changes_what_others_see() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = Brigade::new();
    brigade.write(&mut alloc, b"abcdef");
    let clone = brigade.front().unwrap().try_clone().unwrap();
    brigade.write(&mut alloc, b"gh");
    let tail = brigade.partition(3).unwrap();
    brigade.write(&mut alloc, b"ZZ");
    assert_eq!(clone.bytes(), Some(&b"abcdef"[..]));
    assert_eq!(tail.flatten(64).unwrap(), b"defgh");
    assert_eq!(brigade.flatten(64).unwrap(), b"abcZZ");
}

#[test]
fn print_formats_into_the_brigade() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = Brigade::new();
    brigade.print(&mut alloc, format_args!("{}: {:>4}\r\n", "Age", 60));
    assert_eq!((brigade.len(), brigade.flatten(64).unwrap()), (1, b"Age:   60\r\n".to_vec()));
}

#[test]
fn io_slices_are_the_bytes_up_to_what_must_be_read() {
    let mut alloc = BucketAlloc::new();
    let (one, two) = (alloc.copy(b"one"), alloc.copy(b"two"));
    let brigade = of([
        Bucket::transient(b"zero"),
        Bucket::transient(b""),
        one,
        Bucket::flush(),
        two,
        Bucket::immortal(b"three"),
        Bucket::file(file_of(b"abc"), 0, 3),
        Bucket::immortal(b"four"),
    ]);
    let slices = brigade.io_slices(64);
    let seen: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
    assert_eq!(seen, [&b"zero"[..], b"onetwo", b"three"], "neighbours share a slice");
    assert!(!slices.has_rest());
}

#[test]
fn io_slices_say_that_more_remains() {
    let brigade = of((0..70).map(|_| Bucket::immortal(b"x")));
    assert!(brigade.io_slices(69).has_rest() && brigade.io_slices(69).len() == 69);
    assert!(!brigade.io_slices(70).has_rest() && brigade.io_slices(70).len() == 70);
    assert!(Brigade::new().io_slices(0).is_empty());
    assert!(brigade.io_slices(0).has_rest());
}

#[test]
fn set_aside_packs_borrowed_pieces_and_keeps_the_rest_as_it_is() {
    let mut alloc = BucketAlloc::new();
    let mut kept = Brigade::new();
    {
        let text = pattern(1600);
        let mut brigade = of(text.chunks(100).map(Bucket::transient));
        brigade.push_back(Bucket::flush());
        brigade.push_back(Bucket::file(file_of(b"abc"), 0, 3));
        brigade.push_back(Bucket::transient(&text[..5]));
        brigade.set_aside(&mut kept, &mut alloc);
        assert!(brigade.is_empty() && brigade.len_bytes() == Some(0));
    }
    assert_eq!((kept.len(), alloc.stats().blocks_created), (4, 1));
    assert_eq!(kept.front().unwrap().bytes().unwrap(), pattern(1600));
    assert_eq!(kept.back().unwrap().bytes().unwrap(), &pattern(1600)[..5]);
    kept.assert_invariants();
}

#[test]
fn set_aside_joins_neighbours_in_one_block_and_keeps_empty_data() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([b"ab", b"cd", b"ef"].map(|piece| alloc.copy(piece)));
    brigade.push_back(Bucket::transient(b""));
    let copied = alloc.stats().copied_bytes;
    let mut kept = Brigade::new();
    brigade.set_aside(&mut kept, &mut alloc);
    assert_eq!(shown(&kept), r#"[HEAP 6 "abcdef", IMMORTAL 0 ""]"#);
    assert_eq!(alloc.stats().copied_bytes, copied, "no byte is copied again");
}

#[test]
fn pop_read_gives_pieces_and_leaves_the_rest_in_front() {
    let mut alloc = BucketAlloc::new();
    let bytes = pattern(100_000);
    let mut brigade = of([Bucket::file(file_of(&bytes), 0, 100_000), Bucket::eos()]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    let first = brigade.pop_read(&mut cx).unwrap().unwrap();
    assert_eq!((first.len(), brigade.len()), (Some(65_536), 2));
    assert_eq!(brigade.len_bytes(), Some(100_000 - 65_536));
    brigade.assert_invariants();
    let mut out = first.bytes().unwrap().to_vec();
    while let Some(piece) = brigade.pop_read(&mut cx).unwrap() {
        out.extend_from_slice(piece.bytes().unwrap_or_default());
    }
    assert_eq!(out, bytes);
    assert!(brigade.is_empty());
}

#[test]
fn pop_read_that_fails_leaves_what_failed_and_all_behind_it() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([halting(&[b"abc"]), Bucket::file(file_of(b"ab"), 0, 9), Bucket::eos()]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    assert!(brigade.pop_read(&mut cx).unwrap_err().is_would_block());
    assert_eq!((brigade.len(), brigade.len_bytes()), (3, None));
    assert_eq!(brigade.pop_read(&mut cx).unwrap().unwrap().bytes(), Some(&b"abc"[..]));
    assert!(brigade.pop_read(&mut cx).unwrap_err().is_would_block());
    assert_eq!(brigade.pop_read(&mut cx).unwrap().unwrap().bytes(), Some(&b"ab"[..]));
    assert_eq!(brigade.pop_read(&mut cx).unwrap_err().kind(), ErrorKind::Incomplete);
    assert_eq!((brigade.len(), brigade.len_bytes()), (2, Some(7)));
    brigade.assert_invariants();
}

#[test]
fn empty_deferred_data_is_passed_over() {
    let mut alloc = BucketAlloc::new();
    let mut brigade =
        of([Bucket::file(file_of(b""), 0, 0), Bucket::of(Pieces(Vec::new())), Bucket::eos()]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    assert!(brigade.pop_read(&mut cx).unwrap().unwrap().is_eos());
    assert!(brigade.pop_read(&mut cx).unwrap().is_none());
}

#[test]
fn drop_data_keeps_the_marks_in_their_order() {
    let mut brigade = mixed();
    brigade.push_front(halting(&[b"never read"]));
    brigade.drop_data();
    assert_eq!((shown(&brigade), brigade.len_bytes()), ("[FLUSH, EOS]".into(), Some(0)));
}

#[test]
fn recycled_storage_serves_another_lifetime() {
    let mut storage: Brigade<'static> = Brigade::new();
    for turn in 0..3 {
        let line = format!("line {turn}");
        let mut brigade = storage.recycle();
        brigade.push_back(Bucket::transient(line.as_bytes()));
        assert_eq!(brigade.flatten(64).unwrap(), line.as_bytes());
        storage = brigade.recycle();
        assert!(storage.is_empty() && storage.len_bytes() == Some(0));
    }
}

#[test]
fn iteration_runs_both_ways() {
    let brigade = mixed();
    assert_eq!(brigade.iter().len(), 6);
    let names = |iter: &mut dyn Iterator<Item = Bucket<'_>>| {
        iter.map(|bucket| bucket.kind_name().to_owned()).collect::<Vec<_>>()
    };
    assert!(brigade.iter().next_back().unwrap().is_eos());
    let (mut forth, mut back) = (mixed().into_iter(), mixed().into_iter().rev());
    let (forth, mut back) = (names(&mut forth), names(&mut back));
    back.reverse();
    assert_eq!(forth, back);
    let mut again = Brigade::new();
    again.extend(brigade);
    assert_eq!(again.len(), 6);
}

#[test]
fn brigade_whose_buckets_left_at_both_ends_is_empty() {
    let begun = || {
        let mut brigade: Brigade<'_> =
            [&b"one"[..], b"two"].map(Bucket::immortal).into_iter().collect();
        brigade.pop_front();
        brigade
    };
    let (mut popped, mut split, mut moved) = (begun(), begun(), begun());
    popped.pop_back();
    let _rest = split.split_off(0);
    moved.split_off_into(0, &mut Brigade::new());
    assert_eq!([popped, split, moved].map(|left| (left.is_empty(), left.len())), [(true, 0); 3]);
}
