//! What a brigade is, however it is cut into buckets: bytes, marks and sources.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::sync::{Arc, LazyLock};

use brigade::{
    Brigade, Bucket, BucketAlloc, Data, Error, ErrorKind, Fill, Metadata, ReadCx, ReadMode, Result,
    StreamData,
};

use super::World;
use super::op::{Kind, Made};

/// A byte, a mark, or a STREAM, which cannot be looked into: what is left in it is known to the oracle
/// alone, and proven when it is read.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Byte(u8),
    Mark(String),
    Source(VecDeque<u8>),
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Item::Byte(ours), Item::Byte(theirs)) => ours == theirs,
            (Item::Mark(ours), Item::Mark(theirs)) => ours == theirs,
            (Item::Source(_), Item::Source(_)) => true,
            _ => false,
        }
    }
}

impl Item {
    pub(super) fn byte(&self) -> Option<u8> {
        match self {
            Item::Byte(byte) => Some(*byte),
            _ => None,
        }
    }

    pub(super) fn is_eor(&self) -> bool {
        matches!(self, Item::Mark(name) if name == "EOR")
    }

    pub(super) fn is_source(&self) -> bool {
        matches!(self, Item::Source(_))
    }
}

/// Every fifth byte ends a line, or nearly so.
static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let bytes = (0..160u64).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8);
    bytes.map(|byte| if byte % 5 == 0 { b'\n' } else { b'a' + byte % 26 }).collect()
});

static FILE: LazyLock<Arc<File>> = LazyLock::new(|| {
    let mut file = tempfile::tempfile().expect("there is room for a file of 160 bytes");
    file.write_all(&TEXT).expect("there is room for 160 bytes");
    Arc::new(file)
});

/// The first `len` bytes of a text, which every bucket of a program shows.
pub(super) fn text(len: usize) -> &'static [u8] {
    &TEXT[..len]
}

impl World {
    /// A bucket, and what it is to the oracle.
    pub(super) fn make(&mut self, (kind, len): Made) -> (Bucket<'static>, Vec<Item>) {
        let bytes = text(len);
        let bucket = match kind {
            Kind::Transient => Bucket::transient(bytes),
            Kind::Immortal => Bucket::immortal(bytes),
            Kind::Copied => self.alloc.copy(bytes),
            Kind::Changed => self.alloc.copy_with(len, |to| {
                assert!(to.iter().all(|byte| *byte == 0), "room shows what was there before");
                to.copy_from_slice(bytes);
            }),
            Kind::Filled => fill(&mut self.alloc, bytes),
            Kind::Foreign => Bucket::heap(bytes.to_vec()),
            Kind::Mapped => (self.mapped)(bytes),
            Kind::File => Bucket::file(text_file(), 0, len as u64),
            Kind::Pieces => Bucket::of(Pieces(bytes)),
            Kind::Blocking => Bucket::stream(bytes),
            Kind::Ready => Bucket::of(ready(bytes, None)),
            Kind::Stuttering => Bucket::of(ready(bytes, Some(io::ErrorKind::WouldBlock))),
            Kind::Failing => Bucket::of(ready(bytes, Some(io::ErrorKind::TimedOut))),
            Kind::Eos => Bucket::eos(),
            Kind::Flush => Bucket::flush(),
            Kind::Eor => self.ends.make(),
            Kind::Eoc => Bucket::eoc(),
            Kind::Error => Bucket::error(Error::new(ErrorKind::Io, "a body that failed")),
            Kind::Custom => Bucket::metadata(Custom(len)),
        };
        let items = match kind {
            Kind::Blocking | Kind::Ready | Kind::Stuttering | Kind::Failing => {
                vec![Item::Source(bytes.iter().copied().collect())]
            }
            _ if bucket.is_metadata() => vec![Item::Mark(bucket.kind_name().to_owned())],
            Kind::Filled => items_of(&bucket),
            _ => items_of_text(bytes),
        };
        (bucket, items)
    }
}

/// The bytes to the oracle.
pub(super) fn items_of_text(bytes: &[u8]) -> Vec<Item> {
    bytes.iter().copied().map(Item::Byte).collect()
}

/// The text, as a file.
pub(super) fn text_file() -> Arc<File> {
    FILE.clone()
}

/// As many of `bytes` as there is room for, at least one.
fn fill(alloc: &mut BucketAlloc, mut bytes: &[u8]) -> Bucket<'static> {
    let whole = bytes;
    match alloc.fill(bytes.len().max(1), |room| bytes.read(room)) {
        Ok(Fill::Data(bucket)) => {
            let len = bucket.bytes().map_or(0, <[u8]>::len);
            assert!(bucket.bytes() == whole.get(..len), "what was read is what there was to read");
            bucket
        }
        Ok(Fill::End) => {
            assert!(whole.is_empty());
            Bucket::immortal(b"")
        }
        Err(error) => unreachable!("memory cannot fail: {error}"),
    }
}

/// A STREAM that gives up to 7 bytes a time, each after one such error.
fn ready(mut bytes: &'static [u8], error: Option<io::ErrorKind>) -> StreamData {
    let mut is_ready = error.is_none();
    StreamData::ready(move |room, waker| {
        if let Some(error) = error.filter(|_| !is_ready) {
            is_ready = true;
            waker.wake_by_ref();
            return Err(error.into());
        }
        is_ready = error.is_none();
        let room_bytes = room.len().min(7);
        bytes.read(&mut room[..room_bytes])
    })
}

/// Data of unknown length that can be cloned, to be looked at without being used up.
#[derive(Clone)]
struct Pieces(&'static [u8]);

impl Data for Pieces {
    fn name(&self) -> &'static str {
        "PIECES"
    }

    fn len(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        let (piece, rest) = self.0.split_at(self.0.len().min(7));
        self.0 = rest;
        Ok((!piece.is_empty()).then(|| cx.alloc().copy(piece)))
    }

    fn try_clone(&self) -> Option<Box<dyn Data>> {
        Some(Box::new(self.clone()))
    }
}

/// A mark that nobody knows.
#[derive(Debug, Clone)]
struct Custom(usize);

impl Metadata for Custom {
    fn name(&self) -> &'static str {
        ["CUSTOM-0", "CUSTOM-1", "CUSTOM-2"][self.0 % 3]
    }

    fn try_clone(&self) -> Option<Box<dyn Metadata>> {
        self.0.is_multiple_of(2).then(|| Box::new(self.clone()) as Box<dyn Metadata>)
    }
}

/// What is in a bucket, as far as one can see.
pub(super) fn items_of(bucket: &Bucket<'_>) -> Vec<Item> {
    if bucket.is_metadata() {
        return vec![Item::Mark(bucket.kind_name().to_owned())];
    }
    if let Some(bytes) = bucket.bytes() {
        return bytes.iter().copied().map(Item::Byte).collect();
    }
    let Some(mut clone) = bucket.try_clone() else {
        return vec![Item::Source(VecDeque::new())];
    };
    let mut alloc = BucketAlloc::new();
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let mut items = Vec::new();
    while let Some(piece) = clone.read(&mut cx).expect("FILE and PIECES can be read") {
        items.extend(piece.bytes().expect("a piece is in memory").iter().copied().map(Item::Byte));
    }
    items
}

/// What is in a brigade, in order.
pub(super) fn items(brigade: &Brigade<'_>) -> Vec<Item> {
    brigade.iter().flat_map(items_of).collect()
}

/// The bytes alone.
pub(super) fn bytes_of(items: &[Item]) -> Vec<u8> {
    items.iter().filter_map(Item::byte).collect()
}
