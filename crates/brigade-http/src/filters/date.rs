//! The Date field, formatted once a second.
//!
//! Invariant: nobody waits for it. Who finds the cache in use formats a date of their own, which costs
//! less than being put to sleep.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, TryLockError};
use std::time::{SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) type DateText = [u8; 29];

/// Seconds from the epoch to the year 10000, which four digits cannot write.
const YEAR_10000: u64 = 253_402_300_800;

/// A clock, and the text of the second it was last asked in.
pub(super) struct DateCache {
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    last: Mutex<Option<(u64, DateText)>>,
}

impl DateCache {
    pub(super) fn new(clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Box::new(clock), last: Mutex::new(None) }
    }

    /// The date now; `None` from a clock that is set before 1970 or after 9999. A server that does not
    /// know the time sends no date (RFC 9110 §6.6.1).
    pub(super) fn now(&self) -> Option<DateText> {
        let now = (self.clock)();
        let second = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        if second >= YEAR_10000 {
            return None;
        }
        let mut last = match self.last.try_lock() {
            Ok(last) => last,
            Err(TryLockError::WouldBlock) => return Some(format(now)),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        match &*last {
            Some((cached, text)) if *cached == second => Some(*text),
            _ => Some(last.insert((second, format(now))).1),
        }
    }
}

fn format(now: SystemTime) -> DateText {
    let mut text = [0; 29];
    write!(&mut text[..], "{}", HttpDate::from(now)).expect("a date of HTTP has 29 characters");
    text
}

impl fmt::Debug for DateCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DateCache").finish_non_exhaustive()
    }
}
