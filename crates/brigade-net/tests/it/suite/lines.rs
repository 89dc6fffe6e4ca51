//! The lines that the suite is asked of, each connected to a peer, with buffers as small as can be.

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use brigade_net::{Interest, NonBlockingTransport, StdTransport};
use brigade_testkit::{MemoryLine, memory_line};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt;

use super::{PATIENCE, Peer, Rig};

/// Two ends of a connection whose buffers are as small as the system lets them be.
pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    sockopt::set_socket_recv_buffer_size(&listener, 512).unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    sockopt::set_socket_send_buffer_size(&near, 512).unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    (near, far)
}

fn unix_pair() -> (UnixStream, Peer) {
    let (near, far) = UnixStream::pair().unwrap();
    sockopt::set_socket_send_buffer_size(&near, 512).unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    // A blocking socket: its time limit, which nothing here reaches, would be a `WouldBlock`.
    (near, Peer::new(NonBlockingTransport::new(Arc::new(far))))
}

/// Waits as a loop of the smallest kind does.
pub(crate) fn wait_by_poll(socket: &impl AsFd, interest: Interest) {
    let events = match interest {
        Interest::Readable => PollFlags::IN,
        Interest::Writable => PollFlags::OUT,
    };
    let limit = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
    let ready = poll(&mut [PollFd::new(socket, events)], Some(&limit)).unwrap();
    assert_eq!(ready, 1, "a line that waits for {interest:?} is never ready");
}

pub(crate) struct Blocking;

impl Rig for Blocking {
    type Near = StdTransport;

    const WAITS: bool = true;

    fn connect(limit: Duration) -> (Self, StdTransport, Peer) {
        let (near, far) = tcp_pair();
        let near = StdTransport::new(near);
        near.set_write_timeout(Some(limit)).unwrap();
        (Self, near, Peer::new(StdTransport::new(far)))
    }

    fn wait(&self, _near: &StdTransport, _interest: Interest) {
        unreachable!("it waits by itself");
    }
}

pub(crate) struct NonBlocking;

impl Rig for NonBlocking {
    type Near = NonBlockingTransport;

    fn connect(_limit: Duration) -> (Self, Self::Near, Peer) {
        let (near, far) = tcp_pair();
        near.set_nonblocking(true).unwrap();
        (Self, NonBlockingTransport::new(Arc::new(near)), Peer::new(StdTransport::new(far)))
    }

    fn wait(&self, near: &Self::Near, interest: Interest) {
        wait_by_poll(near.socket(), interest);
    }
}

pub(crate) struct NonBlockingUnix;

impl Rig for NonBlockingUnix {
    type Near = NonBlockingTransport<UnixStream>;

    const RESETS: bool = false;

    fn connect(_limit: Duration) -> (Self, Self::Near, Peer) {
        let (near, peer) = unix_pair();
        near.set_nonblocking(true).unwrap();
        (Self, NonBlockingTransport::new(Arc::new(near)), peer)
    }

    fn wait(&self, near: &Self::Near, interest: Interest) {
        wait_by_poll(near.socket(), interest);
    }
}

pub(crate) struct Memory;

impl Rig for Memory {
    type Near = MemoryLine;

    const SENDS_FILES: bool = false;

    fn connect(_limit: Duration) -> (Self, MemoryLine, Peer) {
        let (near, far) = memory_line(1000);
        (Self, near, Peer::new(far.waiting(PATIENCE)))
    }

    fn wait(&self, near: &MemoryLine, interest: Interest) {
        assert!(near.wait(interest, PATIENCE), "a line in memory is never ready for {interest:?}");
    }
}

#[cfg(feature = "tokio")]
pub(crate) use self::on_tokio::{RUNTIME, Tokio, TokioAsyncWrite, TokioUnix, wait_on_tokio};

#[cfg(feature = "tokio")]
mod on_tokio {
    use std::future::poll_fn;
    use std::os::unix::net::UnixStream as StdUnixStream;
    use std::sync::{Arc, LazyLock};
    use std::time::Duration;

    use brigade_net::{
        AsyncWriteTransport, Interest, Readiness, StdTransport, TokioSocket, TokioTransport,
    };
    use rustix::net::sockopt;
    use tokio::net::{TcpStream, UnixStream};
    use tokio::runtime::{Builder, Runtime};
    use tokio::time::timeout;

    use super::{PATIENCE, Peer, Rig, tcp_pair, unix_pair};

    /// Its one thread waits for the sockets.
    pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    });

    pub(crate) fn wait_on_tokio<S: TokioSocket>(socket: &S, interest: Interest) {
        let ready = poll_fn(|cx| socket.poll_ready(interest, cx));
        let ready = RUNTIME.block_on(async { timeout(PATIENCE, ready).await });
        ready.unwrap_or_else(|_| panic!("never ready for {interest:?}")).unwrap();
    }

    pub(crate) struct Tokio;

    impl Rig for Tokio {
        type Near = TokioTransport;

        fn connect(_limit: Duration) -> (Self, Self::Near, Peer) {
            let (near, far) = tcp_pair();
            near.set_nonblocking(true).unwrap();
            let _inside = RUNTIME.enter();
            let near = TcpStream::from_std(near).unwrap();
            (Self, TokioTransport::new(near), Peer::new(StdTransport::new(far)))
        }

        fn wait(&self, near: &Self::Near, interest: Interest) {
            wait_on_tokio(&**near.stream(), interest);
        }
    }

    pub(crate) struct TokioUnix;

    impl Rig for TokioUnix {
        type Near = TokioTransport<UnixStream>;

        const RESETS: bool = false;

        fn connect(_limit: Duration) -> (Self, Self::Near, Peer) {
            let (near, peer): (StdUnixStream, Peer) = unix_pair();
            near.set_nonblocking(true).unwrap();
            let _inside = RUNTIME.enter();
            let near = UnixStream::from_std(near).unwrap();
            (Self, TokioTransport::over(Arc::new(near)), peer)
        }

        fn wait(&self, near: &Self::Near, interest: Interest) {
            wait_on_tokio(&**near.stream(), interest);
        }
    }

    pub(crate) struct TokioAsyncWrite(Readiness);

    impl Rig for TokioAsyncWrite {
        type Near = AsyncWriteTransport<TcpStream>;

        const SENDS_FILES: bool = false;

        fn connect(_limit: Duration) -> (Self, Self::Near, Peer) {
            let (near, far) = tcp_pair();
            near.set_nonblocking(true).unwrap();
            let _inside = RUNTIME.enter();
            let near = TcpStream::from_std(near).unwrap();
            let near = AsyncWriteTransport::new(near).on_reset(|stream| {
                sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
            });
            (Self(near.readiness()), near, Peer::new(StdTransport::new(far)))
        }

        fn wait(&self, _near: &Self::Near, interest: Interest) {
            assert_eq!(interest, Interest::Writable);
            let ready = RUNTIME.block_on(async { timeout(PATIENCE, self.0.ready()).await });
            ready.expect("never ready");
        }
    }
}
