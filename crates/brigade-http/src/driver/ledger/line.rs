//! What a connection has of its server's ledger.
//!
//! Invariant: every entry that was begun is ended, also when the connection breaks off.

use std::sync::{Arc, Mutex};

use brigade::{Chain, End, EndOfRequest, Outcome};
use http::Version;

use super::entry::{Entry, name_of_framing};
use super::recorder::{Current, Recorder};
use super::{EXPLAIN_FIELD, Ledger, lock};
use crate::{Exchange, RequestHead};

const MAX_ID_BYTES: usize = 64;

/// Who decides what no filter does.
const CONNECTION: &str = "connection";

/// One connection of the ledger's server.
pub(in super::super) struct Line {
    ledger: Ledger,
    number: u64,
    current: Arc<Mutex<Current>>,
    written_before: u64, // Bytes that had left on the connection when the response began.
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Asked {
    /// A handler answers it.
    Well,
    /// No handler is asked about it.
    Badly,
    /// The server stops.
    Late,
}

impl Line {
    pub(super) fn new(ledger: Ledger, number: u64) -> Self {
        Self { ledger, number, current: Arc::default(), written_before: 0 }
    }

    /// Looks at `chain` from here on.
    pub(in super::super) fn observe(&self, chain: &mut Chain) {
        chain.observe(Recorder(Arc::clone(&self.current)));
    }

    /// A response begins, when `written` bytes have left on the connection.
    pub(in super::super) fn begin(&mut self, request: &RequestHead, asked: Asked, written: u64) {
        self.written_before = written;
        let entry = self.ledger.begin(Entry::new(request, explain_id(request)));
        *lock(&self.current) = Current::of(entry, asked);
    }

    /// The response has left the request's filters: gives who is to be told when it has left for good.
    pub(in super::super) fn produced(&self, exchange: &Exchange) -> Option<Box<dyn EndOfRequest>> {
        let (entry, asked) = lock(&self.current).entry.clone()?;
        let (ledger, exchange) = (self.ledger.clone(), exchange.clone());
        Some(Box::new(move |outcome: &Outcome| end(&ledger, &entry, &exchange, asked, outcome)))
    }

    /// The connection has ended, when `written` bytes had left on it; a response that was under way has
    /// ended so.
    pub(in super::super) fn broken(&self, exchange: &Exchange, how: End, written: u64) {
        if let Some((entry, asked)) = lock(&self.current).entry.take() {
            let outcome = Outcome::new(how, written.saturating_sub(self.written_before));
            end(&self.ledger, &entry, exchange, asked, &outcome);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.ledger.closed(self.number);
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What a client calls its request: nothing that would have to be escaped anywhere.
fn explain_id(request: &RequestHead) -> Option<String> {
    let id = request.headers.get(EXPLAIN_FIELD)?.to_str().ok()?;
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_plain && !id.is_empty() && id.len() <= MAX_ID_BYTES).then(|| id.to_owned())
}

fn end(
    ledger: &Ledger,
    entry: &Mutex<Entry>,
    exchange: &Exchange,
    asked: Asked,
    outcome: &Outcome,
) {
    let mut entry = lock(entry);
    if entry.end.is_some() {
        return;
    }
    entry.status = exchange.status().map(|status| status.as_u16()).or(entry.status);
    entry.framing = exchange.framing().map(name_of_framing);
    entry.closes = exchange.closes();
    if exchange.closes()
        && let Some(why) = why_closed(exchange, asked)
    {
        entry.because(CONNECTION, &why);
    }
    match outcome.end {
        End::ClientGone => entry.because(CONNECTION, "cut off: the client went away"),
        End::Timeout => entry.because(CONNECTION, "cut off: the client took nothing for too long"),
        _ => {}
    }
    for warning in exchange.warnings() {
        entry.because(warning.filter().unwrap_or(CONNECTION), &format!("warns: {warning}"));
    }
    entry.close(outcome.end, outcome.bytes_out);
    ledger.end(&entry);
}

/// Why a connection closes after a response, where that is no filter's doing.
fn why_closed(exchange: &Exchange, asked: Asked) -> Option<String> {
    let error = || exchange.error().map(|error| format!(": {error}")).unwrap_or_default();
    let request = exchange.request();
    let why = if exchange.has_failed() {
        format!("closed: the response failed after its head had left{}", error())
    } else if asked == Asked::Badly {
        format!("closed: the request could not be answered{}", error())
    } else if asked == Asked::Late {
        "closed: the server stops".to_owned()
    } else if request.wants_keep_alive() {
        return None; // The header filter has said why.
    } else if request.version < Version::HTTP_11 {
        "closed: HTTP/1.0 closes unless it is asked not to".to_owned()
    } else {
        "closed: the client asked for it".to_owned()
    };
    Some(why)
}
