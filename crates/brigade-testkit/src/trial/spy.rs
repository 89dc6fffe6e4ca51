//! What a filter is asked and told, seen from outside.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brigade::{Brigade, Effects, End, Next, Outcome, OutputFilter, Result};

/// What was seen of one filter. Clones see the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spied(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    is_used: bool,
    calls: u64,
    held_bytes: usize,
    told: Vec<End>,
}

impl Spied {
    /// Whether a filter is seen at all.
    pub(crate) fn is_used(&self) -> bool {
        self.lock().is_used
    }

    /// How often it was called.
    pub(crate) fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// What it said it holds after its last call.
    pub(crate) fn held_bytes(&self) -> usize {
        self.lock().held_bytes
    }

    /// The ends it was told.
    pub(crate) fn told(&self) -> Vec<End> {
        self.lock().told.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wraps `filter` so that `spied` sees what it is asked and told.
pub(crate) fn spy_on<F: OutputFilter>(filter: F, spied: &Spied) -> impl OutputFilter + use<F> {
    spied.lock().is_used = true;
    Spy { filter, spied: spied.clone() }
}

struct Spy<F> {
    filter: F,
    spied: Spied,
}

impl<F: OutputFilter> OutputFilter for Spy<F> {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        let answer = self.filter.filter(input, next);
        let mut seen = self.spied.lock();
        seen.calls += 1;
        seen.held_bytes = self.filter.held_bytes();
        answer
    }

    fn effects(&self) -> Effects {
        self.filter.effects()
    }

    fn held_bytes(&self) -> usize {
        self.filter.held_bytes()
    }

    fn absorbs(&self) -> bool {
        self.filter.absorbs()
    }

    fn on_end(&mut self, outcome: &Outcome) {
        self.spied.lock().told.push(outcome.end);
        self.filter.on_end(outcome);
    }
}
