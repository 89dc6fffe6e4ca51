//! Facts measured on APR's buckets where ours means to behave alike, each with its Apache names.
//! Where ours means to differ, `docs/apache-map.md` says how, and the test of ours is elsewhere.

use brigade::{Brigade, Bucket, BucketAlloc, Metadata, Outcome, ReadCx, ReadMode, Split};

use crate::brigade::of;
use crate::kit::{file_of, halting, pattern, read_all};
use crate::sources::shown;

/// `[hello, "", world]`, with marks.
fn marked() -> Brigade<'static> {
    of([
        Bucket::flush(),
        Bucket::immortal(b"hello"),
        Bucket::immortal(b""),
        Bucket::immortal(b"world"),
        Bucket::eos(),
    ])
}

/// `apr_bucket_split` at 0 and at the length leaves a half of no bytes, which is legal.
#[test]
fn split_at_either_end_succeeds_and_leaves_an_empty_half() {
    let mut alloc = BucketAlloc::new();
    for (at, halves) in [(0, (0, 5)), (5, (5, 0))] {
        let wholes = [
            Bucket::immortal(b"hello"),
            Bucket::transient(b"hello"),
            Bucket::heap(b"hello".to_vec()),
            alloc.copy(b"hello"),
            Bucket::file(file_of(b"hello"), 0, 5),
        ];
        for mut whole in wholes {
            let rest = whole.split_at(at).unwrap();
            assert_eq!((whole.len(), rest.len()), (Some(halves.0), Some(halves.1)), "{whole:?}");
        }
    }
}

/// `apr_bucket_split`, `apr_bucket_copy` and `apr_bucket_setaside` of a FILE do no I/O, and never
/// look whether the file is as long as was said (`apr_bucket_file_create`).
#[test]
fn file_is_cut_cloned_and_set_aside_without_a_look_at_it() {
    let mut alloc = BucketAlloc::new();
    let mut file = Bucket::file(file_of(b""), 7, 100);
    let rest = file.split_at(60).unwrap();
    let clone = rest.try_clone().unwrap().set_aside(&mut alloc);
    let place = |bucket: &Bucket<'_>| bucket.as_file().map(|file| (file.offset, file.len));
    assert_eq!(
        (place(&file), place(&rest), place(&clone)),
        (Some((7, 60)), Some((67, 40)), Some((67, 40)))
    );
}

/// Reading a FILE morphs it: a piece in memory, and the rest still a FILE (`apr_bucket_read`).
#[test]
fn file_that_is_read_becomes_a_piece_and_a_shorter_file() {
    let mut alloc = BucketAlloc::new();
    let bytes = pattern(100_000);
    let mut brigade = of([Bucket::file(file_of(&bytes), 0, 100_000), Bucket::eos()]);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    let piece = brigade.pop_read(&mut cx).unwrap().unwrap();
    assert_eq!(piece.bytes(), Some(&bytes[..65_536]));
    brigade.push_front(piece);
    assert_eq!(format!("{brigade:?}").matches("FILE 34464").count(), 1);
    assert_eq!((brigade.len(), brigade.len_bytes()), (3, Some(100_000)));
}

/// A set-aside TRANSIENT copies just its own bytes; what was split off stays TRANSIENT.
#[test]
fn set_aside_half_of_a_borrowed_bucket_leaves_the_other_borrowed() {
    let mut alloc = BucketAlloc::new();
    let mut head = Bucket::transient(b"alphabeta");
    let tail = head.split_at(5).unwrap();
    let kept = head.set_aside(&mut alloc);
    assert_eq!((kept.kind_name(), kept.bytes()), ("HEAP", Some(&b"alpha"[..])));
    assert_eq!(tail.kind_name(), "TRANSIENT");
    assert_eq!(alloc.stats().copied_bytes, 5);
}

/// `apr_bucket_copy` shares the data; it ends when its last owner does.
#[test]
fn clones_and_halves_share_bytes_until_the_last_of_them_is_dropped() {
    let mut alloc = BucketAlloc::new();
    let mut head = alloc.copy(b"alphabeta");
    let clone = head.try_clone().unwrap();
    let tail = head.split_at(5).unwrap();
    drop((head, clone));
    alloc.trim();
    assert_eq!((tail.bytes(), alloc.stats().blocks_live), (Some(&b"beta"[..]), 1));
    drop(tail);
    alloc.trim();
    assert_eq!(alloc.stats().blocks_live, 0);
}

