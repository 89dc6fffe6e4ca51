//! The line to a peer: what a network writer writes to.

use std::fs::File;
use std::io::{self, IoSlice};

use crate::Source;

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
/// its bytes (TLS) may keep them until [`flush`](Self::flush), which the writer calls after each write.
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

    /// Bytes in memory that the transport itself keeps until [`flush`](Self::flush) has sent them. While
    /// a flush would block the writer counts them as its own, in the chain's
    /// [budget](brigade::AllocOptions::budget) too.
    fn held_bytes(&self) -> usize {
        0
    }

    /// What a transport that answered `WouldBlock` waits for.
    fn waits_for(&self) -> Interest {
        Interest::Writable
    }

    /// Ends the connection. `Reset` is done with the first call.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when an orderly end has a last word (TLS says that this is all) for
    /// which the line has no room: call it again when what it [waits for](Self::waits_for) is there.
    /// Else what the system answered; the connection is as good as closed.
    fn close(&mut self, how: Close) -> io::Result<()>;
}

/// A line whose other direction can be read: what TLS needs, which must hear its peer to talk to it.
///
/// ```
/// use brigade_net::{Duplex, NetworkReader, NetworkWriter};
///
/// /// The two ends of a connection's chain, over whatever line.
/// fn ends<T: Duplex>(line: T) -> (NetworkWriter<T>, NetworkReader, T::Source) {
///     let source = line.source();
///     (NetworkWriter::new(line), NetworkReader::new(64 * 1024), source)
/// }
/// ```
pub trait Duplex: Transport {
    /// What reads the line.
    type Source: Source + Send + 'static;

    /// The same line, read from. It waits exactly if this transport does.
    fn source(&self) -> Self::Source;
}
