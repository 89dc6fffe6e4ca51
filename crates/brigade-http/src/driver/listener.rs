//! Where a server listens: any number of places, each TCP or a Unix socket, each plain or by TLS.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

#[cfg(feature = "tls")]
use brigade_net::rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};

use super::Line;

/// A place where a server listens. Clones are the same socket, which is closed with the last of them.
///
/// ```no_run
/// # async fn run(server: brigade_http::driver::Server) -> Result<(), Box<dyn std::error::Error>> {
/// use brigade_http::driver::Listener;
/// use tokio::net::{TcpListener, UnixListener};
///
/// let here = Listener::from(TcpListener::bind("127.0.0.1:8080").await?);
/// let there = Listener::from(UnixListener::bind("/run/brigade.sock")?);
/// server.serve([here, there], std::future::pending()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Listener {
    socket: Arc<Socket>,
    #[cfg(feature = "tls")]
    tls: Option<Arc<TlsNow>>,
}

/// How TLS is spoken with whoever comes now, if it is.
#[cfg(feature = "tls")]
type TlsNow = dyn Fn() -> Option<Arc<ServerConfig>> + Send + Sync;

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::new(Socket::Tcp(listener))
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::new(Socket::Unix(listener))
    }
}

impl Listener {
    fn new(socket: Socket) -> Self {
        Self {
            socket: Arc::new(socket),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Speaks TLS with those who come here.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, config: Arc<ServerConfig>) -> Self {
        self.tls_by(move || Some(Arc::clone(&config)))
    }

    /// Speaks TLS as `now` answers for each that comes, or not at all: so a certificate is renewed while
    /// the socket stays. Who is connected goes on as he began.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_by(
        mut self,
        now: impl Fn() -> Option<Arc<ServerConfig>> + Send + Sync + 'static,
    ) -> Self {
        self.tls = Some(Arc::new(now));
        self
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Line>> {
        let line = match &*self.socket {
            Socket::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| stream.into()),
            Socket::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| stream.into()),
        };
        #[cfg(feature = "tls")]
        let line = line.map_ok(|line: Line| match self.tls.as_ref().and_then(|now| now()) {
            Some(config) => line.tls(config),
            None => line,
        });
        line
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// All the places where a server listens. One place, or a list of them, is one.
#[derive(Debug)]
pub struct Listeners {
    places: Vec<Listener>,
    // Who is asked first: after each client the next one, so that one busy place starves no other.
    first: usize,
}

impl From<TcpListener> for Listeners {
    fn from(listener: TcpListener) -> Self {
        Listener::from(listener).into()
    }
}

impl From<UnixListener> for Listeners {
    fn from(listener: UnixListener) -> Self {
        Listener::from(listener).into()
    }
}

impl From<Listener> for Listeners {
    fn from(place: Listener) -> Self {
        vec![place].into()
    }
}

impl<const N: usize> From<[Listener; N]> for Listeners {
    fn from(places: [Listener; N]) -> Self {
        Vec::from(places).into()
    }
}

impl From<Vec<Listener>> for Listeners {
    fn from(places: Vec<Listener>) -> Self {
        Self { places, first: 0 }
    }
}

impl Listeners {
    /// The next client, wherever it comes.
    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Line>> {
        let (before, from) = self.places.split_at(self.first);
        let accepted = from.iter().chain(before).find_map(|place| match place.poll_accept(cx) {
            Poll::Ready(accepted) => Some(accepted),
            Poll::Pending => None,
        });
        let Some(accepted) = accepted else { return Poll::Pending };
        self.first = (self.first + 1) % self.places.len();
        Poll::Ready(accepted)
    }
}
