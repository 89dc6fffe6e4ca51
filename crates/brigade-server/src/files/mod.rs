//! What a request path names in the directory that is served.
//!
//! Invariant: every file that leaves here is a regular file that was reached from the root
//! directory's descriptor without leaving it, whatever the path said and whoever renames or links
//! files meanwhile ([`beneath`] asks the kernel for that, by descriptors, and never compares path
//! strings).
//!
//! | the path names | answer |
//! |---|---|
//! | a regular file | [`Found::File`] |
//! | a directory, without the slash at the end | [`Found::Redirect`] to the same path with it |
//! | a directory, with the slash | its `index.html`, else not found: there are no listings |
//! | a symbolic link | what it leads to if the whole way stays inside, else not found |
//! | a file, with a slash at the end | [`NotServed::NotFound`] |
//! | a FIFO, a socket, a device; nothing | [`NotServed::NotFound`] |
//! | a way up, a NUL, a broken escape | [`NotServed::BadPath`] ([`path`] has the rules) |
//!
//! Names that begin with a dot are names like any other: the directory's owner decides what lies in
//! it.

mod beneath;
mod content_type;
mod error;
#[cfg(target_os = "linux")]
mod openat2;
mod path;
#[cfg(test)]
mod tests;
mod validators;

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use httpdate::HttpDate;

use self::beneath::{Beneath, Purpose, Wait};
pub(crate) use self::content_type::of as content_type;
pub(crate) use self::error::NotServed;
use self::path::RequestPath;
pub(crate) use self::path::behind;
use self::validators::Version;

/// The path of a request as it names a file: decoded, each run of slashes one, without the query.
///
/// Costs nothing for a path that is that already. Two paths that name one file are equal here.
///
/// # Errors
///
/// [`NotServed`], for a path that can name no file.
pub(crate) fn plain_path(path_and_query: &str) -> Result<Cow<'_, [u8]>, NotServed> {
    RequestPath::plain(path_and_query)
}

/// The redirect to the path of a request with a slash at its end.
///
/// # Errors
///
/// [`NotServed`], for a path that can name no file.
pub(crate) fn redirect_to_slash(path_and_query: &str) -> Result<Found, NotServed> {
    let location = RequestPath::parse(path_and_query)?.location_with_slash();
    Ok(Found::Redirect { location })
}

/// A directory whose files are served.
///
/// It holds the directory itself, not its name: a root that is renamed while it is served goes on
/// being served. Many threads may look in one root at the same time; share it in an `Arc`.
#[derive(Debug)]
pub(crate) struct Root {
    beneath: Beneath,
}

/// What a path names.
#[derive(Debug)]
pub(crate) enum Found {
    /// An open file.
    File(FoundFile),
    /// A directory asked for without the slash at its end, without which its relative links would
    /// lead astray.
    Redirect {
        /// A path and query fit for a `Location` field: visible ASCII that begins with exactly one
        /// slash, so it can name no other host and end no header line.
        location: String,
    },
}

/// A regular file, open for reading, and what the head of a response says of it.
#[derive(Debug)]
pub(crate) struct FoundFile {
    /// The file, at offset 0.
    pub(crate) file: File,
    /// Its length in bytes when it was opened. Someone may cut it while it is sent.
    pub(crate) len: u64,
    /// When its content was last modified, by its file system's word; may lie in the future.
    pub(crate) modified: SystemTime,
    /// The `Content-Type` that the name asks for, `application/octet-stream` for an unknown one.
    pub(crate) content_type: Cow<'static, str>,
    /// The `ETag`, with its quotes; weak (`W/`) for a file that changed just now, as [`validators`]
    /// explains.
    pub(crate) etag: String,
    /// Whether the tag is unique: the last change was not just now.
    pub(crate) is_settled: bool,
}

impl FoundFile {
    /// The `Last-Modified` of a response that is dated `now`: whole seconds, never later than
    /// `now`.
    ///
    /// `None` for a time that an HTTP date cannot express here, before 1970 or after 9999. Models
    /// RFC 9110, 8.8.2.1.
    pub(crate) fn last_modified(&self, now: SystemTime) -> Option<HttpDate> {
        validators::last_modified(self.modified, now)
    }
}

impl Root {
    /// Opens a directory to serve its files.
    ///
    /// # Errors
    ///
    /// When `dir` is missing, is no directory, or may not be searched; the message names it.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let beneath = Beneath::at(dir).map_err(|errno| {
            let error = io::Error::from(errno);
            io::Error::new(
                error.kind(),
                format!("open the directory \"{}\" to serve it: {error}", dir.display()),
            )
        })?;
        Ok(Self { beneath })
    }

    /// Finds what the path of a request names, and opens it.
    ///
    /// `path_and_query` is the request's, as it came, undecoded. It may wait for a disk, so an
    /// event loop asks [`find_cached`](Self::find_cached) first. It never waits for another
    /// process: a FIFO or a device is opened without blocking, found to be one, and closed. (Its
    /// writer or driver may notice; finding out first would cost every file two more system calls.)
    ///
    /// # Errors
    ///
    /// [`NotServed`], with the status of the answer.
    pub(crate) fn find(&self, path_and_query: &str) -> Result<Found, NotServed> {
        self.look(&RequestPath::parse(path_and_query)?, Wait::ForDisk)
    }

    /// Does what [`find`](Self::find) does if that needs no disk; `None` when it might.
    ///
    /// Every name on the way is then in the kernel's cache. Where the kernel cannot tell (Linux
    /// before 5.12, a network file system, another system) the answer is always `None`, except for
    /// a path that is refused unseen.
    pub(crate) fn find_cached(&self, path_and_query: &str) -> Option<Result<Found, NotServed>> {
        let found =
            RequestPath::parse(path_and_query).and_then(|path| self.look(&path, Wait::Never));
        match found {
            Err(NotServed::Unavailable(error)) if error.kind() == io::ErrorKind::WouldBlock => None,
            known => Some(known),
        }
    }

    fn look(&self, path: &RequestPath<'_>, wait: Wait) -> Result<Found, NotServed> {
        let name = path.to_open();
        let (file, refused) =
            match self.beneath.open(&name, Purpose::Read, wait).map_err(NotServed::from) {
                Ok(file) => (File::from(file), None),
                // What it is may say more than why it can't be read: a directory that may be
                // searched but not listed still redirects, and a drive without a disc is still no
                // file.
                Err(refused @ (NotServed::Forbidden(_) | NotServed::Io(_))) => {
                    (File::from(self.beneath.open(&name, Purpose::Stat, wait)?), Some(refused))
                }
                Err(error) => return Err(error),
            };
        let meta = file.metadata().map_err(NotServed::Io)?;
        if meta.is_dir() && !path.ends_in_slash() {
            return Ok(Found::Redirect { location: path.location_with_slash() });
        }
        if !meta.is_file() {
            return Err(NotServed::NotFound("it is no regular file"));
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        let (version, now) = (Version::of(&meta), SystemTime::now());
        Ok(Found::File(FoundFile {
            len: meta.len(),
            modified: meta.modified().map_err(NotServed::Io)?,
            content_type: content_type::of(&name),
            etag: version.etag(now),
            is_settled: version.is_settled(now),
            file,
        }))
    }
}
