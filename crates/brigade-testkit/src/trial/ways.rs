//! All the ways to give an input that is cut in given places.
//!
//! Invariant: ways come simplest first, so that the first that fails is the one to look at.

use std::ops::Range;

use super::plan::{Around, Calls, Item, Plan, Source};

/// Everything but the cuts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    between: Between,
    source: Source,
    calls: EachCall,
    around: Around,
}

/// What is at each cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    Nothing,
    Empty,
    Flush,
    Unknown,
}

/// How the chain's owner passes the buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EachCall {
    /// All of them.
    All,
    /// One, after the chain has done what it could with the one before.
    One,
    /// One, whether the chain holds back or not.
    Unawaited,
}

impl Way {
    pub(crate) const PLAIN: Self = Self {
        between: Between::Nothing,
        source: Source::Transient,
        calls: EachCall::All,
        around: Around::Nothing,
    };

    /// The same with a call for each bucket.
    pub(crate) fn called(self) -> Self {
        Self { calls: EachCall::One, ..self }
    }

    /// Every way that makes a difference with `cuts` cuts, simplest first.
    pub(crate) fn all(cuts: usize) -> Vec<Self> {
        let mut ways = Vec::new();
        let sources =
            [Source::Transient, Source::Heap, Source::File, Source::Stream, Source::WaitingStream];
        for source in sources {
            for calls in [EachCall::All, EachCall::One, EachCall::Unawaited] {
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
        let waits = self.source == Source::WaitingStream || self.around != Around::Nothing;
        (cuts > 0 || self.between == Between::Nothing)
            && (waits || self.calls != EachCall::Unawaited)
            // One that has all at once shows little beside the one that waits.
            && (cuts < 2 || self.source != Source::Stream)
    }

    fn complexity(self) -> usize {
        usize::from(self.between != Between::Nothing)
            + usize::from(self.source != Source::Transient)
            + usize::from(self.calls != EachCall::All)
            + usize::from(self.around != Around::Nothing)
    }

    /// `len` bytes after `heads` leading buckets, cut at each of `cuts`, which are sorted.
    pub(crate) fn plan(self, heads: usize, len: usize, cuts: &[usize]) -> Plan {
        let mut items: Vec<Item> = (0..heads).map(Item::Head).collect();
        let mut start = 0;
        for (number, &cut) in cuts.iter().enumerate() {
            self.push_data(&mut items, start..cut);
            start = cut;
            match self.between {
                Between::Nothing => {}
                Between::Empty => items.push(Item::Empty(self.source)),
                Between::Flush => items.push(Item::Flush),
                Between::Unknown => items.push(Item::Unknown(number + 1)),
            }
        }
        self.push_data(&mut items, start..len);
        items.push(Item::Eos);
        let calls = match self.calls {
            EachCall::Unawaited => Calls::Unawaited,
            EachCall::All | EachCall::One => Calls::Awaited,
        };
        if self.calls != EachCall::All {
            let mut called: Vec<Item> =
                items.into_iter().flat_map(|item| [item, Item::Call]).collect();
            called.pop();
            items = called;
        }
        Plan { calls, around: self.around, ..Plan::of(items) }
    }

    fn push_data(self, items: &mut Vec<Item>, piece: Range<usize>) {
        if piece.is_empty() {
            return;
        }
        match items.last_mut() {
            // Without anything between them, the pieces of one STREAM.
            Some(Item::Data(source, pieces))
                if *source >= Source::Stream && self.calls == EachCall::All =>
            {
                pieces.push(piece);
            }
            _ => items.push(Item::data(self.source, piece)),
        }
    }
}

/// All choices of `count` places, sorted, in an input of `len` bytes; a place may be taken twice.
pub(crate) fn places(count: usize, len: usize) -> Vec<Vec<usize>> {
    match count {
        0 => vec![Vec::new()],
        1 => (0..=len).map(|at| vec![at]).collect(),
        _ => (0..=len).flat_map(|first| (first..=len).map(move |then| vec![first, then])).collect(),
    }
}
