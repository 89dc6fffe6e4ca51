//! What nobody knows goes through everything: data is read right, marks stay in their place.

use brigade::{
    Brigade, Bucket, BucketAlloc, Chain, Effects, ErrorKind, FilterKind, Member, OutputFilter,
    ReadCx, ReadMode, Registry, Terminal, recorder,
};
use brigade_testkit::Case;
use custom_kind::{Checkpoint, Offsets, Repeat};

/// `abcabc` and so on, 3,000 bytes: more than a block of the allocators below.
fn abc() -> Vec<u8> {
    b"abc".repeat(1000)
}

fn small_blocks() -> BucketAlloc {
    brigade::AllocOptions::default().block_size(64).build()
}

/// `one`, REPEAT, CHECKPOINT, `two`.
fn sample() -> Brigade<'static> {
    let mut brigade = Brigade::new();
    brigade.push_back(Bucket::immortal(b"one"));
    brigade.push_back(Repeat::bucket(b"abc", 1000));
    brigade.push_back(Checkpoint::bucket("here"));
    brigade.push_back(Bucket::immortal(b"two"));
    brigade
}

/// Reads all: the bytes, and before which of them a checkpoint was.
#[track_caller]
fn read(mut brigade: Brigade<'_>) -> (Vec<u8>, Vec<(usize, String)>) {
    brigade.assert_invariants();
    let mut alloc = small_blocks();
    let (mut bytes, mut marks) = (Vec::new(), Vec::new());
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    while let Some(piece) = brigade.pop_read(&mut cx).unwrap() {
        match piece.as_metadata::<Checkpoint>() {
            Some(checkpoint) => marks.push((bytes.len(), checkpoint.name.clone())),
            None => bytes.extend_from_slice(piece.bytes().expect("a piece is in memory")),
        }
    }
    (bytes, marks)
}

#[track_caller]
fn check_sample(brigade: Brigade<'_>) {
    let expected = [b"one", &abc()[..], b"two"].concat();
    assert_eq!(read(brigade), (expected, vec![(3003, "here".to_owned())]));
}

#[test]
fn own_kinds_are_counted_by_a_brigade() {
    let brigade = sample();
    assert_eq!(brigade.len_bytes(), Some(3006));
    assert_eq!(brigade.resident_bytes(), 6);
    check_sample(brigade);
}

#[test]
fn own_data_is_cut_unread_at_any_byte() {
    for at in [0, 3, 4, 5, 64, 3000, 3003, 3006] {
        let mut brigade = sample();
        let mut rest = brigade.partition(at).unwrap();
        assert_eq!(brigade.len_bytes(), Some(at));
        brigade.append(&mut rest);
        check_sample(brigade);
    }
}

#[test]
fn own_data_cut_past_its_end_is_refused_and_unchanged() {
    let mut bucket = Repeat::bucket(b"abc", 1000);
    assert_eq!(bucket.split_at(3001).unwrap_err().kind(), ErrorKind::Incomplete);
    assert_eq!(read(bucket.into()).0, abc());
}

#[test]
fn own_kinds_are_split_off_joined_and_put_in_front() {
    for at in 0..=4 {
        let mut front = sample();
        let mut back = front.split_off(at);
        back.prepend(&mut front);
        check_sample(back);
    }
}

#[test]
fn own_kinds_are_set_aside_as_they_are() {
    let (mut alloc, mut kept) = (small_blocks(), Brigade::new());
    sample().set_aside(&mut kept, &mut alloc);
    assert!(kept.iter().any(|bucket| bucket.as_data::<Repeat>().is_some()));
    check_sample(kept);
}

#[test]
fn own_kinds_are_cloned() {
    let brigade = sample();
    check_sample(brigade.iter().map(|bucket| bucket.try_clone().unwrap()).collect());
    check_sample(brigade);
}

#[test]
fn own_data_is_advanced_from_the_front() {
    let mut bucket = Repeat::bucket(b"abc", 1000);
    bucket.advance(4).unwrap();
    assert_eq!(bucket.len(), Some(2996));
    assert_eq!(read(bucket.into()).0, &abc()[4..]);
}

#[test]
fn own_mark_outlives_the_data() {
    let mut brigade = sample();
    brigade.drop_data();
    assert_eq!(read(brigade), (vec![], vec![(0, "here".to_owned())]));
}

#[test]
fn own_mark_is_answered_when_the_bytes_around_it_are_consumed() {
    let mut brigade = Brigade::new();
    brigade.push_back(Bucket::immortal(b"one"));
    brigade.push_back(Checkpoint::bucket("here"));
    brigade.push_back(Bucket::immortal(b"two"));
    assert_eq!(brigade.io_slices(8).len(), 2);
    let mut marks = Vec::new();
    brigade.consume(4, |mark| marks.push(mark.kind_name().to_owned()));
    assert_eq!(marks, ["CHECKPOINT"]);
    assert_eq!(read(brigade).0, b"wo");
}

