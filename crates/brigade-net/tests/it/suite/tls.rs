//! TLS over each kind of line; the peer is a TLS client that waits.

use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use brigade_net::rustls::crypto::ring;
use brigade_net::rustls::pki_types::ServerName;
use brigade_net::rustls::{ClientConfig, RootCertStore};
use brigade_net::{Duplex, Interest, NonBlockingTransport, StdTransport, TlsTransport};
use brigade_testkit::{MemoryLine, memory_line};

use super::lines::{self, tcp_pair};
use super::localhost::CONFIGS;
use super::{PATIENCE, Peer, Rig};

pub(crate) fn server<T: Duplex>(line: T) -> TlsTransport<T> {
    TlsTransport::server(line, CONFIGS.0.clone()).unwrap()
}

pub(crate) fn client<T: Duplex>(line: T) -> TlsTransport<T> {
    client_of(line, "localhost", CONFIGS.1.clone())
}

pub(crate) fn client_of<T: Duplex>(
    line: T,
    name: &str,
    config: Arc<ClientConfig>,
) -> TlsTransport<T> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsTransport::client(line, config, name).unwrap()
}

/// A client's configuration that trusts nobody.
pub(crate) fn distrust() -> Arc<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Arc::new(client)
}

fn far(far: TcpStream) -> Peer {
    Peer::new(client(StdTransport::new(far)))
}

pub(crate) struct Blocking;

impl Rig for Blocking {
    type Near = TlsTransport<StdTransport>;

    const WAITS: bool = true;
    const SENDS_FILES: bool = false;

    fn connect(limit: Duration) -> (Self, Self::Near, Peer) {
        let (near, peer) = tcp_pair();
        near.set_read_timeout(Some(PATIENCE)).unwrap();
        let near = StdTransport::new(near);
        near.set_write_timeout(Some(limit)).unwrap();
        (Self, server(near), far(peer))
    }

    fn wait(&self, _near: &Self::Near, _interest: Interest) {
        unreachable!("it waits by itself");
    }
}

pub(crate) struct NonBlocking(Arc<TcpStream>);

impl Rig for NonBlocking {
    type Near = TlsTransport<NonBlockingTransport>;

    const SENDS_FILES: bool = false;

    fn connect(_limit: Duration) -> (Self, Self::Near, Peer) {
        let (near, peer) = tcp_pair();
        near.set_nonblocking(true).unwrap();
        let near = Arc::new(near);
        (Self(near.clone()), server(NonBlockingTransport::new(near)), far(peer))
    }

    fn wait(&self, _near: &Self::Near, interest: Interest) {
        lines::wait_by_poll(&self.0.as_fd(), interest);
    }
}

pub(crate) struct Memory;

impl Rig for Memory {
    type Near = TlsTransport<MemoryLine>;

    const SENDS_FILES: bool = false;

    fn connect(_limit: Duration) -> (Self, Self::Near, Peer) {
        let (near, far) = memory_line(100);
        (Self, server(near), Peer::new(client(far.waiting(PATIENCE))))
    }

    fn wait(&self, near: &Self::Near, interest: Interest) {
        let ready = near.with_line(|line| line.wait(interest, PATIENCE));
        assert!(ready, "a line in memory is never ready for {interest:?}");
    }
}

#[cfg(feature = "tokio")]
pub(crate) struct Tokio(Arc<tokio::net::TcpStream>);

#[cfg(feature = "tokio")]
impl Rig for Tokio {
    type Near = TlsTransport<brigade_net::TokioTransport>;

    const SENDS_FILES: bool = false;

    fn connect(_limit: Duration) -> (Self, Self::Near, Peer) {
        let (near, peer) = tcp_pair();
        near.set_nonblocking(true).unwrap();
        let _inside = lines::RUNTIME.enter();
        let near = Arc::new(tokio::net::TcpStream::from_std(near).unwrap());
        (Self(near.clone()), server(brigade_net::TokioTransport::new(near)), far(peer))
    }

    fn wait(&self, _near: &Self::Near, interest: Interest) {
        lines::wait_on_tokio(&*self.0, interest);
    }
}
