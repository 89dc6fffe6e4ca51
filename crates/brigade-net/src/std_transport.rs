//! The line over a blocking socket of the standard library.
//!
//! Invariant: `WouldBlock` is never answered. A blocking socket says so when its time limit ran out,
//! and that is `TimedOut`.

use std::fs::File;
use std::io::{self, IoSlice, Read};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::{Close, Duplex, More, Source, Transport, socket};

/// A blocking TCP socket, written to.
///
/// For a chain that has a thread of its own, in its default, blocking mode. It may share the socket
/// with a reader: [`source`](Self::source).
///
/// ```
/// # use std::net::{TcpListener, TcpStream};
/// # use std::time::Duration;
/// use brigade_net::StdTransport;
///
/// # fn main() -> std::io::Result<()> {
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let _peer = TcpStream::connect(listener.local_addr()?)?;
/// let (socket, _) = listener.accept()?;
/// let transport = StdTransport::new(socket);
/// transport.set_write_timeout(Some(Duration::from_secs(60)))?;
/// let source = transport.source(); // for a `NetworkReader`
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StdTransport {
    stream: Arc<TcpStream>,
}

impl StdTransport {
    /// Makes a transport of a connected socket, which must be in blocking mode.
    ///
    /// It turns on `TCP_NODELAY`: a FLUSH means now, and the writer gathers better than the system.
    pub fn new(stream: impl Into<Arc<TcpStream>>) -> Self {
        let stream = stream.into();
        socket::send_at_once(stream.as_fd());
        Self { stream }
    }

    /// The socket.
    pub fn stream(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// The same socket, read from.
    pub fn source(&self) -> StdSource {
        StdSource::new(Arc::clone(&self.stream))
    }

    /// Sets how long one write may wait for the peer to take anything; `None`: for ever. It answers
    /// [`io::ErrorKind::TimedOut`] then.
    ///
    /// # Errors
    ///
    /// What the system answered; [`io::ErrorKind::InvalidInput`] for no time at all.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.stream.set_write_timeout(limit)
    }
}

impl Transport for StdTransport {
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize> {
        socket::send(self.stream.as_fd(), slices, more).map_err(time_limit)
    }

    fn sends_files(&self) -> bool {
        socket::SENDS_FILES
    }

    fn send_file(&mut self, file: &File, offset: u64, len: u64, _more: More) -> io::Result<usize> {
        socket::send_file(self.stream.as_fd(), file, offset, len).map_err(time_limit)
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        socket::close(self.stream.as_fd(), how)
    }
}

impl Duplex for StdTransport {
    type Source = StdSource;

    fn source(&self) -> StdSource {
        self.source()
    }
}

/// A blocking TCP socket, read from.
///
/// How long it waits is the socket's read timeout; it answers [`io::ErrorKind::TimedOut`] then.
#[derive(Debug, Clone)]
pub struct StdSource {
    stream: Arc<TcpStream>,
}

impl StdSource {
    /// Makes a source of a connected socket, which must be in blocking mode.
    pub fn new(stream: impl Into<Arc<TcpStream>>) -> Self {
        Self { stream: stream.into() }
    }

    /// Whether reading would not wait: there is something, or the end, or an error to be told.
    ///
    /// An owner that has answered a request asks before it lets the answer wait for the next one's.
    pub fn is_ready(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        loop {
            match recv(&self.stream, &mut [0], flags) {
                Err(Errno::INTR) => {}
                answer => return answer != Err(Errno::AGAIN),
            }
        }
    }
}

impl Source for &StdSource {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (&*self.stream).read(room).map_err(time_limit)
    }

    fn wait(&mut self) -> io::Result<()> {
        // One byte, left where it is: the system has no cheaper way to wait on one socket.
        loop {
            match self.stream.peek(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => return answer.map(|_| ()).map_err(time_limit),
            }
        }
    }
}

impl Source for StdSource {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (&*self).read(room)
    }

    fn wait(&mut self) -> io::Result<()> {
        (&*self).wait()
    }
}

fn time_limit(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, error),
        _ => error,
    }
}