#[test]
fn own_data_takes_one_block_however_long_it_is() {
    let mut alloc = small_blocks();
    let mut bucket = Repeat::bucket(b"abc", 1_000_000);
    let mut bytes = 0;
    while let Some(piece) =
        bucket.read(&mut ReadCx::new(&mut alloc, ReadMode::NonBlocking)).unwrap()
    {
        bytes += piece.len().unwrap();
    }
    assert_eq!((bytes, alloc.stats().blocks_live), (3_000_000, 1));
}

/// Passes the sample and its end through a stock filter: what came out.
fn through(spec: &str) -> (Vec<u8>, Vec<(usize, String)>) {
    lead(sample(), spec)
}

fn lead(mut brigade: Brigade<'static>, spec: &str) -> (Vec<u8>, Vec<(usize, String)>) {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal).storage(small_blocks());
    chain.join_request(registry.prepare(spec).unwrap().member());
    brigade.push_back(Bucket::eos());
    chain.pass(&mut brigade).unwrap();
    (record.bytes(), record.marks())
}

/// How each stock filter is named with what it needs.
fn spec(name: &str) -> &str {
    match name {
        "substitute" => "substitute s/ca/__/",
        other => other,
    }
}

/// What a filter can take with the mark in its midst.
fn content(name: &str) -> Brigade<'static> {
    if name != "inflate" {
        return sample();
    }
    let mut coded = Bucket::heap(through("deflate").0);
    let rest = coded.split_at(20).unwrap();
    [coded, Checkpoint::bucket("here"), rest].into_iter().collect()
}

#[test]
fn own_mark_goes_through_every_stock_filter() {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    for entry in registry.entries() {
        let (_, marks) = lead(content(entry.name), spec(entry.name));
        let names: Vec<&str> = marks.iter().map(|(_, name)| &name[..]).collect();
        assert_eq!(names, ["CHECKPOINT", "EOS"], "{}", entry.name);
    }
}

#[test]
fn own_data_is_left_alone_and_unread_by_pass() {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    let mut chain = Chain::new(Kept(Brigade::new()));
    chain.join_request(registry.prepare("pass").unwrap().member());
    chain.pass(&mut sample()).unwrap();
    let kept = &mut chain.terminal::<Kept>().unwrap().0;
    assert!(kept.iter().any(|bucket| bucket.as_data::<Repeat>().is_some()));
    check_sample(std::mem::take(kept));
}

/// Keeps the buckets themselves.
struct Kept(Brigade<'static>);

impl Terminal for Kept {
    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> brigade::Result<()> {
        brigade.set_aside(&mut self.0, cx.alloc());
        Ok(())
    }
}

#[test]
fn own_data_is_read_by_substitute() {
    let (bytes, marks) = through("substitute s/ca/__/");
    let text = String::from_utf8([b"one", &abc()[..], b"two"].concat()).unwrap();
    assert_eq!(bytes, text.replace("ca", "__").into_bytes());
    assert_eq!(marks[0], (3003, "CHECKPOINT".to_owned()));
}

#[test]
fn own_data_is_read_by_deflate() {
    // 3 KiB of a pattern, and a gzip of it that is no stored copy.
    let (bytes, _) = through("deflate");
    assert_eq!(bytes[..2], [0x1f, 0x8b]);
    assert!(bytes.len() < 300, "{} bytes", bytes.len());
    let trailer = bytes.last_chunk().copied().map(u32::from_le_bytes);
    assert_eq!(trailer, Some(3006), "the trailer counts what was read");
}

#[test]
fn own_filter_keeps_the_promises_of_a_filter() {
    let make = || Member::new("offsets", FilterKind::RESOURCE, Offsets::new().0);
    Case::new(make, "abc\r\ndef", "abc\r\ndef").carry(0).check();
}

#[test]
fn own_filter_notes_where_a_checkpoint_goes_by() {
    let (terminal, _record) = recorder();
    let mut chain = Chain::new(terminal);
    let (offsets, seen) = Offsets::new();
    assert_eq!(offsets.effects(), Effects::Same);
    chain.join(Member::new("offsets", FilterKind::RESOURCE, offsets));
    chain.pass(&mut sample()).unwrap();
    chain.pass_bucket(Bucket::stream(&b"of unknown length"[..])).unwrap();
    chain.pass_bucket(Checkpoint::bucket("there")).unwrap();
    assert_eq!(seen.all(), [(3003, "here".to_owned()), (3023, "there".to_owned())]);
}
