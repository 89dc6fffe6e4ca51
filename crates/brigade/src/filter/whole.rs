//! A filter that must see the whole body before it says anything.
//!
//! Invariant: it never holds more than its limit, and is never called again for a body that is over it.

use super::carry::hold;
use super::map::push_out;
use super::{Next, OutputFilter, Over};
use crate::{Brigade, BrigadeWriter, Bucket, Error, ErrorKind, Result};

/// Collects a body up to a limit, for a closure that needs all of it.
///
/// Marks that come before the end go on at once, FLUSH among them: the whole body is what this filter
/// keeps after one. A body that fails half-way is dropped, and its ERROR goes on.
///
/// ```
/// use brigade::{Bucket, Chain, FilterKind, Member, Over, WholeBody, recorder};
///
/// # fn main() -> brigade::Result<()> {
/// let reverse = WholeBody::new(1024 * 1024, Over::Fail).map(|body, out| {
///     out.put(&body.iter().rev().copied().collect::<Vec<u8>>());
///     Ok(())
/// });
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join(Member::new("reverse", FilterKind::RESOURCE, reverse));
/// chain.write(b"desserts")?;
/// chain.flush()?;
/// assert!(record.bytes().is_empty());
/// chain.pass_bucket(Bucket::eos())?;
/// assert_eq!(record.bytes(), b"stressed");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct WholeBody {
    limit_bytes: usize,
    over: Over,
}

impl WholeBody {
    /// Bodies of up to `limit_bytes` bytes are given whole; `over` says what becomes of longer ones.
    /// Where the length is known, a FILE's for one, that is decided before a byte is read.
    pub fn new(limit_bytes: usize, over: Over) -> Self {
        Self { limit_bytes, over }
    }

    /// Makes a filter of a closure that writes what shall stand for the body. What it writes is in
    /// memory, beside the body, before the first of it goes on.
    pub fn map<F>(self, map: F) -> impl OutputFilter
    where
        F: FnMut(&[u8], &mut BrigadeWriter<'_, '_>) -> Result<()> + Send,
    {
        Mapped { of: self, map, body: Vec::new(), out: Brigade::new(), is_over: false }
    }
}

struct Mapped<F> {
    of: WholeBody,
    map: F,
    body: Vec<u8>,         // Invariant: at most the limit.
    out: Brigade<'static>, // Empty between calls: its storage is used again.
    is_over: bool, // This body goes by, of a connection's filter, which is called for the next.
}

impl<F> OutputFilter for Mapped<F>
where
    F: FnMut(&[u8], &mut BrigadeWriter<'_, '_>) -> Result<()> + Send,
{
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        loop {
            if self.is_over {
                let Some(bucket) = input.pop_front() else { return Ok(()) };
                self.is_over = !bucket.ends_body();
                next.push(bucket)?;
                continue;
            }
            if input.front().is_some_and(|front| self.exceeds(front.len())) {
                self.give_up(next)?;
                if next.is_requests() {
                    return Ok(());
                }
                continue;
            }
            let Some(bucket) = next.read(input)? else { return Ok(()) };
            match bucket.bytes() {
                // A STREAM tells its length only by ending.
                Some(bytes) if self.exceeds(Some(bytes.len() as u64)) => input.push_front(bucket),
                Some(bytes) => hold(&mut self.body, bytes, self.of.limit_bytes),
                None => self.mark(bucket, next)?,
            }
        }
    }

    fn held_bytes(&self) -> usize {
        self.body.len()
    }
}

impl<F> Mapped<F>
where
    F: FnMut(&[u8], &mut BrigadeWriter<'_, '_>) -> Result<()> + Send,
{
    fn exceeds(&self, len: Option<u64>) -> bool {
        let room = self.of.limit_bytes - self.body.len();
        len.is_some_and(|len| len > room as u64)
    }

    fn mark<'b>(&mut self, mark: Bucket<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if mark.ends_body() {
            let body = std::mem::take(&mut self.body);
            if mark.is_eos() {
                (self.map)(&body, &mut self.out.writer(next.alloc()))?;
                push_out(&mut self.out, next)?;
            }
        }
        next.push(mark)
    }

    /// Lets this body go by: what was held of it first, unless that fails.
    fn give_up(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        if self.of.over == Over::Fail {
            let context = format!("hold a body of more than {} bytes", self.of.limit_bytes);
            return Err(Error::new(ErrorKind::TooLarge, context));
        }
        if next.is_requests() {
            next.step_aside();
        } else {
            self.is_over = true;
        }
        next.push(Bucket::heap(std::mem::take(&mut self.body)))
    }
}
