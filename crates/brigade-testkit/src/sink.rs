//! A peer that takes a few bytes at a time.
//!
//! Invariant: whatever is held makes the chain hold back, and whoever resumes the chain is woken as
//! long as bytes in memory are held.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brigade::{Brigade, Bucket, End, Outcome, ReadCx, Result, Terminal};

/// A terminal that takes so many bytes, and no more before it is resumed.
///
/// It stands for a slow peer: what it has not taken it sets aside, FILE and STREAM unread, and the
/// chain [holds back](brigade::Chain::should_yield). Marks take no room.
///
/// ```
/// use brigade::Chain;
/// use brigade_testkit::{SlowSink, brigade};
///
/// # fn main() -> brigade::Result<()> {
/// let (sink, record) = SlowSink::new(4);
/// let mut chain = Chain::new(sink);
/// chain.pass(&mut brigade!["slowly", EOS])?;
/// assert!(chain.should_yield());
/// assert_eq!(record.bytes(), b"slow");
/// let _ = chain.resume()?;
/// assert_eq!(record.bytes(), b"slowly");
/// assert_eq!(record.marks(), [(6, "EOS".to_owned())]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SlowSink {
    turn_bytes: usize,
    left_bytes: usize, // In this turn.
    held: Brigade<'static>,
    record: SinkRecord,
}

impl SlowSink {
    /// Makes a sink that takes `turn_bytes` bytes before its first resume and after each, and the
    /// record it writes. `usize::MAX` bytes: it waits for nothing but STREAMs.
    ///
    /// # Panics
    ///
    /// When `turn_bytes` is 0: it would never end.
    pub fn new(turn_bytes: usize) -> (Self, SinkRecord) {
        assert!(turn_bytes > 0, "a sink that takes 0 bytes a turn never ends");
        let record = SinkRecord(Arc::default());
        let held = Brigade::new();
        (Self { turn_bytes, left_bytes: turn_bytes, held, record: record.clone() }, record)
    }

    fn take(&mut self, cx: &mut ReadCx<'_>) -> Result<()> {
        loop {
            // Marks behind the last byte are free.
            if self.left_bytes == 0 && self.held.front().is_some_and(Bucket::is_data) {
                cx.waker().wake_by_ref();
                return Ok(());
            }
            let mut bucket = match self.held.pop_read(cx) {
                Ok(Some(bucket)) => bucket,
                Ok(None) => return Ok(()),
                Err(error) if error.is_would_block() => return Ok(()),
                Err(error) => return Err(error),
            };
            let len = bucket.bytes().map_or(0, <[u8]>::len);
            if len > self.left_bytes {
                self.held.push_front(bucket.split_at(self.left_bytes as u64)?);
            }
            self.left_bytes = self.left_bytes.saturating_sub(len);
            self.record.add(bucket, End::Complete);
        }
    }
}

impl Terminal for SlowSink {
    fn name(&self) -> &'static str {
        "slow sink"
    }

    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        brigade.set_aside(&mut self.held, cx.alloc());
        self.take(cx)
    }

    fn resume(&mut self, cx: &mut ReadCx<'_>) -> Result<()> {
        self.left_bytes = self.turn_bytes;
        self.take(cx)
    }

    fn is_pending(&self) -> bool {
        !self.held.is_empty()
    }

    fn held_bytes(&self) -> usize {
        usize::try_from(self.held.resident_bytes()).unwrap_or(usize::MAX)
    }

    fn abort(&mut self, end: End) {
        let taken = self.record.len_bytes();
        for bucket in std::mem::take(&mut self.held) {
            bucket.complete(&Outcome::new(end, taken));
        }
    }
}

/// What a [`SlowSink`] took. Clones see the same.
#[derive(Debug, Clone)]
pub struct SinkRecord(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    bytes: Vec<u8>,
    forgotten: u64, // Bytes that were asked for by `take_bytes`.
    marks: Vec<(u64, String)>,
}

impl Taken {
    fn len(&self) -> u64 {
        self.forgotten + self.bytes.len() as u64
    }
}

impl SinkRecord {
    /// The bytes so far, without those that were [taken away](Self::take_bytes).
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// Takes the bytes away that came since the last call: for bodies that should not be in memory
    /// whole.
    pub fn take_bytes(&self) -> Vec<u8> {
        let mut taken = self.lock();
        taken.forgotten = taken.len();
        std::mem::take(&mut taken.bytes)
    }

    /// How many bytes came so far.
    pub fn len_bytes(&self) -> u64 {
        self.lock().len()
    }

    /// The marks so far: how many bytes came before each, and its name.
    pub fn marks(&self) -> Vec<(u64, String)> {
        self.lock().marks.clone()
    }

    fn add(&self, bucket: Bucket<'_>, end: End) {
        let mut taken = self.lock();
        let len = taken.len();
        match bucket.bytes() {
            Some(bytes) => taken.bytes.extend_from_slice(bytes),
            None => {
                taken.marks.push((len, bucket.kind_name().to_owned()));
                drop(taken);
                bucket.complete(&Outcome::new(end, len));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
