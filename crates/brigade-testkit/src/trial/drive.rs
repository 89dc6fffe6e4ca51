//! Leads one plan through a chain with the filter in it.

use std::any::Any;
use std::cell::OnceCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use brigade::{
    AllocOptions, Brigade, Bucket, Chain, Effects, End, Error, FilterKind, Member, Progress,
    ReadMode, StreamData,
};

use super::plan::{Around, Calls, Ending, Item, Plan, Source};
use super::probe::{Probed, probe};
use super::{Spied, Subject};
use crate::{SinkRecord, SlowSink, stuttering, unknown_mark, waits_everywhere};

/// What the error of a failing STREAM says.
pub(super) const SOURCE_FAILS: &str = "the kit lets the source fail";

/// More resumes than any filter needs that gets on at all.
const RESUMES: usize = 100_000;

/// What came of a run.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    /// How many bytes are before each mark, and its name.
    pub(super) marks: Vec<(u64, String)>,
    pub(super) trouble: Option<Trouble>,
    /// The effects that a protocol would have seen, below the filter.
    pub(super) effects: Effects,
    /// What the filter was told of the end, if anybody looked.
    pub(super) told: Vec<End>,
    pub(super) is_spied: bool,
    /// What it said it holds, if it was seen to step aside.
    pub(super) held_aside: Option<usize>,
    /// Whether the filter below that should fail was given its bucket.
    pub(super) has_failed_below: bool,
}

/// Why a run did not come to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    Failed(Error),
    /// It waits, and nobody will wake the chain.
    Asleep,
    /// It was resumed a hundred thousand times, or makes megabytes of a few bytes.
    Endless,
    Panicked(String),
}

/// The input, in the storage that plans take it from.
pub(super) struct Input {
    pub(super) bytes: Vec<u8>,
    file: OnceCell<Arc<File>>,
}

impl Input {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), file: OnceCell::new() }
    }

    fn file(&self) -> Arc<File> {
        let file = self.file.get_or_init(|| {
            let mut file = tempfile::tempfile().expect("a temporary file for FILE buckets");
            file.write_all(&self.bytes).expect("the input fits into a temporary file");
            Arc::new(file)
        });
        file.clone()
    }

    fn bucket(&self, source: Source, pieces: &[Range<usize>], chain: &mut Chain) -> Bucket<'_> {
        let piece = pieces.first().cloned().unwrap_or(0..0);
        let bytes = &self.bytes[piece.clone()];
        let all = pieces.iter().map(|piece| &self.bytes[piece.clone()]);
        match source {
            Source::Transient => Bucket::transient(bytes),
            Source::Heap => chain.alloc().copy(bytes),
            Source::File => Bucket::file(self.file(), piece.start as u64, piece.len() as u64),
            Source::Stream => giving(all, None),
            Source::WaitingStream => stuttering(all),
        }
    }
}

/// A STREAM that gives `pieces`, one a read, and then ends or fails.
fn giving<'p>(
    pieces: impl Iterator<Item = &'p [u8]>,
    failure: Option<&'static str>,
) -> Bucket<'static> {
    let mut pieces: VecDeque<Vec<u8>> = pieces.map(<[u8]>::to_vec).collect();
    Bucket::of(StreamData::ready(move |room, _waker| match (pieces.pop_front(), failure) {
        (Some(mut piece), _) => {
            let count = piece.len().min(room.len());
            room[..count].copy_from_slice(&piece[..count]);
            if count < piece.len() {
                pieces.push_front(piece.split_off(count));
            }
            Ok(count)
        }
        (None, Some(failure)) => Err(io::Error::other(failure)),
        (None, None) => Ok(0),
    }))
}

/// Leads `plan` through a chain with the filter in it.
pub(super) fn drive(subject: &Subject<'_>, plan: &Plan, input: &Input) -> Output {
    let wakes = Arc::new(Wakes::default());
    let spied = Spied::default();
    let fails_at = match plan.around {
        Around::FailsBelow(index) => Some(index),
        _ => None,
    };
    let probed = Probed::failing_at(fails_at);
    let (mut chain, record) = chain_around((subject.make)(&spied), plan, &probed, &wakes);
    let mut run =
        Run { input, subject, chain: &mut chain, wakes: &wakes, spied: &spied, held_aside: None };
    let (mut first_bytes, mut first_marks) = (0, 0);
    let given = run.guarded(|run| {
        if !plan.before.is_empty() {
            run.give(&plan.before, plan.calls)?;
            run.chain.end_request(None)?;
            run.finish()?;
            run.chain.begin_response()?;
            first_bytes = record.take_bytes().len() as u64;
            first_marks = record.marks().len();
        }
        run.give(&plan.items, plan.calls)
    });
    let is_troubled = given.is_err();
    let ended = run.guarded(|run| run.end(plan, is_troubled));
    let held_aside = run.held_aside;
    let mut trouble = given.err();
    trouble = match trouble {
        Some(Trouble::Failed(_)) if probed.is_flooded() => Some(Trouble::Endless),
        Some(trouble) => Some(trouble),
        None => ended.err(),
    };
    Output {
        bytes: record.take_bytes(),
        marks: record
            .marks()
            .into_iter()
            .skip(first_marks)
            .filter(|(_, name)| name != "EOR")
            .map(|(at, name)| (at - first_bytes, name))
            .collect(),
        trouble,
        effects: probed.effects(),
        told: spied.told(),
        is_spied: spied.is_used(),
        held_aside,
        has_failed_below: probed.has_failed(),
    }
}

