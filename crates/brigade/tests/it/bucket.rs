//! One bucket: its kinds, cutting, reading, cloning, setting aside.

use std::io;
use std::sync::{Arc, Mutex};

use brigade::{
    Brigade, Bucket, BucketAlloc, Chain, Data, End, Error, ErrorKind, Metadata, Outcome, ReadCx,
    ReadMode, Result, StreamData,
};
use bytes::Bytes;

use crate::kit::{Pieces, file_of, halting, pattern, read_all};

fn abcdef(alloc: &mut BucketAlloc) -> Vec<Bucket<'static>> {
    vec![
        Bucket::transient(b"abcdef"),
        Bucket::immortal(b"abcdef"),
        alloc.copy(b"abcdef"),
        Bucket::heap(Bytes::from_static(b"abcdef")),
        Bucket::heap(vec![b'a', b'b', b'c', b'd', b'e', b'f']),
        Bucket::file(file_of(b"__abcdef__"), 2, 6),
    ]
}

fn marks() -> Vec<Bucket<'static>> {
    vec![
        Bucket::eos(),
        Bucket::flush(),
        Bucket::eoc(),
        Bucket::eor(|_: &Outcome| ()),
        Bucket::error(Error::other("no")),
        Bucket::metadata(Tag("t")),
    ]
}

#[derive(Debug, PartialEq)]
struct Tag(&'static str);

impl Metadata for Tag {
    fn name(&self) -> &'static str {
        "TAG"
    }

    fn try_clone(&self) -> Option<Box<dyn Metadata>> {
        Some(Box::new(Tag(self.0)))
    }
}

