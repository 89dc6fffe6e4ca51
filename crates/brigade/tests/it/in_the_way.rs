//! Operations with FILE and STREAM in the way: they read what the answer needs, up to a stated
//! limit.

use brigade::{Brigade, Bucket, BucketAlloc, Data, ErrorKind, ReadCx, ReadMode, Result};
use proptest::prelude::*;

use crate::brigade::of;
use crate::kit::{file_of, halting, pattern};
use crate::sources::{Failing, Item, brigade_of, bytes_of, cuts, items, shown};

/// Calls until it does not answer `WouldBlock`, a bounded number of times.
fn patiently<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..1000 {
        match call() {
            Err(error) if error.is_would_block() => {}
            answer => return answer,
        }
    }
    panic!("the source never has anything")
}

/// What a brigade of resident data and marks is.
fn resident_items(brigade: &Brigade<'_>) -> Vec<Item> {
    brigade.assert_invariants();
    let of = |bucket: &Bucket<'_>| match bucket.bytes() {
        Some(bytes) => bytes.iter().map(|byte| Item::Byte(*byte)).collect(),
        None if bucket.is_eos() => vec![Item::Eos],
        None if bucket.is_flush() => vec![Item::Flush],
        None => panic!("{bucket:?} is not read"),
    };
    brigade.iter().flat_map(of).collect()
}

/// How many items stay when exactly `at` bytes do; marks at the cut go with the rest.
fn place_of_byte(items: &[Item], at: usize) -> usize {
    (0..=items.len()).find(|place| bytes_of(&items[..*place]).len() == at).unwrap_or(items.len())
}

proptest! {
    #[test]
    fn partition_is_the_same_wherever_the_bytes_are(
        items in items(b"abc", 60),
        cuts in cuts(),
        at in 0usize..60,
    ) {
        let mut alloc = BucketAlloc::new();
        let mut brigade = brigade_of(&items, &cuts, &mut alloc);
        let held = bytes_of(&items).len();
        let answer = patiently(|| {
            brigade.partition_read(at as u64, &mut ReadCx::new(&mut alloc, ReadMode::NonBlocking))
        });
        brigade.assert_invariants();
        let mut read_all = |brigade: &mut Brigade<'static>| {
            patiently(|| {
                brigade.read_all(1000, &mut ReadCx::new(&mut alloc, ReadMode::NonBlocking))
            }).unwrap();
            resident_items(brigade)
        };
        match answer {
            Ok(mut rest) => {
                let (head, tail) = items.split_at(place_of_byte(&items, at));
                prop_assert_eq!(brigade.len_bytes(), Some(at as u64));
                prop_assert_eq!(read_all(&mut brigade), head);
                prop_assert_eq!(read_all(&mut rest), tail);
            }
            Err(error) => {
                prop_assert_eq!(error.to_string(), format!("partition {held} bytes at {at}"));
                prop_assert!(at > held);
                prop_assert_eq!(read_all(&mut brigade), items);
            }
        }
    }

    #[test]
    fn length_and_bytes_are_known_once_read(items in items(b"abc", 60), cuts in cuts()) {
        let mut alloc = BucketAlloc::new();
        let bytes = bytes_of(&items);
        let len = bytes.len() as u64;
        let mut brigade = brigade_of(&items, &cuts, &mut alloc);
        let answer = patiently(|| {
            brigade.len_bytes_read(len, &mut ReadCx::new(&mut alloc, ReadMode::NonBlocking))
        });
        prop_assert_eq!(answer.unwrap(), len);
        patiently(|| brigade.read_all(len, &mut ReadCx::new(&mut alloc, ReadMode::NonBlocking))).unwrap();
        prop_assert_eq!(resident_items(&brigade), items);
        prop_assert_eq!(brigade.flatten(len).unwrap(), bytes);
    }
}

#[test]
fn partition_splits_a_file_unread_and_reads_a_stream_up_to_the_cut() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([
        Bucket::file(file_of(b"abcdef"), 0, 6),
        Failing::after(&[b"gh", b"ijk", b"never"]),
        Bucket::eos(),
    ]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    let mut rest = brigade.partition_read(4, &mut cx).unwrap();
    assert_eq!((&*shown(&brigade), &*shown(&rest)), ("FILE", "FILE|FAILING|EOS"));
    assert_eq!(cx.alloc().stats().copied_bytes, 0, "nothing is read for that");
    let tail = rest.partition_read(5, &mut cx).unwrap();
    assert_eq!((&*shown(&rest), &*shown(&tail)), ("FILE|ghi", "jk|FAILING|EOS"));
}

