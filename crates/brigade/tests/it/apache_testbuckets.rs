//! The 17 cases of APR's own bucket tests (`test/testbuckets.c`), by their names, with ours in the
//! place of what they call. Each says where ours means to answer otherwise.

use std::fs::File;
use std::sync::Arc;

use brigade::{Brigade, Bucket, BucketAlloc, ErrorKind, ReadCx, ReadMode, Split};
use bytes::Bytes;

use crate::brigade::of;
use crate::kit::file_of;
use crate::sources::shown;

/// TRANSIENT buckets.
fn text<'a>(pieces: &[&'a str]) -> Brigade<'a> {
    of(pieces.iter().map(|piece| Bucket::transient(piece.as_bytes())))
}

#[track_caller]
fn check_flat(brigade: &Brigade<'_>, expected: &str) {
    brigade.assert_invariants();
    assert_eq!(String::from_utf8(brigade.flatten(1024).unwrap()).unwrap(), expected);
}

#[test]
fn test_create() {
    let alloc = BucketAlloc::new();
    let brigade = Brigade::new();
    assert!(brigade.is_empty());
    drop(brigade);
    drop(alloc);
}

/// There is no sentinel: the first bucket of nothing is `None`, and neighbours are the iterator's.
#[test]
fn test_simple() {
    let mut brigade = Brigade::new();
    assert!(brigade.front().is_none() && brigade.back().is_none());
    brigade.push_front(Bucket::flush());
    assert!(brigade.front().is_some_and(Bucket::is_flush));
    assert_eq!(brigade.iter().count(), 1);
    brigade.push_front(Bucket::transient(b"aaa"));
    assert_eq!(shown(&brigade), "aaa|FLUSH");
    let backwards: Vec<&str> = brigade.iter().rev().map(Bucket::kind_name).collect();
    assert_eq!(backwards, ["FLUSH", "TRANSIENT"]);
    brigade.clear();
    assert!(brigade.is_empty());
}

#[test]
fn test_flatten() {
    let mut brigade = of([Bucket::eos()]);
    brigade.append(&mut text(&["hello, ", "world"]));
    let mut to = [b'x'; 20];
    assert_eq!(brigade.flatten_into(&mut to).count_bytes, 12);
    assert_eq!(&to[..13], b"hello, worldx");
    check_flat(&brigade, "hello, world");
}

#[test]
fn test_split() {
    let mut brigade = text(&["hello, ", "world"]);
    let last = brigade.len() - 1;
    let rest = brigade.split_off(last);
    assert_eq!((brigade.len(), rest.len()), (1, 1));
    check_flat(&brigade, "hello, ");
    check_flat(&rest, "world");
}

#[test]
fn test_bwrite() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = Brigade::new();
    for _ in 0..3000 {
        brigade.write(&mut alloc, b"hello\0");
    }
    assert_eq!(brigade.len_bytes(), Some(18_000));
    assert_eq!(brigade.len(), 3, "APR's has 1,668");
}

#[test]
fn test_splitline() {
    let mut input = text(&["blah blah blah-", "end of line.\nfoo foo foo"]);
    let mut line = Brigade::new();
    assert_eq!(input.split_line(&mut line, 100).unwrap(), Split::Found);
    check_flat(&line, "blah blah blah-end of line.\n");
    check_flat(&input, "foo foo foo");
}

#[test]
fn test_splitline_exactly() {
    let mut input = text(&["foo bar.\n"]);
    let mut line = Brigade::new();
    assert_eq!(input.split_line(&mut line, 100).unwrap(), Split::Found);
    assert_eq!((line.len(), input.len()), (1, 0));
    check_flat(&line, "foo bar.\n");
}

/// The last line, without a newline, is told by its own answer, and EOS stays where it is.
#[test]
fn test_splitline_eos() {
    let mut input = text(&["blah blah\n", "foo foo"]);
    input.push_back(Bucket::eos());
    let mut line = Brigade::new();
    assert_eq!(input.split_line(&mut line, 100).unwrap(), Split::Found);
    check_flat(&line, "blah blah\n");
    line.clear();
    assert_eq!(input.split_line(&mut line, 100).unwrap(), Split::Mark);
    check_flat(&line, "foo foo");
    assert_eq!(shown(&input), "EOS");
}