#[test]
fn bucket_is_three_words_and_error_is_one() {
    assert_eq!(size_of::<Bucket<'_>>(), 24);
    assert_eq!(size_of::<Option<Bucket<'_>>>(), 24);
    assert_eq!(size_of::<Brigade<'_>>(), 64);
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
}

#[test]
fn all_that_carries_bytes_may_change_threads() {
    fn is_send<T: Send>() {}
    fn is_error<T: std::error::Error + Send + Sync + Clone + 'static>() {}
    is_send::<Bucket<'static>>();
    is_send::<Brigade<'static>>();
    is_send::<BucketAlloc>();
    is_send::<Chain>();
    is_error::<Error>();
}

#[test]
fn split_at_any_place_keeps_the_head_and_returns_the_rest() {
    let mut alloc = BucketAlloc::new();
    for at in 0..=6 {
        for mut bucket in abcdef(&mut alloc) {
            let kind = bucket.kind_name().to_owned();
            let rest = bucket.split_at(at as u64).unwrap();
            assert_eq!(
                (bucket.len(), rest.len()),
                (Some(at as u64), Some(6 - at as u64)),
                "{kind}"
            );
            let (head, rest) =
                (read_all(bucket, &mut alloc).unwrap(), read_all(rest, &mut alloc).unwrap());
            assert_eq!((&head[..], &rest[..]), b"abcdef".split_at(at), "{kind} at {at}");
        }
    }
}

#[test]
fn split_past_the_end_is_an_error_with_both_numbers_and_changes_nothing() {
    let mut alloc = BucketAlloc::new();
    for mut bucket in abcdef(&mut alloc) {
        let error = bucket.split_at(7).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incomplete);
        assert_eq!(error.to_string(), format!("split 6 bytes of {} at 7", bucket.kind_name()));
        assert_eq!(bucket.split_at(u64::MAX).unwrap_err().kind(), ErrorKind::Incomplete);
        assert_eq!(read_all(bucket, &mut alloc).unwrap(), b"abcdef");
    }
}

#[test]
fn mark_or_stream_cannot_be_split() {
    for mut mark in marks() {
        for at in [0, 1] {
            assert_eq!(mark.split_at(at).unwrap_err().kind(), ErrorKind::Unsupported, "{mark:?}");
            assert_eq!(mark.advance(at).unwrap_err().kind(), ErrorKind::Unsupported, "{mark:?}");
        }
    }
    let error = halting(&[b"abc"]).split_at(1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "split STREAM at byte 1 without reading it");
}

#[test]
fn advance_drops_the_head_at_any_place() {
    let mut alloc = BucketAlloc::new();
    for count in 0..=6 {
        for mut bucket in abcdef(&mut alloc) {
            bucket.advance(count).unwrap();
            assert_eq!(bucket.len(), Some(6 - count));
            assert_eq!(
                read_all(bucket, &mut alloc).unwrap(),
                b"abcdef"[usize::try_from(count).unwrap()..]
            );
        }
    }
    for mut bucket in abcdef(&mut alloc) {
        assert_eq!(bucket.advance(7).unwrap_err().kind(), ErrorKind::Incomplete);
        assert_eq!(bucket.len(), Some(6));
    }
}

#[test]
fn bucket_left_with_no_bytes_holds_no_block() {
    let mut alloc = BucketAlloc::new();
    let mut halves = Vec::new();
    for at in [0, 3] {
        let mut bucket = alloc.copy(b"abc");
        let rest = bucket.split_at(at).unwrap();
        halves.extend([bucket, rest].into_iter().filter(Bucket::is_empty));
    }
    let mut bucket = alloc.copy(b"abc");
    bucket.advance(3).unwrap();
    halves.push(bucket);
    assert_eq!(halves.len(), 3);
    alloc.trim();
    assert_eq!(alloc.stats().blocks_live, 0);
}

#[test]
fn set_aside_makes_borrowed_bytes_outlive_their_owner() {
    let mut alloc = BucketAlloc::new();
    let kept: Bucket<'static> = {
        let line = String::from("borrowed");
        Bucket::transient(line.as_bytes()).set_aside(&mut alloc)
    };
    assert_eq!(kept.bytes(), Some(&b"borrowed"[..]));
    for bucket in abcdef(&mut alloc) {
        let kept = bucket.set_aside(&mut alloc);
        assert_eq!(read_all(kept, &mut alloc).unwrap(), b"abcdef");
    }
    for mark in marks() {
        let name = mark.kind_name().to_owned();
        assert_eq!(mark.set_aside(&mut alloc).kind_name(), name);
    }
}

#[test]
fn set_aside_leaves_a_file_unread() {
    let mut alloc = BucketAlloc::new();
    let kept = Bucket::file(file_of(b"abc"), 0, 3).set_aside(&mut alloc);
    assert!(kept.is_deferred());
    assert_eq!(alloc.stats().copied_bytes, 0);
}

#[test]
fn clone_has_the_same_bytes_and_shares_storage() {
    let mut alloc = BucketAlloc::new();
    let buckets = abcdef(&mut alloc);
    let copied = alloc.stats().copied_bytes;
    for bucket in buckets {
        let clone = bucket.try_clone().unwrap();
        if let (Some(ours), Some(theirs)) = (bucket.bytes(), clone.bytes()) {
            assert_eq!(ours.as_ptr(), theirs.as_ptr(), "{bucket:?}");
        }
        drop(bucket);
        let is_deferred = clone.is_deferred();
        assert_eq!(read_all(clone, &mut alloc).unwrap(), b"abcdef");
        if !is_deferred {
            assert_eq!(alloc.stats().copied_bytes, copied);
        }
    }
}

#[test]
fn what_there_can_be_only_one_of_has_no_clone() {
    assert!(halting(&[b"abc"]).try_clone().is_none());
    for mark in marks() {
        assert_eq!(mark.try_clone().is_none(), mark.is_eor(), "{mark:?}");
    }
}

#[test]
fn in_memory_data_is_read_whole_and_once() {
    let mut alloc = BucketAlloc::new();
    for mut bucket in abcdef(&mut alloc).into_iter().filter(|bucket| !bucket.is_deferred()) {
        let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
        let piece = bucket.read(&mut cx).unwrap().unwrap();
        assert_eq!(piece.bytes(), Some(&b"abcdef"[..]));
        assert!(bucket.is_empty() && bucket.read(&mut cx).unwrap().is_none());
    }
}

#[test]
fn file_is_read_in_pieces_of_at_most_a_block_from_its_offset() {
    let bytes = pattern(50_000);
    let mut alloc = BucketAlloc::new();
    let mut bucket = Bucket::file(file_of(&bytes), 1_000, 30_000);
    let mut out = Vec::new();
    while let Some(piece) =
        bucket.read(&mut ReadCx::new(&mut alloc, ReadMode::NonBlocking)).unwrap()
    {
        assert!(piece.len() <= Some(8 * 1024));
        out.extend_from_slice(piece.bytes().unwrap());
        assert_eq!(bucket.len(), Some(30_000 - out.len() as u64));
    }
    assert_eq!(out, bytes[1_000..31_000]);
    assert!(alloc.stats().blocks_created <= 2);
}

#[test]
fn file_that_is_shorter_than_promised_is_incomplete_with_the_numbers() {
    let mut alloc = BucketAlloc::new();
    let mut bucket = Bucket::file(file_of(&[b'x'; 100]), 60, 50);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let piece = bucket.read(&mut cx).unwrap().unwrap();
    assert_eq!(piece.len(), Some(40));
    let error = bucket.read(&mut cx).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert_eq!(error.to_string(), "read a file at byte 100: it ends 10 bytes early");
    assert_eq!(bucket.len(), Some(10));
}

#[test]
fn file_halves_have_places_of_their_own() {
    let mut alloc = BucketAlloc::new();
    let mut head = Bucket::file(file_of(b"abcdef"), 0, 6);
    let tail = head.split_at(3).unwrap();
    assert_eq!(head.as_file().map(|file| (file.offset, file.len)), Some((0, 3)));
    assert_eq!(tail.as_file().map(|file| (file.offset, file.len)), Some((3, 3)));
    assert_eq!(read_all(tail, &mut alloc).unwrap(), b"def");
    assert_eq!(read_all(head, &mut alloc).unwrap(), b"abc");
}

#[test]
fn file_of_any_64_bit_length_is_one_bucket() {
    let mut brigade = Brigade::new();
    brigade.insert_file(file_of(b""), 0, u64::MAX);
    assert_eq!((brigade.len(), brigade.len_bytes()), (1, Some(u64::MAX)));
    brigade.insert_file(file_of(b""), 0, 1);
    assert_eq!(brigade.len_bytes(), None, "the sum fits in no length, and must not wrap");
    drop(brigade.pop_front());
    assert_eq!(brigade.len_bytes(), Some(1));
}

#[test]
fn stream_that_has_nothing_yet_is_not_at_its_end() {
    let mut alloc = BucketAlloc::new();
    let mut bucket = halting(&[b"one", b"two"]);
    let mut seen = Vec::new();
    loop {
        match bucket.read(&mut ReadCx::new(&mut alloc, ReadMode::NonBlocking)) {
            Ok(Some(piece)) => seen.push(piece.bytes().unwrap().to_vec()),
            Ok(None) => break,
            Err(error) => {
                assert!(error.is_would_block());
                seen.push(b"-".to_vec());
            }
        }
    }
    assert_eq!(seen, [&b"-"[..], b"one", b"-", b"two", b"-"]);
}

#[test]
fn blocking_stream_is_refused_where_the_thread_must_not_wait() {
    let mut alloc = BucketAlloc::new();
    let mut bucket = Bucket::stream(&b"abc"[..]);
    let error = bucket.read(&mut ReadCx::new(&mut alloc, ReadMode::NonBlocking)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(read_all(bucket, &mut alloc).unwrap(), b"abc");
}

#[test]
fn stream_error_keeps_its_cause_and_what_came_before() {
    let mut alloc = BucketAlloc::new();
    let mut calls = 0;
    let mut bucket = Bucket::of(StreamData::ready(move |room, _| {
        calls += 1;
        match calls {
            1 => Err(io::ErrorKind::Interrupted.into()),
            2 => {
                room[0] = b'x';
                Ok(1)
            }
            _ => Err(io::Error::other("the disk is on fire")),
        }
    }));
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    let piece = bucket.read(&mut cx).unwrap().unwrap();
    let error = bucket.read(&mut cx).unwrap_err();
    assert_eq!(piece.bytes(), Some(&b"x"[..]));
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!((error.kind(), cause.to_string()), (ErrorKind::Io, "the disk is on fire".into()));
}

/// Says `len`, and gives one piece.
struct Says {
    len: Option<u64>,
    after: Option<u64>,
    piece: Option<Bucket<'static>>,
}

impl Data for Says {
    fn name(&self) -> &'static str {
        "SAYS"
    }

    fn len(&self) -> Option<u64> {
        self.len
    }

    fn read(&mut self, _cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        self.len = self.after;
        Ok(self.piece.take())
    }
}

#[track_caller]
fn check_says(len: u64, after: u64, piece: Option<Bucket<'static>>, kind: ErrorKind, text: &str) {
    let mut alloc = BucketAlloc::new();
    let mut bucket = Bucket::of(Says { len: Some(len), after: Some(after), piece });
    let error = bucket.read(&mut ReadCx::new(&mut alloc, ReadMode::Blocking)).unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (kind, text));
}

