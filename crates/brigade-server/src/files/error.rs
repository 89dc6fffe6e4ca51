//! Why a path is not served.
//!
//! Invariant: nothing here holds a path, neither the request's nor the server's, so that no message
//! can leak one into an answer or carry a client's control characters into a log. Whoever logs it
//! has the request at hand. An answer's body says the status and no more; `Display` and `source()`
//! are for the operator.

use std::error::Error;
use std::fmt;
use std::io;

use http::StatusCode;
use rustix::io::Errno;

/// Why a path is not served.
#[derive(Debug)]
pub(crate) enum NotServed {
    /// The path itself is refused, before the file system is asked: no honest client sends it.
    BadPath(&'static str),
    /// There is nothing by that name that is served.
    NotFound(&'static str),
    /// The server's own user may not read it.
    Forbidden(io::Error),
    /// The server ran short of something, most likely descriptors; the same request may be answered
    /// later.
    Unavailable(io::Error),
    /// The file system failed.
    Io(io::Error),
}

impl NotServed {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadPath(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Io(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for NotServed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPath(why) => write!(f, "bad path: {why}"),
            Self::NotFound(why) => write!(f, "not found: {why}"),
            Self::Forbidden(_) => f.write_str("the server may not read the file"),
            Self::Unavailable(_) => f.write_str("the server cannot open the file now"),
            Self::Io(_) => f.write_str("the file system failed to open the file"),
        }
    }
}

impl Error for NotServed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::BadPath(_) | Self::NotFound(_) => None,
            Self::Forbidden(error) | Self::Unavailable(error) | Self::Io(error) => Some(error),
        }
    }
}

/// Judges why a file beneath the root could not be opened.
impl From<Errno> for NotServed {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::NotFound("no such file"),
            Errno::NAMETOOLONG => Self::NotFound("no file has so long a name"),
            // FAT and case-folding file systems refuse some names that others just do not find.
            Errno::INVAL | Errno::ILSEQ => Self::NotFound("its file system knows no such names"),
            Errno::XDEV => Self::NotFound("a symbolic link leads out of the served directory"),
            Errno::LOOP => Self::NotFound("a symbolic link is not followed, or there are too many"),
            // A socket, by the words of Linux and others, and a device that nothing drives.
            Errno::NXIO | Errno::OPNOTSUPP | Errno::NODEV => {
                Self::NotFound("it is no regular file")
            }
            Errno::ACCESS | Errno::PERM => Self::Forbidden(errno.into()),
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN => {
                Self::Unavailable(errno.into())
            }
            _ => Self::Io(errno.into()),
        }
    }
}
