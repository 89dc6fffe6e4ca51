//! The bytes of a brigade as the slices that a vectored write takes.

use std::io::IoSlice;
use std::ops::Deref;

use smallvec::SmallVec;

use super::Brigade;

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
    /// be read. Marks are passed over and empty data takes no slice (some systems take an empty one
    /// for the end). Models `apr_brigade_to_iovec`, which does not say that more remains.
    #[doc(alias = "apr_brigade_to_iovec")]
    pub fn io_slices(&self, limit: usize) -> IoSlices<'_> {
        let mut slices = SmallVec::new();
        for bucket in &self.buckets {
            match bucket.bytes() {
                Some([]) => {}
                Some(_) if slices.len() == limit => return IoSlices { slices, rest: true },
                Some(bytes) => slices.push(IoSlice::new(bytes)),
                None if bucket.is_deferred() => break,
                None => {}
            }
        }
        IoSlices { slices, rest: false }
    }
}
