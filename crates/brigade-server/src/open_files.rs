//! Files that were found lately, kept open for whoever asks next.
//!
//! Invariants: what is given out was looked up beneath the root, as [`Root`] does it, at most the age
//! ago; at most so many files are kept, and none without being asked for anew for longer than twice
//! the age. Bytes of files are never kept, nor is an answer: only the descriptor and what a head says
//! of it.
//!
//! So within the age a change by rename shows as the old file, whole, and a change in place as the new
//! bytes under the old length and tag. A file that changed just now, whose tag does not yet tell its
//! contents apart, is not kept: who edits sees the change at once.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, InvalidHeaderValue, LAST_MODIFIED};

use crate::files::FoundFile;

/// A longer path is looked up each time: it is not what many ask for.
const MAX_PATH_BYTES: usize = 512;

/// A file, and what the head of a response says of it.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(crate) file: Arc<File>,
    pub(crate) len: u64,
    /// Type, tag, length and date.
    pub(crate) headers: HeaderMap,
    is_settled: bool,
}

impl OpenFile {
    /// Makes the fields of a file that was found at `now`.
    ///
    /// # Errors
    ///
    /// A type or tag that is no value of a field: there is none.
    pub(crate) fn new(found: FoundFile, now: SystemTime) -> Result<Self, InvalidHeaderValue> {
        let mut headers = HeaderMap::with_capacity(4);
        if let Some(modified) = found.last_modified(now) {
            headers.insert(LAST_MODIFIED, modified.to_string().try_into()?);
        }
        headers.insert(CONTENT_TYPE, found.content_type.parse()?);
        headers.insert(ETAG, found.etag.try_into()?);
        headers.insert(CONTENT_LENGTH, found.len.into());
        let (len, is_settled) = (found.len, found.is_settled);
        Ok(Self { file: Arc::new(found.file), len, headers, is_settled })
    }
}

/// The files that are open.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    max_files: usize,
    max_age: Duration,
    open: RwLock<Open>,
}

#[derive(Debug, Default)]
struct Open {
    files: HashMap<Box<str>, Kept>, // Invariant: at most `max_files`.
    is_swept: bool,                 // Somebody sweeps, until nothing is left.
}

#[derive(Debug)]
struct Kept {
    file: Arc<OpenFile>,
    until: Instant,
}

/// What became of a file that was offered to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is not kept.
    Declined,
    Kept,
    /// It is kept, and nobody [sweeps](OpenFiles::sweep): somebody has to from now on.
    KeptUnswept,
}

impl OpenFiles {
    /// Keeps at most `max_files`, each for `max_age`; none of either: nothing is kept.
    pub(crate) fn new(max_files: usize, max_age: Duration) -> Self {
        let max_files = if max_age.is_zero() { 0 } else { max_files };
        Self { max_files, max_age, open: RwLock::default() }
    }

    /// How long one is kept.
    pub(crate) fn max_age(&self) -> Duration {
        self.max_age
    }

    /// The file that `path` named at most the age ago.
    pub(crate) fn get(&self, path: &str, now: Instant) -> Option<Arc<OpenFile>> {
        if self.max_files == 0 {
            return None;
        }
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.files.get(path).filter(|kept| now < kept.until).map(|kept| kept.file.clone())
    }

    /// Keeps what `path` named at `now`, if there is room. There is none while as many others are kept
    /// that are fresh: to put one out for each newcomer would cost more than it saves.
    pub(crate) fn offer(&self, path: &str, file: &Arc<OpenFile>, now: Instant) -> Offer {
        if self.max_files == 0 || path.len() > MAX_PATH_BYTES || !file.is_settled {
            return Offer::Declined;
        }
        let kept = Kept { file: file.clone(), until: now + self.max_age };
        let mut open = self.write();
        let Open { files, is_swept } = &mut *open;
        if files.len() == self.max_files && !files.contains_key(path) {
            files.retain(|_, kept| now < kept.until);
            if files.len() == self.max_files {
                return Offer::Declined;
            }
        }
        files.insert(path.into(), kept);
        if std::mem::replace(is_swept, true) { Offer::Kept } else { Offer::KeptUnswept }
    }

