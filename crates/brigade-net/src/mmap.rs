//! Buckets over memory mappings. The one file of `unsafe` in this crate.
//!
//! Invariant: every byte of a mapping that a bucket shows exists, and stays what it is, for as long
//! as the bucket or any half or clone of it lives. Reading a mapped byte that its file no longer
//! has kills the process (SIGBUS), and one that is changed meanwhile is undefined behaviour. So the
//! safe functions here take mappings that cannot shrink or change; for all others the caller
//! vouches. Nothing in this crate maps a file by itself: a FILE is sent by `sendfile`, or read.
//!
//! A mapped bucket is data in memory, as HEAP is: it is cut and cloned without a copy, set aside as
//! it is, and unmapped when the last of its parts is dropped, on whatever thread.

use std::fs::File;

use brigade::{Bucket, Error, ErrorKind, Result};
use bytes::Bytes;
use memmap2::{Mmap, MmapMut, MmapOptions};

/// Maps `len_bytes` bytes of memory that belong to no file and lets `fill` write them; it is lent
/// zeroes. They go back to the system with the last part of the bucket, however large.
///
/// For pieces of many megabytes that are made at once. It costs system calls and page faults:
/// smaller ones are better made by [`BucketAlloc::copy_with`](brigade::BucketAlloc::copy_with).
///
/// # Errors
///
/// [`ErrorKind::Io`] when the system has no such room.
///
/// ```
/// # fn main() -> brigade::Result<()> {
/// let image = brigade_net::mmap::anonymous(4 << 20, |pixels| pixels.fill(0xFF))?;
/// assert_eq!(image.len(), Some(4 << 20));
/// # Ok(())
/// # }
/// ```
pub fn anonymous(len_bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<Bucket<'static>> {
    if len_bytes == 0 {
        return Ok(Bucket::immortal(b""));
    }
    let mut map = MmapMut::map_anon(len_bytes).map_err(|cause| failed(cause, len_bytes))?;
    fill(&mut map);
    map.make_read_only().map(bucket).map_err(|cause| failed(cause, len_bytes))
}

/// Maps all of a file in memory (`memfd_create`) that is sealed against shrinking and writing, as
/// one that another process made and handed over. Seals cannot be taken off again.
///
/// # Errors
///
/// [`ErrorKind::InvalidInput`] for a file that has no seals, or not both; [`ErrorKind::Io`] when it
/// cannot be mapped.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub fn sealed(file: &File) -> Result<Bucket<'static>> {
    use rustix::fs::{SealFlags, fcntl_get_seals};

    let needed = SealFlags::SHRINK | SealFlags::WRITE;
    let seals = fcntl_get_seals(file).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, "map a file that has no seals").because(cause)
    })?;
    if !seals.contains(needed) {
        let context = format!("map a file whose seals are {seals:?}, it needs {needed:?}");
        return Err(Error::new(ErrorKind::InvalidInput, context));
    }
    // The length is read after the seals, so that it cannot have become less since.
    let len = file.metadata()?.len();
    // SAFETY: the seals, which nobody can take off, keep the file from shrinking and every byte of
    // it from changing, whoever else has it open.
    unsafe { map(file, 0, len) }
}

/// Maps `len_bytes` bytes of `file` from `offset`, which need not be a multiple of the page size.
///
/// Models `apr_bucket_mmap_create`, and what `apr_bucket_read` does to a FILE by default.
///
/// # Safety
///
/// For as long as the bucket or any half or clone of it lives, and a peer that takes nothing can
/// make that long:
///
/// - Nobody, in any process, makes the file shorter than `offset + len_bytes`, nor is it shorter now.
///   Whoever reads a byte beyond its end receives SIGBUS, which ends the process: a log that is
///   rotated by truncation, a deploy that copies over a file or a full disk under a network file
///   system is enough.
/// - Nobody changes these bytes. They are shown as `&[u8]`.
///
/// A page that is not in memory stops the thread that touches it until the disk has it: an event
/// loop as a whole.
///
/// # Errors
///
/// [`ErrorKind::Incomplete`] when the file is shorter than that now; [`ErrorKind::Io`] when it
/// cannot be mapped.
#[doc(alias = "apr_bucket_mmap_create", alias = "apr_bucket_mmap_make")]
pub unsafe fn vouched(file: &File, offset: u64, len_bytes: u64) -> Result<Bucket<'static>> {
    let held = file.metadata()?.len();
    if offset.checked_add(len_bytes).is_none_or(|end| end > held) {
        let context = format!("map {len_bytes} bytes from {offset} of a file of {held}");
        return Err(Error::new(ErrorKind::Incomplete, context));
    }
    // SAFETY: the caller's promise.
    unsafe { map(file, offset, len_bytes) }
}

/// Maps a part of a file, privately: what is written to the memory of other mappings may be seen,
/// and nothing is written through this one.
///
/// # Safety
///
/// That part of the file exists and does not change for as long as the bucket lives.
unsafe fn map(file: &File, offset: u64, len_bytes: u64) -> Result<Bucket<'static>> {
    let Ok(len) = usize::try_from(len_bytes) else {
        let context = format!("map {len_bytes} bytes, more than there are addresses for");
        return Err(Error::new(ErrorKind::TooLarge, context));
    };
    if len == 0 {
        return Ok(Bucket::immortal(b""));
    }
    // SAFETY: the caller's promise is what the mapping asks for.
    let map = unsafe { MmapOptions::new().offset(offset).len(len).map_copy_read_only(file) };
    map.map(bucket).map_err(|cause| failed(cause, len))
}

fn bucket(map: Mmap) -> Bucket<'static> {
    Bucket::heap(Bytes::from_owner(map))
}

fn failed(cause: std::io::Error, len_bytes: usize) -> Error {
    Error::new(ErrorKind::Io, format!("map {len_bytes} bytes")).because(cause)
}
