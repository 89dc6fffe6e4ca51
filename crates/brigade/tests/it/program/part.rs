//! What takes a line, or the part before a boundary, out of a brigade.
//!
//! The answer is known beforehand from the bytes alone: those that the brigade has before its first
//! mark, and before what it must not read.

use brigade::{Brigade, Bucket, ErrorKind, ReadCx, ReadMode, Result, Split};

use super::World;
use super::item::{Item, bytes_of, items, items_of_text, text};
use super::op::{Bounds, Part};
use super::read::check_source_error;

/// The bytes that a search may see, and what comes behind them.
struct Run {
    bytes: Vec<u8>,
    end: RunEnd,
}

#[derive(Clone, Copy, PartialEq)]
enum RunEnd {
    Nothing,
    Body,
    Mark,
    Unread,
}

/// What is to come of a search.
struct Expected {
    answer: Option<Split>, // `None`: what comes next must be read first.
    taken: usize,
    dropped: usize,
    // Bytes that may begin a boundary: they stay, behind a mark if that is the answer.
    held: usize,
}

impl World {
    pub(super) fn part(&mut self, part: &Part) {
        match *part {
            Part::Line(bounds) => {
                let expected = Run::ready(&self.brigade).line(bounds);
                let mut line = self.begin(bounds);
                let answer = self.brigade.split_line(&mut line, bounds.limit);
                self.check_part(&answer, &line, bounds, &expected);
            }
            Part::LineRead(bounds) => {
                let all = Run::all(&self.oracle);
                let mut line = self.begin(bounds);
                let mut cx = ReadCx::new(&mut self.alloc, ReadMode::Blocking);
                let answer = self.brigade.split_line_read(&mut line, bounds.limit, &mut cx);
                let seen = all.unless_it_failed(&answer, &line, bounds, &self.brigade);
                self.check_part(&answer, &line, bounds, &seen.line(bounds));
            }
            Part::Boundary(at, len, bounds) => {
                let boundary = &text(at + len)[at..];
                let expected = Run::ready(&self.brigade).part(boundary, bounds);
                let mut part = self.begin(bounds);
                let answer = self.brigade.split_boundary(&mut part, boundary, bounds.limit);
                self.check_part(&answer, &part, bounds, &expected);
            }
            Part::BoundaryRead(at, len, bounds) => {
                let boundary = &text(at + len)[at..];
                let all = Run::all(&self.oracle);
                let mut part = self.begin(bounds);
                let mut cx = ReadCx::new(&mut self.alloc, ReadMode::Blocking);
                let answer =
                    self.brigade.split_boundary_read(&mut part, boundary, bounds.limit, &mut cx);
                let seen = all.unless_it_failed(&answer, &part, bounds, &self.brigade);
                self.check_part(&answer, &part, bounds, &seen.part(boundary, bounds));
            }
        }
    }

    /// What earlier calls moved, in a block that the next bytes may follow in.
    fn begin(&mut self, bounds: Bounds) -> Brigade<'static> {
        let mut into = Brigade::new();
        into.write(&mut self.alloc, text(bounds.moved));
        into
    }

    fn check_part(
        &mut self,
        answer: &Result<Split>,
        into: &Brigade<'_>,
        bounds: Bounds,
        expected: &Expected,
    ) {
        into.assert_invariants();
        let mut moved = items(into);
        assert!(moved.starts_with(&items_of_text(text(bounds.moved))));
        moved.drain(..bounds.moved);
        assert_eq!(answer.as_ref().ok().copied(), expected.answer, "{answer:?}");
        if let Err(error) = answer
            && !matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput)
        {
            check_source_error(error, ReadMode::Blocking);
        }
        assert_eq!(bytes_of(&moved).len(), moved.len(), "a mark was moved");
        assert_eq!(moved.len(), expected.taken);

        // What it was, with what was dropped and what went forward in their old places.
        let mut rest = items(&self.brigade);
        if expected.answer == Some(Split::Mark) {
            assert!(matches!(rest.first(), Some(Item::Mark(_))));
            rest[..=expected.held].rotate_left(1);
        }
        let found = expected.taken + expected.dropped;
        let dropped = Run::all(&self.oracle).items(expected.taken..found);
        self.learn(moved.into_iter().chain(dropped).chain(rest).collect());
        self.oracle.drain(..found);
        if expected.answer == Some(Split::Mark) {
            self.oracle[..=expected.held].rotate_right(1);
        }
    }
}

