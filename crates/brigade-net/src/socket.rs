//! What all kinds of socket ask of the system: to send slices, to send a file, to close.
//!
//! Invariant: nothing here waits unless the socket itself is a blocking one.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::net::{AddressFamily, Shutdown, connect_unspec, getsockname, shutdown, sockopt};

use crate::{Close, More};

/// Whether the system sends files unread.
pub(crate) const SENDS_FILES: bool = cfg!(target_os = "linux");

/// Has the system send what it is given at once: a FLUSH means now, and the writer gathers better.
pub(crate) fn send_at_once(socket: BorrowedFd<'_>) {
    // A socket that refuses it (a Unix one, which never waits) works all the same, or says what is
    // wrong when it is written to.
    let _ = sockopt::set_tcp_nodelay(socket, true);
}

/// Sends what the socket takes of `slices`.
#[cfg(target_os = "linux")]
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
    more: More,
) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendFlags};

    // Whoever embeds this may not ignore SIGPIPE as Rust's programs do.
    let mut flags = SendFlags::NOSIGNAL;
    if more == More::Follows {
        flags |= SendFlags::MORE;
    }
    Ok(match slices {
        [slice] => rustix::net::send(socket, slice, flags)?,
        _ => rustix::net::sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?,
    })
}

/// Sends what the socket takes of `slices`.
#[cfg(not(target_os = "linux"))]
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
    _more: More,
) -> io::Result<usize> {
    Ok(rustix::io::writev(socket, slices)?)
}

/// Sends up to `len` bytes of `file` from `offset`, unread.
///
/// This call knows no way to ask for no SIGPIPE; Rust's programs ignore the signal.
#[cfg(target_os = "linux")]
pub(crate) fn send_file(
    socket: BorrowedFd<'_>,
    file: &File,
    offset: u64,
    len: u64,
) -> io::Result<usize> {
    use rustix::io::Errno;

    let mut offset = offset;
    let count = usize::try_from(len).unwrap_or(usize::MAX);
    rustix::fs::sendfile(socket, file, Some(&mut offset), count).map_err(|errno| match errno {
        // What file systems without it answer, and for files without offsets.
        Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::SPIPE => {
            io::Error::new(io::ErrorKind::Unsupported, errno)
        }
        errno => errno.into(),
    })
}

/// Sends up to `len` bytes of `file` from `offset`, unread.
#[cfg(not(target_os = "linux"))]
pub(crate) fn send_file(
    _socket: BorrowedFd<'_>,
    _file: &File,
    _offset: u64,
    _len: u64,
) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Ends the connection, also while others hold the same socket.
///
/// A reset goes out at once where the system can (Linux: a socket connected to no address forgets
/// its peer, and tells it); elsewhere when the last descriptor is closed. A shutdown would not do: it
/// sends the end of the data first, and what was read until then looks complete. A Unix socket knows
/// nothing better: only a body's own framing tells that it was cut off.
pub(crate) fn close(socket: BorrowedFd<'_>, how: Close) -> io::Result<()> {
    match how {
        Close::Orderly => shutdown(socket, Shutdown::Write)?,
        Close::Reset => {
            sockopt::set_socket_linger(socket, Some(Duration::ZERO))?;
            if getsockname(socket)?.address_family() == AddressFamily::UNIX {
                return Ok(shutdown(socket, Shutdown::Both)?);
            }
            // The linger time makes a reset of the last close, whatever this answers.
            let _ = connect_unspec(socket);
        }
    }
    Ok(())
}
