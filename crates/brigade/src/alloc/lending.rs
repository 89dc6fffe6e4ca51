//! What the open block and its slices offer beyond `block.rs`, and by means of it.
//!
//! Invariant: no field of theirs is seen here, so nothing here can break what is argued there.

use super::block::{BlockSlice, Open};
use crate::short_copy::copy_written;

impl Open {
    /// Opens a new block of `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::charged(capacity, None)
    }

    /// Copies `bytes` to the end and lends them.
    ///
    /// # Panics
    ///
    /// When they do not fit.
    #[inline]
    pub(crate) fn append(&mut self, bytes: &[u8]) -> BlockSlice {
        copy_written(&mut self.tail()[..bytes.len()], bytes);
        self.publish(bytes.len())
    }

    /// Lets `slice` grow by as many of `bytes` as fit, if it ends where this block is filled to;
    /// says how many it took.
    #[inline]
    pub(crate) fn extend(&mut self, slice: &mut BlockSlice, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        if self.extend_whole(slice, &bytes[..taken]) { taken } else { 0 }
    }
}

impl AsRef<[u8]> for BlockSlice {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}
