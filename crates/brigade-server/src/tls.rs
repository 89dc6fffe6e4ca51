//! TLS of `brigade serve`: certificates from files, or one that is made for this run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use brigade::{Error, ErrorKind, Result};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::listen::Place;

/// How to speak TLS.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS, at every address; Unix sockets stay plain")]
pub(crate) struct TlsArgs {
    /// The certificate, and those that vouch for it, in PEM
    #[arg(id = "tls_cert", long = "tls-cert", value_name = "FILE", requires = "tls_key")]
    cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM
    #[arg(id = "tls_key", long = "tls-key", value_name = "FILE", requires = "tls_cert")]
    key: Option<PathBuf>,
    /// Make a certificate for this run, which nobody trusts: for trying (`curl -k`)
    #[arg(long = "tls-self-signed", conflicts_with = "tls_cert")]
    self_signed: bool,
}

type Chain = Vec<CertificateDer<'static>>;

impl TlsArgs {
    /// The certificate that is asked for; `None`: no TLS.
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some(Certificate::of_files(cert.clone(), key.clone())),
            _ => self.self_signed.then_some(Certificate::SelfSigned),
        }
    }
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Certificate {
    Files { cert: PathBuf, key: PathBuf },
    SelfSigned,
}

impl Certificate {
    pub(crate) fn of_files(cert: PathBuf, key: PathBuf) -> Self {
        Self::Files { cert, key }
    }
}

/// How to speak TLS with this certificate; one that is made here names `places`.
///
/// # Errors
///
/// What is wrong with the files.
pub(crate) fn config(certificate: &Certificate, places: &[Place]) -> Result<Arc<ServerConfig>> {
    let (chain, key, whose) = match certificate {
        Certificate::Files { cert, key } => {
            let whose =
                format!("the certificate {} with the key {}", cert.display(), key.display());
            (read_chain(cert)?, read_key(key)?, whose)
        }
        Certificate::SelfSigned => {
            let (chain, key) = self_signed(places)?;
            (chain, key, "a certificate made for this run".to_owned())
        }
    };
    let unusable =
        |cause| Error::new(ErrorKind::InvalidInput, format!("use {whose}")).because(cause);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read_chain(path: &Path) -> Result<Chain> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Chain, _>>();
    let chain = read().map_err(|cause| unreadable("certificates", path, cause))?;
    if chain.is_empty() {
        let context = format!("find a certificate in {}", path.display());
        return Err(Error::new(ErrorKind::InvalidInput, context));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).map_err(|cause| unreadable("the private key", path, cause))
}

fn unreadable(what: &str, path: &Path, cause: rustls::pki_types::pem::Error) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("read {what} in {}", path.display())).because(cause)
}

/// A certificate for this machine by its usual names, and for the addresses listened at.
fn self_signed(places: &[Place]) -> Result<(Chain, PrivateKeyDer<'static>)> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    for place in places {
        match place {
            Place::Tcp(address) if !address.ip().is_unspecified() => {
                let name = address.ip().to_string();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            _ => {}
        }
    }
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|cause| Error::other("make a certificate").because(cause))?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Ok((vec![made.cert.der().clone()], key.into()))
}

/// Whether `error` is a client's that could not agree on how to speak: one that trusts nobody, or speaks
/// no TLS at all.
pub(crate) fn is_clients(error: &Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
        .any(|error| error.downcast_ref::<rustls::Error>().is_some())
}