#[test]
fn data_that_does_not_keep_its_word_on_its_length_is_an_error() {
    let abc = || Some(Bucket::immortal(b"abc"));
    let text = "SAYS ended 5 bytes before its stated length";
    check_says(5, 5, None, ErrorKind::Incomplete, text);
    let text = "reading 3 bytes of SAYS took its length from 5 to 1";
    check_says(5, 1, abc(), ErrorKind::Contract, text);
    let text = "reading 3 bytes of SAYS took its length from 2 to 0";
    check_says(2, 0, abc(), ErrorKind::Contract, text);
    let text = "reading SAYS gave EOS, which is no bytes";
    check_says(5, 5, Some(Bucket::eos()), ErrorKind::Contract, text);
}

#[test]
fn data_without_bytes_is_empty_and_no_mark_is() {
    let mut alloc = BucketAlloc::new();
    let empty = [
        Bucket::transient(b""),
        Bucket::immortal(b""),
        alloc.copy(b""),
        alloc.copy_with(0, |_| unreachable!("there is nothing to write")),
        Bucket::heap(Vec::new()),
        Bucket::file(file_of(b""), 0, 0),
    ];
    for bucket in empty {
        assert!(bucket.is_data() && bucket.is_empty() && !bucket.ends_body(), "{bucket:?}");
    }
    for mark in marks() {
        assert!(mark.is_metadata() && !mark.is_empty() && mark.len() == Some(0), "{mark:?}");
        assert!(mark.bytes().is_none());
    }
    assert!(!halting(&[]).is_empty(), "only reading tells");
    assert_eq!(alloc.stats().blocks_live, 0);
}

