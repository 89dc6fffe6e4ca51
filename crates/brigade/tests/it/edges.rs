//! Small promises that random programs do not see, each found by a mutation that nothing else noticed.

use brigade::{Brigade, Bucket, BucketAlloc, Data, Error, ErrorKind, ReadCx, ReadMode, Result};

fn three() -> Brigade<'static> {
    [&b"one"[..], b"two", b"three"].into_iter().map(Bucket::immortal).collect()
}

#[test]
fn walks_say_how_many_buckets_are_left() {
    let brigade = three();
    let mut borrowed = brigade.iter();
    borrowed.next();
    assert_eq!((borrowed.len(), borrowed.size_hint()), (2, (2, Some(2))));
    let mut owned = brigade.into_iter();
    owned.next_back();
    assert_eq!((owned.len(), owned.size_hint()), (2, (2, Some(2))));
}

/// Data whose source cannot be cut, and says why.
struct Uncut;

impl Data for Uncut {
    fn name(&self) -> &'static str {
        "UNCUT"
    }

    fn len(&self) -> Option<u64> {
        Some(3)
    }

    fn read(&mut self, _cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        unreachable!("an error is no reason to read")
    }

    fn split_at(&mut self, _at_bytes: u64) -> Result<Box<dyn Data>> {
        Err(Error::new(ErrorKind::Io, "seek"))
    }
}

#[test]
fn error_of_a_cut_is_handed_on_and_nothing_is_read_or_lost() {
    let mut alloc = BucketAlloc::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let mut brigade = three();
    brigade.push_back(Bucket::of(Uncut));
    let error = brigade.partition_read(12, &mut cx).unwrap_err();
    assert_eq!((error.kind(), brigade.len_bytes()), (ErrorKind::Io, Some(14)));
    assert_eq!(brigade.back().map(Bucket::kind_name), Some("UNCUT"));
    assert_eq!(brigade.partition(12).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(brigade.len_bytes(), Some(14));
}

#[test]
fn length_that_is_known_is_told_whatever_may_be_in_memory() {
    let mut alloc = BucketAlloc::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    assert_eq!(three().len_bytes_read(1, &mut cx).ok(), Some(11));
}
