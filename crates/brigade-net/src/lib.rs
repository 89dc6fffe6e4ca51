//! The edge of a chain: the network writer at its end, the reader beside it, and the lines to a peer.
//!
//! [`NetworkWriter`] is the terminal that turns buckets into as few system calls as it can: bytes in
//! memory by vectored writes, files by `sendfile`. It writes to a [`Transport`]: blocking sockets
//! ([`StdTransport`]), non-blocking ones for a loop of your own ([`NonBlockingTransport`]), those of tokio
//! (`TokioTransport`, or `AsyncWriteTransport` for whatever it can write to), TLS over any of them
//! (`TlsTransport`), or your own. [`NetworkReader`] takes in
//! what a peer sends, in blocks of the same allocator. [`PooledDisk`] keeps a slow disk from stopping
//! an event loop.
//!
//! ```
//! use std::io::Read;
//! use std::net::{TcpListener, TcpStream};
//!
//! use brigade::{Brigade, Bucket, Chain};
//! use brigade_net::{NetworkWriter, StdTransport};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut peer = TcpStream::connect(listener.local_addr()?)?;
//! let (socket, _) = listener.accept()?;
//!
//! let mut chain = Chain::new(NetworkWriter::new(StdTransport::new(socket)));
//! chain.write(b"small writes are gathered, ")?;
//! chain.write(b"until a flush lets go of them")?;
//! chain.flush()?;
//! drop(chain);
//!
//! let mut received = String::new();
//! peer.read_to_string(&mut received)?;
//! assert_eq!(received, "small writes are gathered, until a flush lets go of them");
//! # Ok(())
//! # }
//! ```
#![cfg_attr(not(feature = "mmap"), forbid(unsafe_code))]
#![deny(unsafe_code)]

#[cfg(feature = "tokio")]
mod async_write;
mod disk;
#[cfg(feature = "mmap")]
#[allow(unsafe_code)] // Mapping memory is; every block is argued there.
pub mod mmap;
mod reader;
mod ready_transport;
mod socket;
mod std_transport;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tokio")]
mod tokio_transport;
mod transport;
mod writer;

#[cfg(feature = "tokio")]
pub use async_write::{AsyncWriteTransport, Readiness};
pub use disk::{DiskJob, PooledDisk};
pub use reader::{NetworkReader, Source};
pub use ready_transport::{NonBlockingSource, NonBlockingTransport};
/// What a [`TlsTransport`] is configured by.
#[cfg(feature = "tls")]
pub use rustls;
pub use std_transport::{StdSource, StdTransport};
#[cfg(feature = "tls")]
pub use tls::{TlsSource, TlsTransport};
#[cfg(feature = "tokio")]
pub use tokio_transport::{TokioSocket, TokioSource, TokioTransport};
pub use transport::{Close, Duplex, Interest, More, Transport};
pub use writer::{NetworkWriter, WaitsFor, WriterOptions, WriterStats};
