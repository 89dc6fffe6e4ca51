//! `ETag` and `Last-Modified` of a file.
//!
//! Invariant: two different contents of one path never get the same strong tag, as far as the file
//! system's clock and `stat` can tell them apart.
//!
//! The tag is made of the inode, the length and the *change* time, in nanoseconds. Not of the
//! modification time: archives, package builds and `cp -p` set that at will (often one time for
//! every file), so a new version of the same length would pass for the old. The change time is the
//! kernel's own and moves with every write, rename and `utimes`. It moves also with a `chmod`, and
//! differs between machines that hold the same files; that costs a client a needless download,
//! where the other mistake shows it a stale page.
//!
//! One gap remains: the clock behind it ticks every few milliseconds, on some file systems every
//! one or two seconds, and a file may change twice within a tick. So a file that changed less than
//! [`SETTLED`] ago gets a weak tag, as RFC 9110, 8.8.1 asks of a validator that may not be unique;
//! and one that it loses when it settles, so that whoever kept a page from within the tick asks
//! again and gets the last one. Another gap is out of sight: a write through a shared memory map
//! may show late in the change time.

use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// How old a change must be before its time tells it from a later one: the tick of the coarsest
/// clock, FAT's.
pub(super) const SETTLED: Duration = Duration::from_secs(2);

/// Seconds from the epoch to the year 10000, which an HTTP date's four digits cannot write.
const YEAR_10000: u64 = 253_402_300_800;

/// What tells one content of a path from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    pub(super) inode: u64,
    pub(super) len_bytes: u64,
    /// When content, name or attributes last changed, in nanoseconds since 1970.
    pub(super) changed_nanos: i128,
}

impl Version {
    pub(super) fn of(meta: &Metadata) -> Self {
        let changed_nanos =
            i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec());
        Self { inode: meta.ino(), len_bytes: meta.len(), changed_nanos }
    }

    /// The entity tag, with its quotes; while, at `now`, the last change is not [`SETTLED`], a weak
    /// one that only then matches.
    ///
    /// All but the length is hashed, so that the tag does not tell inode numbers to strangers.
    pub(super) fn etag(self, now: SystemTime) -> String {
        let mut hasher = DefaultHasher::new();
        let settled = self.is_settled(now);
        (self.inode, self.changed_nanos, settled).hash(&mut hasher);
        let weak = if settled { "" } else { "W/" };
        format!("{weak}\"{:x}-{:016x}\"", self.len_bytes, hasher.finish())
    }

    /// Whether, at `now`, the last change is [`SETTLED`].
    pub(super) fn is_settled(self, now: SystemTime) -> bool {
        // A clock before 1970 settles nothing.
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        // A `SystemTime` has 64 bits of seconds, and nanoseconds are 30 more.
        now.as_nanos().cast_signed() >= self.changed_nanos + SETTLED.as_nanos().cast_signed()
    }
}

/// `modified` in whole seconds, or `now` if that is earlier; `None` before 1970 and after 9999.
pub(super) fn last_modified(modified: SystemTime, now: SystemTime) -> Option<HttpDate> {
    let time = modified.min(now);
    let since_epoch = time.duration_since(UNIX_EPOCH).ok()?;
    (since_epoch.as_secs() < YEAR_10000).then(|| HttpDate::from(time))
}
