//! Reading what a brigade holds unread, in its place.
//!
//! Invariant: reading changes in which buckets the bytes are, never the bytes or the marks; when it
//! fails, what was read stays in memory where it was. Nothing reads to an end without a stated
//! limit.

use super::Brigade;
use crate::{Bucket, Error, ErrorKind, ReadCx, Result};

impl<'a> Brigade<'a> {
    /// Reads all data into memory, in its place, if that is at most `limit_bytes` bytes of data
    /// with what is in memory already. It may wait. Then [`flatten`](Self::flatten) and every other
    /// operation that never reads sees all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] for more: nothing is read where the lengths say so already, else up
    /// to the limit and a piece of at most 64 KiB. What a source answered,
    /// [`ErrorKind::WouldBlock`] among it. The brigade holds the same bytes and marks as before,
    /// those that were read in memory; another call goes on from there.
    ///
    /// ```
    /// # use brigade::{Brigade, Bucket, BucketAlloc, ReadCx, ReadMode};
    /// # fn main() -> brigade::Result<()> {
    /// # let mut alloc = BucketAlloc::new();
    /// let mut brigade = Brigade::from(Bucket::stream(&b"who knows how long"[..]));
    /// brigade.read_all(1024, &mut ReadCx::new(&mut alloc, ReadMode::Blocking))?;
    /// assert_eq!(brigade.flatten(1024)?, b"who knows how long");
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_all(&mut self, limit_bytes: u64, cx: &mut ReadCx<'_>) -> Result<()> {
        let known = self.tally.known_bytes_saturating();
        if known > limit_bytes {
            return Err(over(known, limit_bytes));
        }
        self.read_each(Bucket::is_deferred, limit_bytes, cx)
    }

    /// Bytes of data, as [`len_bytes`](Self::len_bytes); data of unknown length is read into memory
    /// to tell, and a FILE is not. It may wait.
    ///
    /// `limit_bytes` bounds the bytes in memory afterwards, those that were there before included.
    /// Models `apr_brigade_length` with `read_all`, which has no limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] when more would be in memory, or when the sum exceeds `u64::MAX`;
    /// else as [`read_all`](Self::read_all).
    #[doc(alias = "apr_brigade_length")]
    pub fn len_bytes_read(&mut self, limit_bytes: u64, cx: &mut ReadCx<'_>) -> Result<u64> {
        if self.tally.unknown > 0 {
            self.read_each(|bucket| bucket.len().is_none(), limit_bytes, cx)?;
        }
        self.len_bytes().ok_or_else(|| {
            Error::new(ErrorKind::TooLarge, "add up lengths: the sum is over 64 bits")
        })
    }

    /// Reads every bucket that `must_read` names to its end, while at most `limit_bytes` bytes are
    /// in memory.
    fn read_each(
        &mut self,
        must_read: fn(&Bucket<'a>) -> bool,
        limit_bytes: u64,
        cx: &mut ReadCx<'_>,
    ) -> Result<()> {
        // What was gone through. Moving each bucket once keeps this linear in their number.
        let mut done = Self::new();
        let answer = self.read_on(&mut done, must_read, limit_bytes, cx);
        done.append(self);
        *self = done;
        answer
    }

    fn read_on(
        &mut self,
        done: &mut Self,
        must_read: fn(&Bucket<'a>) -> bool,
        limit_bytes: u64,
        cx: &mut ReadCx<'_>,
    ) -> Result<()> {
        loop {
            let held = done.tally.resident_bytes + self.tally.resident_bytes;
            if held > limit_bytes {
                return Err(over(held, limit_bytes));
            }
            while let Some(bucket) = self.pop_front() {
                if must_read(&bucket) {
                    self.push_front(bucket);
                    break;
                }
                done.push_joined(bucket);
            }
            if self.is_empty() {
                return Ok(());
            }
            self.read_piece_at(0, cx)?;
        }
    }

    /// Reads a piece of the data at `index`, which must be read, in its place: the piece comes
    /// before what is left. Data that turns out to be at its end goes.
    pub(super) fn read_piece_at(&mut self, index: usize, cx: &mut ReadCx<'_>) -> Result<()> {
        let mut before = Self::new();
        (0..index).filter_map(|_| self.pop_front()).for_each(|bucket| before.push_back(bucket));
        let answer = self.pop_read(cx).map(|next| {
            if let Some(next) = next {
                self.push_front(next);
            }
        });
        self.prepend(&mut before);
        answer
    }

    /// Says that the data at `index` is in the way of an operation that never reads.
    pub(super) fn unread(&self, what: &str, index: usize) -> Error {
        let kind = self.iter().nth(index).map_or("bucket", Bucket::kind_name);
        Error::new(ErrorKind::Unsupported, format!("{what}: a {kind} must be read first"))
    }
}

fn over(bytes: u64, limit_bytes: u64) -> Error {
    let context = format!("read {bytes} bytes or more into memory, limit {limit_bytes}");
    Error::new(ErrorKind::TooLarge, context)
}
