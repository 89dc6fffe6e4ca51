//! The bytes of a brigade as runs: for a vectored write, and for copying them out.
//!
//! Invariant: neighbouring slices of one block are one run. Many small pieces that a filter made one
//! after the other cost one slice, and no copy.

use std::io::IoSlice;
use std::ops::Deref;

use smallvec::SmallVec;

use super::{Brigade, Iter};
use crate::Bucket;
use crate::alloc::BlockSlice;

/// Slices for one vectored write, and whether they are all there is.
#[derive(Debug)]
pub struct IoSlices<'r> {
    slices: SmallVec<[IoSlice<'r>; 64]>,
    rest: bool,
}

impl IoSlices<'_> {
    /// Whether resident data at the front of the brigade did not fit: another call is needed.
    pub fn has_rest(&self) -> bool {
        self.rest
    }
}

impl<'r> Deref for IoSlices<'r> {
    type Target = [IoSlice<'r>];

    fn deref(&self) -> &[IoSlice<'r>] {
        &self.slices
    }
}

impl<'a> Brigade<'a> {
    /// The bytes in memory at the front, as at most `limit` slices: up to the first data that has to
    /// be read. Marks are passed over, neighbours in one block share a slice, and empty data takes
    /// none (some systems take an empty one for the end). Models `apr_brigade_to_iovec`, which does
    /// not say that more remains.
    #[doc(alias = "apr_brigade_to_iovec")]
    pub fn io_slices(&self, limit: usize) -> IoSlices<'_> {
        let mut slices = SmallVec::new();
        for run in self.runs() {
            if slices.len() == limit {
                return IoSlices { slices, rest: true };
            }
            slices.push(IoSlice::new(run));
        }
        IoSlices { slices, rest: false }
    }

    pub(super) fn runs(&self) -> Runs<'_, 'a> {
        Runs { buckets: self.iter(), ahead: None, stopped_at: None }
    }
}

/// The runs of bytes at the front of a brigade, up to the first data that has to be read.
pub(super) struct Runs<'r, 'a> {
    buckets: Iter<'r, 'a>,
    ahead: Option<&'r Bucket<'a>>, // Seen, and not part of the run before it.
    stopped_at: Option<&'r Bucket<'a>>,
}

impl<'r, 'a> Runs<'r, 'a> {
    /// The data that has to be read, if that is what ended the runs.
    pub(super) fn stopped_at(&self) -> Option<&'r Bucket<'a>> {
        self.stopped_at
    }

    /// The next data with bytes in it.
    #[inline]
    fn next_data(&mut self) -> Option<(&'r Bucket<'a>, &'r [u8])> {
        if self.stopped_at.is_some() {
            return None;
        }
        loop {
            let bucket = self.ahead.take().or_else(|| self.buckets.next())?;
            match bucket.bytes() {
                Some([]) => {}
                Some(bytes) => return Some((bucket, bytes)),
                None if bucket.is_deferred() => {
                    self.stopped_at = Some(bucket);
                    return None;
                }
                None => {}
            }
        }
    }
}

impl<'r> Iterator for Runs<'r, '_> {
    type Item = &'r [u8];

    #[inline]
    fn next(&mut self) -> Option<&'r [u8]> {
        let (bucket, bytes) = self.next_data()?;
        let Some(first) = bucket.block_ref() else { return Some(bytes) };
        let mut last = first;
        while let Some((bucket, _)) = self.next_data() {
            match bucket.block_ref() {
                Some(slice) if last.touches(slice) => last = slice,
                _ => {
                    self.ahead = Some(bucket);
                    break;
                }
            }
        }
        Some(BlockSlice::through(first, last))
    }
}
