//! The same bytes and marks as brigades of every cut, in memory or not; for properties of
//! operations that must not care.

use brigade::{Brigade, Bucket, BucketAlloc, Data, Error, ErrorKind, ReadCx, Result};
use proptest::prelude::*;

use crate::kit::{file_of, halting};

/// A byte or a mark; what a brigade is, however it is cut into buckets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Byte(u8),
    Flush,
    Eos,
}

/// Where a piece is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Copied,
    Foreign,
    File,
    /// A STREAM that has nothing yet before each of its two pieces and its end.
    Stream,
}

/// Bytes of `alphabet`, and now and then a mark.
pub(crate) fn items(alphabet: &'static [u8], len: usize) -> impl Strategy<Value = Vec<Item>> {
    let item = prop_oneof![
        20 => prop::sample::select(alphabet).prop_map(Item::Byte),
        1 => Just(Item::Flush),
        1 => Just(Item::Eos),
    ];
    prop::collection::vec(item, 0..len)
}

/// How long pieces are, 0 among it, and where.
pub(crate) fn cuts() -> impl Strategy<Value = Vec<(usize, Place)>> {
    let place = prop_oneof![
        4 => Just(Place::Copied),
        2 => Just(Place::Foreign),
        1 => Just(Place::File),
        1 => Just(Place::Stream),
    ];
    prop::collection::vec((0..8usize, place), 1..12)
}

/// All in memory.
pub(crate) fn cuts_in_memory() -> impl Strategy<Value = Vec<(usize, Place)>> {
    prop::collection::vec(
        (0..8usize, prop_oneof![Just(Place::Copied), Just(Place::Foreign)]),
        1..12,
    )
}

/// `items` cut as `cuts` say, over and over.
pub(crate) fn brigade_of(
    items: &[Item],
    cuts: &[(usize, Place)],
    alloc: &mut BucketAlloc,
) -> Brigade<'static> {
    let mut brigade = Brigade::new();
    let mut cuts = cuts.iter().cycle();
    for run in items.chunk_by(|left, right| is_byte(left) && is_byte(right)) {
        match run[0] {
            Item::Flush => brigade.push_back(Bucket::flush()),
            Item::Eos => brigade.push_back(Bucket::eos()),
            Item::Byte(_) => {
                let mut bytes = &bytes_of(run)[..];
                // A list of nothing but empty pieces would never come to an end.
                for (turn, (len, place)) in cuts.by_ref().enumerate() {
                    let len = (*len).max(usize::from(turn > 20)).min(bytes.len());
                    brigade.push_back(piece(&bytes[..len], place, alloc));
                    bytes = &bytes[len..];
                    if bytes.is_empty() {
                        break;
                    }
                }
            }
        }
    }
    brigade
}

fn is_byte(item: &Item) -> bool {
    matches!(item, Item::Byte(_))
}

/// The bytes alone.
pub(crate) fn bytes_of(items: &[Item]) -> Vec<u8> {
    let byte = |item: &Item| match item {
        Item::Byte(byte) => Some(*byte),
        Item::Flush | Item::Eos => None,
    };
    items.iter().filter_map(byte).collect()
}

fn piece(bytes: &[u8], place: &Place, alloc: &mut BucketAlloc) -> Bucket<'static> {
    match place {
        Place::Copied => alloc.copy(bytes),
        Place::Foreign => Bucket::heap(bytes.to_vec()),
        Place::File => Bucket::file(file_of(bytes), 0, bytes.len() as u64),
        Place::Stream => {
            let (head, tail) = bytes.split_at(bytes.len() / 2);
            halting(&[head, tail].into_iter().filter(|half| !half.is_empty()).collect::<Vec<_>>())
        }
    }
}

/// What a brigade shows without reading: bytes, or the name of a mark or of what is not read.
pub(crate) fn shown(brigade: &Brigade<'_>) -> String {
    brigade.assert_invariants();
    let parts = brigade.iter().map(|bucket| match bucket.bytes() {
        Some(bytes) => bytes.escape_ascii().to_string(),
        None => bucket.kind_name().to_owned(),
    });
    parts.collect::<Vec<_>>().join("|")
}

/// A source of unknown length that gives its pieces, and then fails.
pub(crate) struct Failing(Vec<&'static [u8]>);

impl Failing {
    pub(crate) fn after(pieces: &[&'static [u8]]) -> Bucket<'static> {
        Bucket::of(Self(pieces.iter().rev().copied().collect()))
    }
}

impl Data for Failing {
    fn name(&self) -> &'static str {
        "FAILING"
    }

    fn len(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        match self.0.pop() {
            Some(piece) => Ok(Some(cx.alloc().copy(piece))),
            None => Err(Error::new(ErrorKind::Io, "read a source that is broken")),
        }
    }
}
