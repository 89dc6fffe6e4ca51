//! `--live`, where the body is served: looks at what is going on, some thirty times a second.
//!
//! Invariant: how often is a matter of time, whatever a write costs, and nobody looks unless asked
//! to: then all writes between two stops of the meter are one run, as ever.

use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::memory::Memory;

/// Between two looks: often enough to be watched, and seldom enough to cost nothing.
const PAUSE: Duration = Duration::from_millis(33);

/// What a model can show of itself; nothing, unless it has blocks and a chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Blocks held, idle ones included.
    pub(crate) blocks: usize,
    /// The key of each block that is lent.
    pub(crate) lent: Vec<usize>,
    /// What each filter keeps, in bytes, in the order of the chain; the writer last.
    pub(crate) held: Vec<(String, u64)>,
    /// System calls that wrote so far.
    pub(crate) syscalls: u64,
}

/// One look at a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Look {
    /// Writes done.
    pub(crate) writes: u64,
    /// Since the first write, in microseconds.
    pub(crate) micros: u64,
    /// Resident memory, in KiB.
    pub(crate) kib: u64,
    pub(crate) seen: Seen,
}

/// Says when to look, and does.
#[derive(Debug)]
pub(crate) struct Lookout {
    memory: Memory,
    started: Instant,
    last: Instant,
    // How many writes to do before the clock is read again.
    stride: u64,
    tell: fn(Look) -> io::Result<()>,
}

impl Lookout {
    /// A lookout that gives what it sees to `tell`.
    ///
    /// # Errors
    ///
    /// This process's memory cannot be read.
    pub(crate) fn new(tell: fn(Look) -> io::Result<()>) -> io::Result<Self> {
        let now = Instant::now();
        Ok(Self { memory: Memory::open()?, started: now, last: now, stride: 1, tell })
    }

    /// Starts the clock: the first write comes next.
    pub(crate) fn start(&mut self) {
        self.started = Instant::now();
        self.last = self.started;
    }

    /// How many of the next `most` writes to do before asking [`is_due`](Self::is_due).
    pub(crate) fn run(&self, most: u64) -> u64 {
        self.stride.min(most)
    }

    /// Whether it is time for a look, after `run` writes more.
    pub(crate) fn is_due(&mut self, run: u64) -> bool {
        let elapsed = self.last.elapsed();
        if elapsed < PAUSE {
            // Twice as far next time, unless that may last longer than a pause.
            if run == self.stride && elapsed < PAUSE / 4 {
                self.stride *= 2;
            }
            return false;
        }
        self.stride = (self.stride / 2).max(1);
        self.last = Instant::now();
        true
    }

    /// Tells what there is to see after `writes` writes.
    ///
    /// # Errors
    ///
    /// The memory cannot be read, or nobody listens any more.
    pub(crate) fn look(&mut self, writes: u64, seen: Seen) -> io::Result<()> {
        let micros = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        (self.tell)(Look { writes, micros, kib: self.memory.sample_kib()?, seen })
    }
}
