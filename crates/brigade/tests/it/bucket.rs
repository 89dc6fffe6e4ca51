//! One bucket: its kinds, cutting, reading, cloning, setting aside.

use std::sync::{Arc, Mutex};

use brigade::{
    Brigade, Bucket, BucketAlloc, Chain, End, Error, ErrorKind, Metadata, Outcome, Result,
};
use bytes::Bytes;

use crate::kit::{Pieces, file_of, halting, read_all};

pub(crate) fn abcdef(alloc: &mut BucketAlloc) -> Vec<Bucket<'static>> {
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
