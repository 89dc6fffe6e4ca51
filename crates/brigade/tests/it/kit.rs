//! What several modules need: filters, terminals and sources that behave in one stated way.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use brigade::{
    Brigade, Bucket, BucketAlloc, Chain, Data, End, Error, ErrorKind, FilterKind, Member, Next,
    Outcome, OutputFilter, ReadCx, ReadMode, Result, StreamData, Terminal, from_fn,
};

pub(crate) const RESOURCE: FilterKind = FilterKind::RESOURCE;

/// Bytes in which a place can be told from every other.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0u64..len as u64).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

pub(crate) fn file_of(bytes: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file)
}

/// Reads a bucket to its end, in a blocking way.
pub(crate) fn read_all(mut bucket: Bucket<'_>, alloc: &mut BucketAlloc) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    while let Some(piece) = bucket.read(&mut ReadCx::new(alloc, ReadMode::Blocking))? {
        out.extend_from_slice(piece.bytes().expect("a piece is in memory"));
    }
    Ok(out)
}

/// A STREAM that has nothing yet before each of its pieces.
pub(crate) fn halting(pieces: &[&[u8]]) -> Bucket<'static> {
    let mut pieces: Vec<Vec<u8>> = pieces.iter().rev().map(|piece| piece.to_vec()).collect();
    let mut is_ready = false;
    Bucket::of(StreamData::ready(move |room, waker| {
        is_ready = !is_ready;
        if is_ready {
            waker.wake_by_ref();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let Some(mut piece) = pieces.pop() else { return Ok(0) };
        let count = piece.len().min(room.len());
        room[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            pieces.push(piece.split_off(count));
        }
        Ok(count)
    }))
}

/// Data of unknown length that can be cloned, to be looked at without being used up.
#[derive(Clone)]
pub(crate) struct Pieces(pub(crate) Vec<Vec<u8>>);

impl Data for Pieces {
    fn name(&self) -> &'static str {
        "PIECES"
    }

    fn len(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let piece = self.0.remove(0);
        Ok(Some(cx.alloc().copy(&piece)))
    }

    fn try_clone(&self) -> Option<Box<dyn Data>> {
        Some(Box::new(self.clone()))
    }
}

/// The smallest honest filter.
#[derive(Default)]
pub(crate) struct Upper;

impl OutputFilter for Upper {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            let out = match bucket.bytes() {
                Some(data) => next.alloc().copy_with(data.len(), |to| {
                    to.copy_from_slice(data);
                    to.make_ascii_uppercase();
                }),
                None => bucket,
            };
            next.push(out)?;
        }
        Ok(())
    }
}

/// Pushes what it reads, bucket by bucket.
pub(crate) fn push_each() -> impl OutputFilter {
    from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            next.push(bucket)?;
        }
        Ok(())
    })
}

/// Hands everything on unread.
pub(crate) fn pass_all() -> impl OutputFilter {
    from_fn(|input, next| next.push_all(input))
}

/// Makes `inner` wait before every bucket.
pub(crate) struct Halting<F> {
    inner: F,
    is_ready: bool,
}

impl<F> Halting<F> {
    pub(crate) fn new(inner: F) -> Self {
        Self { inner, is_ready: false }
    }
}

impl<F: OutputFilter> OutputFilter for Halting<F> {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        self.is_ready = !self.is_ready;
        if self.is_ready {
            next.waker().wake_by_ref();
            return Err(Error::would_block());
        }
        let mut one: Brigade<'b> = input.pop_front().into_iter().collect();
        let answer = self.inner.filter(&mut one, next);
        input.prepend(&mut one);
        answer?;
        if input.is_empty() { Ok(()) } else { Err(Error::would_block()) }
    }
}

/// What a filter does that is needed no more.
pub(crate) fn steps_aside(next: &mut Next<'_, '_>) {
    next.step_aside();
}

/// Never goes on.
pub(crate) fn waits_for_ever() -> impl OutputFilter {
    from_fn(|_, _| Err(Error::would_block()))
}

/// What a filter was told at its end.
pub(crate) type Ends = Arc<Mutex<Vec<Outcome>>>;

/// Counts its calls and notes how its response ended.
pub(crate) struct Watched<F> {
    pub(crate) inner: F,
    pub(crate) calls: Arc<AtomicUsize>,
    pub(crate) ends: Ends,
}

