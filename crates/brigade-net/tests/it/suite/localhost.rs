//! Both ends of a TLS connection to `localhost`: brigade-http's tests take this file, too.

use std::sync::{Arc, LazyLock};

use brigade_net::rustls::crypto::ring;
use brigade_net::rustls::pki_types::PrivatePkcs8KeyDer;
use brigade_net::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// A server that is `localhost`, and a client that believes it.
pub(crate) static CONFIGS: LazyLock<(Arc<ServerConfig>, Arc<ClientConfig>)> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
});
