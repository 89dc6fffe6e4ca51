//! Accepts connections, a bounded number at a time, and ends them in order when asked to.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use brigade::{Budget, Error, Result};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::connection::serve_line;
use super::live::{Places, Service};
use super::{Handler, Line, Listeners, Live, Settings};

/// A server: see [`Server::serve`].
///
/// ```no_run
/// use std::time::Duration;
/// use brigade_http::driver::{Request, Response, Server};
///
/// async fn hello(_request: Request, mut response: Response) -> brigade::Result<()> {
///     response.write(b"hello\n").await
/// }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let stop = async { tokio::time::sleep(Duration::from_secs(3600)).await };
/// Server::new(hello).serve(listener, stop).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Server {
    service: watch::Receiver<Service>,
    places: Places,
    max_connections: usize,
    grace: Duration,
}

impl Server {
    /// A server with default settings, at most 20,000 connections and 30 s of grace.
    pub fn new(handler: impl Handler) -> Self {
        let service = Service { handler: Arc::new(handler), settings: Arc::default() };
        Self {
            service: service.constant(),
            places: Places::constant(),
            max_connections: 20_000,
            grace: Duration::from_secs(30),
        }
    }

    /// Sets what the connections have in common.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        let service = Service { settings: Arc::new(settings), ..self.service() };
        self.service = service.constant();
        self
    }

    /// Lets handler, settings and places be exchanged while it serves. Set them first: what is set on a
    /// server after this is for the server alone, and [`Live`] no longer reaches it.
    #[must_use]
    pub fn live(mut self) -> (Self, Live) {
        let live = Live::new(self.service());
        self.service = live.service();
        self.places = live.places();
        (self, live)
    }

    fn service(&self) -> Service {
        self.service.borrow().clone()
    }

    /// Sets how many connections may be open; those beyond wait in the system's queue.
    #[must_use]
    pub fn max_connections(mut self, limit: usize) -> Self {
        self.max_connections = limit.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Sets how long running responses may go on after the server was asked to stop.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Serves all who come to `places`, one listener or several, until `stop`, then closes idle connections, lets running responses finish within the
    /// grace, and cuts off the rest. Dropping the future cuts all off at once.
    ///
    /// # Errors
    ///
    /// When a listener breaks. Having no descriptor left, or no room in the
    /// [budget](Settings::storage), is no error: accepting pauses.
    pub async fn serve(
        mut self,
        places: impl Into<Listeners>,
        stop: impl Future<Output = ()>,
    ) -> Result<()> {
        let mut places = places.into();
        let (begin_drain, drain) = watch::channel(false);
        let slots = Arc::new(Semaphore::new(self.max_connections));
        let mut running = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        let budget = self.service.borrow().settings.storage.budget.clone();
        loop {
            tokio::select! {
                accepted = accept(&mut places, &slots, budget.as_ref()) => {
                    let (line, slot) = accepted?;
                    let drain = Drain(drain.clone());
                    let service = self.service.clone();
                    running.spawn(async move {
                        run(line, service, drain).await;
                        drop(slot);
                    });
                    while running.try_join_next().is_some() {}
                }
                changed = self.places.changed() => places = changed.into(),
                () = &mut stop => break,
            }
        }
        drop(places);
        begin_drain.send_replace(true);
        let drained = async { while running.join_next().await.is_some() {} };
        // Whoever is not done by then is cut off: the set aborts what is left in it.
        let _ = tokio::time::timeout(self.grace, drained).await;
        Ok(())
    }
}

async fn run(line: Line, service: watch::Receiver<Service>, drain: Drain) {
    let report = service.clone();
    if let Err(error) = serve_line(line, service, drain).await {
        let settings = report.borrow().settings.clone();
        settings.report_error(&error);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.service.borrow().settings)
            .field("max_connections", &self.max_connections)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

type Slot = tokio::sync::OwnedSemaphorePermit;

async fn accept(
    places: &mut Listeners,
    slots: &Arc<Semaphore>,
    budget: Option<&Budget>,
) -> Result<(Line, Slot)> {
    let slot = slots.clone().acquire_owned().await;
    let slot =
        slot.map_err(|closed| Error::other("wait for a connection's place").because(closed))?;
    Ok((super::accept::accept(places, budget).await?, slot))
}

/// Whether a server has been asked to stop. Clones see the same.
#[derive(Debug, Clone)]
pub struct Drain(watch::Receiver<bool>);

impl Drain {
    /// A server that is never asked to stop.
    pub fn never() -> Self {
        // The sender is gone, which no receiver takes for a change.
        Self(watch::channel(false).1)
    }

    /// Whether it has been asked.
    pub fn is_draining(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is asked.
    pub async fn begun(&self) {
        let mut asked = self.0.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}
