//! Cutting a brigade: at a bucket, at a byte, after a write.

use brigade::{Bucket, BucketAlloc, ErrorKind, ReadCx, ReadMode};

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
