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
    /// Copied into a block.
    Copied,
    /// Written into a block by a filter.
    Changed,
    /// Read into a block.
    Filled,
    Foreign,
    Mapped,
    File,
    /// Data of unknown length that can be cloned.
    Pieces,
    /// A STREAM that may block its thread.
    Blocking,
    /// A STREAM that always has something.
    Ready,
    /// A STREAM that has nothing yet before each of its pieces.
    Stuttering,
    /// A STREAM whose source fails before each of its pieces, and goes on when it is asked again.
    Failing,
    Eos,
    Flush,
    Eor,
    Eoc,
    Error,
    Custom,
}

const KINDS: [Kind; 20] = [
    Kind::Copied,
    Kind::Copied,
    Kind::Changed,
    Kind::Filled,
    Kind::Transient,
    Kind::Immortal,
    Kind::Foreign,
    Kind::Mapped,
    Kind::File,
    Kind::Pieces,
    Kind::Blocking,
    Kind::Ready,
    Kind::Stuttering,
    Kind::Failing,
    Kind::Eos,
    Kind::Flush,
    Kind::Eor,
    Kind::Eoc,
    Kind::Error,
    Kind::Custom,
];

/// A kind, and of how many bytes.
pub(crate) type Made = (Kind, usize);

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Put(Put),
    Take(Take),
    Cut(Cut),
    Part(Part),
    Read(Read),
    See(See),
    Keep(Keep),
}

/// What makes a brigade longer.
#[derive(Debug, Clone)]
pub(crate) enum Put {
    Back(Made),
    Front(Made),
    Append(Vec<Made>),
    Prepend(Vec<Made>),
    Extend(Vec<Made>),
    /// Offset and length.
    File(usize, usize),
    Write(usize),
    Writev(Vec<usize>),
    Print(usize),
    CloneFront,
}

/// What makes it shorter.
#[derive(Debug, Clone)]
pub(crate) enum Take {
    Front,
    Back,
    Consume(usize),
    Advance(u64),
    DropData,
    Clear,
    Complete,
    Recycle,
}

/// What cuts it, or its front.
#[derive(Debug, Clone)]
pub(crate) enum Cut {
    SplitOff(usize),
    SplitOffInto(usize),
    Partition(u64),
    PartitionInto(u64),
    PartitionRead(u64),
    SplitFront(u64),
}

/// What takes a line or a part out.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Line(Bounds),
    LineRead(Bounds),
    /// The boundary is so many bytes of the text, from an offset.
    Boundary(usize, usize, Bounds),
    BoundaryRead(usize, usize, Bounds),
}

/// How much is moved already, and the limit of both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) moved: usize,
    pub(crate) limit: u64,
}

/// What reads, in the brigade's place or out of it.
#[derive(Debug, Clone)]
pub(crate) enum Read {
    Pop(ReadMode),
    All(u64),
    Len(u64),
}

/// What looks at the bytes and leaves the brigade as it is.
#[derive(Debug, Clone)]
pub(crate) enum See {
    Flatten(u64),
    FlattenBytes(u64),
    FlattenInto(usize),
    IoSlices(usize),
}

/// What changes where the bytes are, or which of the two brigades they are in.
#[derive(Debug, Clone)]
pub(crate) enum Keep {
    SetAside,
    SetAsideFront,
    IntoBytes,
    Collect,
    Compact,
    Swap,
    TakeBack,
    PutBefore,
    Trim,
}

/// The steps, in order.
#[derive(Debug, Clone)]
pub(crate) struct Program(pub(crate) Vec<Op>);

impl Program {
    /// Reads a program to the end of `bytes`.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut bytes = Bytes(bytes.iter());
        Self(std::iter::from_fn(|| bytes.op()).collect())
    }
}

/// What a step lacks at the end is zero.
struct Bytes<'b>(std::slice::Iter<'b, u8>);

