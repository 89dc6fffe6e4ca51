//! The line over a socket of tokio.
//!
//! Invariant: nothing here waits. Every call goes through `try_io`, so that tokio knows when a
//! socket was found not ready, and the driver's `writable().await` waits for the next time.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::{Close, More, Source, Transport, socket};

/// A TCP socket of tokio, written to without waiting.
///
/// The chain runs in non-blocking mode, and who drives it waits where it may, on the shared socket:
///
/// ```
/// use std::sync::Arc;
///
/// use brigade::{Chain, Progress, ReadMode};
/// use brigade_net::{NetworkWriter, TokioTransport};
/// use tokio::io::AsyncReadExt;
/// use tokio::net::{TcpListener, TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let mut peer = TcpStream::connect(listener.local_addr()?).await?;
/// let socket = Arc::new(listener.accept().await?.0);
/// let writer = NetworkWriter::new(TokioTransport::new(Arc::clone(&socket)));
/// let mut chain = Chain::new(writer).mode(ReadMode::NonBlocking);
///
/// chain.write(b"hello")?;
/// chain.flush()?;
/// while chain.progress() == Progress::Pending {
///     socket.writable().await?;
///     let _ = chain.resume()?;
/// }
/// # drop((chain, socket));
/// # let mut received = String::new();
/// # peer.read_to_string(&mut received).await?;
/// # assert_eq!(received, "hello");
/// # Ok(())
/// # }
/// ```
///
/// A chain that has STREAMs may wait for one instead: [`NetworkWriter::waits_for`] tells.
///
/// [`NetworkWriter::waits_for`]: crate::NetworkWriter::waits_for
#[derive(Debug)]
pub struct TokioTransport {
    stream: Arc<TcpStream>,
}

impl TokioTransport {
    /// Makes a transport of a connected socket.
    ///
    /// It turns on `TCP_NODELAY`: a FLUSH means now, and the writer gathers better than the system.
    pub fn new(stream: impl Into<Arc<TcpStream>>) -> Self {
        let stream = stream.into();
        // A socket that refuses it works all the same, or says what is wrong when it is written to.
        let _ = stream.set_nodelay(true);
        Self { stream }
    }

    /// The socket, to wait on.
    pub fn stream(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// The same socket, read from.
    pub fn source(&self) -> TokioSource {
        TokioSource::new(Arc::clone(&self.stream))
    }
}

impl Transport for TokioTransport {
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize> {
        let stream = &*self.stream;
        stream.try_io(Interest::WRITABLE, || socket::send(stream.as_fd(), slices, more))
    }

    fn sends_files(&self) -> bool {
        socket::SENDS_FILES
    }

    fn send_file(&mut self, file: &File, offset: u64, len: u64, _more: More) -> io::Result<usize> {
        let stream = &*self.stream;
        stream.try_io(Interest::WRITABLE, || socket::send_file(stream.as_fd(), file, offset, len))
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        socket::close(self.stream.as_fd(), how)
    }
}

/// A TCP socket of tokio, read from without waiting: await `readable()` first.
#[derive(Debug, Clone)]
pub struct TokioSource {
    stream: Arc<TcpStream>,
}

impl TokioSource {
    /// Makes a source of a connected socket.
    pub fn new(stream: impl Into<Arc<TcpStream>>) -> Self {
        Self { stream: stream.into() }
    }
}

impl Source for &TokioSource {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(room)
    }
}
