//! What goes into a chain with the filter in it: in what pieces, by what calls, among what neighbours.
//!
//! Invariant: a plan says all there is to a run. The same plan gives the same run.

use std::fmt::{self, Write};
use std::ops::Range;

use brigade::End;

/// One run, from the first bucket to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// A response before this one, on the same connection; none if it is empty. The filter is a
    /// request's then.
    pub(crate) before: Vec<Item>,
    pub(crate) items: Vec<Item>,
    pub(crate) around: Around,
    pub(crate) calls: Calls,
    pub(crate) ending: Ending,
}

/// One bucket, and where in the input it comes from; or the border of two calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// The leading bucket of that index.
    Head(usize),
    /// Bytes of the input: one piece, or several that a STREAM gives one by one.
    Data(Source, Vec<Range<usize>>),
    Empty(Source),
    Flush,
    Unknown(usize),
    /// The body ends in an ERROR.
    Error,
    /// A STREAM that gives these bytes, if there are any, and then fails.
    Fails(Range<usize>),
    Eos,
    /// What follows is passed by another call.
    Call,
}

/// What kind of data a piece is; plainest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Transient,
    Heap,
    File,
    /// It has everything at once, of a length that nobody knows.
    Stream,
    /// It has nothing before each piece, and nothing before its end.
    WaitingStream,
}

/// What is around the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Around {
    Nothing,
    WaitsAbove,
    WaitsBelow,
    SlowPeer,
    /// A filter below fails when it is given the bucket of that index.
    FailsBelow(usize),
}

/// When the next call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    /// After the chain has done what it could.
    Awaited,
    /// At once, whether the chain holds back or not.
    Unawaited,
}

/// How the run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// When the body has ended and all of it was taken.
    Complete,
    /// The chain is ended after the last call.
    Abort(End),
}

impl Plan {
    /// All of these in one call, plainly.
    pub(crate) fn of(items: Vec<Item>) -> Self {
        Self {
            before: Vec::new(),
            items,
            around: Around::Nothing,
            calls: Calls::Awaited,
            ending: Ending::Complete,
        }
    }

    /// The heads, the first `len` bytes in one piece, and `rest`.
    pub(crate) fn prefix(heads: usize, len: usize, rest: impl IntoIterator<Item = Item>) -> Self {
        let mut items: Vec<Item> = (0..heads).map(Item::Head).collect();
        if len > 0 {
            items.push(Item::data(Source::Transient, 0..len));
        }
        items.extend(rest);
        Self::of(items)
    }

    #[must_use]
    pub(crate) fn aborted(mut self, end: End) -> Self {
        self.ending = Ending::Abort(end);
        self
    }

    /// The same behind another response, for which the filter was there too.
    #[must_use]
    pub(crate) fn after(mut self, before: Vec<Item>) -> Self {
        self.before = before;
        self
    }

    #[must_use]
    pub(crate) fn around(mut self, around: Around) -> Self {
        self.around = around;
        self
    }

    /// The marks in order: how many bytes of the input are before each.
    pub(crate) fn marks(&self) -> Vec<(usize, &Item)> {
        let mut before = 0;
        let mut marks = Vec::new();
        for item in &self.items {
            match item {
                Item::Data(_, pieces) => before += pieces.iter().map(Range::len).sum::<usize>(),
                Item::Empty(_) | Item::Call | Item::Fails(_) => {}
                mark => marks.push((before, mark)),
            }
        }
        marks
    }

    pub(crate) fn has(&self, is_wanted: impl Fn(&Item) -> bool) -> bool {
        self.items.iter().any(is_wanted)
    }

    /// The least plain kind of data in it.
    pub(crate) fn source(&self) -> Source {
        let sources = self.items.iter().map(|item| match item {
            Item::Data(source, _) | Item::Empty(source) => *source,
            _ => Source::Transient,
        });
        sources.max().unwrap_or(Source::Transient)
    }

    /// Whether something in it or around it waits.
    pub(crate) fn waits(&self) -> bool {
        let around =
            matches!(self.around, Around::WaitsAbove | Around::WaitsBelow | Around::SlowPeer);
        around || self.source() == Source::WaitingStream
    }

    /// In words, with the bytes that each piece is of `input`.
    pub(crate) fn describe(&self, input: &[u8]) -> String {
        let mut words = describe_calls(&self.items, input);
        words.push_str(match (self.has(|item| *item == Item::Call), self.calls) {
            (false, _) => "; in one call",
            (_, Calls::Awaited) => "; a new call at each |",
            (_, Calls::Unawaited) => "; a new call at each |, whether the chain holds back or not",
        });
        // A `String` takes everything.
        let _ = write!(words, "{}", self.around);
        if let Ending::Abort(end) = self.ending {
            let _ = write!(words, "; then the connection ends: {end:?}");
        }
        if !self.before.is_empty() {
            let before = describe_calls(&self.before, input);
            let _ = write!(words, "; after a response of {before} on the same connection");
        }
        words
    }
}

fn describe_calls(items: &[Item], input: &[u8]) -> String {
    let calls = items.split(|item| *item == Item::Call).map(|call| {
        let buckets: Vec<String> = call.iter().map(|item| item.describe(input)).collect();
        joined(&buckets)
    });
    calls.collect::<Vec<_>>().join(" | ")
}

/// The buckets of one call; equal ones counted.
fn joined(buckets: &[String]) -> String {
    let runs = buckets.chunk_by(|left, right| left == right).map(|run| match run.len() {
        1 => run[0].clone(),
        count => format!("{} × {count}", run[0]),
    });
    runs.collect::<Vec<_>>().join(", ")
}

impl Item {
    /// One piece of the input.
    pub(crate) fn data(source: Source, piece: Range<usize>) -> Self {
        Self::Data(source, Vec::from([piece]))
    }

    fn describe(&self, input: &[u8]) -> String {
        let quoted = |piece: &Range<usize>| format!("\"{}\"", input[piece.clone()].escape_ascii());
        match self {
            Self::Head(index) => format!("head {}", index + 1),
            Self::Data(source, pieces) => {
                let joint = if *source == Source::WaitingStream { " wait " } else { " then " };
                format!("{source} {}", pieces.iter().map(quoted).collect::<Vec<_>>().join(joint))
            }
            Self::Empty(source) => format!("{source} \"\""),
            Self::Flush => "FLUSH".into(),
            Self::Unknown(number) => format!("MARK-{number}"),
            Self::Error => "ERROR".into(),
            Self::Fails(piece) if piece.is_empty() => "failing STREAM".into(),
            Self::Fails(piece) => format!("failing STREAM {}", quoted(piece)),
            Self::Eos => "EOS".into(),
            Self::Call => "|".into(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient => "TRANSIENT",
            Self::Heap => "HEAP",
            Self::File => "FILE",
            Self::Stream => "STREAM",
            Self::WaitingStream => "waiting STREAM",
        })
    }
}

impl fmt::Display for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::WaitsAbove => f.write_str("; below a filter that waits before every bucket"),
            Self::WaitsBelow => f.write_str("; above a filter that waits before every bucket"),
            Self::SlowPeer => f.write_str("; to a peer that takes 5 bytes at a time"),
            Self::FailsBelow(index) => {
                write!(f, "; above a filter that fails at bucket {}", index + 1)
            }
        }
    }
}