/// PIPE and SOCKET: a piece and the same source again, until its end, which is no bucket of 0
/// bytes.
#[test]
fn stream_gives_what_is_there_and_ends_with_nothing() {
    let mut alloc = BucketAlloc::new();
    let mut stream = Bucket::of(brigade::StreamData::ready({
        let mut pieces = vec![&b"more"[..], b"hello pipe"];
        move |room, _| {
            let piece = pieces.pop().unwrap_or_default();
            room[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }));
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    let mut next = || stream.read(&mut cx).unwrap().map(|piece| piece.bytes().unwrap().to_vec());
    assert_eq!(
        (next(), next(), next(), next()),
        (Some(b"hello pipe".to_vec()), Some(b"more".to_vec()), None, None)
    );
}

/// PIPE `hello pipe`,`more` cut at 12: `apr_brigade_partition` reads, and splits what it read.
#[test]
fn partition_in_a_stream_reads_and_splits_what_it_read() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([halting(&[b"hello pipe", b"more"])]);
    let rest = loop {
        let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
        match brigade.partition_read(12, &mut cx) {
            Ok(rest) => break rest,
            Err(error) => assert!(error.is_would_block()),
        }
    };
    assert_eq!((&*shown(&brigade), &*shown(&rest)), ("hello pipemo", "re|STREAM"));
}

#[derive(Debug)]
struct Tag;

impl Metadata for Tag {
    fn name(&self) -> &'static str {
        "TAG"
    }
}

/// `APR_BUCKET_IS_METADATA`: no bytes, length 0, never split.
#[test]
fn marks_have_no_bytes_and_cannot_be_split() {
    let mut alloc = BucketAlloc::new();
    let marks = [
        Bucket::eos(),
        Bucket::flush(),
        Bucket::eoc(),
        Bucket::eor(|_: &Outcome| ()),
        Bucket::error(brigade::Error::other("no")),
        Bucket::metadata(Tag),
    ];
    for mut mark in marks {
        assert_eq!((mark.len(), mark.bytes()), (Some(0), None));
        assert!(mark.split_at(0).is_err());
        assert!(read_all(mark, &mut alloc).unwrap().is_empty());
    }
}

/// `apr_brigade_partition` at each edge: what goes with the rest.
#[test]
fn partition_at_a_buckets_end_begins_the_rest_with_the_very_next_bucket() {
    for (at, head, rest) in [
        (0, "", "FLUSH|hello||world|EOS"),
        (2, "FLUSH|he", "llo||world|EOS"),
        (5, "FLUSH|hello", "|world|EOS"),
        (7, "FLUSH|hello||wo", "rld|EOS"),
        (10, "FLUSH|hello||world", "EOS"),
    ] {
        let mut brigade = marked();
        let tail = brigade.partition(at).unwrap();
        assert_eq!((&*shown(&brigade), &*shown(&tail)), (head, rest), "at {at}");
    }
    assert!(Brigade::new().partition(0).unwrap().is_empty());
    assert!(Brigade::new().partition(1).is_err());
}

/// `apr_brigade_split_ex` at the first bucket and at the sentinel.
#[test]
fn split_at_the_first_bucket_takes_all_and_past_the_last_nothing() {
    let mut brigade = marked();
    let mut all = brigade.split_off(0);
    assert_eq!((brigade.len(), all.len()), (0, 5));
    assert_eq!((all.split_off(5).len(), all.len()), (0, 5));
}

/// `APR_BRIGADE_CONCAT` and `APR_BRIGADE_PREPEND` of an empty brigade.
#[test]
fn joining_with_nothing_changes_nothing() {
    let mut brigade = marked();
    brigade.append(&mut Brigade::new());
    brigade.prepend(&mut Brigade::new());
    assert_eq!(shown(&brigade), "FLUSH|hello||world|EOS");
}

/// `apr_brigade_length`: marks count nothing, a PIPE makes it unknown.
#[test]
fn length_is_that_of_the_data_and_unknown_with_a_stream() {
    assert_eq!((marked().len_bytes(), Brigade::new().len_bytes()), (Some(10), Some(0)));
    assert_eq!(of([Bucket::immortal(b"hello"), halting(&[])]).len_bytes(), None);
}

