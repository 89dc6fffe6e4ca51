//! What the system says of a file's pages without waiting for any.
//!
//! Invariant: a file that is read in place is one of which it can say nothing.

use std::io;
use std::os::unix::fs::FileExt;

use brigade::FileSlice;

/// Whether bytes of a file are in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resident {
    Yes,
    No,
    Unknown,
}

/// Whether the first and the last byte of `part` are in memory.
pub(super) fn is_resident(part: FileSlice<'_>) -> Resident {
    let last = part.offset.saturating_add(part.len.saturating_sub(1));
    match is_byte_resident(part, part.offset) {
        Resident::Yes if last > part.offset => is_byte_resident(part, last),
        answer => answer,
    }
}

fn is_byte_resident(part: FileSlice<'_>, offset: u64) -> Resident {
    match read_now(FileSlice { offset, ..part }, &mut [0]) {
        // No byte: the file has ended, and who reads on will say so.
        Ok(_) => Resident::Yes,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Resident::No,
        Err(_) => Resident::Unknown,
    }
}

/// Reads what is in memory to `room`; in place where the system cannot say what is.
///
/// # Errors
///
/// [`io::ErrorKind::WouldBlock`] when the first byte is not in memory; else what the file answered.
pub(super) fn read_resident(part: FileSlice<'_>, room: &mut [u8]) -> io::Result<usize> {
    match read_now(part, room) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => read_in_place(part, room),
        answer => answer,
    }
}

pub(super) fn read_in_place(part: FileSlice<'_>, room: &mut [u8]) -> io::Result<usize> {
    part.file.read_at(room, part.offset)
}

#[cfg(target_os = "linux")]
fn read_now(part: FileSlice<'_>, room: &mut [u8]) -> io::Result<usize> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    loop {
        let mut rooms = [io::IoSliceMut::new(room)];
        return match preadv2(part.file, &mut rooms, part.offset, ReadWriteFlags::NOWAIT) {
            Err(Errno::INTR) => continue,
            // Of file systems that do not know the flag, kernels that do not, and of offsets past
            // what the call can say.
            Err(errno @ (Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL)) => {
                Err(io::Error::new(io::ErrorKind::Unsupported, errno))
            }
            answer => Ok(answer?),
        };
    }
}

#[cfg(not(target_os = "linux"))]
fn read_now(_part: FileSlice<'_>, _room: &mut [u8]) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}