#[test]
fn partition_at_the_end_of_a_piece_reads_no_further() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([Failing::after(&[b"ab", b"cd"])]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    let rest = brigade.partition_read(4, &mut cx).unwrap();
    assert_eq!((&*shown(&brigade), &*shown(&rest)), ("abcd", "FAILING"));
    assert_eq!(brigade.partition_read(0, &mut cx).unwrap().len_bytes(), Some(4));
}

#[test]
fn partition_that_fails_to_read_keeps_everything_in_its_place() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([Bucket::flush(), Failing::after(&[b"ab", b"cd"]), Bucket::eos()]);
    for _ in 0..2 {
        let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
        assert_eq!(brigade.partition_read(9, &mut cx).unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(shown(&brigade), "FLUSH|abcd|FAILING|EOS");
    }
    assert_eq!(brigade.partition(3).unwrap().len(), 3);
}

#[test]
fn partition_past_the_end_says_how_much_there_was_and_loses_nothing() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([halting(&[b"ab", b"c"]), Bucket::eos()]);
    let answer = patiently(|| {
        brigade.partition_read(9, &mut ReadCx::new(&mut alloc, ReadMode::NonBlocking))
    });
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert_eq!(error.to_string(), "partition 3 bytes at 9");
    assert_eq!(shown(&brigade), "abc|EOS");
}

/// Of a known length, and not to be split unread.
struct Whole(&'static [u8]);

impl Data for Whole {
    fn name(&self) -> &'static str {
        "WHOLE"
    }

    fn len(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        let piece = std::mem::take(&mut self.0);
        Ok((!piece.is_empty()).then(|| cx.alloc().copy(piece)))
    }
}

#[test]
fn kind_that_cannot_be_split_is_read_where_the_cut_falls_into_it() {
    let mut alloc = BucketAlloc::new();
    let whole = || of([Bucket::of(Whole(b"abc")), Bucket::of(Whole(b"def"))]);
    let mut brigade = whole();
    assert_eq!(brigade.partition(4).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(shown(&brigade), "WHOLE|WHOLE", "unchanged");
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    let rest = brigade.partition_read(4, &mut cx).unwrap();
    assert_eq!((&*shown(&brigade), &*shown(&rest)), ("WHOLE|d", "ef"));
    let mut brigade = whole();
    brigade.partition_read(3, &mut cx).unwrap();
    assert_eq!(shown(&brigade), "WHOLE", "a cut between two needs no reading");
}

#[test]
fn partition_into_appends_the_rest_and_leaves_both_as_they_were_when_it_fails() {
    let mut brigade = of([Bucket::immortal(b"abc"), Bucket::flush(), Bucket::immortal(b"def")]);
    let mut rest = of([Bucket::immortal(b"before")]);
    assert_eq!(brigade.partition_into(7, &mut rest).unwrap_err().kind(), ErrorKind::Incomplete);
    assert_eq!((&*shown(&brigade), &*shown(&rest)), ("abc|FLUSH|def", "before"));
    brigade.partition_into(4, &mut rest).unwrap();
    assert_eq!((&*shown(&brigade), &*shown(&rest)), ("abc|FLUSH|d", "before|ef"));
    brigade.split_off_into(1, &mut rest);
    assert_eq!((&*shown(&brigade), &*shown(&rest)), ("abc", "before|ef|FLUSH|d"));
    brigade.split_off_into(0, &mut rest);
    assert!(brigade.is_empty() && rest.len_bytes() == Some(12));
}

#[test]
#[should_panic(expected = "split a brigade of 1 buckets at 2")]
fn split_off_into_past_the_end_panics_with_both_numbers() {
    of([Bucket::eos()]).split_off_into(2, &mut Brigade::new());
}

#[test]
fn length_is_read_only_where_it_is_unknown() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([
        Bucket::file(file_of(b""), 0, 9 << 30),
        Bucket::flush(),
        Bucket::stream(&b"0123456789"[..]),
        Bucket::eos(),
    ]);
    assert_eq!(brigade.len_bytes(), None);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    assert_eq!(brigade.len_bytes_read(10, &mut cx).unwrap(), (9 << 30) + 10);
    assert_eq!(brigade.len_bytes(), Some((9 << 30) + 10));
    assert_eq!(shown(&brigade), "FILE|FLUSH|0123456789|EOS");
}

