//! A filter that notes at which byte each checkpoint goes by.
//!
//! Invariant: `count_bytes` is what has gone on; bytes and marks go on as they came, what has a length
//! unread.

use std::sync::{Arc, Mutex, PoisonError};

use brigade::{Brigade, Effects, Next, OutputFilter, Result};

use crate::Checkpoint;

type Places = Arc<Mutex<Vec<(u64, String)>>>;

/// Passes everything on and notes the checkpoints.
#[derive(Debug)]
pub struct Offsets {
    count_bytes: u64,
    places: Places,
}

/// What an [`Offsets`] has seen so far.
#[derive(Debug, Clone)]
pub struct Seen(Places);

impl Offsets {
    /// The filter, and what it sees.
    pub fn new() -> (Self, Seen) {
        let places = Places::default();
        (Self { count_bytes: 0, places: places.clone() }, Seen(places))
    }
}

impl Seen {
    /// Byte and name of each checkpoint, in order.
    pub fn all(&self) -> Vec<(u64, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl OutputFilter for Offsets {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        loop {
            // Only what does not know its length has to be read to be counted.
            let bucket = match input.front().map(|front| front.len()) {
                Some(Some(_)) => input.pop_front(),
                Some(None) => next.read(input)?,
                None => return Ok(()),
            };
            let Some(bucket) = bucket else { return Ok(()) };
            if let Some(checkpoint) = bucket.as_metadata::<Checkpoint>() {
                let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
                places.push((self.count_bytes, checkpoint.name.clone()));
            }
            self.count_bytes += bucket.len().unwrap_or(0);
            next.push(bucket)?;
        }
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }
}
