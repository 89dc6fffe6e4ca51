//! Writing a journey down while it happens.
//!
//! Invariant: what is written down stays within a limit, whatever passes; a journey that is not whole
//! says so.

use std::fmt;

use brigade::{
    Answer, BlockUse, Brigade, Bucket, BucketAlloc, Chain, Observer, Pass, Place, Read, ReadCx,
    ReadMode, Returned,
};

use super::{Event, Journey, SeenAnswer, SeenBucket, What};

/// So many of its first bytes show what a bucket is about.
const GLIMPSE_BYTES: usize = 256;
/// What an event, or a bucket in it, takes beside its bytes.
const ENTRY_BYTES: usize = 128;

/// An [`Observer`] that writes down a [`Journey`]: give it to [`Chain::observe`], and
/// [`take`](Self::take) what it has.
///
/// Off unless it is asked for, since a journey holds what passes: keep it as you keep bodies.
pub struct Recorder {
    journey: Journey,
    terminal: Option<usize>,
    left_bytes: usize,
    keeps: Keeps,
    describe: Box<Describe>,
}

type Describe = dyn Fn(&Bucket<'_>) -> Option<String> + Send;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Bodies,
    Glimpses,
}

impl Recorder {
    /// Keeps all bytes that pass, FILEs read for it among them, in about `limit_bytes` of memory; what
    /// comes after that many is missing. `chain` is the one it will look at.
    pub fn bodies(limit_bytes: usize, chain: &Chain) -> Self {
        Self::new(limit_bytes, Keeps::Bodies, chain)
    }

    /// Keeps the first 256 bytes of each bucket that is in memory: for a picture.
    pub fn glimpses(limit_bytes: usize, chain: &Chain) -> Self {
        Self::new(limit_bytes, Keeps::Glimpses, chain)
    }

