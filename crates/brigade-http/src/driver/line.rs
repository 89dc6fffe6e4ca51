//! The line to a client: TCP or a Unix socket, plain or by TLS. The rest of the driver does not ask which.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll};

use brigade::Result;
use brigade_net::{
    Close, Interest, More, Source, TokioSocket, TokioSource, TokioTransport, Transport,
};
#[cfg(feature = "tls")]
use brigade_net::{Duplex, TlsSource, TlsTransport, rustls::ServerConfig};
use tokio::net::{TcpStream, UnixStream};

/// A connection that was accepted: of TCP or a Unix socket, and perhaps TLS over it.
///
/// ```
/// # async fn run(listener: tokio::net::UnixListener) -> Result<(), Box<dyn std::error::Error>> {
/// use brigade_http::driver::Line;
///
/// let line = Line::from(listener.accept().await?.0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Line {
    socket: Socket,
    #[cfg(feature = "tls")]
    tls: Option<Arc<ServerConfig>>,
}

impl From<TcpStream> for Line {
    fn from(stream: TcpStream) -> Self {
        Self::new(Socket::Tcp(stream))
    }
}

impl From<UnixStream> for Line {
    fn from(stream: UnixStream) -> Self {
        Self::new(Socket::Unix(stream))
    }
}

impl Line {
    fn new(socket: Socket) -> Self {
        Self {
            socket,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Speaks TLS: hands are shaken when the first request is read, within the time that a connection may
    /// be idle.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// The socket to wait on, and what is written to and read from.
    // Only TLS can refuse.
    #[cfg_attr(not(feature = "tls"), expect(clippy::unnecessary_wraps))]
    pub(super) fn open(self) -> Result<(Arc<Socket>, LineTransport, LineSource)> {
        let socket = Arc::new(self.socket);
        let plain = TokioTransport::over(Arc::clone(&socket));
        #[cfg(feature = "tls")]
        if let Some(config) = self.tls {
            let transport = TlsTransport::server(plain, config)?;
            let source = transport.source();
            return Ok((socket, LineTransport::Tls(transport), LineSource::Tls(source)));
        }
        let source = plain.source();
        Ok((socket, LineTransport::Plain(plain), LineSource::Plain(source)))
    }
}

/// The socket of a line.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// The address of the client, if it has one.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Waits until it is ready, or has failed.
    pub(super) async fn ready(&self, interest: Interest) -> io::Result<()> {
        match (self, interest) {
            (Self::Tcp(stream), Interest::Readable) => stream.readable().await,
            (Self::Tcp(stream), Interest::Writable) => stream.writable().await,
            (Self::Unix(stream), Interest::Readable) => stream.readable().await,
            (Self::Unix(stream), Interest::Writable) => stream.writable().await,
        }
    }

    /// Waits until the client has reset or hung up; an end of its side alone is neither.
    pub(super) async fn gone(&self) {
        let failed = tokio::io::Interest::ERROR;
        // A socket that cannot be asked is gone.
        let _ = match self {
            Self::Tcp(stream) => stream.ready(failed).await,
            Self::Unix(stream) => stream.ready(failed).await,
        };
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl TokioSocket for Socket {
    fn try_io<R>(
        &self,
        interest: Interest,
        operation: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        match self {
            Self::Tcp(stream) => TokioSocket::try_io(stream, interest, operation),
            Self::Unix(stream) => TokioSocket::try_io(stream, interest, operation),
        }
    }

    fn poll_ready(&self, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_ready(interest, cx),
            Self::Unix(stream) => stream.poll_ready(interest, cx),
        }
    }
}

/// A line, written to.
#[derive(Debug)]
pub(super) enum LineTransport {
    Plain(TokioTransport<Socket>),
    #[cfg(feature = "tls")]
    Tls(TlsTransport<TokioTransport<Socket>>),
}

impl Transport for LineTransport {
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize> {
        match self {
            Self::Plain(line) => line.write(slices, more),
            #[cfg(feature = "tls")]
            Self::Tls(line) => line.write(slices, more),
        }
    }

    fn sends_files(&self) -> bool {
        match self {
            Self::Plain(line) => line.sends_files(),
            #[cfg(feature = "tls")]
            Self::Tls(line) => line.sends_files(),
        }
    }

    fn send_file(&mut self, file: &File, offset: u64, len: u64, more: More) -> io::Result<usize> {
        match self {
            Self::Plain(line) => line.send_file(file, offset, len, more),
            #[cfg(feature = "tls")]
            Self::Tls(line) => line.send_file(file, offset, len, more),
        }
    }

    fn held_bytes(&self) -> usize {
        match self {
            Self::Plain(line) => line.held_bytes(),
            #[cfg(feature = "tls")]
            Self::Tls(line) => line.held_bytes(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(line) => line.flush(),
            #[cfg(feature = "tls")]
            Self::Tls(line) => line.flush(),
        }
    }

    fn waits_for(&self) -> Interest {
        match self {
            Self::Plain(line) => line.waits_for(),
            #[cfg(feature = "tls")]
            Self::Tls(line) => line.waits_for(),
        }
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        match self {
            Self::Plain(line) => line.close(how),
            #[cfg(feature = "tls")]
            Self::Tls(line) => line.close(how),
        }
    }
}

/// A line, read from.
#[derive(Debug)]
pub(super) enum LineSource {
    Plain(TokioSource<Socket>),
    #[cfg(feature = "tls")]
    Tls(TlsSource<TokioTransport<Socket>>),
}

impl Source for &LineSource {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            LineSource::Plain(line) => (&*line).read(room),
            #[cfg(feature = "tls")]
            LineSource::Tls(line) => (&*line).read(room),
        }
    }

    fn wait(&mut self) -> io::Result<()> {
        match self {
            LineSource::Plain(line) => (&*line).wait(),
            #[cfg(feature = "tls")]
            LineSource::Tls(line) => (&*line).wait(),
        }
    }

    fn waits_for(&self) -> Interest {
        match self {
            LineSource::Plain(line) => line.waits_for(),
            #[cfg(feature = "tls")]
            LineSource::Tls(line) => line.waits_for(),
        }
    }
}
