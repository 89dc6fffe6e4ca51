//! A brigade: an ordered run of buckets, by value.
//!
//! Invariant: `tally` is the sum over `buckets`, so that the length of a brigade is known without a
//! walk. A bucket inside a brigade changes only through the brigade.

mod boundary;
mod compact;
mod copy;
mod cut;
mod flatten;
mod gather;
mod iter;
mod line;
mod resident;
mod slices;
mod split;
mod store;
mod tally;
mod writer;

use std::fmt;
use std::fs::File;
use std::sync::Arc;

pub use self::flatten::Copied;
pub(crate) use self::gather::Gather;
pub use self::iter::{IntoIter, Iter};
pub use self::slices::IoSlices;
pub use self::split::Split;
use self::store::Store;
pub(crate) use self::tally::Tally;
pub use self::writer::BrigadeWriter;
use crate::{Bucket, Error, Outcome, ReadCx, Result};

/// An ordered run of buckets, owned by value: one allocation, which a brigade that is used again
/// keeps.
///
/// Models `apr_bucket_brigade`. A brigade for each call costs one allocation and leaves nothing
/// behind; in Apache it takes memory from the request's pool that comes back when the request ends.
///
/// ```
/// use brigade::{Brigade, Bucket};
///
/// # fn main() -> brigade::Result<()> {
/// let mut brigade = Brigade::new();
/// brigade.push_back(Bucket::transient(b"hello, "));
/// brigade.push_back(Bucket::immortal(b"world"));
/// brigade.push_back(Bucket::eos());
/// assert_eq!(brigade.len_bytes(), Some(12));
/// assert_eq!(brigade.flatten(64)?, b"hello, world");
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[doc(alias = "apr_bucket_brigade")]
pub struct Brigade<'a> {
    buckets: Store<'a>,
    tally: Tally, // Invariant: the sum over `buckets`.
}

impl<'a> Brigade<'a> {
    /// Makes an empty brigade; it allocates with its first bucket. Models `apr_brigade_create`.
    #[doc(alias = "apr_brigade_create")]
    pub const fn new() -> Self {
        Self { buckets: Store::new(), tally: Tally::new() }
    }

    /// How many buckets there are, marks included.
    #[inline]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether there is no bucket. Models `APR_BRIGADE_EMPTY`.
    #[inline]
    #[doc(alias = "APR_BRIGADE_EMPTY")]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Bytes of data, in memory or not; `None` while the length of any bucket is unknown, or when the
    /// sum exceeds `u64::MAX`. Takes the same time however many buckets there are. Models
    /// `apr_brigade_length`, which says -1.
    #[inline]
    #[doc(alias = "apr_brigade_length")]
    pub fn len_bytes(&self) -> Option<u64> {
        self.tally.len_bytes()
    }

    /// Bytes of data in memory: what this brigade keeps from being used for something else.
    #[inline]
    pub fn resident_bytes(&self) -> u64 {
        self.tally.resident_bytes
    }

    /// Whether a body ends in here: there is EOS, or ERROR in its place.
    #[inline]
    pub fn ends_body(&self) -> bool {
        self.tally.ends > 0
    }

