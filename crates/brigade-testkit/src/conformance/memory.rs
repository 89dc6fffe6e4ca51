//! Memory: what a filter holds at every step of a long stream.
//!
//! Invariant: what is measured is the most that was in use at once, in a call or between two, beside
//! what any chain may hold. Where the program counts its allocations these are the measure; elsewhere
//! the blocks of the chain are, and what the filter says.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brigade::{
    AllocOptions, Brigade, Bucket, Chain, Error, ErrorKind, Progress, ReadCx, ReadMode, StreamData,
    Terminal,
};

use crate::trial::{Spied, Subject, words};
use crate::{Allocated, CountingAlloc, Failure, Promise, SlowSink};

/// What a chain may hold for one filter, whatever that does: what was pushed since it last went down,
/// one piece that is read, blocks between their uses.
const CHAIN_BYTES: usize = 256 * 1024;

/// Bytes in a call: few, so that what is kept of each call is seen.
const CALL_BYTES: usize = 1000;

/// Resumes after a call that waits; it may go on waiting then.
const RESUMES: usize = 100;

type Pieces = Box<dyn Iterator<Item = Vec<u8>> + Send>;
type MakePieces<'a> = dyn Fn() -> Pieces + 'a;

/// What is streamed, and how much of it.
pub(super) struct Stream<'a> {
    pub(super) bytes: u64,
    pub(super) make: Option<Box<MakePieces<'a>>>,
}

impl Default for Stream<'_> {
    fn default() -> Self {
        Self { bytes: 64 << 20, make: None }
    }
}

/// How a stream is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In small calls, each with a FLUSH.
    Flushed,
    /// As one bucket of unknown length.
    Bucket,
    /// That, to a peer that takes next to nothing.
    Unread,
    /// One letter, again and again, in calls.
    Line,
}

/// Checks the filter's memory, over as much of `input` as is asked for.
pub(super) fn check(
    subject: &Subject<'_>,
    stream: &Stream<'_>,
    input: &[u8],
    memory_bytes: usize,
) -> Result<(), Failure> {
    for way in [Way::Flushed, Way::Bucket, Way::Unread, Way::Line] {
        let line_bytes = 4 * (memory_bytes + CHAIN_BYTES) as u64;
        let (pieces, what) = match (way, &stream.make) {
            (Way::Line, _) => {
                (repeated(b"x", stream.bytes.min(line_bytes)), "\"x\" over and over".to_owned())
            }
            (_, Some(make)) => (make(), "the stream".to_owned()),
            (_, None) if input.is_empty() => continue,
            (_, None) => (
                repeated(input, stream.bytes),
                format!("\"{}\" over and over", input.escape_ascii()),
            ),
        };
        let told = catch_unwind(AssertUnwindSafe(|| check_way(subject, way, pieces, memory_bytes)));
        let told = told.unwrap_or_else(|_| Err((Promise::NeverPanics, "it panics".to_owned(), 0)));
        told.map_err(|(promise, wrong, given_bytes)| {
            let came = format!("this, after {given_bytes} bytes");
            Failure::new(promise, wrong, way.describe(&what), came)
        })?;
    }
    Ok(())
}

/// The broken promise, what is wrong, and how many bytes had been given.
type Verdict = Result<(), (Promise, String, u64)>;

