//! One way to give an input to a filter, and all the ways there are.
//!
//! Invariant: ways come simplest first, so that the first that fails is the one to look at.

use std::fmt;
use std::ops::Range;

/// What goes into a chain: in what pieces, by what calls, among what neighbours.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    pub(super) way: Way,
}

/// One bucket, and where in the input it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// The case's own leading bucket of that index.
    Head(usize),
    /// Bytes of the input: one piece, or several that a STREAM gives one by one.
    Data(Vec<Range<usize>>),
    Empty,
    Flush,
    Unknown(usize),
    Eos,
}

/// Everything but the cuts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) between: Between,
    pub(super) source: Source,
    pub(super) calls: Calls,
    pub(super) around: Around,
}

/// What is at each cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    Nothing,
    Empty,
    Flush,
    Unknown,
}

/// What kind of data the pieces are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Transient,
    Heap,
    File,
    Stream,
}

/// How the chain's owner passes the buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    One,
    /// A bucket a call, each after the chain has done what it could with the one before.
    Each,
    /// A bucket a call, whether the chain holds back or not.
    Unawaited,
}

/// What is around the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    Nothing,
    WaitsAbove,
    WaitsBelow,
    SlowPeer,
}

impl Way {
    pub(super) const PLAIN: Self = Self {
        between: Between::Nothing,
        source: Source::Transient,
        calls: Calls::One,
        around: Around::Nothing,
    };

    /// Every way that makes a difference with `cuts` cuts, simplest first.
    pub(super) fn all(cuts: usize) -> Vec<Self> {
        let mut ways = Vec::new();
        for source in [Source::Transient, Source::Heap, Source::File, Source::Stream] {
            for calls in [Calls::One, Calls::Each, Calls::Unawaited] {
                for between in [Between::Nothing, Between::Empty, Between::Flush, Between::Unknown]
                {
                    for around in
                        [Around::Nothing, Around::WaitsAbove, Around::WaitsBelow, Around::SlowPeer]
                    {
                        let way = Self { between, source, calls, around };
                        if way.differs(cuts) {
                            ways.push(way);
                        }
                    }
                }
            }
        }
        ways.sort_by_key(|way| way.complexity());
        ways
    }

    fn differs(self, cuts: usize) -> bool {
        let waits = self.source == Source::Stream || self.around != Around::Nothing;
        (cuts > 0 || self.between == Between::Nothing) && (waits || self.calls != Calls::Unawaited)
    }

    fn complexity(self) -> usize {
        usize::from(self.between != Between::Nothing)
            + usize::from(self.source != Source::Transient)
            + usize::from(self.calls != Calls::One)
            + usize::from(self.around != Around::Nothing)
    }
}

impl Plan {
    /// `len` bytes after `heads` leading buckets, cut at each of `cuts`, which are sorted.
    pub(super) fn new(way: Way, heads: usize, len: usize, cuts: &[usize]) -> Self {
        let mut items: Vec<Item> = (0..heads).map(Item::Head).collect();
        let mut start = 0;
        for (number, &cut) in cuts.iter().enumerate() {
            way.push_data(&mut items, start..cut);
            start = cut;
            match way.between {
                Between::Nothing => {}
                Between::Empty => items.push(Item::Empty),
                Between::Flush => items.push(Item::Flush),
                Between::Unknown => items.push(Item::Unknown(number + 1)),
            }
        }
        way.push_data(&mut items, start..len);
        items.push(Item::Eos);
        Self { items, way }
    }

    /// The first `len` bytes, plainly given, and `last`.
    pub(super) fn prefix(heads: usize, len: usize, last: Item) -> Self {
        let mut plan = Self::new(Way::PLAIN, heads, len, &[]);
        plan.items.pop();
        plan.items.push(last);
        plan
    }

    /// The marks in order: how many bytes of the input are before each.
    pub(super) fn marks(&self) -> Vec<(usize, &Item)> {
        let mut before = 0;
        let mut marks = Vec::new();
        for item in &self.items {
            match item {
                Item::Data(pieces) => before += pieces.iter().map(Range::len).sum::<usize>(),
                Item::Empty => {}
                mark => marks.push((before, mark)),
            }
        }
        marks
    }

    /// In words, with the bytes that each piece is of `input`.
    pub(super) fn describe(&self, input: &[u8]) -> String {
        let words: Vec<String> =
            self.items.iter().map(|item| self.way.describe(item, input)).collect();
        let (joint, calls) = match self.way.calls {
            Calls::One => (", ", "in one call"),
            Calls::Each => (" | ", "a call each"),
            Calls::Unawaited => (" | ", "a call each, whether the chain holds back or not"),
        };
        format!("{}; {calls}{}", words.join(joint), self.way.around)
    }
}

impl Way {
    fn push_data(self, items: &mut Vec<Item>, piece: Range<usize>) {
        if piece.is_empty() {
            return;
        }
        match items.last_mut() {
            // Without anything between them, the pieces of one STREAM.
            Some(Item::Data(pieces))
                if self.source == Source::Stream && self.calls == Calls::One =>
            {
                pieces.push(piece);
            }
            _ => items.push(Item::Data(vec![piece])),
        }
    }

    fn describe(self, item: &Item, input: &[u8]) -> String {
        match item {
            Item::Head(index) => format!("head {}", index + 1),
            Item::Data(pieces) => {
                let pieces: Vec<String> = pieces
                    .iter()
                    .map(|piece| format!("\"{}\"", input[piece.clone()].escape_ascii()))
                    .collect();
                format!("{} {}", self.source, pieces.join(" wait "))
            }
            Item::Empty => format!("{} \"\"", self.source),
            Item::Flush => "FLUSH".into(),
            Item::Unknown(number) => format!("MARK-{number}"),
            Item::Eos => "EOS".into(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient => "TRANSIENT",
            Self::Heap => "HEAP",
            Self::File => "FILE",
            Self::Stream => "waiting STREAM",
        })
    }
}

impl fmt::Display for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "",
            Self::WaitsAbove => "; below a filter that waits before every bucket",
            Self::WaitsBelow => "; above a filter that waits before every bucket",
            Self::SlowPeer => "; to a peer that takes 5 bytes at a time",
        })
    }
}