    /// Sets what is written down of marks beside the names of their kinds; replaying makes them of it.
    #[must_use]
    pub fn describe(
        mut self,
        describe: impl Fn(&Bucket<'_>) -> Option<String> + Send + 'static,
    ) -> Self {
        self.describe = Box::new(describe);
        self
    }

    /// What has happened so far; it goes on with an empty journey.
    pub fn take(&mut self) -> Journey {
        let rest = Journey {
            places: self.journey.places.clone(),
            order: self.journey.order.clone(),
            ..Journey::default()
        };
        std::mem::replace(&mut self.journey, rest)
    }

    fn new(limit_bytes: usize, keeps: Keeps, chain: &Chain) -> Self {
        let names = chain.filters().map(|(name, ..)| name.to_owned());
        let places: Vec<String> = std::iter::once("owner".to_owned()).chain(names).collect();
        let order = (0..places.len()).collect();
        let journey = Journey { places, order, ..Journey::default() };
        let describe = Box::new(|_: &Bucket<'_>| None);
        Self { journey, terminal: None, left_bytes: limit_bytes, keeps, describe }
    }

    /// The index of a place. Filters that are inserted move those below them down.
    fn place(&mut self, place: Place<'_>) -> usize {
        let (name, position) = match place {
            Place::Filter { name, position } => (name, position),
            Place::Terminal(name) => {
                return self.terminal.unwrap_or_else(|| {
                    let new = self.add(name, usize::MAX);
                    self.terminal = Some(new);
                    new
                });
            }
            _ => return 0,
        };
        let journey = &self.journey;
        let has_name = |place: &usize| journey.places[*place] == name;
        let is_filter = |place: &usize| *place != 0 && Some(*place) != self.terminal;
        let there = journey.order.get(position).copied().filter(&has_name);
        let elsewhere = || journey.order.iter().copied().find(|at| is_filter(at) && has_name(at));
        there.or_else(elsewhere).unwrap_or_else(|| self.add(name, position))
    }

    fn add(&mut self, name: &str, position: usize) -> usize {
        let new = self.journey.places.len();
        self.journey.places.push(name.to_owned());
        let filters = self.journey.order.len() - usize::from(self.terminal.is_some());
        self.journey.order.insert(position.min(filters), new);
        new
    }

    fn record(&mut self, what: What, alloc: &BucketAlloc) {
        let blocks = blocks(alloc);
        if self.journey.is_cut || !self.has_room(ENTRY_BYTES + blocks.len()) {
            self.journey.is_cut = true;
            return;
        }
        self.journey.events.push(Event { what, blocks });
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let left = self.left_bytes.checked_sub(bytes);
        self.left_bytes = left.unwrap_or(0);
        left.is_some()
    }

    fn brigade(&mut self, brigade: &Brigade<'_>, alloc: &BucketAlloc) -> Vec<SeenBucket> {
        brigade.iter().map_while(|bucket| self.bucket(bucket, alloc)).collect()
    }

    /// `None`, and the journey is cut, if there is no room for it.
    fn bucket(&mut self, bucket: &Bucket<'_>, alloc: &BucketAlloc) -> Option<SeenBucket> {
        let is_mark = bucket.is_metadata();
        let text =
            if is_mark { (self.describe)(bucket).unwrap_or_default() } else { String::new() };
        let has_room = !self.journey.is_cut && self.has_room(ENTRY_BYTES + text.len());
        let bytes = has_room.then(|| self.bytes(bucket)).flatten();
        if bytes.is_none() {
            self.journey.is_cut = true;
        }
        Some(SeenBucket {
            kind: bucket.kind_name().to_owned(),
            is_mark,
            len: bucket.len().filter(|_| !is_mark),
            bytes: bytes?,
            text,
            block: alloc.key_of(bucket),
        })
    }

    /// The bytes to keep of a bucket; `None` if there is no room for them.
    fn bytes(&mut self, bucket: &Bucket<'_>) -> Option<Vec<u8>> {
        match (self.keeps, bucket.bytes()) {
            (Keeps::Bodies, None) if bucket.as_file().is_some() => {
                let len = usize::try_from(bucket.len()?).ok()?;
                self.has_room(len).then(|| read(bucket, len))
            }
            (Keeps::Bodies, Some(bytes)) => self.has_room(bytes.len()).then(|| bytes.to_vec()),
            (Keeps::Glimpses, Some(bytes)) => {
                let glimpse = &bytes[..bytes.len().min(GLIMPSE_BYTES)];
                self.has_room(glimpse.len()).then(|| glimpse.to_vec())
            }
            (_, None) => Some(Vec::new()),
        }
    }
}

impl Observer for Recorder {
    fn passes(&mut self, pass: &Pass<'_>) {
        let (from, to) = (self.place(pass.from), self.place(pass.to));
        let buckets = self.brigade(pass.brigade, pass.alloc);
        self.record(What::Pass { from, to, is_kept: pass.is_kept, buckets }, pass.alloc);
    }

    fn reads(&mut self, read: &Read<'_>) {
        let place = self.place(read.filter);
        if let Some(piece) = self.bucket(read.piece, read.alloc) {
            self.record(What::Read { place, kind: read.kind.to_owned(), piece }, read.alloc);
        }
    }

    fn returns(&mut self, call: &Returned<'_>) {
        let place = self.place(call.place);
        let answer = match call.answer {
            Answer::Waits => SeenAnswer::Waits,
            Answer::SteppedAside => SeenAnswer::SteppedAside,
            Answer::Failed(error) => SeenAnswer::Failed(error.to_string()),
            _ => SeenAnswer::Done,
        };
        self.record(What::Return { place, answer, held_bytes: call.held_bytes }, call.alloc);
    }
}

/// What a FILE holds, read beside it. One that cannot be read is left to who needs it to say so.
fn read(file: &Bucket<'_>, len: usize) -> Vec<u8> {
    let Some(copy) = file.try_clone() else { return Vec::new() };
    let mut alloc = BucketAlloc::new();
    let mut piece = Brigade::from(copy);
    let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
    let read = piece.read_all(len as u64, &mut cx).and_then(|()| piece.flatten(len as u64));
    read.unwrap_or_default()
}

fn blocks(alloc: &BucketAlloc) -> String {
    let mut blocks = String::new();
    for (key, now) in alloc.blocks() {
        while blocks.len() < key {
            blocks.push(' ');
        }
        blocks.push(match now {
            BlockUse::Open => 'o',
            BlockUse::Lent(_) => '#',
            _ => '-',
        });
    }
    blocks
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("events", &self.journey.events.len())
            .field("left_bytes", &self.left_bytes)
            .field("keeps", &self.keeps)
            .finish_non_exhaustive()
    }
}
