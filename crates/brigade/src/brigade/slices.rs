//! The bytes of a brigade as the slices of a vectored write.
//!
//! Invariant: neighbouring slices of one block are one run. Many small pieces that a filter made one
//! after the other cost one slice, and no copy.

use std::io::IoSlice;
use std::ops::Deref;

use smallvec::SmallVec;

use super::Brigade;
use crate::Bucket;
use crate::alloc::BlockSlice;

/// Slices for one vectored write, and whether they are all there is.
#[derive(Debug, Default)]
pub struct IoSlices<'r> {
    places: SmallVec<[IoSlice<'r>; 64]>,
    used: usize, // Of `places`, from the first: the others are left from before.
    rest: bool,
}

impl IoSlices<'_> {
    /// Makes room for slices, to be filled by [`Brigade::io_slices_into`]: 64 need no allocation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether resident data at the front of the brigade did not fit: another call is needed.
    pub fn has_rest(&self) -> bool {
        self.rest
    }
}

impl<'r> Deref for IoSlices<'r> {
    type Target = [IoSlice<'r>];

    #[inline]
    fn deref(&self) -> &[IoSlice<'r>] {
        &self.places[..self.used]
    }
}

impl Brigade<'_> {
    /// The bytes in memory at the front, as at most `limit` slices: up to the first data that has to
    /// be read. Marks are passed over, neighbours in one block share a slice, and empty data takes
    /// none (some systems take an empty one for the end). Models `apr_brigade_to_iovec`, which does
    /// not say that more remains.
    #[doc(alias = "apr_brigade_to_iovec")]
    pub fn io_slices(&self, limit: usize) -> IoSlices<'_> {
        let mut slices = IoSlices::new();
        self.io_slices_into(limit, &mut slices);
        slices
    }

    /// As [`io_slices`](Self::io_slices), into slices that the caller has: what was in them is
    /// replaced. A KiB that does not move is worth having for who writes often.
    ///
    /// ```
    /// # use brigade::{Brigade, Bucket, IoSlices};
    /// use std::io::Write;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let mut transport = Vec::new();
    /// let brigade: Brigade = [&b"two "[..], b"pieces"].map(Bucket::immortal).into_iter().collect();
    /// let mut slices = IoSlices::new();
    /// brigade.io_slices_into(64, &mut slices);
    /// assert!(!slices.has_rest());
    /// assert_eq!(transport.write_vectored(&slices)?, 10);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "apr_brigade_to_iovec")]
    pub fn io_slices_into<'r>(&'r self, limit: usize, into: &mut IoSlices<'r>) {
        let buckets = self.buckets.as_slice();
        let count = buckets.len().min(limit);
        if into.places.len() < count {
            into.places.resize(count, IoSlice::new(&[]));
        }
        into.rest = false;
        let places = &mut into.places[..count];
        let mut used = 0;
        // Where the last run ends, and the bucket it begins with.
        let mut end = std::ptr::null();
        let mut start = None;
        for bucket in buckets {
            // Most are in blocks, and a branch for them costs less than a table of kinds.
            let bytes = match bucket.block_ref() {
                Some(slice) => slice.bytes(),
                None => match bucket.bytes() {
                    Some([]) => continue,
                    Some(bytes) => bytes,
                    None if bucket.is_deferred() => break,
                    None => continue,
                },
            };
            if bytes.as_ptr() == end
                && let Some(run) = joined(start, bucket)
            {
                places[used - 1] = IoSlice::new(run);
            } else if let Some(place) = places.get_mut(used) {
                *place = IoSlice::new(bytes);
                used += 1;
                start = Some(bucket);
            } else {
                into.rest = true;
                break;
            }
            end = bytes.as_ptr_range().end;
        }
        into.used = used;
    }
}

/// The bytes from the start of `first` to the end of `last`, if both are in one block: two pieces of
/// memory may be neighbours by chance.
#[cold]
#[inline(never)]
fn joined<'r>(first: Option<&'r Bucket<'_>>, last: &'r Bucket<'_>) -> Option<&'r [u8]> {
    let (first, last) = (first?.block_ref()?, last.block_ref()?);
    first.shares_block(last).then(|| BlockSlice::through(first, last))
}
