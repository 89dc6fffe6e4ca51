//! The counters in Prometheus's text format, version 0.0.4.
//!
//! Invariant: every family has its HELP and its TYPE once, before its samples; what counts up ends in
//! `_total`, and units are bytes and seconds.

use std::fmt::{Display, Write};

use brigade_http::driver::{FilterTotals, Totals};

use crate::memory::Line;

/// All of them.
pub(super) fn text(totals: &Totals, memory: &Line) -> String {
    let mut out = Families(String::new());
    out.one(
        "connections_accepted_total",
        "Connections that have come.",
        totals.connections_accepted,
    );
    out.one("connections_open", "Connections that are open.", totals.connections_open);
    out.one("responses_total", "Responses that have ended.", totals.responses);
    out.one("sent_bytes_total", "Bytes that have left for them.", totals.bytes_out);
    out.many("response_ends_total", "Responses, by how they ended.", "end", &totals.ends);
    out.many("response_statuses_total", "Responses, by status.", "status", &totals.statuses);
    out.one("memory_held_bytes", "Bytes of all blocks that are held.", memory.held_bytes);
    out.one("memory_peak_bytes", "The most that was held.", memory.high_water_bytes);
    out.one("memory_cached_blocks", "Blocks kept for the next connection.", memory.cached_blocks);
    let mut by_filter = |name: &str, help: &str, of: fn(&FilterTotals) -> f64| {
        out.many(name, help, "filter", totals.filters.iter().map(|(name, sum)| (name, of(sum))));
    };
    by_filter("filter_calls_total", "Times a filter was given something.", |sum| count(sum.calls));
    by_filter("filter_in_bytes_total", "Bytes it was given.", |sum| count(sum.bytes_in));
    by_filter("filter_out_bytes_total", "Bytes it pushed.", |sum| count(sum.bytes_out));
    by_filter("filter_read_bytes_total", "Bytes read for it.", |sum| count(sum.read_bytes));
    by_filter("filter_held_seconds_total", "Time it held bytes.", |sum| sum.held_seconds);
    by_filter("filter_waits_total", "Times it waited.", |sum| count(sum.waits));
    by_filter("filter_failures_total", "Responses that failed in it.", |sum| count(sum.failed));
    out.0
}

/// The format has one kind of number.
#[allow(clippy::cast_precision_loss)] // A counter above 2^53 is off by less than a part in 10^15.
fn count(number: u64) -> f64 {
    number as f64
}

struct Families(String);

impl Families {
    fn begin(&mut self, name: &str, help: &str) {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        // A `String` takes everything.
        let _ = writeln!(self.0, "# HELP brigade_{name} {help}\n# TYPE brigade_{name} {kind}");
    }

    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.begin(name, help);
        let _ = writeln!(self.0, "brigade_{name} {value}");
    }

    fn many<K: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        samples: impl IntoIterator<Item = (K, V)>,
    ) {
        self.begin(name, help);
        for (key, value) in samples {
            let key = escaped(&key.to_string());
            let _ = writeln!(self.0, "brigade_{name}{{{label}=\"{key}\"}} {value}");
        }
    }
}

/// A label's value: backslash, quote and line feed are escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
