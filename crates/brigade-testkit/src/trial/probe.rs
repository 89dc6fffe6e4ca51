//! A filter below the one under test: looks at what it pushes, and fails when it is told to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brigade::{Brigade, Effects, Error, Next, OutputFilter, Result};

/// What the error says that a probe makes.
pub(super) const BELOW_FAILS: &str = "the kit lets a filter below fail";

/// More than any filter makes of the small inputs it is tried with: it will never end.
const FLOOD_BYTES: u64 = 16 << 20;
const FLOOD_BUCKETS: usize = 1 << 20;

/// What a probe saw. Clones see the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Probed(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    effects: Effects,
    bytes: u64,
    buckets: usize,
    fails_at: Option<usize>,
    has_failed: bool,
    is_flooded: bool,
}

impl Probed {
    /// What a [`probe`] sees that fails at the bucket of that index, if there is one.
    pub(super) fn failing_at(index: Option<usize>) -> Self {
        Self(Arc::new(Mutex::new(Seen { fails_at: index, ..Seen::default() })))
    }

    /// The effects above it when the last bucket of the body went by.
    pub(super) fn effects(&self) -> Effects {
        self.lock().effects
    }

    /// Whether it was given the bucket at which it fails.
    pub(super) fn has_failed(&self) -> bool {
        self.lock().has_failed
    }

    /// Whether it was given more than anyone would make of a small input.
    pub(super) fn is_flooded(&self) -> bool {
        self.lock().is_flooded
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands everything on, unread, and writes down what it saw.
pub(super) fn probe(probed: &Probed) -> impl OutputFilter + use<> {
    Probe(probed.clone())
}

struct Probe(Probed);

impl OutputFilter for Probe {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = input.pop_front() {
            // With its EOR the request's filters are gone.
            if !bucket.is_eor() {
                let mut seen = self.0.lock();
                seen.effects = next.effects_above();
                seen.bytes += bucket.len().unwrap_or(0);
                if seen.fails_at == Some(seen.buckets) {
                    seen.has_failed = true;
                    return Err(Error::other(BELOW_FAILS));
                }
                seen.buckets += 1;
                seen.is_flooded |= seen.bytes > FLOOD_BYTES || seen.buckets > FLOOD_BUCKETS;
                if seen.is_flooded {
                    return Err(Error::other("the kit stops what never ends"));
                }
            }
            next.push(bucket)?;
        }
        Ok(())
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }
}
