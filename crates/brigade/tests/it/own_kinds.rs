//! Kinds that the crate has never heard of pass through every operation of a brigade, untouched.

use brigade::{
    Brigade, Bucket, BucketAlloc, Chain, Data, Member, Metadata, Progress, ReadCx, ReadMode,
    Result, recorder,
};

use crate::brigade::of;
use crate::kit::{RESOURCE, Upper, pass_all, push_each};
use crate::sources::shown;

/// A mark that can be told from every other of its kind.
#[derive(Debug, PartialEq)]
struct Stamp(u32);

impl Metadata for Stamp {
    fn name(&self) -> &'static str {
        "STAMP"
    }
}

/// So many times the same byte, made as they are read.
struct Repeat(u8, u64);

impl Data for Repeat {
    fn name(&self) -> &'static str {
        "REPEAT"
    }

    fn len(&self) -> Option<u64> {
        Some(self.1)
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        let count = self.1.min(4);
        self.1 -= count;
        let bytes = [self.0; 4];
        Ok((count > 0).then(|| cx.alloc().copy(&bytes[..usize::try_from(count).unwrap()])))
    }

    fn split_at(&mut self, at_bytes: u64) -> Result<Box<dyn Data>> {
        let rest = Self(self.0, self.1 - at_bytes);
        self.1 = at_bytes;
        Ok(Box::new(rest))
    }
}

/// `[ab, STAMP 1, REPEAT x 10, STAMP 2, cd]`
fn mixed() -> Brigade<'static> {
    of([
        Bucket::immortal(b"ab"),
        Bucket::metadata(Stamp(1)),
        Bucket::of(Repeat(b'x', 10)),
        Bucket::metadata(Stamp(2)),
        Bucket::immortal(b"cd"),
    ])
}

fn stamps(brigade: &Brigade<'_>) -> Vec<u32> {
    brigade.iter().filter_map(|bucket| bucket.as_metadata::<Stamp>()).map(|stamp| stamp.0).collect()
}

#[track_caller]
fn check(brigade: &Brigade<'_>, expected: &str) {
    assert_eq!((&*shown(brigade), stamps(brigade)), (expected, vec![1, 2]));
}

#[test]
fn own_kinds_keep_their_place_and_stay_unread_whatever_is_done_to_their_brigade() {
    let mut alloc = BucketAlloc::new();
    let mut brigade = mixed();
    assert_eq!((brigade.len_bytes(), brigade.resident_bytes()), (Some(14), 4));
    let mut rest = brigade.split_off(2);
    brigade.append(&mut rest);
    let mut rest = brigade.partition(7).unwrap();
    rest.prepend(&mut brigade);
    check(&rest, "ab|STAMP|REPEAT|REPEAT|STAMP|cd");
    let mut kept = Brigade::new();
    rest.set_aside(&mut kept, &mut alloc);
    kept.compact(&mut alloc);
    check(&kept, "ab|STAMP|REPEAT|REPEAT|STAMP|cd");
    assert_eq!(kept.io_slices(8).len(), 1, "up to what must be read");
    kept.drop_data();
    check(&kept, "STAMP|STAMP");
}

#[test]
fn own_data_in_the_way_is_cut_unread_and_read_where_bytes_are_asked_for() {
    let mut alloc = BucketAlloc::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking);
    let mut brigade = mixed();
    let mut rest = brigade.partition_read(7, &mut cx).unwrap();
    assert_eq!((&*shown(&brigade), &*shown(&rest)), ("ab|STAMP|REPEAT", "REPEAT|STAMP|cd"));
    brigade.append(&mut rest);
    assert_eq!(brigade.len_bytes_read(0, &mut cx).map_err(|error| error.kind()), Ok(14));
    brigade.read_all(14, &mut cx).unwrap();
    check(&brigade, "ab|STAMP|xxxxxxxxxx|STAMP|cd");
}

#[test]
fn own_marks_pass_every_stock_filter_in_their_place() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(Member::new("pass", RESOURCE, pass_all()));
    chain.join(Member::new("push", RESOURCE, push_each()));
    chain.join(Member::new("upper", RESOURCE, Upper));
    chain.pass(&mut mixed()).unwrap();
    assert_eq!(chain.resume().unwrap(), Progress::Done);
    assert_eq!(record.bytes(), b"ABXXXXXXXXXXCD");
    assert_eq!(record.marks(), [(2, "STAMP".to_owned()), (12, "STAMP".to_owned())]);
}
