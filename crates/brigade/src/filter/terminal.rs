//! The end of a chain: where bytes leave it.
//!
//! Invariant: a terminal that keeps nothing says only how it writes; one that keeps something and says
//! no more than that counts as full, so that forgetting to say it costs speed and never memory.

use std::any::Any;

use crate::{Brigade, End, ReadCx, Result};

/// Takes what leaves the last filter: a network writer, a body of another server, a recorder.
///
/// Models the filter at `AP_FTYPE_NETWORK`, `ap_core_output_filter`. One that keeps nothing between
/// calls is one method:
///
/// ```
/// use brigade::{Brigade, Chain, ReadCx, Result, Terminal};
///
/// struct Count(usize);
///
/// impl Terminal for Count {
///     fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
///         while let Some(bucket) = brigade.pop_read(cx)? {
///             self.0 += bucket.bytes().map_or(0, <[u8]>::len);
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let mut chain = Chain::new(Count(0));
/// chain.write(b"counted")?;
/// chain.flush()?;
/// assert_eq!(chain.terminal::<Count>().map(|count| count.0), Some(7));
/// # Ok(())
/// # }
/// ```
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
    fn resume(&mut self, _cx: &mut ReadCx<'_>) -> Result<()> {
        Ok(())
    }

    /// Whether anything set aside is still to be given away, in memory or not.
    fn is_pending(&self) -> bool {
        false
    }

    /// Bytes set aside in memory.
    fn held_bytes(&self) -> usize {
        0
    }

    /// Whether it holds enough: readers of data that is not in memory then wait. Unless it says
    /// otherwise, as soon as anything [is pending](Self::is_pending).
    fn should_yield(&self) -> bool {
        self.is_pending()
    }

    /// Drops all it holds; every EOR there, and every one that comes later, is told `end`.
    fn abort(&mut self, _end: End) {}
}
