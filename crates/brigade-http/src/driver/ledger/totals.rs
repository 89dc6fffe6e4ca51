//! What all responses of a server came to.

use std::collections::BTreeMap;

use super::Entry;

/// Who makes more names than this of filters has the rest counted nowhere.
const MAX_NAMES: usize = 64;

/// What all responses that have ended came to, and how many connections there are.
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Totals {
    /// Connections that have come.
    pub connections_accepted: u64,
    /// Connections that are open.
    pub connections_open: u64,
    /// Responses that have ended.
    pub responses: u64,
    /// Of them, by how they [ended](Entry::end).
    pub ends: BTreeMap<&'static str, u64>,
    /// Of them, by their status; 0 for those that never had one.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes that have left for them.
    pub bytes_out: u64,
    /// What each filter did in them, by its name; the end of the chain among them.
    pub filters: BTreeMap<String, FilterTotals>,
}

/// What a filter did in all responses that have ended: see [`FilterLine`](super::FilterLine).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
#[allow(missing_docs)] // The sums of what has the same names there.
pub struct FilterTotals {
    pub calls: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub read_bytes: u64,
    pub held_seconds: f64,
    pub waits: u64,
    pub stepped_aside: u64,
    pub failed: u64,
}

impl Totals {
    pub(super) fn add(&mut self, entry: &Entry) {
        self.responses += 1;
        self.bytes_out += entry.bytes_out;
        *self.ends.entry(entry.end.unwrap_or("failed")).or_default() += 1;
        *self.statuses.entry(entry.status.unwrap_or(0)).or_default() += 1;
        for line in &entry.filters {
            if self.filters.len() == MAX_NAMES && !self.filters.contains_key(&line.name) {
                continue;
            }
            let sum = self.filters.entry(line.name.clone()).or_default();
            sum.calls += line.calls;
            sum.bytes_in += line.bytes_in;
            sum.bytes_out += line.bytes_out;
            sum.read_bytes += line.read_bytes;
            sum.held_seconds += line.held_seconds;
            sum.waits += line.waits;
            sum.stepped_aside += u64::from(line.stepped_aside);
            sum.failed += u64::from(line.failed);
        }
    }
}
