//! What a program is made of, and how it is read from any bytes.
//!
//! Invariant: every string of bytes is a program, so that whatever makes or shrinks bytes makes and
//! shrinks programs.

use brigade::ReadMode;

/// Where the bytes of a bucket are, or which mark it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Transient,
    Immortal,
    Copied,
    Foreign,
    File,
    /// Data of unknown length that can be cloned.
    Pieces,
    /// A STREAM that may block its thread.
    Blocking,
    /// A STREAM that always has something.
    Ready,
    /// A STREAM that has nothing yet before each of its pieces.
    Stuttering,
    Eos,
    Flush,
    Eoc,
    Error,
    Custom,
}

const KINDS: [Kind; 15] = [
    Kind::Copied,
    Kind::Copied,
    Kind::Transient,
    Kind::Immortal,
    Kind::Foreign,
    Kind::File,
    Kind::Pieces,
    Kind::Blocking,
    Kind::Ready,
    Kind::Stuttering,
    Kind::Eos,
    Kind::Flush,
    Kind::Eoc,
    Kind::Error,
    Kind::Custom,
];

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    PushBack(Kind, usize),
    PushFront(Kind, usize),
    PopFront,
    PopBack,
    PopRead(ReadMode),
    Append(Vec<(Kind, usize)>),
    Prepend(Vec<(Kind, usize)>),
    SplitOff(usize),
    Partition(u64),
    PartitionRead(u64),
    SplitLine(u64),
    SplitLineRead(u64),
    ReadAll(u64),
    SplitFront(u64),
    CloneFront,
    Flatten(u64),
    Write(usize),
    Consume(usize),
    SetAside,
    DropData,
    Recycle,
    Compact,
    Trim,
}

/// The steps, in order.
#[derive(Debug, Clone)]
pub(crate) struct Program(pub(crate) Vec<Op>);

impl Program {
    /// Reads a program to the end of `bytes`.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut bytes = bytes.iter().copied();
        Self(std::iter::from_fn(|| op(&mut bytes)).collect())
    }
}

/// The next step; what a step lacks at the end is zero.
fn op(bytes: &mut impl Iterator<Item = u8>) -> Option<Op> {
    let which = bytes.next()? % 28;
    let mut number = || bytes.next().unwrap_or(0);
    let mut bucket = || (KINDS[usize::from(number()) % KINDS.len()], length(number()));
    Some(match which {
        0..=2 => {
            let (kind, len) = bucket();
            Op::PushBack(kind, len)
        }
        3 => {
            let (kind, len) = bucket();
            Op::PushFront(kind, len)
        }
        4 => Op::PopFront,
        5 => Op::PopBack,
        6 | 7 => Op::PopRead(ReadMode::Blocking),
        8 => Op::PopRead(ReadMode::NonBlocking),
        9 => Op::Append((0..3).map(|_| bucket()).collect()),
        10 => Op::Prepend((0..3).map(|_| bucket()).collect()),
        11 => Op::SplitOff(usize::from(number()) % 10),
        12 => Op::Partition(u64::from(number())),
        13 => Op::SplitLine(u64::from(number()) % 60),
        14 => Op::SplitFront(u64::from(number()) % 60),
        15 => Op::CloneFront,
        16 => Op::Flatten(u64::from(number())),
        17..=19 => Op::Write(length(number())),
        20 => Op::Consume(usize::from(number())),
        21 => Op::SetAside,
        22 => Op::Trim,
        23 => Op::PartitionRead(u64::from(number())),
        24 => Op::SplitLineRead(u64::from(number()) % 60),
        25 => Op::ReadAll(u64::from(number())),
        26 => Op::Compact,
        _ => match number() % 4 {
            0 => Op::DropData,
            1 => Op::Recycle,
            _ => Op::SetAside,
        },
    })
}

/// Mostly less than a block of 64 bytes, sometimes more.
fn length(byte: u8) -> usize {
    let byte = usize::from(byte);
    if byte < 200 { byte % 40 } else { byte - 100 }
}