#[test]
fn only_eos_and_error_end_a_body() {
    let ends = marks().into_iter().filter(Bucket::ends_body);
    assert_eq!(ends.map(|mark| mark.kind_name().to_owned()).collect::<Vec<_>>(), ["EOS", "ERROR"]);
    let error = Bucket::error(Error::new(ErrorKind::TooLarge, "a line"));
    assert_eq!(error.as_error().map(Error::kind), Some(ErrorKind::TooLarge));
}

#[test]
fn own_kinds_are_found_by_their_type_alone() {
    let mut mark = Bucket::metadata(Tag("before"));
    assert!(mark.as_metadata::<Tag>().is_some() && mark.as_data::<Pieces>().is_none());
    mark.as_metadata_mut::<Tag>().unwrap().0 = "after";
    assert_eq!(mark.as_metadata(), Some(&Tag("after")));
    let data = Bucket::of(Pieces(vec![b"abc".to_vec()]));
    assert!(data.as_data::<Pieces>().is_some() && data.as_metadata::<Tag>().is_none());
    assert!(Bucket::eos().as_metadata::<Tag>().is_none());
}

#[test]
fn bytes_out_are_a_copy_only_of_borrowed_ones() {
    let mut alloc = BucketAlloc::new();
    for bucket in abcdef(&mut alloc).into_iter().filter(|bucket| !bucket.is_deferred()) {
        let at = bucket.bytes().map(<[u8]>::as_ptr);
        let is_borrowed = bucket.kind_name() == "TRANSIENT";
        let bytes = bucket.into_bytes().unwrap();
        assert_eq!(bytes, &b"abcdef"[..]);
        assert_eq!(Some(bytes.as_ptr()) == at, !is_borrowed);
    }
    assert!(Bucket::file(file_of(b"abc"), 0, 3).into_bytes().is_none());
    assert!(Bucket::eos().into_bytes().is_none());
}

#[test]
fn end_of_request_is_told_once_by_the_terminal_or_by_the_drop() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let eor = || {
        let told = Arc::clone(&told);
        Bucket::eor(move |outcome: &Outcome| told.lock().unwrap().push(*outcome))
    };
    eor().complete(&Outcome::new(End::Complete, 7));
    assert_eq!(*told.lock().unwrap(), [Outcome::new(End::Complete, 7)]);
    drop(eor());
    let mut brigade: Brigade<'_> = [eor(), Bucket::eos(), eor()].into_iter().collect();
    brigade.complete_all(&Outcome::new(End::Timeout, 0));
    let ends: Vec<End> = told.lock().unwrap().iter().map(|outcome| outcome.end).collect();
    assert_eq!(ends, [End::Complete, End::ClientGone, End::Timeout, End::Timeout]);
}

#[test]
fn debug_shows_the_kind_the_length_and_the_first_bytes() {
    let mut alloc = BucketAlloc::new();
    let shown = |bucket: Bucket<'_>| format!("{bucket:?}");
    assert_eq!(shown(Bucket::transient(b"a\"b")), r#"TRANSIENT 3 "a\"b""#);
    assert_eq!(shown(alloc.copy(&[b'x'; 40])), format!("HEAP 40 {:?}", "x".repeat(32)));
    assert_eq!(shown(Bucket::file(file_of(b""), 0, 9)), "FILE 9");
    assert_eq!(shown(halting(&[])), "STREAM ?");
    assert_eq!(shown(Bucket::eos()), "EOS");
    assert_eq!(shown(Bucket::metadata(Tag("t"))), r#"TAG Tag("t")"#);
    assert_eq!(shown(Bucket::error(Error::other("no"))), "ERROR no");
}