impl Run {
    /// What is in memory at the front.
    fn ready(brigade: &Brigade<'_>) -> Self {
        let mut bytes = Vec::new();
        for bucket in brigade {
            match bucket.bytes() {
                Some(ready) => bytes.extend_from_slice(ready),
                None if bucket.is_empty() => {}
                None => return Self { bytes, end: RunEnd::before(bucket) },
            }
        }
        Self { bytes, end: RunEnd::Nothing }
    }

    /// What is there when all is read.
    fn all(oracle: &[Item]) -> Self {
        let mut bytes = Vec::new();
        for item in oracle {
            match item {
                Item::Byte(byte) => bytes.push(*byte),
                Item::Source(rest) => bytes.extend(rest),
                Item::Mark(name) if ["EOS", "ERROR"].contains(&&name[..]) => {
                    return Self { bytes, end: RunEnd::Body };
                }
                Item::Mark(_) => return Self { bytes, end: RunEnd::Mark },
            }
        }
        Self { bytes, end: RunEnd::Nothing }
    }

    /// Where a read failed, what had been read until then is all that was to be seen.
    fn unless_it_failed(
        self,
        answer: &Result<Split>,
        into: &Brigade<'_>,
        bounds: Bounds,
        left: &Brigade<'_>,
    ) -> Self {
        if answer.is_ok() {
            return self;
        }
        let left = Self::ready(left);
        let moved = &bytes_of(&items(into))[bounds.moved..];
        Self { bytes: [moved, &left.bytes[..]].concat(), end: left.end }
    }

    fn items(&self, range: std::ops::Range<usize>) -> Vec<Item> {
        items_of_text(&self.bytes[range])
    }

    fn line(&self, bounds: Bounds) -> Expected {
        let found = self.bytes.iter().position(|byte| *byte == b'\n');
        match found {
            Some(at) if at < bounds.room() => {
                Expected { answer: Some(Split::Found), taken: at + 1, dropped: 0, held: 0 }
            }
            _ => self.not_found(bounds, 0),
        }
    }

    fn part(&self, boundary: &[u8], bounds: Bounds) -> Expected {
        if boundary.is_empty() {
            return Expected { answer: None, taken: 0, dropped: 0, held: 0 };
        }
        let mut windows = self.bytes.windows(boundary.len());
        match windows.position(|window| window == boundary) {
            Some(at) if at <= bounds.room() => {
                let dropped = boundary.len();
                Expected { answer: Some(Split::Found), taken: at, dropped, held: 0 }
            }
            _ if self.end == RunEnd::Body => self.not_found(bounds, 0),
            _ => {
                let may_begin = |len: &usize| self.bytes.ends_with(&boundary[..*len]);
                self.not_found(bounds, (0..boundary.len()).rev().find(may_begin).unwrap_or(0))
            }
        }
    }

    fn not_found(&self, bounds: Bounds, held: usize) -> Expected {
        let free = self.bytes.len() - held;
        let (answer, taken) = match self.end {
            _ if free > bounds.room() => (Some(Split::Limit), bounds.room()),
            RunEnd::Nothing => (Some(Split::More), free),
            RunEnd::Body | RunEnd::Mark => (Some(Split::Mark), free),
            RunEnd::Unread => (None, free),
        };
        Expected { answer, taken, dropped: 0, held }
    }
}

impl RunEnd {
    fn before(bucket: &Bucket<'_>) -> Self {
        match bucket.is_metadata() {
            true if bucket.ends_body() => Self::Body,
            true => Self::Mark,
            false => Self::Unread,
        }
    }
}

impl Bounds {
    /// How many bytes more may be moved.
    fn room(self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX).saturating_sub(self.moved)
    }
}
