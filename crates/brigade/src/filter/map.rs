//! The simplest filters: a closure from bytes to bytes, or from a line to bytes.
//!
//! Invariant: the closure sees data alone, a block of it at a time; marks, FILEs, slow peers and
//! waiting are dealt with around it.

use super::{Line, LineCarry, Next, OutputFilter, Over};
use crate::{Brigade, BrigadeWriter, Error, Result};

/// Makes a filter of a closure that writes what shall stand for `bytes`.
///
/// It is given pieces of a body, of any length up to a block (8 KiB), cut anywhere: what it makes of a
/// byte must not depend on where the piece it is in begins or ends. What crosses such borders needs
/// [`map_lines`], or a carrier: [`LineCarry`], [`NeedleCarry`](super::NeedleCarry),
/// [`Utf8Carry`](super::Utf8Carry). An error it answers ends the response.
///
/// ```
/// use brigade::{Chain, FilterKind, Member, map_bytes, recorder};
///
/// # fn main() -> brigade::Result<()> {
/// let shout = map_bytes(|bytes, out| {
///     out.put(&bytes.to_ascii_uppercase());
///     Ok(())
/// });
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join(Member::new("shout", FilterKind::RESOURCE, shout));
/// chain.write(b"hello")?;
/// chain.flush()?;
/// assert_eq!(record.bytes(), b"HELLO");
/// # Ok(())
/// # }
/// ```
pub fn map_bytes<F>(map: F) -> impl OutputFilter
where
    F: FnMut(&[u8], &mut BrigadeWriter<'_, '_>) -> Result<()> + Send,
{
    Map { each: map, out: Brigade::new() }
}

/// Makes a filter of a closure that writes what shall stand for a line.
///
/// A line comes whole, with the LF at its end (the last of a body may have none), if it is at most
/// `limit_bytes` bytes long; `over` says what becomes of a longer one. After a FLUSH the filter keeps
/// at most that many bytes, the line that is not complete yet.
///
/// ```
/// use brigade::{Bucket, Chain, FilterKind, Member, Over, map_lines, recorder};
///
/// # fn main() -> brigade::Result<()> {
/// let mut count = 0;
/// let number = map_lines(64 * 1024, Over::PassThrough, move |line, out| {
///     count += 1;
///     out.put(format!("{count}: ").as_bytes());
///     out.put(line);
///     Ok(())
/// });
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join(Member::new("number", FilterKind::RESOURCE, number));
/// chain.write(b"one\ntwo")?;
/// chain.pass_bucket(Bucket::eos())?;
/// assert_eq!(record.bytes(), b"1: one\n2: two");
/// # Ok(())
/// # }
/// ```
pub fn map_lines<F>(limit_bytes: usize, over: Over, map: F) -> impl OutputFilter
where
    F: FnMut(&[u8], &mut BrigadeWriter<'_, '_>) -> Result<()> + Send,
{
    let lines = LineCarry::new(limit_bytes, over);
    Map { each: Lines { lines, map }, out: Brigade::new() }
}

/// Makes bytes of bytes.
trait Each: Send {
    fn feed(&mut self, bytes: &[u8], out: &mut BrigadeWriter<'_, '_>) -> Result<()>;

    /// The body ends.
    fn finish(&mut self, _out: &mut BrigadeWriter<'_, '_>) -> Result<()> {
        Ok(())
    }

    /// The body fails: what is left of it is nothing to the next one.
    fn forget(&mut self) {}

    fn held_bytes(&self) -> usize {
        0
    }
}

impl<F> Each for F
where
    F: FnMut(&[u8], &mut BrigadeWriter<'_, '_>) -> Result<()> + Send,
{
    fn feed(&mut self, bytes: &[u8], out: &mut BrigadeWriter<'_, '_>) -> Result<()> {
        self(bytes, out)
    }
}

struct Lines<F> {
    lines: LineCarry,
    map: F,
}

impl<F> Each for Lines<F>
where
    F: FnMut(&[u8], &mut BrigadeWriter<'_, '_>) -> Result<()> + Send,
{
    fn feed(&mut self, bytes: &[u8], out: &mut BrigadeWriter<'_, '_>) -> Result<()> {
        self.lines.feed(bytes, |line| each_line(&mut self.map, line, out))
    }

    fn finish(&mut self, out: &mut BrigadeWriter<'_, '_>) -> Result<()> {
        self.lines.finish(|line| each_line(&mut self.map, line, out))
    }

    fn forget(&mut self) {
        // Half a line of a body that failed is no line. What answers `Ok` cannot fail.
        let _ = self.lines.finish(|_half| Ok(()));
    }

    fn held_bytes(&self) -> usize {
        self.lines.held_bytes()
    }
}

fn each_line<F>(map: &mut F, line: Line<'_>, out: &mut BrigadeWriter<'_, '_>) -> Result<()>
where
    F: FnMut(&[u8], &mut BrigadeWriter<'_, '_>) -> Result<()>,
{
    match line {
        Line::Whole(line) => map(line, out),
        Line::Part(bytes) => {
            out.put(bytes);
            Ok(())
        }
    }
}

struct Map<E> {
    each: E,
    out: Brigade<'static>, // Empty between calls: its storage is used again.
}

impl<E: Each> OutputFilter for Map<E> {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(mut bucket) = next.read(input)? {
            let Some(bytes) = bucket.bytes() else {
                if bucket.is_eos() {
                    self.each.finish(&mut self.out.writer(next.alloc()))?;
                    push_out(&mut self.out, next)?;
                } else if bucket.ends_body() {
                    self.each.forget();
                }
                next.push(bucket)?;
                continue;
            };
            let taken = bytes.len().min(next.alloc().block_size());
            self.each.feed(&bytes[..taken], &mut self.out.writer(next.alloc()))?;
            let rest = bytes.len() - taken;
            push_out(&mut self.out, next)?;
            if rest > 0 {
                bucket.advance(taken as u64)?;
                input.push_front(bucket);
                // What a piece becomes may be much more than it is.
                if next.should_yield() {
                    return Err(Error::would_block());
                }
            }
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        self.each.held_bytes()
    }
}

/// Pushes what was written to a brigade that is used again.
pub(super) fn push_out(out: &mut Brigade<'static>, next: &mut Next<'_, '_>) -> Result<()> {
    while let Some(bucket) = out.pop_front() {
        next.push(bucket)?;
    }
    Ok(())
}