    /// Closes what is too old; says whether to go on sweeping: whether any is left. Called from time to time, so that a file
    /// that was deleted, or its file system, is not held by a server that nobody asks.
    pub(crate) fn sweep(&self, now: Instant) -> bool {
        let mut open = self.write();
        open.files.retain(|_, kept| now < kept.until);
        open.is_swept = !open.files.is_empty();
        open.is_swept
    }

    /// Closes all, since the process has run out of descriptors; says whether there were any.
    pub(crate) fn clear(&self) -> bool {
        !std::mem::take(&mut self.write().files).is_empty()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Open> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(1);

    fn file(is_settled: bool) -> Arc<OpenFile> {
        let file = Arc::new(File::open("/dev/null").expect("it is always there"));
        Arc::new(OpenFile { file, len: 0, headers: HeaderMap::new(), is_settled })
    }

    #[test]
    fn file_is_kept_for_its_age_and_not_longer() {
        let (files, now, one) = (OpenFiles::new(2, AGE), Instant::now(), file(true));
        assert!(files.get("/a", now).is_none());
        assert_eq!(files.offer("/a", &one, now), Offer::KeptUnswept);
        let last = now + AGE.checked_sub(Duration::from_nanos(1)).unwrap();
        assert!(files.get("/a", last).is_some_and(|kept| Arc::ptr_eq(&kept, &one)));
        assert!(files.get("/a", now + AGE).is_none() && files.get("/b", now).is_none());
    }

    #[test]
    fn as_many_are_kept_as_may_be_and_what_is_too_old_makes_room() {
        let (files, now, one) = (OpenFiles::new(2, AGE), Instant::now(), file(true));
        for (path, offer) in
            [("/a", Offer::KeptUnswept), ("/b", Offer::Kept), ("/c", Offer::Declined)]
        {
            assert_eq!(files.offer(path, &one, now), offer, "{path}");
        }
        assert_eq!(files.offer("/a", &one, now + AGE / 2), Offer::Kept, "it has its place already");
        assert_eq!(files.offer("/c", &one, now + AGE), Offer::Kept, "in the place of /b");
        assert!(files.get("/b", now).is_none() && files.get("/a", now).is_some());
    }

    #[test]
    fn what_changed_just_now_has_a_long_name_or_no_place_is_not_kept() {
        let (files, now) = (OpenFiles::new(2, AGE), Instant::now());
        assert_eq!(files.offer("/a", &file(false), now), Offer::Declined);
        assert_eq!(files.offer(&"/".repeat(513), &file(true), now), Offer::Declined);
        for none in [OpenFiles::new(0, AGE), OpenFiles::new(2, Duration::ZERO)] {
            assert_eq!(none.offer("/a", &file(true), now), Offer::Declined);
            assert!(none.get("/a", now).is_none());
        }
    }

    #[test]
    fn sweeping_closes_what_is_too_old_and_says_when_nothing_is_left() {
        let (files, now, one) = (OpenFiles::new(2, AGE), Instant::now(), file(true));
        files.offer("/a", &one, now);
        files.offer("/b", &one, now + AGE / 2);
        assert!(files.sweep(now + AGE) && Arc::strong_count(&one) == 2);
        assert!(!files.sweep(now + 2 * AGE) && Arc::strong_count(&one) == 1);
        assert_eq!(files.offer("/a", &one, now), Offer::KeptUnswept);
        assert!(files.clear() && !files.clear() && Arc::strong_count(&one) == 1);
        assert_eq!(files.offer("/a", &one, now), Offer::Kept, "whoever sweeps still does");
    }
}
