//! Leads one plan through a chain with the filter in it.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use brigade::{
    AllocOptions, Brigade, Bucket, Chain, FilterKind, Member, Progress, ReadMode, Result,
};

use super::plan::{Around, Calls, Item, Plan, Source};
use crate::{SinkRecord, SlowSink, stuttering, unknown_mark, waits_everywhere};

/// More resumes than any filter needs that gets on at all.
const RESUMES: usize = 100_000;

/// What came out.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    pub(super) marks: Vec<(u64, String)>,
    pub(super) trouble: Option<Trouble>,
}

/// Why a response did not come to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    Failed(String),
    /// It waits, and nobody will wake the chain.
    Asleep,
    /// It was resumed a hundred thousand times.
    Endless,
}

/// The input, in the storage that plans take it from.
pub(super) struct Input<'i> {
    pub(super) bytes: &'i [u8],
    file: Arc<File>,
}

impl<'i> Input<'i> {
    /// # Panics
    ///
    /// When the input cannot be written to a temporary file.
    pub(super) fn new(bytes: &'i [u8]) -> Self {
        let mut file = tempfile::tempfile().expect("a temporary file for FILE buckets");
        file.write_all(bytes).expect("the input fits into a temporary file");
        Self { bytes, file: Arc::new(file) }
    }

    fn bucket(&self, source: Source, pieces: &[Range<usize>], chain: &mut Chain) -> Bucket<'i> {
        let piece = pieces.first().cloned().unwrap_or(0..0);
        let bytes = &self.bytes[piece.clone()];
        match source {
            Source::Transient => Bucket::transient(bytes),
            Source::Heap => chain.alloc().copy(bytes),
            Source::File => Bucket::file(self.file.clone(), piece.start as u64, piece.len() as u64),
            Source::Stream => stuttering(pieces.iter().map(|piece| &self.bytes[piece.clone()])),
        }
    }
}

/// Leads `plan` through a chain with `member` in it.
pub(super) fn drive(
    plan: &Plan,
    input: &Input<'_>,
    member: Member,
    head: &dyn Fn(usize) -> Bucket<'static>,
) -> Output {
    let wakes = Arc::new(Wakes::default());
    let (mut chain, record) = chain_around(member, plan.way.around, &wakes);
    let trouble = give(plan, input, &mut chain, &wakes, head).err();
    Output { bytes: record.take_bytes(), marks: record.marks(), trouble }
}

fn chain_around(member: Member, around: Around, wakes: &Arc<Wakes>) -> (Chain, SinkRecord) {
    let turn_bytes = if around == Around::SlowPeer { 5 } else { usize::MAX };
    let (sink, record) = SlowSink::new(turn_bytes);
    // Small blocks: their borders are met too, and making one costs little.
    let alloc = AllocOptions::default().block_size(256).build();
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking).storage(alloc);
    chain.set_waker(&Waker::from(wakes.clone()));
    let waiting = |kind| Member::new("waits everywhere", kind, waits_everywhere());
    if around == Around::WaitsAbove {
        chain.join_request(waiting(FilterKind::RESOURCE.offset(i16::MIN)));
    }
    chain.join_request(member);
    if around == Around::WaitsBelow {
        chain.join_request(waiting(FilterKind::NETWORK.offset(i16::MAX)));
    }
    (chain, record)
}

fn give(
    plan: &Plan,
    input: &Input<'_>,
    chain: &mut Chain,
    wakes: &Wakes,
    head: &dyn Fn(usize) -> Bucket<'static>,
) -> Result<(), Trouble> {
    let source = plan.way.source;
    let mut together = Brigade::new();
    for item in &plan.items {
        let bucket = match item {
            Item::Head(index) => head(*index),
            Item::Data(pieces) => input.bucket(source, pieces, chain),
            Item::Empty => input.bucket(source, &[], chain),
            Item::Flush => Bucket::flush(),
            Item::Unknown(number) => unknown_mark(*number),
            Item::Eos => Bucket::eos(),
        };
        if plan.way.calls == Calls::One {
            together.push_back(bucket);
            continue;
        }
        chain.pass_bucket(bucket)?;
        if plan.way.calls == Calls::Each {
            finish(chain, wakes)?;
        }
    }
    chain.pass(&mut together)?;
    finish(chain, wakes)
}

/// Resumes the chain until nothing waits.
fn finish(chain: &mut Chain, wakes: &Wakes) -> Result<(), Trouble> {
    for _ in 0..RESUMES {
        if chain.progress() == Progress::Done {
            return Ok(());
        }
        if wakes.0.swap(0, Ordering::Relaxed) == 0 {
            return Err(Trouble::Asleep);
        }
        let _ = chain.resume()?;
    }
    Err(Trouble::Endless)
}

impl From<brigade::Error> for Trouble {
    fn from(error: brigade::Error) -> Self {
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        Self::Failed(words)
    }
}

/// Counts how often the chain was woken since it was resumed.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