impl Bytes<'_> {
    fn op(&mut self) -> Option<Op> {
        let which = *self.0.next()?;
        // Brigades are to be long: more is put in than comes out.
        Some(match which % 16 {
            0..=7 => Op::Put(self.put()),
            8 => Op::Take(self.take()),
            9 => Op::Cut(self.cut()),
            10 | 11 => Op::Part(self.part()),
            12 => Op::Read(self.read()),
            13 => Op::See(self.see()),
            _ => Op::Keep(self.keep()),
        })
    }

    fn put(&mut self) -> Put {
        match self.number() % 16 {
            0..=3 => Put::Back(self.made()),
            4 => Put::Front(self.made()),
            5 => Put::Append(self.several(Self::made)),
            6 => Put::Prepend(self.several(Self::made)),
            7 => Put::Extend(self.several(Self::made)),
            8 => Put::File(self.number() % 100, self.number() % 60),
            9 => Put::CloneFront,
            10 => Put::Writev(self.several(Self::length)),
            11 => Put::Print(self.length()),
            _ => Put::Write(self.length()),
        }
    }

    fn take(&mut self) -> Take {
        match self.number() % 16 {
            0 => Take::DropData,
            1 => Take::Clear,
            2 => Take::Complete,
            3 => Take::Recycle,
            4..=6 => Take::Back,
            7..=9 => Take::Consume(self.number()),
            10..=12 => Take::Advance(self.count() % 60),
            _ => Take::Front,
        }
    }

    fn cut(&mut self) -> Cut {
        match self.number() % 6 {
            0 => Cut::SplitOff(self.number() % 10),
            1 => Cut::SplitOffInto(self.number() % 10),
            2 => Cut::Partition(self.count()),
            3 => Cut::PartitionInto(self.count()),
            4 => Cut::PartitionRead(self.count()),
            _ => Cut::SplitFront(self.count() % 60),
        }
    }

    fn part(&mut self) -> Part {
        match self.number() % 4 {
            0 => Part::Line(self.bounds()),
            1 => Part::LineRead(self.bounds()),
            2 => Part::Boundary(self.number() % 32, self.number() % 8, self.bounds()),
            _ => Part::BoundaryRead(self.number() % 32, self.number() % 8, self.bounds()),
        }
    }

    fn bounds(&mut self) -> Bounds {
        Bounds { moved: self.number() % 8, limit: self.count() }
    }

    fn read(&mut self) -> Read {
        match self.number() % 6 {
            0 | 1 => Read::Pop(ReadMode::Blocking),
            2 => Read::Pop(ReadMode::NonBlocking),
            3 => Read::Len(self.count()),
            _ => Read::All(self.count()),
        }
    }

    fn see(&mut self) -> See {
        match self.number() % 4 {
            0 => See::Flatten(self.count()),
            1 => See::FlattenBytes(self.count()),
            2 => See::FlattenInto(self.number()),
            _ => See::IoSlices(self.number() % 8),
        }
    }

    fn keep(&mut self) -> Keep {
        match self.number() % 12 {
            0 => Keep::SetAside,
            1 | 2 => Keep::SetAsideFront,
            3 => Keep::IntoBytes,
            4 => Keep::Collect,
            5 | 6 => Keep::Compact,
            7 => Keep::Swap,
            8 | 9 => Keep::TakeBack,
            10 => Keep::PutBefore,
            _ => Keep::Trim,
        }
    }

    fn number(&mut self) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0))
    }

    fn count(&mut self) -> u64 {
        self.number() as u64
    }

    fn made(&mut self) -> Made {
        (KINDS[self.number() % KINDS.len()], self.length())
    }

    fn several<T>(&mut self, each: fn(&mut Self) -> T) -> Vec<T> {
        (0..self.number() % 4).map(|_| each(self)).collect()
    }

    /// Mostly less than a block of 64 bytes, sometimes more.
    fn length(&mut self) -> usize {
        let number = self.number();
        if number < 200 { number % 40 } else { number - 100 }
    }
}