    /// The bucket that goes first. Models `APR_BRIGADE_FIRST`.
    #[inline]
    #[doc(alias = "APR_BRIGADE_FIRST")]
    pub fn front(&self) -> Option<&Bucket<'a>> {
        self.buckets.front()
    }

    /// The bucket that goes last. Models `APR_BRIGADE_LAST`.
    #[inline]
    #[doc(alias = "APR_BRIGADE_LAST")]
    pub fn back(&self) -> Option<&Bucket<'a>> {
        self.buckets.back()
    }

    /// Puts a bucket at the end. Models `APR_BRIGADE_INSERT_TAIL`.
    #[allow(clippy::inline_always)] // A bucket passed by pointer waits for its own stores.
    #[inline(always)]
    #[doc(alias = "APR_BRIGADE_INSERT_TAIL")]
    pub fn push_back(&mut self, bucket: Bucket<'a>) {
        // Asked before the bucket is stored: afterwards the answer would wait for the store.
        let resident = bucket.resident_len();
        self.buckets.push_back(bucket);
        match (resident, self.buckets.back()) {
            (Some(len), _) => self.tally.resident_bytes += len as u64,
            (None, Some(last)) => self.tally.add(last),
            (None, None) => {}
        }
    }

    /// Puts a bucket before all others. Models `APR_BRIGADE_INSERT_HEAD`.
    #[inline]
    #[doc(alias = "APR_BRIGADE_INSERT_HEAD")]
    pub fn push_front(&mut self, bucket: Bucket<'a>) {
        self.tally.add(&bucket);
        self.buckets.push_front(bucket);
    }

    /// Takes the first bucket out. Models `APR_BUCKET_REMOVE`.
    #[allow(clippy::inline_always)] // A bucket passed by pointer waits for its own stores.
    #[inline(always)]
    #[doc(alias = "APR_BUCKET_REMOVE")]
    pub fn pop_front(&mut self) -> Option<Bucket<'a>> {
        self.tally.remove(self.buckets.front()?);
        self.buckets.pop_front()
    }

    /// Takes the last bucket out.
    #[inline]
    pub fn pop_back(&mut self) -> Option<Bucket<'a>> {
        let bucket = self.buckets.pop_back()?;
        self.tally.remove(&bucket);
        Some(bucket)
    }

    /// Moves all of `other` to the end of this brigade; `other` is empty afterwards and keeps its
    /// storage. Models `APR_BRIGADE_CONCAT`.
    #[doc(alias = "APR_BRIGADE_CONCAT")]
    pub fn append<'b: 'a>(&mut self, other: &mut Brigade<'b>) {
        self.tally.merge(&other.tally);
        other.tally = Tally::new();
        self.buckets.append(&mut other.buckets);
    }

    /// Moves all of `other` before this brigade's first bucket; `other` is empty afterwards and keeps
    /// its storage. Models `APR_BRIGADE_PREPEND`.
    #[doc(alias = "APR_BRIGADE_PREPEND")]
    pub fn prepend<'b: 'a>(&mut self, other: &mut Brigade<'b>) {
        while let Some(bucket) = other.pop_back() {
            self.push_front(bucket);
        }
    }

    /// Drops every bucket and keeps the storage. Models `apr_brigade_cleanup`.
    #[inline]
    #[doc(alias = "apr_brigade_cleanup", alias = "apr_brigade_destroy")]
    pub fn clear(&mut self) {
        self.tally = Tally::new();
        self.buckets.clear();
    }

    /// Drops every bucket and keeps the storage; every EOR among them is told `outcome`. For terminals
    /// that give up.
    pub fn complete_all(&mut self, outcome: &Outcome) {
        self.tally = Tally::new();
        self.buckets.drain().for_each(|bucket| bucket.complete(outcome));
    }

    /// Drops all data, unread, and keeps the marks in their order.
    pub fn drop_data(&mut self) {
        self.tally = self.tally.of_marks();
        self.buckets.retain(Bucket::is_metadata);
    }

    /// Drops all data and makes every EOS an ERROR: what is left of a body in which something failed.
    pub(crate) fn fail_with(&mut self, error: &Error) {
        self.drop_data();
        self.fail_ends(error);
    }

    /// Makes every EOS an ERROR.
    pub(crate) fn fail_ends(&mut self, error: &Error) {
        if self.ends_body() {
            let ends = self.buckets.as_mut_slice().iter_mut().filter(|bucket| bucket.is_eos());
            ends.for_each(|eos| *eos = Bucket::error(error.clone()));
        }
    }

    /// Drops all but EOR and EOC, which are not part of any body.
    pub(crate) fn keep_only_connection_marks(&mut self) {
        self.buckets.retain(|bucket| bucket.is_eor() || bucket.is_eoc());
        self.tally = Tally::new();
        self.buckets.as_slice().iter().for_each(|mark| self.tally.add(mark));
    }

    /// Drops what ends a body.
    pub(crate) fn drop_ends(&mut self) {
        if self.ends_body() {
            self.tally.marks -= std::mem::take(&mut self.tally.ends);
            self.buckets.retain(|bucket| !bucket.ends_body());
        }
    }

    /// Takes the next piece out: a mark as it is, data with its bytes in memory. The rest of a FILE
    /// or STREAM stays in front. `None`: the brigade is empty.
    ///
    /// # Errors
    ///
    /// As [`Bucket::read`]; the bucket that failed stays in front.
    pub fn pop_read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'a>>> {
        while let Some(mut bucket) = self.pop_front() {
            if !bucket.is_deferred() {
                return Ok(Some(bucket));
            }
            match bucket.read(cx) {
                Ok(Some(piece)) => {
                    if bucket.len() != Some(0) {
                        self.push_front(bucket);
                    }
                    return Ok(Some(piece));
                }
                Ok(None) => {}
                Err(error) => {
                    self.push_front(bucket);
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// Puts `len` bytes of `file`, from `offset`, at the end: one bucket, however long. Models
    /// `apr_brigade_insert_file`.
    #[doc(alias = "apr_brigade_insert_file")]
    pub fn insert_file(&mut self, file: impl Into<Arc<File>>, offset: u64, len: u64) {
        self.push_back(Bucket::file(file, offset, len));
    }

    /// The same storage for another lifetime, emptied: brigades that borrow can take turns with it.
    #[must_use]
    pub fn recycle<'b>(self) -> Brigade<'b> {
        Brigade { buckets: self.buckets.recycle(), tally: Tally::new() }
    }

    /// Whether there is storage worth recycling.
    #[inline]
    pub(crate) fn has_storage(&self) -> bool {
        self.buckets.has_storage()
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Panics unless the tally is the sum over the buckets.
    #[doc(hidden)]
    pub fn assert_invariants(&self) {
        let mut sum = Tally::new();
        self.iter().for_each(|bucket| sum.add(bucket));
        assert_eq!(self.tally, sum, "the tally of {self:?}");
    }
}

impl fmt::Debug for Brigade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Brigade, Tally};
    use crate::Bucket;

    #[test]
    #[should_panic(expected = "the tally of [")]
    fn tally_that_is_not_the_sum_over_the_buckets_panics() {
        let mut brigade = Brigade::from(Bucket::immortal(b"one"));
        brigade.tally = Tally::new();
        brigade.assert_invariants();
    }
}