fn chain_around(
    member: Member,
    plan: &Plan,
    probed: &Probed,
    wakes: &Arc<Wakes>,
) -> (Chain, SinkRecord) {
    let turn_bytes = if plan.around == Around::SlowPeer { 5 } else { usize::MAX };
    let (sink, record) = SlowSink::new(turn_bytes);
    // Small blocks: their borders are met too, and making one costs little.
    let alloc = AllocOptions::default().block_size(256).build();
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking).storage(alloc);
    chain.set_waker(&Waker::from(wakes.clone()));
    let waiting = |kind| Member::new("waits everywhere", kind, waits_everywhere());
    if plan.around == Around::WaitsAbove {
        chain.join_request(waiting(FilterKind::RESOURCE.offset(i16::MIN)));
    }
    if plan.before.is_empty() {
        chain.join_request(member);
    } else {
        chain.join(member);
    }
    chain.join(Member::new("probe", FilterKind::NETWORK.offset(i16::MAX), probe(probed)));
    if plan.around == Around::WaitsBelow {
        chain.join(waiting(FilterKind::NETWORK.offset(i16::MAX)));
    }
    (chain, record)
}

struct Run<'r, 'i, 's> {
    input: &'i Input,
    subject: &'r Subject<'s>,
    chain: &'r mut Chain,
    wakes: &'r Wakes,
    spied: &'r Spied,
    held_aside: Option<usize>,
}

impl<'i> Run<'_, 'i, '_> {
    /// Lets a panic be a trouble like any other.
    fn guarded(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        catch_unwind(AssertUnwindSafe(|| run(self)))
            .unwrap_or_else(|panic| Err(Trouble::panicked(&*panic)))
    }

    fn give(&mut self, items: &[Item], calls: Calls) -> Result<(), Trouble> {
        for call in items.split(|item| *item == Item::Call) {
            let mut brigade: Brigade<'i> = call.iter().map(|item| self.bucket(item)).collect();
            let called = self.spied.calls();
            let is_given = !brigade.is_empty();
            self.chain.pass(&mut brigade)?;
            if calls == Calls::Awaited {
                self.finish()?;
                // Given something without being called: it has stepped aside.
                if is_given && called > 0 && self.spied.calls() == called {
                    self.held_aside = Some(self.spied.held_bytes());
                }
            }
        }
        self.finish()
    }

    fn bucket(&mut self, item: &Item) -> Bucket<'i> {
        match item {
            Item::Head(index) => self.subject.heads[*index](),
            Item::Data(source, pieces) => self.input.bucket(*source, pieces, self.chain),
            Item::Empty(source) => self.input.bucket(*source, &[], self.chain),
            Item::Flush => Bucket::flush(),
            Item::Unknown(number) => unknown_mark(*number),
            Item::Error => Bucket::error(Error::other("the kit ends the body in an ERROR")),
            Item::Fails(piece) => {
                let piece = Some(&self.input.bytes[piece.clone()]);
                giving(piece.filter(|piece| !piece.is_empty()).into_iter(), Some(SOURCE_FAILS))
            }
            Item::Eos | Item::Call => Bucket::eos(),
        }
    }

    /// Ends the response: as its end says, or as failed where it came to none.
    fn end(&mut self, plan: &Plan, is_troubled: bool) -> Result<(), Trouble> {
        if is_troubled {
            // The owner of a body that failed ends it all the same. What comes of that is looked at.
            let _ = self.chain.pass_bucket(Bucket::eos());
            self.chain.abort(End::Failed);
            return Ok(());
        }
        match plan.ending {
            Ending::Complete => {
                self.chain.end_request(None)?;
                self.finish()
            }
            Ending::Abort(end) => {
                self.chain.abort(end);
                Ok(())
            }
        }
    }

    /// Resumes the chain until nothing waits.
    fn finish(&mut self) -> Result<(), Trouble> {
        for _ in 0..RESUMES {
            if self.chain.progress() == Progress::Done {
                return Ok(());
            }
            if self.wakes.0.swap(0, Ordering::Relaxed) == 0 {
                return Err(Trouble::Asleep);
            }
            let _ = self.chain.resume()?;
        }
        Err(Trouble::Endless)
    }
}

impl Trouble {
    fn panicked(panic: &(dyn Any + Send)) -> Self {
        let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        Self::Panicked(words.unwrap_or_else(|| "no words".to_owned()))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// An error with all its causes.
pub(crate) fn words(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// Counts how often the chain was woken since it was resumed.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
