//! Where a server listens: any number of places, each TCP or a Unix socket, each plain or by TLS.

use std::io;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::task::{Context, Poll};

#[cfg(feature = "tls")]
use brigade_net::rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};

use super::Line;

/// A place where a server listens.
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
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    #[cfg(feature = "tls")]
    tls: Option<Arc<ServerConfig>>,
}

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
            socket,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Speaks TLS with those who come here.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Line>> {
        let line = match &self.socket {
            Socket::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| stream.into()),
            Socket::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| stream.into()),
        };
        #[cfg(feature = "tls")]
        let line = line.map_ok(|line: Line| match &self.tls {
            Some(config) => line.tls(Arc::clone(config)),
            None => line,
        });
        line
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
