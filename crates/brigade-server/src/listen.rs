//! Where `brigade serve` listens: addresses, and paths of Unix sockets.
//!
//! Invariant: the file of a socket is removed with its listener, and only if it is still that socket.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use brigade::Error;
use tokio::net::{TcpListener, UnixListener};

/// How TLS is spoken at a place.
#[cfg(feature = "tls")]
pub(crate) type Tls = std::sync::Arc<rustls::ServerConfig>;
/// Without it nobody can ask for it.
#[cfg(not(feature = "tls"))]
pub(crate) type Tls = std::convert::Infallible;

/// A place to listen, as it is named on the command line and in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Place {
    /// Whether only this machine can come here.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl Place {
    /// Whether it can be listened at once only: port 0 is another place each time.
    pub(crate) fn is_one(&self) -> bool {
        !matches!(self, Self::Tcp(address) if address.port() == 0)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("unix: needs a path, such as unix:/run/brigade.sock".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                format!("{text:?} is neither an address, such as 127.0.0.1:8080, nor unix:PATH")
            }),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A listener at a place.
#[derive(Debug)]
pub(crate) enum Bound {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, SocketFile),
}

/// Listens at `place`. Inside a runtime.
///
/// # Errors
///
/// What the system answered; that another server is there.
pub(crate) async fn bind(place: &Place) -> Result<Bound, Error> {
    let bound = match place {
        Place::Tcp(address) => match TcpListener::bind(address).await {
            Ok(listener) => listener.local_addr().map(|address| Bound::Tcp(listener, address)),
            Err(error) => Err(error),
        },
        Place::Unix(path) => {
            bind_unix(path).and_then(|socket| Ok(Bound::Unix(socket, SocketFile::of(path)?)))
        }
    };
    bound.map_err(|cause| {
        let what = format!("listen on {place}: is another server there? try --listen");
        Error::new(brigade::ErrorKind::Io, what).because(cause)
    })
}

/// Listens at a path; a socket that a server left behind there, and nobody listens at, makes way.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_left_behind(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

fn is_left_behind(path: &Path) -> bool {
    let is_socket = path.symlink_metadata().is_ok_and(|file| file.file_type().is_socket());
    is_socket
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// The file of a Unix socket that this process listens at.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have taken the place meanwhile.
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // What cannot be removed is taken for left behind by the next one.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.symlink_metadata().map(|file| (file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_an_address_or_a_path_and_is_printed_as_it_is_read() {
        for (text, is_local) in [
            ("127.0.0.1:8080", true),
            ("[::1]:80", true),
            ("0.0.0.0:80", false),
            ("unix:/run/brigade.sock", true),
            ("unix:here", true),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!((place.to_string().as_str(), place.is_local()), (text, is_local));
        }
        for wrong in ["", "8080", "localhost:80", "unix:", "/run/brigade.sock"] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
