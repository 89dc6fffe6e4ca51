//! Lines, one at a time, however they are cut into buckets.
//!
//! Invariant: whether a line is given whole depends on its length alone, never on the cuts.

use super::{Over, hold};
use crate::{Error, ErrorKind, Result};

/// A line, or a part of one that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'l> {
    /// A line with the LF at its end; the last of a body may have none.
    Whole(&'l [u8]),
    /// The next bytes of a line that is longer than the limit: given only to who lets those
    /// [pass](Over::PassThrough). How many they are depends on the cuts.
    Part(&'l [u8]),
}

/// Gives the lines of a body to a filter, and keeps the one that is not complete yet.
///
/// A line that is whole in its bucket is given as it lies there, without a copy.
///
/// ```
/// use brigade::{Brigade, Line, LineCarry, Next, OutputFilter, Over, Result};
///
/// /// Drops empty lines.
/// struct Dense {
///     lines: LineCarry,
/// }
///
/// impl OutputFilter for Dense {
///     fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
///         while let Some(bucket) = next.read(input)? {
///             let each = |line: Line<'_>| match line {
///                 Line::Whole(b"\n" | b"\r\n") => Ok(()),
///                 Line::Whole(bytes) | Line::Part(bytes) => {
///                     let out = next.alloc().copy(bytes);
///                     next.push(out)
///                 }
///             };
///             match bucket.bytes() {
///                 Some(bytes) => self.lines.feed(bytes, each)?,
///                 None => {
///                     if bucket.ends_body() {
///                         self.lines.finish(each)?;
///                     }
///                     next.push(bucket)?;
///                 }
///             }
///         }
///         Ok(())
///     }
///
///     fn held_bytes(&self) -> usize {
///         self.lines.held_bytes()
///     }
/// }
///
/// # fn main() -> Result<()> {
/// use brigade::{Chain, FilterKind, Member, recorder};
///
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// let dense = Dense { lines: LineCarry::new(64 * 1024, Over::PassThrough) };
/// chain.join(Member::new("dense", FilterKind::RESOURCE, dense));
/// chain.write(b"one\n")?;
/// chain.flush()?;
/// chain.write(b"\ntwo\n")?;
/// chain.flush()?;
/// assert_eq!(record.bytes(), b"one\ntwo\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LineCarry {
    held: Vec<u8>, // Invariant: no LF, and at most `limit_bytes`.
    limit_bytes: usize,
    over: Over,
    is_over: bool, // In a line of which parts have been given.
}

impl LineCarry {
    /// Lines of up to `limit_bytes` bytes, their LF included, are given whole; `over` says what
    /// becomes of longer ones. It keeps at most that many bytes: the carry of its filter.
    pub fn new(limit_bytes: usize, over: Over) -> Self {
        Self { held: Vec::new(), limit_bytes, over, is_over: false }
    }

    /// Takes the next bytes of the body and gives every line that they complete to `each`.
    ///
    /// # Errors
    ///
    /// What `each` answered; [`ErrorKind::TooLarge`] for a line over the limit where that
    /// [fails](Over::Fail).
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(Line<'_>) -> Result<()>,
    ) -> Result<()> {
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
            let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            bytes = rest;
            if self.is_over || self.held.len() + line.len() > self.limit_bytes {
                self.part(line, &mut each)?;
                self.is_over = end.is_none();
            } else if end.is_none() {
                hold(&mut self.held, line, self.limit_bytes);
            } else if self.held.is_empty() {
                each(Line::Whole(line))?;
            } else {
                hold(&mut self.held, line, self.limit_bytes);
                self.give(&mut each)?;
            }
        }
        Ok(())
    }

    /// The body has ended: gives its last line, if that has no LF, and is ready for another body. For
    /// every mark that [ends a body](crate::Bucket::ends_body).
    ///
    /// # Errors
    ///
    /// What `each` answered.
    pub fn finish(&mut self, mut each: impl FnMut(Line<'_>) -> Result<()>) -> Result<()> {
        self.is_over = false;
        if self.held.is_empty() { Ok(()) } else { self.give(&mut each) }
    }

    /// Bytes kept of a line that is not complete.
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    fn give(&mut self, each: &mut impl FnMut(Line<'_>) -> Result<()>) -> Result<()> {
        let answer = each(Line::Whole(&self.held));
        self.held.clear();
        answer
    }

    fn part(&mut self, line: &[u8], each: &mut impl FnMut(Line<'_>) -> Result<()>) -> Result<()> {
        if self.over == Over::Fail {
            let context = format!("hold a line of more than {} bytes", self.limit_bytes);
            return Err(Error::new(ErrorKind::TooLarge, context));
        }
        if !self.held.is_empty() {
            let answer = each(Line::Part(&self.held));
            self.held.clear();
            answer?;
        }
        each(Line::Part(line))
    }
}
