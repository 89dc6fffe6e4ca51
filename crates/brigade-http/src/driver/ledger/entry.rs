//! What is known of one response.
//!
//! Invariant: however many filters a chain has and however much they say, an entry has at most
//! `MAX_FILTERS` lines and `MAX_REASONS` reasons, each cut short where it is long.

use std::time::{Instant, SystemTime};

use brigade::End;

use crate::{Framing, RequestHead};

const MAX_FILTERS: usize = 32;
const MAX_REASONS: usize = 32;
const MAX_TEXT_BYTES: usize = 256;

/// One response, as far as it has come.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Entry {
    /// Which response of the server it is, from 1.
    pub number: u64,
    /// What the request said it was, in its [`EXPLAIN_FIELD`](super::EXPLAIN_FIELD).
    pub id: Option<String>,
    /// The method.
    pub method: String,
    /// Path and query; a long one is cut short.
    pub target: String,
    /// The status, once a head has been given.
    pub status: Option<u16>,
    /// How the end of the body is known, once the head has left: `"length"`, `"chunked"`, `"close"`, or
    /// `"none"`.
    pub framing: Option<&'static str>,
    /// Whether the connection closes after it.
    pub closes: bool,
    /// When it began, in seconds since 1970.
    pub began: f64,
    /// How long it took, until its last byte had left: `None` while it is under way.
    pub took_seconds: Option<f64>,
    /// How it ended: `"complete"`, `"client gone"`, `"timeout"` or `"failed"`.
    pub end: Option<&'static str>,
    /// Bytes that left for it, its head among them.
    pub bytes_out: u64,
    /// Who it went through, in the order in which it came there. Filters of one name are one.
    pub filters: Vec<FilterLine>,
    /// Why it went as it did, in the order in which that was decided.
    pub reasons: Vec<Reason>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) since: Instant,
}

/// What one filter, or the end of the chain, did in one response.
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FilterLine {
    /// Its name.
    pub name: String,
    /// Times it was given something.
    pub calls: u64,
    /// Bytes it was given, as far as their number was known then.
    pub bytes_in: u64,
    /// Bytes it pushed, likewise.
    pub bytes_out: u64,
    /// Bytes that were read for it: they were in no memory before.
    pub read_bytes: u64,
    /// The most bytes it held between two calls.
    pub held_peak_bytes: u64,
    /// For how long it held any.
    pub held_seconds: f64,
    /// Times it waited.
    pub waits: u64,
    /// Whether it stepped aside.
    pub stepped_aside: bool,
    /// Whether something failed in it.
    pub failed: bool,
    #[cfg_attr(feature = "serde", serde(skip))]
    held_since: Option<Instant>,
}

/// Why a response went as it did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Reason {
    /// Who decided it: a filter, or `"connection"`.
    pub filter: String,
    /// What and why.
    pub text: String,
}

impl Entry {
    pub(super) fn new(request: &RequestHead, id: Option<String>) -> Self {
        let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            number: 0,
            id,
            method: short(request.method.as_str()),
            target: short(request.uri.path_and_query().map_or("/", |target| target.as_str())),
            status: None,
            framing: None,
            closes: false,
            began: began.unwrap_or_default().as_secs_f64(),
            took_seconds: None,
            end: None,
            bytes_out: 0,
            filters: Vec::new(),
            reasons: Vec::new(),
            since: Instant::now(),
        }
    }

    /// The line of the filter of this name, if there is room for one.
    pub(super) fn line(&mut self, name: &str) -> Option<&mut FilterLine> {
        let at = match self.filters.iter().position(|line| line.name == name) {
            Some(at) => at,
            None if self.filters.len() == MAX_FILTERS => return None,
            None => {
                self.filters.push(FilterLine { name: short(name), ..FilterLine::default() });
                self.filters.len() - 1
            }
        };
        self.filters.get_mut(at)
    }

    /// Keeps a reason, once, if there is room for one.
    pub(super) fn because(&mut self, filter: &str, text: &str) {
        let reason = Reason { filter: short(filter), text: short(text) };
        if self.reasons.len() < MAX_REASONS && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    /// It has ended, unless it had before; says whether it had not.
    pub(super) fn close(&mut self, end: End, bytes_out: u64) -> bool {
        if self.end.is_some() {
            return false;
        }
        let now = Instant::now();
        self.end = Some(name_of(end));
        self.took_seconds = Some((now - self.since).as_secs_f64());
        self.bytes_out = bytes_out;
        self.filters.iter_mut().for_each(|line| line.holds(0, now));
        true
    }
}

impl FilterLine {
    /// It holds so many bytes from `now` on.
    pub(super) fn holds(&mut self, bytes: u64, now: Instant) {
        self.held_peak_bytes = self.held_peak_bytes.max(bytes);
        match self.held_since {
            None if bytes > 0 => self.held_since = Some(now),
            Some(since) if bytes == 0 => {
                self.held_since = None;
                self.held_seconds += now.saturating_duration_since(since).as_secs_f64();
            }
            _ => {}
        }
    }
}

fn name_of(end: End) -> &'static str {
    match end {
        End::Complete => "complete",
        End::ClientGone => "client gone",
        End::Timeout => "timeout",
        _ => "failed",
    }
}

pub(super) fn name_of_framing(framing: Framing) -> &'static str {
    match framing {
        Framing::None => "none",
        Framing::Length => "length",
        Framing::Chunked => "chunked",
        Framing::Close => "close",
    }
}

/// A text of somebody else's, cut where it is long.
fn short(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let more = if end < text.len() { "…" } else { "" };
    format!("{}{more}", &text[..end])
}
