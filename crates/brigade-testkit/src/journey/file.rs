//! A journey as a file: lines of JSON, the first of which says what it is.
//!
//! Invariant: a file of another version, or one that was cut, is refused, never half understood.

use std::io::{BufRead, Write};

use brigade::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::{Journey, What};

/// What the first line calls the rest.
const FORMAT: &str = "brigade-journey";
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    places: Vec<String>,
    order: Vec<usize>,
    events: usize,
    is_cut: bool,
}

impl Journey {
    /// Writes it down: a line of JSON that says what it is, of which version, and one an event.
    ///
    /// # Errors
    ///
    /// What `to` answers.
    pub fn save(&self, mut to: impl Write) -> Result<()> {
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            places: self.places.clone(),
            order: self.order.clone(),
            events: self.events.len(),
            is_cut: self.is_cut,
        };
        write_line(&mut to, &header)?;
        for event in &self.events {
            write_line(&mut to, event)?;
        }
        to.flush().map_err(|cause| saving().because(cause))
    }

    /// Reads one that was saved, of at most `limit_bytes` bytes as it lies there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for what is no journey, is of another version, or has an end missing;
    /// [`ErrorKind::TooLarge`] for more than `limit_bytes`; else what `from` answers.
    pub fn load(from: impl BufRead, limit_bytes: u64) -> Result<Self> {
        let mut lines =
            Lines { from: from.take(limit_bytes.saturating_add(1)), limit_bytes, number: 0 };
        let header: Header = lines.next()?.ok_or_else(|| wrong("no first line"))?;
        if header.format != FORMAT || header.version != VERSION {
            let what = format!("{:?} of version {}", header.format, header.version);
            return Err(wrong(format!("{what}, not {FORMAT:?} of version {VERSION}")));
        }
        let mut events = Vec::new();
        while let Some(event) = lines.next()? {
            events.push(event);
        }
        let Header { places, order, is_cut, .. } = header;
        let journey = Self { places, order, events, is_cut };
        if journey.events.len() != header.events {
            let found = journey.events.len();
            return Err(wrong(format!("{found} of its {} events", header.events)));
        }
        if journey.names_strangers() {
            return Err(wrong("a place that it has no name of"));
        }
        Ok(journey)
    }

    fn names_strangers(&self) -> bool {
        let of_events = self.events.iter().flat_map(|event| match &event.what {
            What::Pass { from, to, .. } => [*from, *to],
            What::Read { place, .. } | What::Return { place, .. } => [*place; 2],
        });
        self.order.iter().copied().chain(of_events).any(|place| place >= self.places.len())
    }
}

struct Lines<R> {
    from: std::io::Take<R>,
    limit_bytes: u64,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    fn next<T: for<'d> Deserialize<'d>>(&mut self) -> Result<Option<T>> {
        let mut line = Vec::new();
        let read = self.from.read_until(b'\n', &mut line);
        read.map_err(|cause| Error::new(ErrorKind::Io, "load a journey").because(cause))?;
        if self.from.limit() == 0 {
            let context = format!("load a journey of more than {} bytes", self.limit_bytes);
            return Err(Error::new(ErrorKind::TooLarge, context));
        }
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let line = serde_json::from_slice(&line);
        line.map(Some).map_err(|cause| wrong(format!("line {}", self.number)).because(cause))
    }
}

fn write_line(to: &mut impl Write, line: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *to, line).map_err(|cause| saving().because(cause))?;
    to.write_all(b"\n").map_err(|cause| saving().because(cause))
}

fn saving() -> Error {
    Error::new(ErrorKind::Io, "save a journey")
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("load a journey: {what}"))
}
