//! What one run of a model costs: time and memory, measured in the process that serves.
//!
//! Invariant: everything the meter needs is allocated by [`Meter::new`]; a look at the memory
//! allocates nothing, and there are at most [`LOOKS`] + 2 of them however many writes.

use super::live::{Lookout, Seen};
use super::memory::Memory;
use super::plan::Plan;
use super::report::Sample;
use std::io;
use std::time::{Duration, Instant};

/// How often memory is sampled in a run, when it is: one column of pixels in five of a plot.
const LOOKS: usize = 200;

/// Measures one run: [`start`](Self::start), [`look`](Self::look) at each
/// [`next_stop`](Self::next_stop), [`stop`](Self::stop), [`request_ended`](Self::request_ended).
#[derive(Debug)]
pub(crate) struct Meter {
    memory: Memory,
    writes: u64,
    warm_up: u64,
    // How many writes lie between two looks after the warm-up.
    stride: u64,
    sampled: bool,
    started: Instant,
    readings: Readings,
    lookout: Option<Lookout>,
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    /// From the first write until the kernel had the last byte.
    pub(crate) elapsed: Duration,
    /// Resident after the warm-up.
    pub(crate) before_kib: u64,
    /// The most that was resident from then until the kernel had the last byte.
    pub(crate) peak_kib: u64,
    /// Whether `peak_kib` is only the highest of the samples, since the kernel would not start
    /// its own count anew.
    pub(crate) peak_is_sampled: bool,
    /// Resident when the request had ended and everything of it was dropped.
    pub(crate) after_kib: u64,
    /// Memory along the run; empty unless the plan asks for it.
    pub(crate) samples: Vec<Sample>,
}

impl Meter {
    /// A meter for one run of `plan`.
    ///
    /// # Errors
    ///
    /// This process's memory cannot be read.
    pub(crate) fn new(plan: &Plan) -> io::Result<Self> {
        let warm_up = plan.warm_up_writes();
        let mut memory = Memory::open()?;
        let peak_is_sampled = !memory.reset_peak();
        let looks = plan.sampled || peak_is_sampled;
        let stride = if looks { plan.writes.div_ceil(LOOKS as u64) } else { plan.writes };
        let samples = Vec::with_capacity(if plan.sampled { LOOKS + 2 } else { 0 });
        let readings = Readings { peak_is_sampled, samples, ..Readings::default() };
        Ok(Self {
            memory,
            writes: plan.writes,
            warm_up,
            stride,
            sampled: plan.sampled,
            started: Instant::now(),
            readings,
            lookout: None,
        })
    }

    /// Has the run watched while it goes on.
    #[must_use]
    pub(crate) fn watched_by(mut self, lookout: Lookout) -> Self {
        self.lookout = Some(lookout);
        self
    }

    /// Starts the clock: the first write comes next.
    pub(crate) fn start(&mut self) {
        if let Some(lookout) = &mut self.lookout {
            lookout.start();
        }
        self.started = Instant::now();
    }

    /// How many of the next `most` writes to do at once: all, unless the run is watched.
    pub(crate) fn run(&self, most: u64) -> u64 {
        self.lookout.as_ref().map_or(most, |lookout| lookout.run(most))
    }

    /// Whether somebody wants to be [shown](Self::show) the run, now that `run` more writes are done.
    pub(crate) fn is_watched(&mut self, run: u64) -> bool {
        self.lookout.as_mut().is_some_and(|lookout| lookout.is_due(run))
    }

    /// Shows what is `seen` after `done` writes, if the run is watched.
    ///
    /// # Errors
    ///
    /// The memory cannot be read, or nobody looks any more.
    pub(crate) fn show(&mut self, done: u64, seen: Seen) -> io::Result<()> {
        self.lookout.as_mut().map_or(Ok(()), |lookout| lookout.look(done, seen))
    }

    /// After how many writes the meter wants to [`look`](Self::look) again, when `done` are done.
    pub(crate) fn next_stop(&self, done: u64) -> u64 {
        let next = if done < self.warm_up { self.warm_up } else { done + self.stride };
        next.min(self.writes)
    }

    /// Reads the memory after `done` writes.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn look(&mut self, done: u64) -> io::Result<()> {
        if done == self.warm_up {
            self.memory.reset_peak();
            self.readings.before_kib = self.memory.resident_kib()?;
            self.readings.peak_kib = self.readings.before_kib;
        }
        if self.sampled || self.readings.peak_is_sampled {
            let kib = self.memory.sample_kib()?;
            self.readings.peak_kib = self.readings.peak_kib.max(kib);
            if self.sampled {
                self.readings.samples.push(Sample { writes: done, kib });
            }
        }
        Ok(())
    }

    /// Stops the clock, since the kernel has the last byte, and reads the peak.
    ///
    /// # Errors
    ///
    /// The memory cannot be read.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        self.readings.elapsed = self.started.elapsed();
        if !self.readings.peak_is_sampled {
            self.readings.peak_kib = self.memory.peak_kib()?;
        }
        Ok(())
    }

    /// Reads the memory that is left when everything of the request was dropped, and gives all
    /// that was measured.
    ///
    /// # Errors
    ///
    /// The memory cannot be read.
    pub(crate) fn request_ended(mut self) -> io::Result<Readings> {
        self.readings.after_kib = self.memory.resident_kib()?;
        Ok(self.readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::plan::tests::plan;

    /// Runs a meter over `plan` without any writes, and answers with where it looked.
    #[track_caller]
    fn looks(plan: &Plan) -> (Vec<u64>, Readings) {
        let mut meter = Meter::new(plan).expect("memory can be read");
        let mut stops = vec![0];
        meter.start();
        while *stops.last().expect("not empty") < plan.writes {
            let stop = meter.next_stop(*stops.last().expect("not empty"));
            meter.look(stop).expect("memory can be read");
            stops.push(stop);
        }
        meter.stop().expect("memory can be read");
        (stops, meter.request_ended().expect("memory can be read"))
    }

    #[track_caller]
    fn check_sampled(writes: u64, size: usize) {
        let plan = Plan { sampled: true, ..plan(writes, size) };
        let (stops, readings) = looks(&plan);
        let sampled: Vec<u64> = readings.samples.iter().map(|sample| sample.writes).collect();
        assert_eq!(sampled, stops[1..], "a sample at each stop");
        assert!(sampled.is_sorted_by(|a, b| a < b), "{sampled:?}");
        assert_eq!(sampled.first(), Some(&plan.warm_up_writes()));
        assert_eq!(sampled.last(), Some(&writes));
        assert!(sampled.len() <= LOOKS + 2, "{} samples", sampled.len());
        assert!(readings.samples.iter().all(|sample| sample.kib > 0));
    }

    #[test]
    fn sampled_run_is_looked_at_from_the_warm_up_to_the_last_write_some_200_times() {
        check_sampled(1, 1);
        check_sampled(2, 100_000);
        check_sampled(100, 32);
        check_sampled(2048, 32);
        check_sampled(2049, 32);
        check_sampled(10_000_001, 32);
    }

    #[test]
    fn run_without_samples_is_looked_at_after_the_warm_up_and_at_the_end() {
        let (stops, readings) = looks(&plan(10_000_000, 32));
        // Where the kernel's own count of the peak can't be started anew, samples replace it.
        if !readings.peak_is_sampled {
            assert_eq!(stops, [0, 2048, 10_000_000]);
        }
        assert!(readings.samples.is_empty());
        assert!(readings.before_kib > 0 && readings.peak_kib > 0 && readings.after_kib > 0);
    }
}
