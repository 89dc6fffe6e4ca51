//! A directory whose files are named below a path.
//!
//! Invariant: a location that leaves here was encoded anew from all of the request's path: it begins with
//! exactly one slash, and names the path that the client knows, whatever the directory was asked for.

use crate::files::{self, Found, NotServed, Root};

/// A directory, and how many names of a path come before those of its files.
#[derive(Debug)]
pub(crate) struct Mounted {
    root: Root,
    above: usize,
}

impl Mounted {
    /// The files of `root`, named by what stands below `path`, which is decoded and ends in a slash.
    pub(crate) fn below(path: &str, root: Root) -> Self {
        Self { root, above: path.split('/').filter(|name| !name.is_empty()).count() }
    }

    /// Finds what the target of a request names, and opens it; it may wait for a disk.
    ///
    /// # Errors
    ///
    /// [`NotServed`], with the status of the answer.
    pub(crate) fn find(&self, target: &str) -> Result<Found, NotServed> {
        match files::behind(target, self.above) {
            "" => files::redirect_to_slash(target),
            rest => self.in_whole(target, self.root.find(rest)),
        }
    }

    /// Does what [`find`](Self::find) does if that needs no disk; `None` when it might.
    pub(crate) fn find_cached(&self, target: &str) -> Option<Result<Found, NotServed>> {
        match files::behind(target, self.above) {
            "" => Some(files::redirect_to_slash(target)),
            rest => Some(self.in_whole(target, self.root.find_cached(rest)?)),
        }
    }

    /// The name of the file that a target names, within its directory; `None`: it can name none.
    pub(crate) fn name_of(&self, target: &str) -> Option<String> {
        let path = files::plain_path(files::behind(target, self.above)).ok()?;
        let name = String::from_utf8_lossy(&path).into_owned();
        Some(if name.ends_with('/') { name + "index.html" } else { name })
    }

    fn in_whole(&self, target: &str, found: Result<Found, NotServed>) -> Result<Found, NotServed> {
        match found {
            Ok(Found::Redirect { .. }) if self.above > 0 => files::redirect_to_slash(target),
            found => found,
        }
    }
}
