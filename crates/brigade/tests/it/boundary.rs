//! Parts between boundaries: what is given out, what is held back, what stays.

use brigade::{Brigade, Bucket, BucketAlloc, ErrorKind, ReadCx, ReadMode, Split};
use proptest::prelude::*;

use crate::brigade::of;
use crate::kit::{file_of, halting};
use crate::sources::{Failing, Item, brigade_of, cuts, cuts_in_memory, items, shown};

/// What a reader of parts sees, one entry a step, with the part so far.
#[derive(Debug, PartialEq)]
enum Seen {
    Part(Vec<u8>),
    /// As long as the limit, and it goes on.
    Long(Vec<u8>),
    Mark(Item, Vec<u8>),
    /// No more comes: the part so far, and what is held back.
    Rest(Vec<u8>, Vec<u8>),
}

/// Parts of at most `limit` bytes, by the rule alone: byte by byte.
struct Model<'b> {
    boundary: &'b [u8],
    limit: usize,
    seen: Vec<Seen>,
    part: Vec<u8>,
    held: Vec<u8>, // A proper beginning of the boundary.
}

impl Model<'_> {
    fn run(mut self, items: &[Item]) -> Vec<Seen> {
        for item in items {
            match item {
                Item::Byte(byte) => self.take(*byte),
                Item::Flush => self.seen.push(Seen::Mark(Item::Flush, self.part.clone())),
                Item::Eos => {
                    while !self.held.is_empty() {
                        self.give();
                    }
                    self.seen.push(Seen::Mark(Item::Eos, self.part.clone()));
                }
            }
        }
        self.seen.push(Seen::Rest(self.part, self.held));
        self.seen
    }

    fn take(&mut self, byte: u8) {
        self.held.push(byte);
        while !self.boundary.starts_with(&self.held) {
            self.give();
        }
        if self.held == self.boundary {
            self.held.clear();
            self.seen.push(Seen::Part(std::mem::take(&mut self.part)));
        }
    }

    fn give(&mut self) {
        if self.part.len() == self.limit {
            self.seen.push(Seen::Long(std::mem::take(&mut self.part)));
        }
        self.part.push(self.held.remove(0));
    }
}

fn model(items: &[Item], boundary: &[u8], limit: usize) -> Vec<Seen> {
    Model { boundary, limit, seen: Vec::new(), part: Vec::new(), held: Vec::new() }.run(items)
}

/// The same by `split`; what has nothing yet is tried again.
fn parts_by(
    input: &mut Brigade<'static>,
    limit: usize,
    mut split: impl FnMut(&mut Brigade<'static>, &mut Brigade<'static>) -> brigade::Result<Split>,
) -> Vec<Seen> {
    let (mut seen, mut part) = (Vec::new(), Brigade::new());
    loop {
        let answer = split(input, &mut part);
        input.assert_invariants();
        part.assert_invariants();
        let bytes = part.flatten(limit as u64).expect("a part is within its limit");
        match answer {
            Err(error) => assert!(error.is_would_block(), "{error}"),
            Ok(Split::Mark) => {
                let mark = input.pop_front().expect("a mark is in front");
                let mark = if mark.is_eos() { Item::Eos } else { Item::Flush };
                seen.push(Seen::Mark(mark, bytes));
            }
            Ok(Split::Found) => {
                seen.push(Seen::Part(bytes));
                part.clear();
            }
            Ok(Split::Limit) => {
                seen.push(Seen::Long(bytes));
                part.clear();
            }
            _ => {
                seen.push(Seen::Rest(bytes, input.flatten(64).unwrap()));
                return seen;
            }
        }
    }
}

fn boundary() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&b"ab"[..]), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn parts_are_the_same_however_the_input_is_cut(
        items in items(b"ab", 60),
        cuts in cuts_in_memory(),
        boundary in boundary(),
        limit in 1usize..20,
    ) {
        let mut alloc = BucketAlloc::new();
        let mut input = brigade_of(&items, &cuts, &mut alloc);
        let seen = parts_by(&mut input, limit, |input, part| {
            input.split_boundary(part, &boundary, limit as u64)
        });
        prop_assert_eq!(seen, model(&items, &boundary, limit));
    }
}

proptest! {
    #[test]
    fn parts_are_the_same_wherever_the_input_is(
        items in items(b"ab", 60),
        cuts in cuts(),
        boundary in boundary(),
        limit in 1usize..20,
    ) {
        let mut alloc = BucketAlloc::new();
        let mut input = brigade_of(&items, &cuts, &mut alloc);
        let seen = parts_by(&mut input, limit, |input, part| {
            let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
            input.split_boundary_read(part, &boundary, limit as u64, &mut cx)
        });
        prop_assert_eq!(seen, model(&items, &boundary, limit));
    }
}

