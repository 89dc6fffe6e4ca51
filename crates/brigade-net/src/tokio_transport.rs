//! The line over a socket of tokio.
//!
//! Invariant: nothing here waits. Every call goes through `try_io`, so that tokio knows when a
//! socket was found not ready, and the driver's `writable().await` waits for the next time.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::{TcpStream, UnixStream};

use crate::{Close, Duplex, Interest, More, Source, Transport, socket};

/// A stream socket of tokio: TCP, Unix, or a server's own sum of the two.
pub trait TokioSocket: AsFd + Debug + Send + Sync + 'static {
    /// Calls `operation` if tokio believes that the socket is ready; one that answers `WouldBlock` has
    /// found out that it is not.
    ///
    /// # Errors
    ///
    /// What `operation` answers; `WouldBlock` without it.
    fn try_io<R>(
        &self,
        interest: Interest,
        operation: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R>;

    /// Whether the socket is ready, or has failed; if not, the task is woken when it is. For each
    /// interest the task that asked last.
    fn poll_ready(&self, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

macro_rules! tokio_socket {
    ($($stream:ty),*) => {$(
        impl TokioSocket for $stream {
            fn try_io<R>(
                &self,
                interest: Interest,
                operation: impl FnOnce() -> io::Result<R>,
            ) -> io::Result<R> {
                let interest = match interest {
                    Interest::Readable => tokio::io::Interest::READABLE,
                    Interest::Writable => tokio::io::Interest::WRITABLE,
                };
                <$stream>::try_io(self, interest, operation)
            }

            fn poll_ready(&self, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match interest {
                    Interest::Readable => self.poll_read_ready(cx),
                    Interest::Writable => self.poll_write_ready(cx),
                }
            }
        }
    )*};
}

tokio_socket!(TcpStream, UnixStream);

/// A socket of tokio, written to without waiting: TCP or [any other](TokioSocket).
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
pub struct TokioTransport<S = TcpStream> {
    stream: Arc<S>,
}

impl TokioTransport {
    /// Makes a transport of a connected TCP socket.
    ///
    /// It turns on `TCP_NODELAY`: a FLUSH means now, and the writer gathers better than the system.
    pub fn new(stream: impl Into<Arc<TcpStream>>) -> Self {
        Self::over(stream.into())
    }
}

impl<S: TokioSocket> TokioTransport<S> {
    /// Makes a transport of a connected socket of any kind.
    ///
    /// It turns on `TCP_NODELAY` where there is one.
    pub fn over(stream: Arc<S>) -> Self {
        socket::send_at_once(stream.as_fd());
        Self { stream }
    }

    /// The socket, to wait on.
    pub fn stream(&self) -> &Arc<S> {
        &self.stream
    }

    /// The same socket, read from.
    pub fn source(&self) -> TokioSource<S> {
        TokioSource { stream: Arc::clone(&self.stream) }
    }
}

impl<S: TokioSocket> Transport for TokioTransport<S> {
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize> {
        let stream = &*self.stream;
        stream.try_io(Interest::Writable, || socket::send(stream.as_fd(), slices, more))
    }

    fn sends_files(&self) -> bool {
        socket::SENDS_FILES
    }

    fn send_file(&mut self, file: &File, offset: u64, len: u64, _more: More) -> io::Result<usize> {
        let stream = &*self.stream;
        stream.try_io(Interest::Writable, || socket::send_file(stream.as_fd(), file, offset, len))
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        socket::close(self.stream.as_fd(), how)
    }
}

impl<S: TokioSocket> Duplex for TokioTransport<S> {
    type Source = TokioSource<S>;

    fn source(&self) -> TokioSource<S> {
        self.source()
    }
}

/// A socket of tokio, read from without waiting: await `readable()` first.
#[derive(Debug)]
pub struct TokioSource<S = TcpStream> {
    stream: Arc<S>,
}

impl TokioSource {
    /// Makes a source of a connected TCP socket.
    pub fn new(stream: impl Into<Arc<TcpStream>>) -> Self {
        Self { stream: stream.into() }
    }
}

impl<S> Clone for TokioSource<S> {
    fn clone(&self) -> Self {
        Self { stream: Arc::clone(&self.stream) }
    }
}

impl<S: TokioSocket> Source for &TokioSource<S> {
    /// What leaves room has taken all there was: tokio is told so, and who reads again is not sent to
    /// the system in vain. An end that came with the bytes is kept apart from that, and is still found.
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let stream = &*self.stream;
        let mut last = None;
        let read = stream.try_io(Interest::Readable, || {
            let count = rustix::io::read(stream.as_fd(), &mut *room)?;
            if 0 < count && count < room.len() {
                last = Some(count);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(count)
        });
        last.map_or(read, Ok)
    }

    /// Asks tokio, not the system: where it knows of nothing, no block is opened.
    fn wait(&mut self) -> io::Result<()> {
        self.stream.try_io(Interest::Readable, || Ok(()))
    }
}

impl<S: TokioSocket> Source for TokioSource<S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (&*self).read(room)
    }

    fn wait(&mut self) -> io::Result<()> {
        (&*self).wait()
    }
}
