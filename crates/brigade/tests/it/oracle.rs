//! Random programs of operations on brigades of every kind, beside the same on a plain list of bytes
//! and marks: equal after every step, and the tally is the sum over the buckets.

use brigade::{Brigade, Bucket, BucketAlloc, ReadCx, ReadMode};
use proptest::prelude::*;

use crate::kit::{Pieces, file_of, pattern};

/// A byte or a mark; what a brigade is, however it is cut into buckets.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Byte(u8),
    Mark(String),
}

#[derive(Debug, Clone)]
enum Kind {
    Transient,
    Immortal,
    Copied,
    Foreign,
    File,
    Pieces,
    Eos,
    Flush,
}

#[derive(Debug, Clone)]
enum Op {
    PushBack(Kind, usize),
    PushFront(Kind, usize),
    PopFront,
    PopBack,
    PopRead,
    Append(Vec<(Kind, usize)>),
    Prepend(Vec<(Kind, usize)>),
    SplitOff(usize),
    Partition(u64),
    SplitLine(u64),
    Write(usize),
    Consume(usize),
    SetAside,
    DropData,
    Recycle,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Transient),
        Just(Kind::Immortal),
        Just(Kind::Copied),
        Just(Kind::Copied),
        Just(Kind::Foreign),
        Just(Kind::File),
        Just(Kind::Pieces),
        Just(Kind::Eos),
        Just(Kind::Flush),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let bucket = || (kind(), 0..40usize);
    prop_oneof![
        bucket().prop_map(|(kind, len)| Op::PushBack(kind, len)),
        bucket().prop_map(|(kind, len)| Op::PushBack(kind, len)),
        bucket().prop_map(|(kind, len)| Op::PushFront(kind, len)),
        Just(Op::PopFront),
        Just(Op::PopBack),
        Just(Op::PopRead),
        prop::collection::vec(bucket(), 0..4).prop_map(Op::Append),
        prop::collection::vec(bucket(), 0..4).prop_map(Op::Prepend),
        (0..10usize).prop_map(Op::SplitOff),
        (0..100u64).prop_map(Op::Partition),
        (0..60u64).prop_map(Op::SplitLine),
        (0..100usize).prop_map(Op::Write),
        (0..60usize).prop_map(Op::Consume),
        Just(Op::SetAside),
        Just(Op::DropData),
        Just(Op::Recycle),
    ]
}

/// Every fifth byte ends a line.
fn text(len: usize) -> Vec<u8> {
    pattern(len).iter().map(|byte| if byte % 5 == 0 { b'\n' } else { b'a' + byte % 26 }).collect()
}

fn make(kind: &Kind, len: usize, alloc: &mut BucketAlloc) -> Bucket<'static> {
    static TEXT: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| text(64));
    let bytes: &'static [u8] = &TEXT[..len];
    match kind {
        Kind::Transient => Bucket::transient(bytes),
        Kind::Immortal => Bucket::immortal(bytes),
        Kind::Copied => alloc.copy(bytes),
        Kind::Foreign => Bucket::heap(bytes.to_vec()),
        Kind::File => Bucket::file(file_of(bytes), 0, len as u64),
        Kind::Pieces => Bucket::of(Pieces(bytes.chunks(7).map(<[u8]>::to_vec).collect())),
        Kind::Eos => Bucket::eos(),
        Kind::Flush => Bucket::flush(),
    }
}

fn items_of(bucket: &Bucket<'_>) -> Vec<Item> {
    if bucket.is_metadata() {
        return vec![Item::Mark(bucket.kind_name().to_owned())];
    }
    let mut clone = bucket.try_clone().expect("the test makes only such kinds");
    let mut alloc = BucketAlloc::new();
    let mut items = Vec::new();
    while let Some(piece) = clone.read(&mut ReadCx::new(&mut alloc, ReadMode::Blocking)).unwrap() {
        items.extend(piece.bytes().unwrap().iter().map(|byte| Item::Byte(*byte)));
    }
    items
}

fn items(brigade: &Brigade<'_>) -> Vec<Item> {
    brigade.iter().flat_map(items_of).collect()
}

fn count_bytes(items: &[Item]) -> usize {
    items.iter().filter(|item| matches!(item, Item::Byte(_))).count()
}

/// How many items stay when exactly `at` bytes do; marks at the cut go with the rest.
fn place_of_byte(items: &[Item], at: usize) -> usize {
    let mut bytes = 0;
    for (place, item) in items.iter().enumerate() {
        if bytes == at {
            return place;
        }
        bytes += usize::from(matches!(item, Item::Byte(_)));
    }
    items.len()
}

struct World {
    alloc: BucketAlloc,
    brigade: Brigade<'static>,
    oracle: Vec<Item>,
}