type Buckets = Vec<Bucket<'static>>;

fn memory(pieces: &[&'static [u8]]) -> Buckets {
    pieces.iter().map(|piece| Bucket::immortal(piece)).collect()
}

#[track_caller]
fn check_limit(
    buckets: Buckets,
    boundary: &str,
    limit: u64,
    answer: Split,
    part: &str,
    rest: &str,
) {
    let mut input = of(buckets);
    let mut into = Brigade::new();
    assert_eq!(input.split_boundary(&mut into, boundary.as_bytes(), limit).unwrap(), answer);
    assert_eq!((&*shown(&into), &*shown(&input)), (part, rest));
}

#[track_caller]
fn check(buckets: Buckets, boundary: &str, answer: Split, part: &str, rest: &str) {
    check_limit(buckets, boundary, 100, answer, part, rest);
}

#[test]
fn boundary_in_one_bucket_is_dropped_and_the_rest_stays() {
    check(memory(&[b"one--two"]), "--", Split::Found, "one", "two");
    check(memory(&[b"one--", b"two"]), "--", Split::Found, "one", "two");
    check(memory(&[b"--two"]), "--", Split::Found, "", "two");
    check(memory(&[b"--"]), "--", Split::Found, "", "");
    check(memory(&[b"----"]), "--", Split::Found, "", "--");
}

#[test]
fn boundary_across_buckets_is_found_however_often_it_is_cut() {
    check(memory(&[b"fox jum", b"ped over"]), "jumped", Split::Found, "fox ", " over");
    check(memory(&[b"j", b"j", b"umped", b"z"]), "jumped", Split::Found, "j", "z");
    check(memory(&[b"a", b"a", b"", b"a", b"b"]), "aab", Split::Found, "a", "");
    check(memory(&[b"aa", b"ab"]), "aab", Split::Found, "a", "");
    check(memory(&[b"aaab"]), "aab", Split::Found, "a", "");
}

#[test]
fn beginning_of_a_boundary_at_the_end_is_held_back() {
    check(memory(&[b"fox jum"]), "jumped", Split::More, "fox ", "jum");
    check(memory(&[b"fox j", b"um"]), "jumped", Split::More, "fox ", "j|um");
    check(memory(&[b"fox jumpe"]), "jumped", Split::More, "fox ", "jumpe");
    check(memory(&[b"fox jump "]), "jumped", Split::More, "fox jump ", "");
    check(memory(&[b"fox jum", b"ble"]), "jumped", Split::More, "fox jum|ble", "");
}

#[test]
fn bytes_held_back_are_given_out_at_the_end_of_the_body() {
    let buckets = |mark| vec![Bucket::immortal(b"fox jum"), mark, Bucket::immortal(b"ped")];
    check(buckets(Bucket::eos()), "jumped", Split::Mark, "fox jum", "EOS|ped");
    let error = Bucket::error(brigade::Error::other("no"));
    check(buckets(error), "jumped", Split::Mark, "fox jum", "ERROR|ped");
}

#[test]
fn flush_goes_before_what_is_held_back_and_the_boundary_is_found_behind_it() {
    let mut input =
        of([Bucket::immortal(b"fox jum"), Bucket::flush(), Bucket::immortal(b"ped over")]);
    let mut part = Brigade::new();
    assert_eq!(input.split_boundary(&mut part, b"jumped", 100).unwrap(), Split::Mark);
    assert_eq!((&*shown(&part), &*shown(&input)), ("fox ", "FLUSH|jum|ped over"));
    assert_eq!(input.split_boundary(&mut part, b"jumped", 100).unwrap(), Split::Mark, "it stays");
    assert!(input.pop_front().unwrap().is_flush());
    assert_eq!(input.split_boundary(&mut part, b"jumped", 100).unwrap(), Split::Found);
    assert_eq!((&*shown(&part), &*shown(&input)), ("fox ", " over"));
}

#[test]
fn mark_in_front_ends_the_search_and_is_never_deleted() {
    check(vec![Bucket::flush(), Bucket::immortal(b"a--")], "--", Split::Mark, "", "FLUSH|a--");
    let buckets = vec![Bucket::immortal(b"abc"), Bucket::flush(), Bucket::immortal(b"--")];
    check(buckets, "--", Split::Mark, "abc", "FLUSH|--");
}

#[test]
fn limit_is_exact_and_the_boundary_does_not_count() {
    check_limit(memory(&[b"abc--"]), "--", 3, Split::Found, "abc", "");
    check_limit(memory(&[b"abc--"]), "--", 2, Split::Limit, "ab", "c--");
    check_limit(memory(&[b"abc", b"-", b"-"]), "--", 3, Split::Found, "abc", "");
    check_limit(memory(&[b"abc", b"d--"]), "--", 3, Split::Limit, "abc", "d--");
    check_limit(memory(&[b"abc-"]), "--", 3, Split::More, "abc", "-");
    check_limit(memory(&[b"abc-x"]), "--", 3, Split::Limit, "abc", "-x");
    check_limit(memory(&[b"--"]), "--", 0, Split::Found, "", "");
    check_limit(memory(&[b"a"]), "--", 0, Split::Limit, "", "a");
    let body_ends = vec![Bucket::immortal(b"abc-"), Bucket::eos()];
    check_limit(body_ends, "--", 3, Split::Limit, "abc", "-|EOS");
}

#[test]
fn limit_counts_what_earlier_calls_moved() {
    let (mut input, mut part) = (Brigade::new(), Brigade::new());
    for (piece, answer) in [(&b"abc"[..], Split::More), (b"de--", Split::Limit)] {
        input.push_back(Bucket::immortal(piece));
        assert_eq!(input.split_boundary(&mut part, b"--", 4).unwrap(), answer);
    }
    assert_eq!((&*shown(&part), &*shown(&input)), ("abc|d", "e--"));
}

#[test]
fn empty_boundary_is_refused_and_changes_nothing() {
    let mut alloc = BucketAlloc::new();
    let (mut input, mut part) = (Brigade::from(Bucket::immortal(b"abc")), Brigade::new());
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let answers = [
        input.split_boundary(&mut part, b"", 100),
        input.split_boundary_read(&mut part, b"", 100, &mut cx),
    ];
    for answer in answers {
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "split at a boundary of 0 bytes");
    }
    assert_eq!((&*shown(&part), &*shown(&input)), ("", "abc"));
}

