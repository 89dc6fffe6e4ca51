//! TLS: a chain over `TlsTransport`, and rustls by hand, which writes records of what it gathered.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use brigade_net::rustls::crypto::ring;
use brigade_net::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use brigade_net::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use brigade_net::{StdTransport, TlsTransport};

use crate::peer::{Looks, Receiver};
use crate::shapes::Shape;
use crate::sides::{ChainWrites, Sends};

/// What is gathered before it is coded, as the network writer does.
const GATHER_BYTES: usize = 64 * 1024;

/// A server that is `localhost`, and a client that believes it.
static CONFIGS: LazyLock<(Arc<ServerConfig>, Arc<ClientConfig>)> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let made = made.expect("a name that a certificate can have");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .expect("they belong together");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("it is a certificate");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
});

/// The peer, which shakes hands when it reads.
pub(crate) fn receiver(socket: TcpStream) -> Receiver {
    let name = ServerName::try_from("localhost").expect("it is a name");
    let client = ClientConnection::new(CONFIGS.1.clone(), name).expect("it is a configuration");
    Receiver::new(StreamOwned::new(client, Looks(socket)))
}

/// A chain over TLS, written to piece by piece.
pub(crate) fn chain(socket: TcpStream) -> ChainWrites {
    let line = TlsTransport::server(StdTransport::new(socket), CONFIGS.0.clone());
    ChainWrites::new(line.expect("it is a configuration"))
}

/// rustls by hand.
pub(crate) struct Bare {
    stream: StreamOwned<ServerConnection, TcpStream>,
    gathered: Vec<u8>,
}

impl Bare {
    pub(crate) fn new(socket: TcpStream) -> Self {
        let mut server = ServerConnection::new(CONFIGS.0.clone()).expect("it is a configuration");
        server.set_buffer_limit(None);
        let stream = StreamOwned::new(server, socket);
        Self { stream, gathered: Vec::with_capacity(GATHER_BYTES) }
    }

    fn write(&mut self) {
        let StreamOwned { conn, sock } = &mut self.stream;
        while conn.is_handshaking() {
            conn.complete_io(sock).expect("the peer shakes hands");
        }
        conn.writer().write_all(&self.gathered).expect("there is no limit");
        self.gathered.clear();
        while conn.wants_write() {
            conn.write_tls(sock).expect("the peer reads");
        }
    }
}

impl Sends for Bare {
    fn send(&mut self, shape: &Shape) {
        for pieces in shape.flushes() {
            for piece in pieces {
                if self.gathered.len() + piece.len() > GATHER_BYTES {
                    self.write();
                }
                self.gathered.extend_from_slice(piece);
            }
            self.write();
        }
    }
}
