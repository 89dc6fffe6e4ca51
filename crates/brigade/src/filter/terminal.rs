//! The end of a chain: where bytes leave it.

use std::any::Any;

use crate::{Brigade, End, ReadCx, Result};

/// Takes what leaves the last filter: a network writer, a body of another server, a recorder.
///
/// Models the filter at `AP_FTYPE_NETWORK`, `ap_core_output_filter`.
#[doc(alias = "ap_core_output_filter")]
pub trait Terminal: Any + Send {
    /// Its name in errors.
    fn name(&self) -> &'static str {
        "terminal"
    }

    /// Takes every bucket of `brigade`: gives the bytes away, or sets them aside and says so by
    /// [`should_yield`](Self::should_yield). EOR buckets are completed after the bytes before them.
    ///
    /// # Errors
    ///
    /// Every error is final: the chain refuses from then on, and [`abort`](Self::abort)s the terminal.
    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()>;

    /// Goes on giving away what was set aside. Nothing to do is no error.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    fn resume(&mut self, cx: &mut ReadCx<'_>) -> Result<()>;

    /// Whether anything set aside is still to be given away, in memory or not.
    fn is_pending(&self) -> bool;

    /// Bytes set aside in memory.
    fn held_bytes(&self) -> usize;

    /// Whether it holds enough: readers of data that is not in memory then wait.
    fn should_yield(&self) -> bool;

    /// Drops all it holds; every EOR there, and every one that comes later, is told `end`.
    fn abort(&mut self, end: End);
}