#[test]
fn unread_data_in_the_way_is_an_error_that_names_it_and_loses_nothing() {
    for (unread, name) in [(Bucket::file(file_of(b"ped"), 0, 3), "FILE"), (halting(&[]), "STREAM")]
    {
        let mut input = of([Bucket::immortal(b"fox jum"), unread]);
        let mut part = Brigade::new();
        let error = input.split_boundary(&mut part, b"jumped", 100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.to_string(), format!("split at a boundary: a {name} must be read first"));
        assert_eq!((&*shown(&part), &*shown(&input)), ("fox ", &*format!("jum|{name}")));
    }
}

#[test]
fn reading_goes_as_far_as_the_boundary_and_no_piece_further() {
    let mut alloc = BucketAlloc::new();
    let file = Bucket::file(file_of(b"fox j"), 0, 5);
    let mut input = of([file, Failing::after(&[b"um", b"ped over", b"never"])]);
    let mut part = Brigade::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    assert!(input.split_boundary_read(&mut part, b"jumped", 100, &mut cx).unwrap().is_found());
    assert_eq!((&*shown(&part), &*shown(&input)), ("fox ", " over|FAILING"));
}

#[test]
fn read_error_in_a_part_leaves_what_came_before_and_what_is_held_back() {
    let mut alloc = BucketAlloc::new();
    let mut input = of([Bucket::immortal(b"fox "), Failing::after(&[b"j", b"um"]), Bucket::eos()]);
    let mut part = Brigade::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    for _ in 0..2 {
        let error = input.split_boundary_read(&mut part, b"jumped", 100, &mut cx).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!((&*shown(&part), &*shown(&input)), ("fox ", "j|um|FAILING|EOS"));
    }
}

#[test]
fn multipart_body_comes_apart_by_its_boundaries() {
    let body = b"preamble\r\n--b\r\nA: 1\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nepilogue";
    for len in 1..body.len() {
        let mut input: Brigade<'_> = body.chunks(len).map(Bucket::immortal).collect();
        input.push_back(Bucket::eos());
        let (mut parts, mut part) = (Vec::new(), Brigade::new());
        while input.split_boundary(&mut part, b"\r\n--b", 1000).unwrap().is_found() {
            parts.push(String::from_utf8(part.flatten(1000).unwrap()).unwrap());
            part.clear();
        }
        assert_eq!(parts, ["preamble", "\r\nA: 1\r\n\r\none", "\r\n\r\ntwo"], "pieces of {len}");
        assert_eq!(part.flatten(1000).unwrap(), b"--\r\nepilogue");
        assert_eq!(shown(&input), "EOS");
    }
}
