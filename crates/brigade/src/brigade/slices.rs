//! The bytes of a brigade as the slices of a vectored write.
//!
//! Invariant: neighbouring slices of one block are one run. Many small pieces that a filter made one
//! after the other cost one slice, and no copy.

use std::io::IoSlice;
use std::ops::Deref;

use smallvec::SmallVec;

use super::Brigade;
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

impl Brigade<'_> {
    /// The bytes in memory at the front, as at most `limit` slices: up to the first data that has to
    /// be read. Marks are passed over, neighbours in one block share a slice, and empty data takes
    /// none (some systems take an empty one for the end). Models `apr_brigade_to_iovec`, which does
    /// not say that more remains.
    #[doc(alias = "apr_brigade_to_iovec")]
    pub fn io_slices(&self, limit: usize) -> IoSlices<'_> {
        let mut slices: SmallVec<[IoSlice<'_>; 64]> = SmallVec::new();
        // The slices of a block that the last run so far begins and ends with.
        let mut ends: Option<(&BlockSlice, &BlockSlice)> = None;
        for bucket in self {
            let Some(bytes) = bucket.bytes() else {
                if bucket.is_deferred() {
                    break;
                }
                continue;
            };
            if bytes.is_empty() {
                continue;
            }
            let block = bucket.block_ref();
            if let (Some((first, last)), Some(block)) = (ends, block)
                && last.touches(block)
                && let Some(run) = slices.last_mut()
            {
                *run = IoSlice::new(BlockSlice::through(first, block));
                ends = Some((first, block));
                continue;
            }
            if slices.len() == limit {
                return IoSlices { slices, rest: true };
            }
            slices.push(IoSlice::new(bytes));
            ends = block.map(|block| (block, block));
        }
        IoSlices { slices, rest: false }
    }
}