#[track_caller]
fn check_line(pieces: &[&'static [u8]], limit: u64, answer: Split, line: &str, rest: &str) {
    let mut input = of(pieces.iter().map(|piece| Bucket::immortal(piece)));
    let mut into = Brigade::new();
    assert_eq!(input.split_line(&mut into, limit).unwrap(), answer);
    assert_eq!((&*shown(&into), &*shown(&input)), (line, rest));
}

/// `apr_brigade_split_line`, its table, but for whole buckets that exceed its limit.
#[test]
fn lines_end_where_apaches_do() {
    check_line(&[b"ab\ncd"], 100, Split::Found, "ab\\n", "cd");
    check_line(&[b"abc", b"def"], 3, Split::Limit, "abc", "def");
    check_line(&[b"abc"], 100, Split::More, "abc", "");
    let long: &'static [u8] = &[b'x'; 2001];
    check_line(
        &[&long[..2000], long],
        5000,
        Split::More,
        &format!("{0}|{0}x", "x".repeat(2000)),
        "",
    );
}

#[track_caller]
fn check_part(pieces: &[&'static [u8]], boundary: &str, part: &str, rest: &str) {
    let mut input = of(pieces.iter().map(|piece| Bucket::immortal(piece)));
    let mut into = Brigade::new();
    let answer = input.split_boundary(&mut into, boundary.as_bytes(), 100).unwrap();
    assert_eq!((answer, &*shown(&into), &*shown(&input)), (Split::Found, part, rest));
}

/// `apr_brigade_split_boundary` tries again at every byte.
#[test]
fn boundaries_that_repeat_themselves_are_found() {
    check_part(&[b"aaab"], "aab", "a", "");
    check_part(&[b"aa", b"ab"], "aab", "a", "");
    check_part(&[b"a", b"a", b"a", b"b"], "aab", "a", "");
    check_part(&[b"j", b"j", b"umped", b"z"], "jumped", "j", "z");
}

/// `apr_brigade_to_iovec` skips marks, and consumes nothing.
#[test]
fn io_slices_pass_over_marks_and_take_nothing_out() {
    let brigade = marked();
    assert_eq!(brigade.io_slices(8).len(), 2);
    assert_eq!(brigade.io_slices(0).len(), 0);
    assert_eq!(brigade.len(), 5);
}

/// `apr_brigade_write` after a mark, and after a bucket of somebody else's, begins a new bucket.
#[test]
fn metadata_at_the_end_stops_gathering() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = Brigade::new();
    brigade.write(&mut alloc, b"abc");
    brigade.push_back(Bucket::flush());
    brigade.write(&mut alloc, b"d");
    brigade.write(&mut alloc, b"e");
    assert_eq!(shown(&brigade), "abc|FLUSH|de");
}

/// `apr_brigade_writev` of 2,999 B, then 5,000, 10, 1 and 2: nothing is lost where a buffer ends.
#[test]
fn writes_across_the_end_of_a_block_are_all_there() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = Brigade::new();
    let bytes = pattern(20_000);
    let mut from = 0;
    for len in [2999, 5000, 10, 1, 2, 0, 8000, 1, 3987] {
        brigade.write(&mut alloc, &bytes[from..from + len]);
        from += len;
    }
    assert_eq!((from, brigade.len()), (20_000, 3));
    assert_eq!(brigade.flatten(20_000).unwrap(), bytes);
}

/// `apr_brigade_printf` of 0, 8,000, 8,001 and 20,000 bytes.
#[test]
fn print_takes_texts_of_every_size() {
    let mut alloc = BucketAlloc::new();
    for len in [0, 8000, 8001, 20_000] {
        let mut brigade = Brigade::new();
        brigade.print(&mut alloc, format_args!("{:x>len$}", ""));
        assert_eq!(brigade.flatten(len as u64).unwrap(), vec![b'x'; len]);
    }
}

/// `apr_brigade_flatten` stops once full, before it touches what comes next.
#[test]
fn flatten_into_a_full_slice_looks_no_further() {
    let brigade = of([Bucket::immortal(b"abc"), Bucket::eos(), halting(&[b"never"])]);
    let mut to = [0; 2];
    assert_eq!((brigade.flatten_into(&mut to).count_bytes, &to), (2, b"ab"));
}

/// `ap_save_brigade` leaves a FILE a FILE, and empties the brigade it saves.
#[test]
fn set_aside_keeps_kinds_and_order() {
    let mut alloc = BucketAlloc::new();
    let line = String::from("borrowed");
    let mut brigade = of([
        Bucket::transient(line.as_bytes()),
        Bucket::file(file_of(b"abc"), 0, 3),
        Bucket::metadata(Tag),
        halting(&[b"never read"]),
        Bucket::eos(),
    ]);
    let mut kept = Brigade::new();
    brigade.set_aside(&mut kept, &mut alloc);
    assert_eq!((brigade.len(), &*shown(&kept)), (0, "borrowed|FILE|TAG|STREAM|EOS"));
}
