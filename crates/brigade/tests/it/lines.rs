//! Lines out of a brigade: where they end, what they may not exceed, what stays.

use brigade::{Brigade, Bucket, BucketAlloc, ErrorKind, ReadCx, ReadMode, Split};
use proptest::prelude::*;

use crate::brigade::of;
use crate::kit::{file_of, halting};
use crate::sources::{Failing, Item, brigade_of, cuts, items, shown};

/// What a reader of lines sees, one entry a step.
#[derive(Debug, PartialEq)]
enum Seen {
    Line(Vec<u8>),
    /// As long as the limit, and it goes on.
    Long(Vec<u8>),
    Mark(Item),
    /// No more comes.
    Rest(Vec<u8>),
}

/// Lines of at most `limit` bytes, by the rule alone.
fn model(items: &[Item], limit: usize) -> Vec<Seen> {
    let (mut seen, mut line) = (Vec::new(), Vec::new());
    for item in items {
        let Item::Byte(byte) = item else {
            seen.push(Seen::Mark(item.clone()));
            continue;
        };
        if line.len() == limit {
            seen.push(Seen::Long(std::mem::take(&mut line)));
        }
        line.push(*byte);
        if *byte == b'\n' {
            seen.push(Seen::Line(std::mem::take(&mut line)));
        }
    }
    seen.push(Seen::Rest(line));
    seen
}

/// The same by `split_line_read`; a source that has nothing yet is tried again.
fn read_lines(input: &mut Brigade<'_>, limit: usize, alloc: &mut BucketAlloc) -> Vec<Seen> {
    let (mut seen, mut line) = (Vec::new(), Brigade::new());
    loop {
        let mut cx = ReadCx::new(alloc, ReadMode::NonBlocking);
        let answer = input.split_line_read(&mut line, limit as u64, &mut cx);
        input.assert_invariants();
        line.assert_invariants();
        let bytes = line.flatten(limit as u64).expect("a line is within its limit");
        match answer {
            Err(error) => assert!(error.is_would_block(), "{error}"),
            Ok(Split::Mark) => {
                let mark = input.pop_front().expect("a mark is in front");
                seen.push(Seen::Mark(if mark.is_eos() { Item::Eos } else { Item::Flush }));
            }
            Ok(Split::Found) => {
                seen.push(Seen::Line(bytes));
                line.clear();
            }
            Ok(Split::Limit) => {
                seen.push(Seen::Long(bytes));
                line.clear();
            }
            _ => {
                assert!(input.is_empty(), "left: {input:?}");
                seen.push(Seen::Rest(bytes));
                return seen;
            }
        }
    }
}

proptest! {
    #[test]
    fn lines_are_the_same_however_the_input_is_cut_and_wherever_it_is(
        items in items(b"ab\r\n", 60),
        cuts in cuts(),
        limit in 1usize..20,
    ) {
        let mut alloc = BucketAlloc::new();
        let mut input = brigade_of(&items, &cuts, &mut alloc);
        prop_assert_eq!(read_lines(&mut input, limit, &mut alloc), model(&items, limit));
    }
}

type Buckets = Vec<Bucket<'static>>;

