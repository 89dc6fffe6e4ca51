//! Measuring: rounds of one side and the other, in turn, and the median of each.
//!
//! Invariant: every timed round gave the right answer.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::binding::Apr;
use crate::ours::Ours;
use crate::rows::Row;

/// A round is at least this long, so that reading the clock costs nothing beside it.
const ROUND: Duration = Duration::from_millis(2);

/// How thoroughly to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: u32,
}

/// What one operation takes, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) ours_ns: f64,
    pub(crate) apr_ns: f64,
}

impl Figures {
    /// Ours / APR.
    pub(crate) fn ratio(self) -> f64 {
        self.ours_ns / self.apr_ns
    }

    /// Whether the ratio is at most `goal`.
    pub(crate) fn meets(self, goal: f64) -> bool {
        self.ratio() <= goal
    }
}

/// Ties this thread to one core, the last it may use (the first serves most interrupts), and says
/// which; `None` where that is not possible.
pub(crate) fn pin() -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let allowed = sched_getaffinity(None).ok()?;
        let core = (0..CpuSet::MAX_CPU).rev().find(|&core| allowed.is_set(core))?;
        let mut only = CpuSet::new();
        only.set(core);
        sched_setaffinity(None, &only).ok().map(|()| core)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

impl Plan {
    /// Measures both sides of `row`.
    ///
    /// # Errors
    ///
    /// The side whose answer is not the right one, and the answer.
    pub(crate) fn measure(
        self,
        row: &Row,
        ours: &mut Ours,
        apr: &mut Apr,
    ) -> Result<Figures, String> {
        let ours = |count| (row.ours)(ours, count).map_err(|error| error.to_string());
        let apr = |count| Ok(apr.run(row.op, count));
        let mut ours = Side::new("ours", row, ours)?;
        let mut apr = Side::new("APR", row, apr)?;
        for round in 0..self.rounds {
            // Neither side always comes second, into the caches that the other left.
            if round % 2 == 0 {
                ours.round()?;
                apr.round()?;
            } else {
                apr.round()?;
                ours.round()?;
            }
        }
        Ok(Figures { ours_ns: ours.median_ns(), apr_ns: apr.median_ns() })
    }
}

/// One side of a row.
struct Side<'r, F> {
    name: &'static str,
    row: &'r Row,
    run: F,
    count: u32, // Operations in a round.
    rounds_ns: Vec<f64>,
}

impl<'r, F: FnMut(u32) -> Result<u64, String>> Side<'r, F> {
    /// Asks for the answer once, and finds out how many operations make a round.
    fn new(name: &'static str, row: &'r Row, run: F) -> Result<Self, String> {
        let mut side = Self { name, row, run, count: 1, rounds_ns: Vec::new() };
        while side.timed()? < ROUND {
            side.count *= 2;
        }
        Ok(side)
    }

    fn round(&mut self) -> Result<(), String> {
        let operations = f64::from(self.count) * f64::from(self.row.units);
        let took = self.timed()?;
        self.rounds_ns.push(took.as_secs_f64() * 1e9 / operations);
        Ok(())
    }

    fn timed(&mut self) -> Result<Duration, String> {
        let (name, op) = (self.name, self.row.name());
        let before = thread_time();
        let got = (self.run)(self.count).map_err(|error| format!("{op}, {name}: {error}"))?;
        let took = thread_time().saturating_sub(before);
        let right = self.row.answer * u64::from(self.count);
        if got == right {
            Ok(took)
        } else {
            Err(format!("{op}, {} times, {name}: the answer is {got}, not {right}", self.count))
        }
    }

    fn median_ns(&mut self) -> f64 {
        self.rounds_ns.sort_by(f64::total_cmp);
        self.rounds_ns[self.rounds_ns.len() / 2]
    }
}

/// What this thread has had of a processor: a round that was interrupted for others is no longer.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
