//! What a server allows, said by flags or in `[limits]`.
//!
//! Invariant: a flag wins over the file, and what neither says has the one default that is stated here.

use std::time::Duration;

use crate::memory::parse_limit;
use crate::stream::units::parse_number;

/// What was said; `None`: nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Said {
    /// How long running responses may go on after SIGINT or SIGTERM; a second signal ends them
    /// [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) grace: Option<Duration>,
    /// How many connections may be open; others wait [default: 20000]
    #[arg(long, value_name = "N")]
    pub(super) max_connections: Option<usize>,
    /// How long the head of a request may take [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) header_timeout: Option<Duration>,
    /// How long a connection may wait for its next request [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) keep_alive_timeout: Option<Duration>,
    /// How long a client may take nothing of a response [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) write_timeout: Option<Duration>,
    /// The most that the blocks of all connections hold together, such as 64Mi. While it is used up
    /// files that filters must see wait unread, and new connections wait; nothing under way is dropped
    #[arg(long, value_name = "SIZE", value_parser = parse_limit)]
    pub(super) memory_budget: Option<usize>,
    /// How many files may be kept open for who asks next; 0: each is looked up for each request
    /// [default: 256]
    #[arg(long, value_name = "N")]
    pub(super) open_files: Option<usize>,
    /// How long a file is kept open, and so how late a change may show [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) open_files_age: Option<Duration>,
    /// Worker threads [default: as many as processors]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
}

impl Said {
    /// What this says, and else what `other` does.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            grace: self.grace.or(other.grace),
            max_connections: self.max_connections.or(other.max_connections),
            header_timeout: self.header_timeout.or(other.header_timeout),
            keep_alive_timeout: self.keep_alive_timeout.or(other.keep_alive_timeout),
            write_timeout: self.write_timeout.or(other.write_timeout),
            memory_budget: self.memory_budget.or(other.memory_budget),
            open_files: self.open_files.or(other.open_files),
            open_files_age: self.open_files_age.or(other.open_files_age),
            threads: self.threads.or(other.threads),
        }
    }
}

/// What holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Limits {
    #[serde(flatten)]
    pub(crate) fixed: Fixed,
    #[serde(serialize_with = "as_millis", rename = "header_timeout_ms")]
    pub(crate) header_timeout: Duration,
    #[serde(serialize_with = "as_millis", rename = "keep_alive_timeout_ms")]
    pub(crate) keep_alive_timeout: Duration,
    #[serde(serialize_with = "as_millis", rename = "write_timeout_ms")]
    pub(crate) write_timeout: Duration,
    pub(crate) open_files: usize,
    #[serde(serialize_with = "as_millis", rename = "open_files_age_ms")]
    pub(crate) open_files_age: Duration,
}

/// What holds for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Fixed {
    #[serde(serialize_with = "as_millis", rename = "grace_ms")]
    pub(crate) grace: Duration,
    pub(crate) max_connections: usize,
    pub(crate) memory_budget: Option<usize>,
    pub(crate) threads: Option<usize>,
}

fn as_millis<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

impl From<Said> for Limits {
    fn from(said: Said) -> Self {
        let seconds = Duration::from_secs;
        Self {
            fixed: Fixed {
                grace: said.grace.unwrap_or(seconds(30)),
                max_connections: said.max_connections.unwrap_or(20_000),
                memory_budget: said.memory_budget,
                threads: said.threads,
            },
            header_timeout: said.header_timeout.unwrap_or(seconds(20)),
            keep_alive_timeout: said.keep_alive_timeout.unwrap_or(seconds(60)),
            write_timeout: said.write_timeout.unwrap_or(seconds(60)),
            open_files: said.open_files.unwrap_or(256),
            open_files_age: said.open_files_age.unwrap_or(seconds(1)),
        }
    }
}

impl Fixed {
    /// The keys in which `other` differs.
    pub(crate) fn differs_in(&self, other: &Self) -> Vec<&'static str> {
        let keys = [
            ("grace", self.grace == other.grace),
            ("max_connections", self.max_connections == other.max_connections),
            ("memory_budget", self.memory_budget == other.memory_budget),
            ("threads", self.threads == other.threads),
        ];
        keys.into_iter().filter(|(_, is_same)| !is_same).map(|(key, _)| key).collect()
    }
}

/// `30s`, `500ms`, `2m`, or seconds.
pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no time, such as 30s"))?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs).ok_or_else(|| "too long".into()),
        unit => Err(format!("there is no unit {unit:?}; there are ms, s and m")),
    }
}

/// A number of things, at least one.
pub(super) fn parse_count(text: &str) -> Result<usize, String> {
    match parse_any_count(text)? {
        0 => Err("must be at least 1".into()),
        count => Ok(count),
    }
}

/// A number of things, perhaps none.
pub(super) fn parse_any_count(text: &str) -> Result<usize, String> {
    usize::try_from(parse_number(text)?).map_err(|_| format!("{text} is too many"))
}

/// A time as it would be written: `90s`, `500ms`.
pub(crate) fn shown(time: Duration) -> String {
    match time.subsec_millis() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_with_its_unit_and_else_in_seconds() {
        let cases = [("30s", 30_000), ("7", 7000), ("500ms", 500), ("2m", 120_000), ("0s", 0)];
        for (text, millis) in cases {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "s", "1h", "-1s", "1.5s"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn flag_wins_over_the_file_and_the_default_is_what_neither_says() {
        let flags = Said { threads: Some(1), ..Said::default() };
        let file = Said { threads: Some(2), grace: Some(Duration::ZERO), ..Said::default() };
        let limits = Limits::from(flags.or(file));
        assert_eq!((limits.fixed.threads, limits.fixed.grace), (Some(1), Duration::ZERO));
        assert_eq!(limits.write_timeout, Duration::from_secs(60));
    }
}
