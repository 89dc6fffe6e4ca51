//! Reading data that is not in memory, and what is said of its length.

use std::io;

use brigade::{
    BlockUse, Brigade, Bucket, BucketAlloc, Data, ErrorKind, FileData, ReadCx, ReadMode, Result,
    StreamData,
};

use crate::bucket::abcdef;
use crate::kit::{file_of, halting, pattern, read_all};

#[test]
fn set_aside_leaves_a_file_unread() {
    let mut alloc = BucketAlloc::new();
    let kept = Bucket::file(file_of(b"abc"), 0, 3).set_aside(&mut alloc);
    assert!(kept.is_deferred());
    assert_eq!(alloc.stats().copied_bytes, 0);
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

/// Reads a FILE with the setting `read_size`; its pieces must have these lengths.
#[track_caller]
fn check_pieces(read_size: Option<usize>, lens: &[u64]) {
    let bytes = pattern(150_000);
    let mut alloc = BucketAlloc::new();
    let data = FileData::new(file_of(&bytes), 1_000, lens.iter().sum());
    let mut bucket = Bucket::of(match read_size {
        Some(size) => data.read_size(size),
        None => data,
    });
    let (mut out, mut got) = (Vec::new(), Vec::new());
    while let Some(piece) =
        bucket.read(&mut ReadCx::new(&mut alloc, ReadMode::NonBlocking)).unwrap()
    {
        got.extend(piece.len());
        out.extend_from_slice(piece.bytes().unwrap());
        assert_eq!(bucket.len(), Some(lens.iter().sum::<u64>() - out.len() as u64));
    }
    assert_eq!(got, lens);
    assert!(out == bytes[1_000..][..out.len()]);
    assert!(alloc.stats().blocks_created <= 2);
}

#[test]
fn file_is_read_in_pieces_of_at_most_its_read_size_from_its_offset() {
    check_pieces(None, &[65_536, 65_536, 9_000]);
    check_pieces(Some(usize::MAX), &[65_536, 10]);
    check_pieces(Some(20_000), &[20_000, 20_000, 8_193]);
    check_pieces(Some(4_096), &[4_096, 4_096, 1]);
    check_pieces(Some(0), &[1, 1]);
}

#[test]
fn file_that_ends_early_keeps_no_more_storage_than_a_block() {
    let bytes = pattern(5_000);
    let mut alloc = BucketAlloc::new();
    let mut bucket = Bucket::file(file_of(&bytes), 0, 60_000);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let piece = bucket.read(&mut cx).unwrap().unwrap();
    assert_eq!(piece.bytes(), Some(&bytes[..]));
    assert_eq!(bucket.read(&mut cx).unwrap_err().kind(), ErrorKind::Incomplete);
    assert_eq!(alloc.blocks().map(|(_, now)| now).collect::<Vec<_>>(), [BlockUse::Open]);
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
