//! The line over a non-blocking socket of any kind, for any loop that waits for readiness.
//!
//! Invariant: nothing here waits, and `TimedOut` is never answered: how long a peer may take nothing is
//! for the loop to say, which has the clock.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::sync::Arc;

use crate::{Close, Duplex, More, Source, Transport, socket};

/// A non-blocking stream socket, written to: TCP or Unix, of the standard library, of mio, or of
/// whatever has a descriptor.
///
/// For a chain in non-blocking mode, and a loop of `epoll`, `kqueue` or `poll` that resumes it when the
/// socket is ready for what [`NetworkWriter::waits_for`](crate::NetworkWriter::waits_for) says. The
/// example `mio_loop` is such a loop. Readiness may be told once for each change (edge-triggered): the
/// writer goes on until the socket takes no more.
///
/// ```
/// use std::os::unix::net::UnixStream;
/// use std::sync::Arc;
///
/// use brigade::{Bucket, Chain, Progress, ReadMode};
/// use brigade_net::{Interest, NetworkWriter, NonBlockingTransport, WaitsFor};
///
/// type Writer = NetworkWriter<NonBlockingTransport<UnixStream>>;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (socket, peer) = UnixStream::pair()?;
/// socket.set_nonblocking(true)?;
/// let writer: Writer = NetworkWriter::new(NonBlockingTransport::new(Arc::new(socket)));
/// let mut chain = Chain::new(writer).mode(ReadMode::NonBlocking);
///
/// chain.pass_bucket(Bucket::immortal(&[0; 1 << 20]))?; // more than the socket takes at once
/// assert_eq!(chain.progress(), Progress::Pending);
/// let waits_for = chain.terminal::<Writer>().and_then(|writer| writer.waits_for());
/// assert_eq!(waits_for, Some(WaitsFor::Transport(Interest::Writable)));
/// # let reads = std::thread::spawn(move || std::io::copy(&mut &peer, &mut std::io::sink()));
/// while chain.progress() == Progress::Pending {
///     // … the loop waits here until the socket can be written to, and then:
///     let _ = chain.resume()?;
/// }
/// # drop(chain);
/// # assert_eq!(reads.join().expect("it does not panic")?, 1 << 20);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct NonBlockingTransport<S = std::net::TcpStream> {
    socket: Arc<S>,
}

impl<S: AsFd + Debug + Send + Sync + 'static> NonBlockingTransport<S> {
    /// Makes a transport of a connected socket, which must be in non-blocking mode.
    ///
    /// It turns on `TCP_NODELAY`: a FLUSH means now, and the writer gathers better than the system.
    pub fn new(socket: Arc<S>) -> Self {
        socket::send_at_once(socket.as_fd());
        Self { socket }
    }

    /// The socket, to wait on.
    pub fn socket(&self) -> &Arc<S> {
        &self.socket
    }
}

impl<S: AsFd + Debug + Send + Sync + 'static> Transport for NonBlockingTransport<S> {
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize> {
        socket::send(self.socket.as_fd(), slices, more)
    }

    fn sends_files(&self) -> bool {
        socket::SENDS_FILES
    }

    fn send_file(&mut self, file: &File, offset: u64, len: u64, _more: More) -> io::Result<usize> {
        socket::send_file(self.socket.as_fd(), file, offset, len)
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        socket::close(self.socket.as_fd(), how)
    }
}

impl<S: AsFd + Debug + Send + Sync + 'static> Duplex for NonBlockingTransport<S> {
    type Source = NonBlockingSource<S>;

    fn source(&self) -> NonBlockingSource<S> {
        NonBlockingSource { socket: Arc::clone(&self.socket) }
    }
}

/// A non-blocking stream socket, read from: see [`NonBlockingTransport`].
#[derive(Debug)]
pub struct NonBlockingSource<S = std::net::TcpStream> {
    socket: Arc<S>,
}

impl<S> Clone for NonBlockingSource<S> {
    fn clone(&self) -> Self {
        Self { socket: Arc::clone(&self.socket) }
    }
}

impl<S: AsFd> Source for &NonBlockingSource<S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&*self.socket, room)?)
    }
}

impl<S: AsFd> Source for NonBlockingSource<S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (&*self).read(room)
    }
}