#[test]
fn length_that_would_take_more_than_the_limit_is_refused_and_loses_nothing() {
    let mut alloc = BucketAlloc::new();
    let mut brigade =
        of([Bucket::immortal(b"abc"), Failing::after(&[b"de", b"fg", b"hi"]), Bucket::eos()]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let error = brigade.len_bytes_read(6, &mut cx).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.to_string(), "read 7 bytes or more into memory, limit 6");
    assert_eq!(shown(&brigade), "abc|de|fg|FAILING|EOS");
    assert_eq!(brigade.len_bytes_read(9, &mut cx).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(shown(&brigade), "abc|defghi|FAILING|EOS", "what came before is there");
    let mut endless = of([Bucket::stream(std::io::repeat(b'x'))]);
    assert_eq!(endless.len_bytes_read(100_000, &mut cx).unwrap_err().kind(), ErrorKind::TooLarge);
    assert!(endless.resident_bytes() <= 100_000 + 64 * 1024);
}

#[test]
fn length_whose_sum_fits_in_no_length_is_refused() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([Bucket::file(file_of(b""), 0, u64::MAX), halting(&[b"ab"])]);
    let answer = patiently(|| {
        brigade.len_bytes_read(9, &mut ReadCx::new(&mut alloc, ReadMode::NonBlocking))
    });
    assert_eq!(answer.unwrap_err().to_string(), "add up lengths: the sum is over 64 bits");
}

#[test]
fn read_all_of_more_than_the_limit_reads_nothing_where_lengths_say_so() {
    let mut alloc = BucketAlloc::new();
    let file = file_of(&pattern(5000));
    let mut brigade = of([Bucket::immortal(b"abc"), Bucket::file(file, 0, 5000)]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let error = brigade.read_all(5002, &mut cx).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.to_string(), "read 5003 bytes or more into memory, limit 5002");
    assert_eq!(shown(&brigade), "abc|FILE");
    brigade.read_all(5003, &mut cx).unwrap();
    assert_eq!(brigade.resident_bytes(), 5003);
    brigade.push_back(Bucket::file(file_of(b""), 0, u64::MAX));
    brigade.push_back(Bucket::file(file_of(b""), 0, u64::MAX));
    assert_eq!(brigade.read_all(u64::MAX - 1, &mut cx).unwrap_err().kind(), ErrorKind::TooLarge);
}

#[test]
fn read_all_that_fails_keeps_what_it_read() {
    let mut alloc = BucketAlloc::new();
    let short = Bucket::file(file_of(b"abc"), 0, 5);
    let mut brigade = of([short, Bucket::flush(), Failing::after(&[b"de"]), Bucket::eos()]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    let error = brigade.read_all(100, &mut cx).unwrap_err();
    assert_eq!(error.to_string(), "read a file at byte 3: it ends 2 bytes early");
    assert_eq!(shown(&brigade), "abc|FILE|FLUSH|FAILING|EOS");
    drop(brigade.pop_front());
    drop(brigade.pop_front());
    assert_eq!(brigade.read_all(100, &mut cx).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(shown(&brigade), "FLUSH|de|FAILING|EOS");
}

#[test]
fn read_all_in_a_non_blocking_way_refuses_what_may_block() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([Bucket::stream(&b"abc"[..])]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    assert_eq!(brigade.read_all(9, &mut cx).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(shown(&brigade), "STREAM");
}

#[test]
fn brigade_of_many_buckets_is_read_in_time_that_grows_with_their_number() {
    // Were each piece inserted into the middle, this would move 10^9 buckets.
    let mut alloc = BucketAlloc::new();
    let mut brigade = of((0..20_000).map(|_| Bucket::stream(&b"x"[..])));
    brigade.extend((0..20_000).map(|_| Bucket::flush()));
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    brigade.read_all(20_000, &mut cx).unwrap();
    assert_eq!(brigade.resident_bytes(), 20_000);
    assert!(brigade.len() < 20_010, "neighbours are joined");
}

#[test]
fn source_that_panics_costs_its_own_bytes_alone() {
    struct Panics;
    impl Data for Panics {
        fn name(&self) -> &'static str {
            "PANICS"
        }
        fn len(&self) -> Option<u64> {
            None
        }
        fn read(&mut self, _cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
            panic!("a bug of the source's")
        }
    }
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([Bucket::of(Panics), Bucket::immortal(b"abc"), Bucket::eos()]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let read = std::panic::AssertUnwindSafe(|| brigade.read_all(9, &mut cx));
    assert!(std::panic::catch_unwind(read).is_err());
    assert_eq!(shown(&brigade), "abc|EOS");
}
