//! The line to a peer: what a network writer writes to.

use std::fs::File;
use std::io::{self, IoSlice};

/// Whether more bytes follow at once, so that the system may wait to fill a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// Another write follows at once.
    Follows,
    /// Nothing more for now: send.
    None,
}

/// What a transport that answered `WouldBlock` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Until it can be written to.
    Writable,
    /// Until it can be read from: TLS that must hear from its peer first.
    Readable,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The peer reads all that was sent, then the end.
    Orderly,
    /// The peer gets an error: nothing it read may look complete.
    Reset,
}

/// The line to a peer.
///
/// A transport sends what it is given at once and keeps nothing back for later; one that must code
/// its bytes (TLS) may keep what the line did not take until [`flush`](Self::flush).
/// [`io::ErrorKind::Interrupted`] is the writer's to handle.
pub trait Transport: Send + 'static {
    /// Writes what the line takes of `slices`, none of which is empty; answers how many bytes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when the line takes nothing now. A blocking transport whose time
    /// limit ran out answers [`io::ErrorKind::TimedOut`], never `WouldBlock`.
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize>;

    /// Whether [`send_file`](Self::send_file) is worth a try. Where it is not, the writer reads a file
    /// and writes it in one call with what comes before it.
    fn sends_files(&self) -> bool {
        false
    }

    /// Sends up to `len` bytes of `file` from `offset` without reading them; answers how many. 0: the
    /// file ends before `offset`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write). [`io::ErrorKind::Unsupported`]: it cannot for this file, which the
    /// writer then reads.
    fn send_file(&mut self, file: &File, offset: u64, len: u64, more: More) -> io::Result<usize> {
        let _ = (file, offset, len, more);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Sends what the transport itself keeps.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// What a transport that answered `WouldBlock` waits for.
    fn waits_for(&self) -> Interest {
        Interest::Writable
    }

    /// Ends the connection.
    ///
    /// # Errors
    ///
    /// What the system answered; the connection is as good as closed.
    fn close(&mut self, how: Close) -> io::Result<()>;
}