fn memory(pieces: &[&'static [u8]]) -> Buckets {
    pieces.iter().map(|piece| Bucket::immortal(piece)).collect()
}

/// Splits a line of at most `limit` bytes; answers the line and what stays.
#[track_caller]
fn check(buckets: Buckets, limit: u64, answer: Split, line: &str, rest: &str) {
    let mut input = of(buckets);
    let mut into = Brigade::new();
    assert_eq!(input.split_line(&mut into, limit).unwrap(), answer);
    assert_eq!((&*shown(&into), &*shown(&input)), (line, rest));
}

#[test]
fn line_ends_with_its_newline_wherever_buckets_end() {
    check(memory(&[b"ab\ncd"]), 100, Split::Found, "ab\\n", "cd");
    check(memory(&[b"ab\n", b"cd"]), 100, Split::Found, "ab\\n", "cd");
    check(memory(&[b"a", b"b", b"\n"]), 100, Split::Found, "a|b|\\n", "");
    check(memory(&[b"\n\n"]), 100, Split::Found, "\\n", "\\n");
}

#[test]
fn carriage_return_belongs_to_its_line_also_in_a_bucket_before() {
    check(memory(&[b"ab\r", b"\ncd"]), 100, Split::Found, "ab\\r|\\n", "cd");
    check(memory(&[b"ab\r\ncd"]), 100, Split::Found, "ab\\r\\n", "cd");
}

#[test]
fn line_without_a_newline_moves_and_waits_for_more() {
    check(memory(&[b"ab", b"cd"]), 100, Split::More, "ab|cd", "");
    check(memory(&[]), 100, Split::More, "", "");
}

#[test]
fn empty_data_is_no_part_of_a_line() {
    check(memory(&[b"", b"a", b"", b"\n", b""]), 100, Split::Found, "a|\\n", "");
    let file = Bucket::file(file_of(b""), 0, 0);
    check(vec![file, Bucket::immortal(b"a\n")], 100, Split::Found, "a\\n", "");
}

#[test]
fn limit_is_exact_and_the_newline_counts() {
    check(memory(&[b"abc\n"]), 4, Split::Found, "abc\\n", "");
    check(memory(&[b"abc\n"]), 3, Split::Limit, "abc", "\\n");
    check(memory(&[b"ab", b"cd\n"]), 3, Split::Limit, "ab|c", "d\\n");
    check(memory(&[b"abc"]), 3, Split::More, "abc", "");
    check(memory(&[b"abc", b""]), 3, Split::More, "abc", "");
    check(memory(&[b"abc\n"]), 0, Split::Limit, "", "abc\\n");
    check(memory(&[]), 0, Split::More, "", "");
}

#[test]
fn limit_counts_what_earlier_calls_moved() {
    let (mut input, mut line) = (Brigade::new(), Brigade::new());
    for (piece, answer) in [(b"abc", Split::More), (b"def", Split::Limit), (b"gh\n", Split::Limit)]
    {
        input.push_back(Bucket::immortal(piece));
        assert_eq!(input.split_line(&mut line, 5).unwrap(), answer);
    }
    assert_eq!((&*shown(&line), &*shown(&input)), ("abc|de", "f|gh\\n"));
}

#[test]
fn mark_ends_the_search_and_stays_in_front() {
    let buckets = |mark| vec![Bucket::immortal(b"ab"), mark, Bucket::immortal(b"c\n")];
    check(buckets(Bucket::eos()), 100, Split::Mark, "ab", "EOS|c\\n");
    check(buckets(Bucket::flush()), 100, Split::Mark, "ab", "FLUSH|c\\n");
    check(buckets(Bucket::eos()), 2, Split::Mark, "ab", "EOS|c\\n");
}

#[test]
fn pieces_are_moved_and_not_copied() {
    let mut alloc = BucketAlloc::new();
    let mut input: Brigade<'_> =
        [&b"one"[..], b" line\nof", b" two"].map(|piece| alloc.copy(piece)).into_iter().collect();
    let copied = alloc.stats().copied_bytes;
    let mut line = Brigade::new();
    assert!(input.split_line(&mut line, 100).unwrap().is_found());
    assert_eq!((&*shown(&line), &*shown(&input)), ("one line\\n", "of| two"), "neighbours join");
    assert_eq!(alloc.stats().copied_bytes, copied);
}

#[test]
fn unread_data_in_the_way_is_an_error_that_names_it_and_loses_nothing() {
    for (unread, name) in [(Bucket::file(file_of(b"c\n"), 0, 2), "FILE"), (halting(&[]), "STREAM")]
    {
        let mut input = of([Bucket::immortal(b"ab"), unread]);
        let mut line = Brigade::new();
        let error = input.split_line(&mut line, 100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.to_string(), format!("split a line: a {name} must be read first"));
        assert_eq!((&*shown(&line), &*shown(&input)), ("ab", name));
    }
}

#[test]
fn reading_goes_as_far_as_the_newline_and_no_piece_further() {
    let mut alloc = BucketAlloc::new();
    let mut input =
        of([Bucket::file(file_of(b"ab"), 0, 2), Failing::after(&[b"c", b"d\nef"]), Bucket::eos()]);
    let mut line = Brigade::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    assert!(input.split_line_read(&mut line, 100, &mut cx).unwrap().is_found());
    assert_eq!(line.flatten(100).unwrap(), b"abcd\n");
    assert_eq!(shown(&input), "ef|FAILING|EOS");
}

#[test]
fn read_error_in_a_line_leaves_what_came_before() {
    let mut alloc = BucketAlloc::new();
    let mut input = of([Failing::after(&[b"ab\nc", b"d"]), Bucket::eos()]);
    let mut line = Brigade::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    assert!(input.split_line_read(&mut line, 100, &mut cx).unwrap().is_found());
    assert_eq!(line.flatten(100).unwrap(), b"ab\n");
    line.clear();
    for _ in 0..2 {
        let error = input.split_line_read(&mut line, 100, &mut cx).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!((line.flatten(100).unwrap(), &*shown(&input)), (b"cd".to_vec(), "FAILING|EOS"));
    }
}

#[test]
fn line_that_comes_a_byte_at_a_time_is_bounded_and_in_few_buckets() {
    let mut alloc = BucketAlloc::new();
    let source = OneByOne(Bucket::heap(vec![b'x'; 3000]));
    let mut input = Brigade::from(Bucket::of(source));
    let mut line = Brigade::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    assert_eq!(input.split_line_read(&mut line, 2000, &mut cx).unwrap(), Split::Limit);
    assert_eq!((line.len_bytes(), line.len()), (Some(2000), 1));
}

/// Gives what it holds a byte at a time.
struct OneByOne(Bucket<'static>);

impl brigade::Data for OneByOne {
    fn name(&self) -> &'static str {
        "ONE BY ONE"
    }

    fn len(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> brigade::Result<Option<Bucket<'static>>> {
        let byte = self.0.bytes().and_then(|bytes| bytes.first().copied());
        byte.map(|byte| {
            self.0.advance(1)?;
            Ok(cx.alloc().copy(&[byte]))
        })
        .transpose()
    }
}

#[test]
fn line_or_part_of_no_bytes_is_no_bucket() {
    let (mut input, mut line) = (Brigade::from(Bucket::transient(b"--ab")), Brigade::new());
    assert_eq!(input.split_line(&mut line, 0).ok(), Some(Split::Limit));
    assert_eq!(input.split_boundary(&mut line, b"--", 9).ok(), Some(Split::Found));
    assert!(line.is_empty(), "{line:?}");
    assert_eq!(input.flatten(9).ok().as_deref(), Some(&b"ab"[..]));
}
