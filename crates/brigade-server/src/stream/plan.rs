//! What is streamed, and the one loop that streams it through every model.
//!
//! Invariant: all models run [`produce`], so they get the same pieces, the same flushes and the
//! same meter; what differs between their figures is what they do with a piece.

use super::live::Seen;
use super::meter::Meter;
use super::pattern::Pattern;
use std::io;

/// The body that counts as the start: what a model needs to run at all is in memory after it.
const WARM_UP_BYTES: u64 = 64 * 1024;

/// What a model is asked to stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How many pieces.
    pub(crate) writes: u64,
    /// How many bytes each.
    pub(crate) size: usize,
    /// A flush after so many writes; `None`: none before the end.
    pub(crate) flush_every: Option<u64>,
    /// The filters' SPECs, in order. Only the `brigade` model has a chain to put them in.
    pub(crate) filters: Vec<String>,
    /// Whether memory is sampled all along, for a plot.
    pub(crate) sampled: bool,
}

impl Plan {
    /// The whole body, in bytes; `None` when that does not fit in 64 bits.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.writes.checked_mul(self.size as u64)
    }

    /// The write after which memory counts as "before": 64 KiB into the body, or the first write
    /// of a body shorter than that.
    pub(crate) fn warm_up_writes(&self) -> u64 {
        let writes = WARM_UP_BYTES.div_ceil(self.size as u64);
        if writes <= self.writes { writes } else { 1 }
    }
}

/// Where a model takes the body.
pub(crate) trait Sink {
    /// What can go wrong; the meter adds errors of reading `/proc`.
    type Error: From<io::Error>;

    /// Takes one piece, as a handler's `write` would.
    fn write(&mut self, piece: &[u8]) -> Result<(), Self::Error>;

    /// Hands everything written so far to the kernel.
    fn flush(&mut self) -> Result<(), Self::Error>;

    /// Ends the body; when it returns, the kernel has the last byte.
    fn finish(&mut self) -> Result<(), Self::Error>;

    /// What can be seen of the model now: for `--live`.
    fn seen(&mut self) -> Seen {
        Seen::default()
    }
}

/// Writes the planned body into `sink` and measures it.
///
/// # Errors
///
/// The sink's, or that this process's memory could not be read.
pub(crate) fn produce<S: Sink>(
    plan: &Plan,
    meter: &mut Meter,
    sink: &mut S,
) -> Result<(), S::Error> {
    let mut body = Pattern::new(plan.size);
    let flush_every = plan.flush_every.unwrap_or(u64::MAX);
    let mut until_flush = flush_every;
    let mut done = 0;
    meter.start();
    while done < plan.writes {
        // The meter is asked between runs of writes, never after each.
        let stop = meter.next_stop(done);
        while done < stop {
            let run = meter.run(stop - done);
            for _ in 0..run {
                sink.write(body.take(plan.size))?;
                until_flush -= 1;
                if until_flush == 0 {
                    sink.flush()?;
                    until_flush = flush_every;
                }
            }
            done += run;
            if meter.is_watched(run) {
                meter.show(done, sink.seen())?;
            }
        }
        meter.look(done)?;
    }
    sink.finish()?;
    meter.stop()?;
    meter.show(done, sink.seen())?;
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::stream::pattern::Checker;

    /// A plan without flushes, filters or samples.
    pub(crate) fn plan(writes: u64, size: usize) -> Plan {
        Plan { writes, size, flush_every: None, filters: Vec::new(), sampled: false }
    }

    /// Checks the body and remembers after how many bytes it was flushed and ended.
    struct Recorder {
        checker: Checker,
        flushed_at: Vec<u64>,
        ended_at: Vec<u64>,
    }

    impl Sink for Recorder {
        type Error = io::Error;

        fn write(&mut self, piece: &[u8]) -> io::Result<()> {
            self.checker.check(piece).expect("the next bytes of the body");
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.flushed_at.push(self.checker.offset());
            Ok(())
        }

        fn finish(&mut self) -> io::Result<()> {
            self.ended_at.push(self.checker.offset());
            Ok(())
        }
    }

    #[track_caller]
    fn check_produced(plan: &Plan, flushed_at: &[u64]) {
        let mut sink =
            Recorder { checker: Checker::new(), flushed_at: Vec::new(), ended_at: Vec::new() };
        let mut meter = Meter::new(plan).expect("memory can be read");
        produce(plan, &mut meter, &mut sink).expect("the recorder takes everything");
        assert_eq!(sink.flushed_at, flushed_at);
        assert_eq!(Some(sink.ended_at), plan.bytes().map(|bytes| vec![bytes]));
    }

    #[test]
    fn body_without_flushes_is_written_whole_and_ended_once() {
        check_produced(&plan(1, 1), &[]);
        check_produced(&plan(10_000, 32), &[]);
        check_produced(&plan(3, 100_000), &[]);
    }

    #[test]
    fn flush_comes_after_every_so_many_writes_and_not_for_a_rest() {
        check_produced(&Plan { flush_every: Some(1), ..plan(3, 10) }, &[10, 20, 30]);
        check_produced(&Plan { flush_every: Some(2), ..plan(5, 10) }, &[20, 40]);
        check_produced(&Plan { flush_every: Some(6), ..plan(5, 10) }, &[]);
    }

    #[test]
    fn sampled_body_is_the_same_body() {
        check_produced(&Plan { sampled: true, ..plan(10_000, 32) }, &[]);
        let flushed = Plan { sampled: true, flush_every: Some(4000), ..plan(10_000, 32) };
        check_produced(&flushed, &[128_000, 256_000]);
    }

    #[test]
    fn warm_up_is_64_kib_or_the_first_write_of_a_shorter_body() {
        let cases = [(10_000, 32, 2048), (10_000, 33, 1986), (3, 100_000, 1), (2047, 32, 1)];
        for (writes, size, expected) in cases {
            assert_eq!(plan(writes, size).warm_up_writes(), expected, "{writes} of {size}");
        }
    }

    #[test]
    fn body_too_long_for_64_bits_has_no_length() {
        assert_eq!(plan(u64::MAX, 2).bytes(), None);
        assert_eq!(plan(1_000_000, 32).bytes(), Some(32_000_000));
    }
}
