//! Cutting a brigade: at a bucket, at a byte, after a line, after a write.

use brigade::{Brigade, Bucket, BucketAlloc, ErrorKind, ReadCx, ReadMode};

use crate::brigade::{mixed, of, shown};
use crate::kit::{file_of, halting};

#[test]
fn split_off_keeps_the_buckets_before_the_place() {
    for at in 0..=6 {
        let (mut brigade, whole) = (mixed(), mixed().len_bytes().unwrap());
        let rest = brigade.split_off(at);
        assert_eq!((brigade.len(), rest.len()), (at, 6 - at));
        assert_eq!(brigade.len_bytes().unwrap() + rest.len_bytes().unwrap(), whole);
        brigade.assert_invariants();
        rest.assert_invariants();
    }
}

#[test]
#[should_panic(expected = "split a brigade of 6 buckets at 7")]
fn split_off_past_the_end_panics_with_both_numbers() {
    let _ = mixed().split_off(7);
}

#[test]
fn partition_at_any_byte_keeps_exactly_as_many() {
    let mut alloc = BucketAlloc::new();
    for at in 0..=15 {
        let mut brigade = mixed();
        let mut rest = brigade.partition(at).unwrap();
        assert_eq!((brigade.len_bytes(), rest.len_bytes()), (Some(at), Some(15 - at)));
        let mut out = Vec::new();
        for part in [&mut brigade, &mut rest] {
            part.assert_invariants();
            let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
            while let Some(piece) = part.pop_read(&mut cx).unwrap() {
                out.extend_from_slice(piece.bytes().unwrap_or_default());
            }
        }
        assert_eq!(out, b"abcdefghijklmno", "cut at {at}");
    }
}

#[test]
fn partition_sends_marks_and_empty_data_at_the_cut_with_the_rest() {
    let mut brigade = mixed();
    let rest = brigade.partition(3).unwrap();
    assert_eq!(shown(&brigade), r#"[IMMORTAL 3 "abc"]"#);
    assert_eq!(rest.len(), 5);
    let mut all = mixed();
    let rest = all.partition(15).unwrap();
    assert_eq!((all.len(), shown(&rest)), (5, "[EOS]".into()));
}

#[test]
fn partition_past_the_end_is_an_error_and_changes_nothing() {
    let mut brigade = mixed();
    let before = shown(&brigade);
    let error = brigade.partition(16).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert_eq!(error.to_string(), "partition 15 bytes at 16");
    assert_eq!(shown(&brigade), before);
}

#[test]
fn partition_never_reads_data_of_unknown_length_in_its_way() {
    let mut brigade = of([Bucket::immortal(b"abc"), halting(&[b"def"]), Bucket::eos()]);
    let before = shown(&brigade);
    let error = brigade.partition(4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "partition at byte 4: a STREAM from byte 3 on must be read first"
    );
    assert_eq!(shown(&brigade), before);
    assert_eq!(brigade.partition(3).unwrap().len(), 2);
}

#[track_caller]
fn check_lines(pieces: &[&'static [u8]], limit: u64, lines: &[(&str, bool)]) {
    let mut brigade = of(pieces.iter().map(|piece| Bucket::immortal(piece)));
    let mut line = Brigade::new();
    for (text, is_complete) in lines {
        assert_eq!(brigade.split_line(&mut line, limit).unwrap(), *is_complete, "before {text:?}");
        assert_eq!(String::from_utf8(line.flatten(64).unwrap()).unwrap(), *text);
        brigade.assert_invariants();
        line.assert_invariants();
        if *is_complete {
            line.clear();
        }
    }
    assert!(brigade.is_empty(), "left: {brigade:?}");
}

#[test]
fn split_line_takes_one_line_however_it_is_cut() {
    check_lines(&[b"one\ntwo\n"], 64, &[("one\n", true), ("two\n", true)]);
    check_lines(&[b"o", b"", b"ne\r", b"\ntwo", b"\n"], 64, &[("one\r\n", true), ("two\n", true)]);
    check_lines(&[b"\n\n"], 64, &[("\n", true), ("\n", true)]);
    check_lines(&[b"no end"], 64, &[("no end", false)]);
}

#[test]
fn split_line_stops_exactly_at_its_limit() {
    check_lines(&[b"abcdefgh\n"], 4, &[("abcd", false), ("abcdefgh", false), ("abcdefgh\n", true)]);
    check_lines(&[b"abc\nd"], 4, &[("abc\n", true), ("d", false)]);
    let mut brigade = of([Bucket::immortal(b"abc\n")]);
    let mut line = Brigade::new();
    assert!(!brigade.split_line(&mut line, 0).unwrap());
    assert_eq!((brigade.len_bytes(), line.len_bytes()), (Some(4), Some(0)));
}

#[test]
fn split_line_does_not_walk_over_a_mark_or_read_a_stream() {
    let mut brigade = of([Bucket::immortal(b"ab"), Bucket::eos(), Bucket::immortal(b"c\n")]);
    let mut line = Brigade::new();
    assert!(!brigade.split_line(&mut line, 64).unwrap());
    assert_eq!((line.flatten(64).unwrap(), brigade.len()), (b"ab".to_vec(), 2));
    let mut brigade = of([halting(&[b"c\n"])]);
    assert_eq!(brigade.split_line(&mut line, 64).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(brigade.len(), 1);
}

#[test]
fn consume_drops_what_was_written_and_answers_the_marks_before_it() {
    let mut seen = Vec::new();
    let mut brigade = of([
        Bucket::immortal(b"abc"),
        Bucket::flush(),
        Bucket::immortal(b""),
        Bucket::immortal(b"defg"),
        Bucket::eos(),
    ]);
    brigade.consume(2, |mark| seen.push(mark.kind_name().to_owned()));
    assert_eq!((brigade.len_bytes(), seen.len()), (Some(5), 0));
    brigade.consume(3, |mark| seen.push(mark.kind_name().to_owned()));
    assert_eq!(
        (shown(&brigade), &seen[..]),
        (r#"[IMMORTAL 2 "fg", EOS]"#.into(), &["FLUSH".to_owned()][..])
    );
    brigade.consume(2, |mark| seen.push(mark.kind_name().to_owned()));
    assert_eq!(shown(&brigade), "[EOS]", "a mark behind the last byte stays");
}

#[test]
#[should_panic(expected = "consume 4 bytes where 3 are held")]
fn consume_past_the_end_panics_with_both_numbers() {
    of([Bucket::immortal(b"abc")]).consume(4, |_| ());
}

#[test]
#[should_panic(expected = "consume 4 bytes where 3 are before FILE 9")]
fn consume_of_what_is_not_in_memory_panics_with_the_numbers() {
    let file = Bucket::file(file_of(b""), 0, 9);
    of([Bucket::immortal(b"abc"), file]).consume(4, |_| ());
}