impl World {
    fn run(&mut self, op: &Op) {
        match op {
            Op::PushBack(kind, len) => {
                let bucket = make(kind, *len, &mut self.alloc);
                self.oracle.extend(items_of(&bucket));
                self.brigade.push_back(bucket);
            }
            Op::PushFront(kind, len) => {
                let bucket = make(kind, *len, &mut self.alloc);
                self.oracle.splice(0..0, items_of(&bucket));
                self.brigade.push_front(bucket);
            }
            Op::PopFront => {
                let gone = self.brigade.pop_front().map_or(0, |bucket| items_of(&bucket).len());
                self.oracle.drain(..gone);
            }
            Op::PopBack => {
                let gone = self.brigade.pop_back().map_or(0, |bucket| items_of(&bucket).len());
                self.oracle.truncate(self.oracle.len() - gone);
            }
            Op::PopRead => {
                let mut cx = ReadCx::new(&mut self.alloc, ReadMode::Blocking);
                let piece = self.brigade.pop_read(&mut cx).unwrap();
                let gone = piece.map_or(Vec::new(), |piece| items_of(&piece));
                assert_eq!(self.oracle.drain(..gone.len()).collect::<Vec<_>>(), gone);
            }
            Op::Append(buckets) => {
                let mut other = self.brigade_of(buckets);
                self.oracle.extend(items(&other));
                self.brigade.append(&mut other);
                other.assert_invariants();
            }
            Op::Prepend(buckets) => {
                let mut other = self.brigade_of(buckets);
                self.oracle.splice(0..0, items(&other));
                self.brigade.prepend(&mut other);
                other.assert_invariants();
            }
            Op::SplitOff(_) | Op::Partition(_) | Op::SplitLine(_) | Op::Consume(_) => self.cut(op),
            Op::Write(len) => {
                self.brigade.write(&mut self.alloc, &text(*len));
                self.oracle.extend(text(*len).into_iter().map(Item::Byte));
            }
            Op::SetAside => {
                let mut kept = Brigade::new();
                self.brigade.set_aside(&mut kept, &mut self.alloc);
                assert!(self.brigade.is_empty());
                self.brigade = kept;
            }
            Op::DropData => {
                self.brigade.drop_data();
                self.oracle.retain(|item| matches!(item, Item::Mark(_)));
            }
            Op::Recycle => {
                self.brigade = std::mem::take(&mut self.brigade).recycle();
                self.oracle.clear();
            }
        }
    }

    fn brigade_of(&mut self, buckets: &[(Kind, usize)]) -> Brigade<'static> {
        buckets.iter().map(|(kind, len)| make(kind, *len, &mut self.alloc)).collect()
    }

    fn cut(&mut self, op: &Op) {
        match op {
            Op::SplitOff(at) => {
                let at = (*at).min(self.brigade.len());
                let kept: usize = self.brigade.iter().take(at).map(|b| items_of(b).len()).sum();
                let rest = self.brigade.split_off(at);
                self.check_rest(kept, &rest);
            }
            Op::Partition(at) => {
                let unread = self.brigade.iter().any(|bucket| bucket.len().is_none());
                let before = format!("{:?}", self.brigade);
                match self.brigade.partition(*at) {
                    Ok(rest) => {
                        let kept = place_of_byte(&self.oracle, usize::try_from(*at).unwrap());
                        self.check_rest(kept, &rest);
                    }
                    Err(_) => {
                        assert!(unread || (count_bytes(&self.oracle) as u64) < *at);
                        assert_eq!(format!("{:?}", self.brigade), before);
                    }
                }
            }
            Op::SplitLine(limit) => {
                let mut line = Brigade::new();
                let answer = self.brigade.split_line(&mut line, *limit);
                line.assert_invariants();
                let line = items(&line);
                assert_eq!(self.oracle.drain(..line.len()).collect::<Vec<_>>(), line);
                let ends: Vec<usize> =
                    (0..line.len()).filter(|at| line[*at] == Item::Byte(b'\n')).collect();
                match answer {
                    Ok(true) => assert_eq!(ends, [line.len() - 1]),
                    _ => assert_eq!(ends, [0; 0]),
                }
                assert!(line.len() as u64 <= *limit);
            }
            Op::Consume(count) => {
                let resident: usize =
                    self.brigade.io_slices(usize::MAX).iter().map(|s| s.len()).sum();
                let count = (*count).min(resident);
                let mut marks = Vec::new();
                self.brigade.consume(count, |mark| marks.extend(items_of(&mark)));
                let gone = self.oracle.len() - items(&self.brigade).len();
                let gone: Vec<Item> = self.oracle.drain(..gone).collect();
                assert_eq!(count_bytes(&gone), count);
                let is_mark = |item: &Item| matches!(item, Item::Mark(_));
                assert_eq!(gone.into_iter().filter(is_mark).collect::<Vec<_>>(), marks);
            }
            _ => unreachable!("the rest cuts nothing"),
        }
    }

    fn check_rest(&mut self, kept: usize, rest: &Brigade<'_>) {
        rest.assert_invariants();
        assert_eq!(items(rest), self.oracle.split_off(kept));
    }

    fn check(&self) {
        self.brigade.assert_invariants();
        assert_eq!(items(&self.brigade), self.oracle);
        let is_known = self.brigade.iter().all(|bucket| bucket.len().is_some());
        let bytes = count_bytes(&self.oracle) as u64;
        assert_eq!(self.brigade.len_bytes(), is_known.then_some(bytes));
        let front: Vec<u8> =
            self.brigade.io_slices(usize::MAX).iter().flat_map(|slice| slice.to_vec()).collect();
        let front: Vec<Item> = front.into_iter().map(Item::Byte).collect();
        let bytes: Vec<&Item> =
            self.oracle.iter().filter(|item| matches!(item, Item::Byte(_))).collect();
        assert!(front.iter().eq(bytes[..front.len()].iter().copied()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn brigade_equals_a_list_of_bytes_and_marks_after_every_step(
        ops in prop::collection::vec(op(), 1..40),
    ) {
        let alloc = brigade::AllocOptions::default().block_size(64).build();
        let mut world = World { alloc, brigade: Brigade::new(), oracle: Vec::new() };
        for op in &ops {
            world.run(op);
            world.check();
        }
    }
}
