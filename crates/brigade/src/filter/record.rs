//! A terminal that keeps what it was given, to be looked at: for tests and examples.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Terminal;
use crate::{Brigade, Bucket, End, Error, ErrorKind, Outcome, ReadCx, Result};

/// Makes a terminal that takes everything at once, and the record it writes.
pub fn recorder() -> (Recorder, Record) {
    let record = Record(Arc::default());
    (Recorder { record: record.clone(), held: Brigade::new(), ended: None }, record)
}

/// The terminal of [`recorder`]. It reads FILE and STREAM to their end, and waits for nothing but its
/// chain's [budget](crate::Budget).
#[derive(Debug)]
pub struct Recorder {
    record: Record,
    held: Brigade<'static>, // What waits for the budget.
    ended: Option<End>,
}

/// What a [`Recorder`] was given. Clones see the same.
#[derive(Debug, Clone)]
pub struct Record(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    bytes: Vec<u8>,
    marks: Vec<(usize, String)>,
}

impl Record {
    /// All bytes so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// The marks so far: how many bytes came before each, and what it is.
    pub fn marks(&self) -> Vec<(usize, String)> {
        self.lock().marks.clone()
    }

    /// Forgets what was recorded.
    pub fn clear(&self) {
        *self.lock() = Recorded::default();
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bucket: Bucket<'_>, ended: Option<End>) {
        let mut recorded = self.lock();
        match bucket.bytes() {
            Some(bytes) => recorded.bytes.extend_from_slice(bytes),
            None => {
                let at = recorded.bytes.len();
                recorded.marks.push((at, bucket.kind_name().to_owned()));
                drop(recorded);
                let end = ended.unwrap_or(End::Complete);
                bucket.complete(&Outcome::new(end, at as u64));
            }
        }
    }
}

impl Terminal for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        if !self.held.is_empty() {
            brigade.set_aside(&mut self.held, cx.alloc());
            return self.resume(cx);
        }
        loop {
            match brigade.pop_read(cx) {
                Ok(Some(bucket)) => self.record.take(bucket, self.ended),
                Ok(None) => return Ok(()),
                Err(error) if error.is_would_block() && cx.alloc().waits_for_budget() => {
                    brigade.set_aside(&mut self.held, cx.alloc());
                    return Ok(());
                }
                // A recorder holds nothing back, so it has nowhere to wait.
                Err(error) if error.is_would_block() => {
                    let context = "a recorder cannot wait for a STREAM";
                    return Err(Error::new(ErrorKind::Unsupported, context));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn resume(&mut self, cx: &mut ReadCx<'_>) -> Result<()> {
        let mut held = std::mem::take(&mut self.held);
        self.write(&mut held, cx)
    }

    fn is_pending(&self) -> bool {
        !self.held.is_empty()
    }

    fn held_bytes(&self) -> usize {
        usize::try_from(self.held.resident_bytes()).unwrap_or(usize::MAX)
    }

    fn abort(&mut self, end: End) {
        self.ended = Some(end);
        for bucket in std::mem::take(&mut self.held) {
            if bucket.is_metadata() {
                self.record.take(bucket, self.ended);
            }
        }
    }
}