fn check_way(subject: &Subject<'_>, way: Way, pieces: Pieces, memory_bytes: usize) -> Verdict {
    let given_bytes = Arc::new(AtomicU64::new(0));
    let pieces = pieces.inspect({
        let given_bytes = given_bytes.clone();
        move |piece: &Vec<u8>| {
            given_bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
    });
    let (allocated, mut meter) =
        Allocated::during(|| Meter::new(subject, way == Way::Unread, memory_bytes));
    meter.live_bytes = allocated.left_bytes;
    let run = || {
        for head in &subject.heads {
            meter.step(way, head().into())?;
        }
        if matches!(way, Way::Bucket | Way::Unread) {
            return meter.step(way, stream_of(pieces).into()).map(drop);
        }
        for piece in pieces {
            let mut call = Brigade::from(Bucket::transient(&piece));
            if way == Way::Flushed {
                call.push_back(Bucket::flush());
            }
            if !meter.step(way, call)? {
                break;
            }
        }
        Ok(())
    };
    run().map_err(|(promise, wrong)| (promise, wrong, given_bytes.load(Ordering::Relaxed)))
}

/// A chain with the filter in it, and what it uses.
struct Meter {
    chain: Chain,
    spied: Spied,
    memory_bytes: usize,
    is_counting: bool,
    live_bytes: i64, // Allocated and not freed, if that is counted.
}

impl Meter {
    fn new(subject: &Subject<'_>, is_unread: bool, memory_bytes: usize) -> Self {
        let spied = Spied::default();
        // Few idle blocks: what is used is what is held.
        let alloc = AllocOptions::default().max_idle(4).build();
        let chain = if is_unread { Chain::new(SlowSink::new(1).0) } else { Chain::new(Nowhere) };
        let mut chain = chain.mode(ReadMode::NonBlocking).storage(alloc);
        chain.join_request((subject.make)(&spied));
        let is_counting = CountingAlloc::is_counting();
        Self { chain, spied, memory_bytes, is_counting, live_bytes: 0 }
    }

    /// Passes `call`, and says what is wrong then; whether there is any use in going on.
    fn step(&mut self, way: Way, mut call: Brigade<'_>) -> Result<bool, (Promise, String)> {
        let chain = &mut self.chain;
        let (allocated, answer) = Allocated::during(|| {
            chain.pass(&mut call)?;
            for _ in 0..RESUMES {
                if way == Way::Unread || chain.resume()? == Progress::Done {
                    break;
                }
            }
            Ok::<(), Error>(())
        });
        let peak_bytes = self.live_bytes + allocated.peak_bytes;
        self.live_bytes += allocated.left_bytes;
        self.check(peak_bytes).map_err(|wrong| (Promise::BoundedMemory, wrong))?;
        match answer {
            Ok(()) => Ok(true),
            // It may refuse what is too large for it, and a line that is none of its input.
            Err(error) if error.kind() == ErrorKind::TooLarge || way == Way::Line => Ok(false),
            Err(error) => {
                let wrong = format!(
                    "the chain fails: {}; say with `.stream(…)` what it takes for ever",
                    words(&error)
                );
                Err((Promise::TakesInput, wrong))
            }
        }
    }

    fn check(&mut self, peak_bytes: i64) -> Result<(), String> {
        let (memory, said) = (self.memory_bytes, self.spied.held_bytes());
        if said > memory {
            return Err(format!("it says it holds {said} bytes, its memory is {memory}"));
        }
        let stats = self.chain.alloc().stats();
        let blocks = stats.blocks_high_water * self.chain.alloc().block_size();
        let used =
            if self.is_counting { usize::try_from(peak_bytes).unwrap_or(0) } else { blocks + said };
        if used > memory + CHAIN_BYTES {
            return Err(format!(
                "{used} bytes are in use; its memory is {memory}, and {CHAIN_BYTES} are the chain's"
            ));
        }
        let live = usize::try_from(self.live_bytes).unwrap_or(0);
        let accounted = usize::try_from(self.chain.held_bytes()).unwrap_or(usize::MAX);
        if self.is_counting && live > accounted.saturating_add(CHAIN_BYTES) {
            return Err(format!(
                "{live} bytes are in use between calls, and held_bytes() says {said}"
            ));
        }
        Ok(())
    }
}

impl Way {
    fn describe(self, what: &str) -> String {
        match self {
            Self::Flushed => format!("{what}, TRANSIENT and FLUSH in each call"),
            Self::Bucket => format!("{what}, in one STREAM"),
            Self::Unread => format!("{what}, in one STREAM; to a peer that takes one byte"),
            Self::Line => format!("{what}, TRANSIENT in each call"),
        }
    }
}

/// `input` over and over, `bytes` of it.
fn repeated(input: &[u8], bytes: u64) -> Pieces {
    let period = input.len();
    let text = input.repeat(CALL_BYTES.div_ceil(period) + 1);
    let (mut at, mut left) = (0, bytes);
    Box::new(std::iter::from_fn(move || {
        let len = CALL_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX));
        let piece = text[at..at + len].to_vec();
        at = (at + len) % period;
        left -= len as u64;
        (len > 0).then_some(piece)
    }))
}

/// A STREAM that has all of `pieces` at once.
fn stream_of(mut pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Bucket<'static> {
    let mut rest = VecDeque::new();
    Bucket::of(StreamData::ready(move |room, _waker| {
        while rest.is_empty() {
            match pieces.next() {
                Some(piece) => rest = piece.into(),
                None => return Ok(0),
            }
        }
        std::io::Read::read(&mut rest, room)
    }))
}

/// A peer that takes everything at once and keeps nothing.
struct Nowhere;

impl Terminal for Nowhere {
    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> brigade::Result<()> {
        while brigade.pop_read(cx)?.is_some() {}
        Ok(())
    }
}
