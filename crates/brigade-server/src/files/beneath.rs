//! Opens a relative path so that it cannot leave a directory.
//!
//! Invariant: what is opened was reached from the directory's descriptor by going down, at every
//! instant of the walk, even while somebody swaps directories for symbolic links.
//!
//! On Linux 5.6 and later that is one `openat2` with `RESOLVE_BENEATH`: the kernel follows symbolic
//! links while they stay inside and refuses them where they would lead out, absolute ones always.
//! `RESOLVE_NO_MAGICLINKS` refuses the links of `/proc`, which jump. Elsewhere each name is opened
//! in turn with `O_NOFOLLOW`, so no symbolic link is followed at all: following them safely by hand
//! is what `openat2` was made to spare us.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, Result, retry_on_intr};

#[cfg(target_os = "linux")]
use super::openat2;

/// To find a file, not to read it. Needs no permission to read. Other systems have no such flag and
/// open it.
#[cfg(target_os = "linux")]
pub(super) const PLACE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
pub(super) const PLACE: OFlags = READ;

/// To read it; never to wait for a FIFO's writer or a modem's carrier, nor to get a terminal as
/// one's own.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// The longest path, with its NUL, that a kernel takes in one call; so the walk takes no longer
/// one.
const PATH_MAX: usize = 4096;

/// What the file is opened for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Read,
    /// Only to ask what it is.
    Stat,
}

/// What a look-up may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    ForDisk,
    /// Nothing: it answers `EAGAIN` rather than wait.
    Never,
}

/// How the way is kept inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolver {
    /// By the kernel; `cached` when it can also be told not to wait (Linux 5.12).
    #[cfg(target_os = "linux")]
    Openat2 { cached: bool },
    /// By us, name by name, without symbolic links.
    Walk,
}

/// A directory, and the way to open what is in it.
#[derive(Debug)]
pub(super) struct Beneath {
    dir: OwnedFd,
    resolver: Resolver,
}

impl Beneath {
    /// Opens `dir`, which may itself be or lie behind symbolic links, and asks the kernel what it
    /// can do.
    ///
    /// # Errors
    ///
    /// As `open(2)`; `EACCES` also for a directory that may not be searched.
    pub(super) fn at(dir: &Path) -> Result<Self> {
        let dir = open_place(dir)?;
        let resolver = Resolver::probe(dir.as_fd())?;
        Ok(Self { dir, resolver })
    }

    /// Opens `dir` with a resolver of one's choice.
    #[cfg(test)]
    pub(super) fn at_with(dir: &Path, resolver: Resolver) -> Result<Self> {
        Ok(Self { dir: open_place(dir)?, resolver })
    }

    #[cfg(test)]
    pub(super) fn resolver(&self) -> Resolver {
        self.resolver
    }

    /// Opens `path`: names joined by single slashes, at least one, none of them `.` or `..`.
    ///
    /// # Errors
    ///
    /// As `openat(2)`, and `EXDEV` when a symbolic link leads out, `ELOOP` when one is not
    /// followed. `EAGAIN` when renames won every race, when somebody holds a lease on the file, or
    /// when `wait` forbids what is needed.
    pub(super) fn open(&self, path: &[u8], purpose: Purpose, wait: Wait) -> Result<OwnedFd> {
        let flags = match purpose {
            Purpose::Read => READ,
            Purpose::Stat => PLACE,
        };
        match (self.resolver, wait) {
            #[cfg(target_os = "linux")]
            (Resolver::Openat2 { .. }, Wait::ForDisk) => {
                openat2::open(self.dir.as_fd(), path, flags)
            }
            #[cfg(target_os = "linux")]
            (Resolver::Openat2 { cached: true }, Wait::Never) => {
                openat2::open_cached(self.dir.as_fd(), path, flags)
            }
            (_, Wait::Never) => Err(Errno::AGAIN),
            (Resolver::Walk, Wait::ForDisk) => walk(self.dir.as_fd(), path, flags),
        }
    }
}

impl Resolver {
    fn probe(dir: BorrowedFd<'_>) -> Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(cached) = openat2::probe(dir)? {
            return Ok(Self::Openat2 { cached });
        }
        retry_on_intr(|| openat(dir, c".", PLACE | OFlags::DIRECTORY, Mode::empty()))?;
        Ok(Self::Walk)
    }
}

fn open_place(dir: &Path) -> Result<OwnedFd> {
    retry_on_intr(|| rustix::fs::open(dir, PLACE | OFlags::DIRECTORY, Mode::empty()))
}

/// Opens each name in the directory before it.
fn walk(dir: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    if path.len() >= PATH_MAX {
        return Err(Errno::NAMETOOLONG);
    }
    let step = |dir: BorrowedFd<'_>, name: &[u8], flags: OFlags| {
        retry_on_intr(|| {
            openat(dir, OsStr::from_bytes(name), flags | OFlags::NOFOLLOW, Mode::empty())
        })
    };
    let mut names = path.split(|&byte| byte == b'/');
    let last = names.next_back().unwrap_or_default();
    let mut parent = None::<OwnedFd>;
    for name in names {
        let dir = parent.as_ref().map_or(dir, AsFd::as_fd);
        parent = Some(step(dir, name, PLACE | OFlags::DIRECTORY)?);
    }
    step(parent.as_ref().map_or(dir, AsFd::as_fd), last, flags)
}
