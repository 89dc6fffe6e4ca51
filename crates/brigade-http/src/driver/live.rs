//! What a server does, exchanged while it does it: handler and settings as one, and where it listens.
//!
//! Invariant: a response is made with the handler and the settings that were there when its request
//! began, however often they are exchanged meanwhile; no request sees the handler of one and the
//! settings of another.

use std::fmt;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Handler, Listener, Settings};

/// A handler, and the settings its responses have.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) settings: Arc<Settings>,
}

impl Service {
    /// One that nobody exchanges.
    pub(super) fn constant(self) -> watch::Receiver<Self> {
        // The sender is gone, which no receiver takes for a change.
        watch::channel(self).1
    }
}

/// Exchanges what a running server does. From [`Server::live`](super::Server::live).
///
/// Models a graceful restart, without new processes: the next request, on old connections too, is
/// answered by the new handler with the new settings; running responses keep theirs.
///
/// ```
/// use brigade_http::driver::{Request, Response, Server, Settings};
///
/// async fn old(_request: Request, mut response: Response) -> brigade::Result<()> {
///     response.write(b"old\n").await
/// }
/// async fn new(_request: Request, mut response: Response) -> brigade::Result<()> {
///     response.write(b"new\n").await
/// }
///
/// let (server, live) = Server::new(old).live();
/// // `server.serve(…)` runs in a task of its own; then, whenever it is time:
/// live.exchange(new, Settings::default());
/// # drop(server);
/// ```
#[derive(Clone)]
#[doc(alias = "graceful restart")]
pub struct Live {
    service: watch::Sender<Service>,
    places: watch::Sender<Vec<Listener>>,
}

impl Live {
    pub(super) fn new(service: Service) -> Self {
        Self { service: watch::channel(service).0, places: watch::channel(Vec::new()).0 }
    }

    pub(super) fn service(&self) -> watch::Receiver<Service> {
        self.service.subscribe()
    }

    pub(super) fn places(&self) -> Places {
        Places(self.places.subscribe())
    }

    /// Answers requests that begin from now on by `handler` with `settings`.
    ///
    /// What is the connection's own stays as it began: its storage, its writer, and how large a head it
    /// can read.
    pub fn exchange(&self, handler: impl Handler, settings: Settings) {
        let service = Service { handler: Arc::new(handler), settings: Arc::new(settings) };
        self.service.send_replace(service);
    }

    /// Listens at `places` from now on, and nowhere else. A [`Listener`] that was there before keeps its
    /// socket, with those who wait in its queue: hand in a clone. Connections stay, wherever they came.
    pub fn listen(&self, places: Vec<Listener>) {
        self.places.send_replace(places);
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("places", &*self.places.borrow()).finish_non_exhaustive()
    }
}

/// Where to listen, once that is changed.
#[derive(Clone)]
pub(super) struct Places(watch::Receiver<Vec<Listener>>);

impl Places {
    /// Those that nobody changes.
    pub(super) fn constant() -> Self {
        Self(watch::channel(Vec::new()).1)
    }

    /// Waits for a change.
    pub(super) async fn changed(&mut self) -> Vec<Listener> {
        if self.0.changed().await.is_err() {
            // Nobody is left who could change them.
            pending::<()>().await;
        }
        self.0.borrow_and_update().clone()
    }
}