impl<F> Watched<F> {
    pub(crate) fn new(inner: F) -> (Self, Arc<AtomicUsize>, Ends) {
        let (calls, ends) = (Arc::default(), Ends::default());
        (Self { inner, calls: Arc::clone(&calls), ends: Arc::clone(&ends) }, calls, ends)
    }
}

impl<F: OutputFilter> OutputFilter for Watched<F> {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.filter(input, next)
    }

    fn on_end(&mut self, outcome: &Outcome) {
        self.ends.lock().unwrap().push(*outcome);
    }
}

pub(crate) fn member(name: &'static str, filter: impl OutputFilter + 'static) -> Member {
    Member::new(name, RESOURCE, filter)
}

/// Resumes until nothing waits, a bounded number of times.
#[track_caller]
pub(crate) fn finish(chain: &mut Chain) {
    for _ in 0..100_000 {
        if chain.resume().unwrap() == brigade::Progress::Done {
            return;
        }
    }
    panic!("the chain makes no progress: {chain:?}");
}

/// What a [`Sip`] gave away.
#[derive(Debug, Default)]
pub(crate) struct Sipped {
    pub(crate) bytes: Vec<u8>,
    pub(crate) marks: Vec<(usize, String)>,
}

/// A terminal with a slow peer: it gives away `per_turn` bytes each time it is resumed, says that it
/// is full from `limit` bytes on, and fails once `fails_after` bytes were given away.
pub(crate) struct Sip {
    pub(crate) per_turn: usize,
    pub(crate) limit: u64,
    pub(crate) fails_after: usize,
    held: Brigade<'static>,
    given: Arc<Mutex<Sipped>>,
    ended: Option<End>,
}

impl Sip {
    pub(crate) fn new(per_turn: usize, limit: u64) -> (Self, Arc<Mutex<Sipped>>) {
        let given = Arc::<Mutex<Sipped>>::default();
        let sip = Self {
            per_turn,
            limit,
            fails_after: usize::MAX,
            held: Brigade::new(),
            given: Arc::clone(&given),
            ended: None,
        };
        (sip, given)
    }

    /// Puts something aside as if it had been written.
    pub(crate) fn hold(&mut self, bucket: Bucket<'static>) {
        self.held.push_back(bucket);
    }

    fn give(&mut self, cx: &mut ReadCx<'_>, mut room: usize) -> Result<()> {
        let mut given = self.given.lock().unwrap();
        while room > 0 || self.held.front().is_some_and(Bucket::is_metadata) {
            let Some(mut bucket) = self.held.pop_read(cx)? else { return Ok(()) };
            let Some(bytes) = bucket.bytes() else {
                let at = given.bytes.len();
                given.marks.push((at, bucket.kind_name().to_owned()));
                bucket.complete(&Outcome::new(End::Complete, at as u64));
                continue;
            };
            let count = bytes.len().min(room);
            given.bytes.extend_from_slice(&bytes[..count]);
            room -= count;
            if count < bytes.len() {
                bucket.advance(count as u64).unwrap();
                self.held.push_front(bucket);
            }
            if given.bytes.len() >= self.fails_after {
                return Err(Error::new(ErrorKind::ClientGone, "write to a peer that left"));
            }
        }
        Ok(())
    }
}

impl Terminal for Sip {
    fn name(&self) -> &'static str {
        "sip"
    }

    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        brigade.set_aside(&mut self.held, cx.alloc());
        if self.fails_after < usize::MAX { self.give(cx, self.per_turn) } else { Ok(()) }
    }

    fn resume(&mut self, cx: &mut ReadCx<'_>) -> Result<()> {
        self.give(cx, self.per_turn)
    }

    fn is_pending(&self) -> bool {
        !self.held.is_empty()
    }

    fn held_bytes(&self) -> usize {
        usize::try_from(self.held.resident_bytes()).unwrap()
    }

    fn should_yield(&self) -> bool {
        self.held.resident_bytes() >= self.limit
    }

    fn abort(&mut self, end: End) {
        self.ended = Some(end);
        self.held.complete_all(&Outcome::new(end, self.given.lock().unwrap().bytes.len() as u64));
    }
}
