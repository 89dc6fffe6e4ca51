//! Carriers: what a filter keeps when a line, a needle or a character is cut by the end of a bucket.
//!
//! Invariant: what is kept is bounded, and what is given on is the same however the bytes were cut.

mod line;
mod needle;
mod utf8;

pub use self::line::{Line, LineCarry};
pub use self::needle::{Carried, Needle, NeedleCarry, Sought};
pub use self::utf8::{Text, Utf8Carry};

/// What becomes of a line or a body that is longer than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It is an error, [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge): the response fails.
    Fail,
    /// It goes on as it is.
    PassThrough,
}

/// Puts `bytes` behind `held`, whose storage doubles as it grows and never exceeds `limit_bytes`.
pub(super) fn hold(held: &mut Vec<u8>, bytes: &[u8], limit_bytes: usize) {
    let len = held.len() + bytes.len();
    debug_assert!(len <= limit_bytes, "{len} bytes held, limit {limit_bytes}");
    if len > held.capacity() {
        let capacity = len.max(held.capacity().saturating_mul(2)).min(limit_bytes).max(len);
        held.reserve_exact(capacity - held.len());
    }
    held.extend_from_slice(bytes);
}
