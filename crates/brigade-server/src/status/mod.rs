//! What a running server says of itself, on a listener of its own.
//!
//! Invariant: nothing of this is there unless it is asked for, and never where the files are served. It
//! holds what the [`Ledger`] holds, and a response for each who watches.

mod metrics;

use std::sync::Arc;
use std::time::{Duration, Instant};

use brigade::{Error, ErrorKind, Result};
use brigade_http::driver::{
    ConnectionView, Entry, Ledger, Listener, Request, Response, Router, Server, Totals,
};
use brigade_http::with_status;
use http::StatusCode;

use crate::listen::{Bound, Place, SocketFile, bind};
use crate::memory::{Line, Memory};

/// How many responses the ledger keeps.
const KEPT_RESPONSES: usize = 256;
/// How many of them, and how many connections, a look shows.
const SHOWN: usize = 24;
const SHOWN_CONNECTIONS: usize = 64;
/// How often whoever watches is told.
const PERIOD: Duration = Duration::from_secs(1);

/// The live page: one file, nothing beside it.
const PAGE: &str = include_str!("page.html");
/// It loads nothing from anywhere, and is shown in nobody's frame.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The status of a server.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    ledger: Ledger,
    memory: Memory,
    since: Instant,
}

/// What is said, as JSON.
#[derive(Debug, serde::Serialize)]
struct Look {
    version: &'static str,
    uptime_seconds: f64,
    memory: Line,
    totals: Totals,
    /// The first of those that are open.
    connections: Vec<ConnectionView>,
    /// The last responses, the latest first.
    recent: Vec<Entry>,
}

impl Status {
    /// The status of a server whose connections have this memory.
    pub(crate) fn new(memory: Memory) -> Self {
        Self { ledger: Ledger::new(KEPT_RESPONSES), memory, since: Instant::now() }
    }

    /// For the settings of the server.
    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// Listens at `place`, and answers there until the runtime ends; gives the URL of the live page, and
    /// the file of a Unix socket, to be kept. Inside a runtime.
    ///
    /// # Errors
    ///
    /// What the system answered.
    pub(crate) async fn serve_at(self, place: &Place) -> Result<(String, Option<SocketFile>)> {
        let (listener, file, url) = match bind(place).await? {
            Bound::Tcp(listener, address) => {
                (Listener::from(listener), None, format!("http://{address}/-/"))
            }
            Bound::Unix(listener, file) => (listener.into(), Some(file), place.to_string()),
        };
        let server = Server::new(self.router()).max_connections(64);
        tokio::spawn(async move {
            if let Err(error) = server.serve(vec![listener], std::future::pending()).await {
                crate::report(&error);
            }
        });
        Ok((url, file))
    }

    fn router(self) -> Router {
        let status = Arc::new(self);
        let at = |answer: fn(&Self, &Request) -> Result<Answer>| {
            let status = Arc::clone(&status);
            move |request: Request, response: Response| {
                let status = Arc::clone(&status);
                async move { answer(&status, &request)?.send(response).await }
            }
        };
        let events = {
            let status = Arc::clone(&status);
            move |_: Request, response: Response| events(Arc::clone(&status), response)
        };
        Router::new(at(|_, request| Err(not_found(request.uri.path()))))
            .route("/-/status", at(|status, _| Ok(Answer::json(&status.look()))))
            .route("/-/metrics", at(|status, _| Ok(status.metrics())))
            .route("/-/response", at(Self::response))
            .route("/-/events", events)
            .route(
                "/-/",
                at(|_, request| match request.uri.path() {
                    "/-/" => Ok(Answer::new("text/html; charset=utf-8", PAGE.to_owned())),
                    path => Err(not_found(path)),
                }),
            )
    }

    fn look(&self) -> Look {
        let recent = self.ledger.recent();
        Look {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: self.since.elapsed().as_secs_f64(),
            memory: self.memory.line(),
            totals: self.ledger.totals(),
            connections: self.ledger.connections(SHOWN_CONNECTIONS),
            recent: recent.into_iter().rev().take(SHOWN).collect(),
        }
    }

    fn metrics(&self) -> Answer {
        let text = metrics::text(&self.ledger.totals(), &self.memory.line());
        Answer::new("text/plain; version=0.0.4; charset=utf-8", text)
    }

    /// `/-/response?id=ID`: the ledger's entry of one request.
    fn response(&self, request: &Request) -> Result<Answer> {
        let id = request.uri.query().and_then(|query| query.strip_prefix("id="));
        let entry = id.and_then(|id| self.ledger.find(id));
        let entry = entry.ok_or_else(|| not_found(&request.uri.to_string()))?;
        Ok(Answer::json(&entry))
    }
}

/// A look each second for as long as somebody watches, as server-sent events. What this holds does not
/// grow with how long that is: the founding problem, on itself.
async fn events(status: Arc<Status>, mut response: Response) -> Result<()> {
    response.header("content-type", "text/event-stream")?.header("cache-control", "no-store")?;
    loop {
        let look = serde_json::to_string(&status.look()).expect("names and numbers are JSON");
        response.write(format!("data: {look}\n\n").as_bytes()).await?;
        response.flush().await?;
        tokio::select! {
            () = response.closed() => return Ok(()),
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// A short answer.
struct Answer {
    content_type: &'static str,
    body: String,
}

impl Answer {
    fn new(content_type: &'static str, body: String) -> Self {
        Self { content_type, body }
    }

    fn json(value: &impl serde::Serialize) -> Self {
        let body = serde_json::to_string(value).expect("names and numbers are JSON");
        Self::new("application/json", body + "\n")
    }

    async fn send(self, mut response: Response) -> Result<()> {
        response
            .header("content-type", self.content_type)?
            .header("cache-control", "no-store")?
            .header("content-security-policy", PAGE_POLICY)?
            .header("x-content-type-options", "nosniff")?;
        response.write(self.body.as_bytes()).await
    }
}

fn not_found(what: &str) -> Error {
    let error = Error::new(ErrorKind::InvalidInput, format!("there is no {what}"));
    with_status(error, StatusCode::NOT_FOUND)
}
