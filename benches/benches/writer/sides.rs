//! Who sends the pieces of a shape, each over a socket of its own.
//!
//! Invariant: who was asked to flush has given the kernel everything.

use std::future::poll_fn;
use std::io::{IoSlice, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use brigade::{Bucket, Chain, Progress, ReadMode};
use brigade_net::{NetworkWriter, StdTransport, TokioTransport, Transport};
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::runtime::{Builder, Runtime};

use crate::rows::{Side, spent};
use crate::shapes::Shape;

/// Slices of a call of the loop by hand: as many as the system takes.
const MAX_SLICES: usize = 1024;
/// What tokio's writer is given to gather in: as much as the network writer keeps.
const BUFFER_BYTES: usize = 64 * 1024;

/// Sends all of a shape.
pub(crate) trait Sends {
    fn send(&mut self, shape: &Shape);
}

/// A shape, and who sends it.
pub(crate) struct Of<S>(pub(crate) Shape, pub(crate) S);

impl<S: Sends> Side for Of<S> {
    fn send(&mut self) -> Duration {
        spent(|| self.1.send(&self.0))
    }
}

/// A chain, written to piece by piece.
pub(crate) struct ChainWrites(Chain);

impl ChainWrites {
    pub(crate) fn new(transport: impl Transport) -> Self {
        Self(Chain::new(NetworkWriter::new(transport)))
    }
}

impl Sends for ChainWrites {
    fn send(&mut self, shape: &Shape) {
        for pieces in shape.flushes() {
            for piece in pieces {
                self.0.write(piece).expect("the peer reads");
            }
            self.0.flush().expect("the peer reads");
        }
    }
}

/// A chain that is passed each piece as a bucket of its own.
pub(crate) struct ChainBuckets(Chain);

impl ChainBuckets {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self::of(Chain::new(NetworkWriter::new(StdTransport::new(socket))))
    }

    pub(crate) fn of(chain: Chain) -> Self {
        Self(chain)
    }
}

impl Sends for ChainBuckets {
    fn send(&mut self, shape: &Shape) {
        for pieces in shape.flushes() {
            let flush = [Bucket::flush()];
            let mut brigade = pieces.into_iter().map(Bucket::transient).chain(flush).collect();
            self.0.pass(&mut brigade).expect("the peer reads");
        }
    }
}

/// A chain over a socket of tokio, written to piece by piece.
pub(crate) struct ChainOnTokio {
    runtime: Runtime,
    socket: Arc<tokio::net::TcpStream>,
    chain: Chain,
}

impl ChainOnTokio {
    pub(crate) fn new(socket: TcpStream) -> Self {
        let (runtime, socket) = on_tokio(socket);
        let socket = Arc::new(socket);
        let transport = TokioTransport::new(Arc::clone(&socket));
        let chain = Chain::new(NetworkWriter::new(transport)).mode(ReadMode::NonBlocking);
        Self { runtime, socket, chain }
    }
}

impl Sends for ChainOnTokio {
    fn send(&mut self, shape: &Shape) {
        let (chain, socket) = (&mut self.chain, &self.socket);
        self.runtime.block_on(async {
            for pieces in shape.flushes() {
                for piece in pieces {
                    chain.write(piece).expect("the peer reads");
                    while chain.should_yield() {
                        poll_fn(|cx| socket.poll_write_ready(cx)).await.expect("the peer reads");
                        let _ = chain.resume().expect("the peer reads");
                    }
                }
                chain.flush().expect("the peer reads");
                while chain.progress() == Progress::Pending {
                    poll_fn(|cx| socket.poll_write_ready(cx)).await.expect("the peer reads");
                    let _ = chain.resume().expect("the peer reads");
                }
            }
        });
    }
}

/// The loop that anyone would write: as many slices a call as there are, until all have gone.
pub(crate) struct Writev(pub(crate) TcpStream);

impl Sends for Writev {
    fn send(&mut self, shape: &Shape) {
        for pieces in shape.flushes() {
            let mut slices: Vec<IoSlice<'_>> = pieces.into_iter().map(IoSlice::new).collect();
            let mut rest = &mut slices[..];
            while !rest.is_empty() {
                let end = rest.len().min(MAX_SLICES);
                let count = self.0.write_vectored(&rest[..end]).expect("the peer reads");
                IoSlice::advance_slices(&mut rest, count);
            }
        }
    }
}

/// `write_all` of tokio: of each piece.
pub(crate) struct TokioWriteAll {
    runtime: Runtime,
    socket: tokio::net::TcpStream,
}

impl TokioWriteAll {
    pub(crate) fn new(socket: TcpStream) -> Self {
        let (runtime, socket) = on_tokio(socket);
        Self { runtime, socket }
    }
}

impl Sends for TokioWriteAll {
    fn send(&mut self, shape: &Shape) {
        self.runtime.block_on(async {
            for piece in shape.flushes().flatten() {
                self.socket.write_all(piece).await.expect("the peer reads");
            }
        });
    }
}

/// `write_all` of tokio, into a buffer.
pub(crate) struct TokioBuffered {
    runtime: Runtime,
    socket: BufWriter<tokio::net::TcpStream>,
}

impl TokioBuffered {
    pub(crate) fn new(socket: TcpStream) -> Self {
        let (runtime, socket) = on_tokio(socket);
        Self { runtime, socket: BufWriter::with_capacity(BUFFER_BYTES, socket) }
    }
}

impl Sends for TokioBuffered {
    fn send(&mut self, shape: &Shape) {
        self.runtime.block_on(async {
            for pieces in shape.flushes() {
                for piece in pieces {
                    self.socket.write_all(piece).await.expect("the peer reads");
                }
                self.socket.flush().await.expect("the peer reads");
            }
        });
    }
}

/// A runtime for one thread, and the socket in it.
pub(crate) fn on_tokio(socket: TcpStream) -> (Runtime, tokio::net::TcpStream) {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a thread can have a runtime");
    socket.set_nonblocking(true).expect("it is a socket");
    let socket = runtime.block_on(async { tokio::net::TcpStream::from_std(socket) });
    (runtime, socket.expect("it is a socket"))
}