/// What may be the beginning of a boundary is held back, as APR's header says and its code does
/// not.
#[test]
fn test_splitboundary() {
    let check = |pieces: &[&str], boundary: &str, answer, part: &str, rest: &str| {
        let mut input = text(pieces);
        let mut into = Brigade::new();
        assert_eq!(input.split_boundary(&mut into, boundary.as_bytes(), 100).unwrap(), answer);
        check_flat(&into, part);
        check_flat(&input, rest);
    };
    let whole = ["quick brown fox", " jumped over the lazy dog"];
    check(&whole, "brown", Split::Found, "quick ", " fox jumped over the lazy dog");
    let cut = ["quick brown fox jum", "ped over the lazy dog"];
    check(&cut, "jumped", Split::Found, "quick brown fox ", " over the lazy dog");
    check(&cut, "jumping", Split::More, "quick brown fox jumped over the lazy dog", "");
}

/// `Bytes` in the place of a POOL bucket.
#[test]
fn test_splits() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = Brigade::new();
    let wholes = [
        Bucket::immortal(b"alphabeta"),
        Bucket::transient(b"alphabeta"),
        Bucket::heap(b"alphabeta".to_vec()),
        Bucket::heap(Bytes::from_static(b"alphabeta")),
        alloc.copy(b"alphabeta"),
    ];
    for mut whole in wholes {
        let rest = whole.split_at(5).unwrap();
        brigade.extend([whole, rest]);
    }
    assert_eq!(shown(&brigade), ["alpha|beta"; 5].join("|"));
    let betas = brigade.into_iter().skip(1).step_by(2);
    check_flat(&betas.collect(), &"beta".repeat(5));
}

#[test]
fn test_insertfile() {
    const SIZE: u64 = 2 * (1 << 32) + 424_242;
    let file = tempfile::tempfile().unwrap();
    file.set_len(SIZE).unwrap();
    let mut brigade = Brigade::new();
    brigade.insert_file(file, 0, SIZE);
    let lengths: Vec<Option<u64>> = brigade.iter().map(Bucket::len).collect();
    assert_eq!((lengths, brigade.len_bytes()), (vec![Some(SIZE)], Some(SIZE)));
}

#[test]
fn test_manyfile() {
    let mut alloc = BucketAlloc::new();
    let file: Arc<File> = file_of(b"worldhellobrave ,\n");
    let mut brigade = Brigade::new();
    for (offset, len) in [(5, 5), (16, 1), (15, 1), (10, 5), (15, 1), (0, 5), (17, 1)] {
        brigade.insert_file(Arc::clone(&file), offset, len);
    }
    brigade.read_all(1024, &mut ReadCx::new(&mut alloc, ReadMode::NonBlocking)).unwrap();
    check_flat(&brigade, "hello, brave world\n");
}

/// A file that is shorter than promised is an error, and the bucket stays: EOF would be the end of
/// a body that looks complete.
#[test]
fn test_truncfile() {
    let mut alloc = BucketAlloc::new();
    let file = file_of(b"hello");
    let mut brigade = of([Bucket::file(Arc::clone(&file), 0, 5)]);
    file.set_len(0).unwrap();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    assert_eq!(brigade.pop_read(&mut cx).unwrap_err().kind(), ErrorKind::Incomplete);
    assert_eq!(shown(&brigade), "FILE");
}

#[test]
fn test_partition() {
    let mut brigade = of([Bucket::immortal(b"hello, world")]);
    let mut rest = brigade.partition(5).unwrap();
    check_flat(&brigade, "hello");
    check_flat(&rest, ", world");
    brigade.append(&mut rest);
    assert_eq!(brigade.partition(8192).unwrap_err().kind(), ErrorKind::Incomplete);
    check_flat(&brigade, "hello, world");
}

#[test]
fn test_write_split() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([alloc.copy(b"hello, world")]);
    let rest = brigade.partition(7).unwrap();
    brigade.write(&mut alloc, b"foo");
    check_flat(&rest, "world");
    check_flat(&brigade, "hello, foo");
}

#[test]
fn test_write_putstrs() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = of([alloc.copy(b"1")]);
    let mut out = brigade.writer(&mut alloc);
    for string in ["2", "34", "567", "8", "9a", "bcd", "e", "f", "gh", "i", "j"] {
        std::io::Write::write_all(&mut out, string.as_bytes()).unwrap();
    }
    brigade.push_front(Bucket::eos());
    check_flat(&brigade, "123456789abcdefghij");
}

#[test]
fn test_iovec() {
    let brigade = of([Bucket::eos(), Bucket::transient(b"foo"), Bucket::transient(b"bar")]);
    let slices = brigade.io_slices(3);
    assert_eq!(slices.iter().map(|slice| &**slice).collect::<Vec<_>>(), [b"foo", b"bar"]);
    assert!(!slices.has_rest());
}
