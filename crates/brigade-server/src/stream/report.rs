//! What one run gives: the figures `--json` prints, and the lines in which the process that
//! serves tells them to the one that asked.
//!
//! Invariant: the fields of [`Figures`], their names and their order are what `--json` promises.

use super::live::Look;
use super::meter::Readings;
use super::plan::Plan;
use super::units::as_float;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A way to stream a body, to be compared with the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Model {
    /// A plain loop that fills a 64 KiB buffer and writes it: the floor of this machine
    Bare,
    /// This framework: HTTP/1.1 with chunked coding through a chain of filters
    Brigade,
    /// httpd 2.2 under mod_python: 64 bytes from the request's pool for each write
    Pool,
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare",
            Self::Brigade => "brigade",
            Self::Pool => "pool",
        })
    }
}

/// What a model counted while it served.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Blocks of memory made for the body; 0 for a model that has none.
    pub(crate) blocks_created: u64,
    /// How often a block that had come back was used again.
    pub(crate) blocks_reused: u64,
    /// System calls that wrote to the socket, the response's head included.
    pub(crate) syscalls: u64,
}

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) model: Model,
    pub(crate) writes: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) ns_per_write: f64,
    pub(crate) rss_before_kib: u64,
    pub(crate) rss_peak_kib: u64,
    pub(crate) rss_after_kib: u64,
    pub(crate) blocks_created: u64,
    pub(crate) blocks_reused: u64,
    pub(crate) syscalls: u64,
}

impl Figures {
    /// By how many bytes the process grew after the warm-up, at most.
    pub(crate) fn grown_bytes(&self) -> u64 {
        self.rss_peak_kib.saturating_sub(self.rss_before_kib) * 1024
    }
}

/// Memory at one point of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// After how many writes.
    pub(crate) writes: u64,
    /// What was resident, in KiB.
    pub(crate) kib: u64,
}

/// The figures of one run, and what only some outputs need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) figures: Figures,
    /// Whether the peak is only the highest sample and could be missed between two.
    pub(crate) peak_is_sampled: bool,
    /// Memory along the run; empty unless the plan asked for it.
    pub(crate) samples: Vec<Sample>,
}

impl Report {
    /// Puts together what the plan asked for, what the meter read and what the model counted.
    pub(crate) fn new(model: Model, plan: &Plan, readings: Readings, counts: Counts) -> Self {
        let nanoseconds = readings.elapsed.as_secs_f64() * 1e9;
        let figures = Figures {
            model,
            writes: plan.writes,
            bytes: plan.bytes().expect("a body too long to count is refused before it is planned"),
            seconds: rounded(readings.elapsed.as_secs_f64(), 1e6),
            ns_per_write: rounded(nanoseconds / as_float(plan.writes), 100.0),
            rss_before_kib: readings.before_kib,
            rss_peak_kib: readings.peak_kib,
            rss_after_kib: readings.after_kib,
            blocks_created: counts.blocks_created,
            blocks_reused: counts.blocks_reused,
            syscalls: counts.syscalls,
        };
        Self { figures, peak_is_sampled: readings.peak_is_sampled, samples: readings.samples }
    }
}

/// Digits beyond what a clock can tell would only look exact.
fn rounded(number: f64, steps: f64) -> f64 {
    (number * steps).round() / steps
}

/// One line of the serving process's standard output, as JSON.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Line {
    /// The first: on which port of 127.0.0.1 one request is served.
    Port(u16),
    /// While it is served, where the run is watched.
    Look(Look),
    /// The last, when the request was served.
    Report(Report),
    /// The last, when it was not: why.
    Failed(String),
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::stream::plan::tests::plan;
    use std::time::Duration;

    /// A report with figures that are easy to tell apart.
    pub(crate) fn report(model: Model) -> Report {
        let readings = Readings {
            elapsed: Duration::from_nanos(123_456_789),
            before_kib: 2048,
            peak_kib: 2144,
            peak_is_sampled: false,
            after_kib: 2080,
            samples: vec![Sample { writes: 2048, kib: 2048 }, Sample { writes: 10_000, kib: 2100 }],
        };
        let counts = Counts { blocks_created: 10, blocks_reused: 39_000, syscalls: 4_883 };
        Report::new(model, &plan(10_000_000, 32), readings, counts)
    }

    #[test]
    fn figures_as_json_have_the_promised_fields_in_order() {
        let json = serde_json::to_string(&report(Model::Brigade).figures).expect("plain figures");
        let expected = r#"{"model":"brigade","writes":10000000,"bytes":320000000,"#.to_owned()
            + r#""seconds":0.123457,"ns_per_write":12.35,"rss_before_kib":2048,"#
            + r#""rss_peak_kib":2144,"rss_after_kib":2080,"blocks_created":10,"#
            + r#""blocks_reused":39000,"syscalls":4883}"#;
        assert_eq!(json, expected);
    }

    #[test]
    fn grown_is_the_peak_over_before_and_never_below_nothing() {
        let mut figures = report(Model::Bare).figures;
        assert_eq!(figures.grown_bytes(), 96 * 1024);
        figures.rss_peak_kib = 2000;
        assert_eq!(figures.grown_bytes(), 0);
    }

    #[test]
    fn line_between_the_processes_comes_back_as_it_was_said() {
        let lines =
            [Line::Port(8080), Line::Report(report(Model::Pool)), Line::Failed("a\n\"b\"".into())];
        for line in lines {
            let text = serde_json::to_string(&line).expect("plain data");
            assert!(!text.contains('\n'), "{text}");
            assert_eq!(serde_json::from_str::<Line>(&text).expect(&text), line);
        }
    }
}
