//! The system call `openat2`, and what to make of its answers.
//!
//! Invariant: every call asks the kernel to stay beneath the directory and to refuse the links of
//! `/proc`.

use std::ffi::OsStr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result, retry_on_intr};

use super::beneath::PLACE;

/// Today's `RESOLVE_BENEATH` refuses the links of `/proc` too; `openat2(2)` asks not to rely on it.
const INSIDE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

/// How often a look-up that met a rename is tried: often enough for any honest rename, few enough
/// that somebody who does nothing but rename cannot hold a thread here.
pub(super) const ATTEMPTS: usize = 32;

/// Learns what the kernel can do: `None` without `openat2`, else whether it can be told not to
/// wait.
///
/// # Errors
///
/// When `dir` itself may not be searched.
pub(super) fn probe(dir: BorrowedFd<'_>) -> Result<Option<bool>> {
    let here = |resolve| call(dir, b".", PLACE | OFlags::DIRECTORY, resolve);
    match here(INSIDE) {
        Ok(_) => {}
        // Old container sandboxes answer EPERM to a system call that they do not know.
        Err(Errno::NOSYS | Errno::PERM) => return Ok(None),
        Err(errno) => return Err(errno),
    }
    Ok(Some(!matches!(here(INSIDE | ResolveFlags::CACHED), Err(Errno::INVAL))))
}

/// Opens `path` beneath `dir`, waiting for the disk if it must.
pub(super) fn open(dir: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    // The kernel gives up with EAGAIN when a rename races with the `..` of a link: it cannot prove
    // that the way stayed inside. A second look can.
    retry_on_again(|| call(dir, path, flags, INSIDE))
}

/// Opens `path` beneath `dir` if every name on the way is in the kernel's cache; else `EAGAIN`.
pub(super) fn open_cached(dir: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    call(dir, path, flags, INSIDE | ResolveFlags::CACHED)
}

/// Tries until the answer is not `EAGAIN`, [`ATTEMPTS`] times at most.
pub(super) fn retry_on_again<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(Errno::AGAIN) => {}
            done => return done,
        }
    }
    attempt()
}

fn call(dir: BorrowedFd<'_>, path: &[u8], flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd> {
    let path = OsStr::from_bytes(path);
    retry_on_intr(|| rustix::fs::openat2(dir, path, flags, Mode::empty(), resolve))
}
