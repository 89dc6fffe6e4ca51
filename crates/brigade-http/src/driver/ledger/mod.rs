//! A ledger of a server's responses: who held how many bytes for how long, and why it all went so.
//!
//! Invariants: it is bounded, whatever clients send: the last so many responses, each with a bounded
//! number of lines of a bounded length. No byte of a body is in it. A server without one pays nothing.

mod entry;
mod line;
mod recorder;
mod totals;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub use self::entry::{Entry, FilterLine, Reason};
pub(super) use self::line::{Asked, Line};
pub use self::totals::{FilterTotals, Totals};
pub use self::view::{BlockView, ConnectionView};
use super::conn::Shared;

/// The field of a request by which its [`Entry`] can be found: up to 64 letters, digits and hyphens.
///
/// It is honoured only where there is a ledger.
pub const EXPLAIN_FIELD: &str = "brigade-explain";

/// What became of a server's responses. Clones see the same.
///
/// A server that is [given one](super::Settings::ledger) has each chain observed. The driver on tokio
/// stamps the times; the blocking one keeps no ledger.
///
/// ```
/// use brigade_http::driver::{Ledger, Settings};
///
/// let ledger = Ledger::new(256);
/// let settings = Settings::default().ledger(ledger.clone());
/// // A server with these settings serves somewhere else; here is what it did:
/// for entry in ledger.recent() {
///     println!("{} {}: {} bytes", entry.method, entry.target, entry.bytes_out);
/// }
/// assert_eq!(ledger.totals().responses, 0);
/// # drop(settings);
/// ```
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    recent: VecDeque<Arc<Mutex<Entry>>>, // Invariant: at most `limit`.
    begun: u64,
    connections: BTreeMap<u64, Weak<Shared>>,
    totals: Totals,
}

impl Ledger {
    /// A ledger of the last `responses` responses, at least one; each takes up to some 16 KiB.
    pub fn new(responses: usize) -> Self {
        Self(Arc::new(Inner { limit: responses.max(1), state: Mutex::default() }))
    }

    /// The last responses, those that are under way among them; the latest last.
    pub fn recent(&self) -> Vec<Entry> {
        let entries: Vec<_> = self.lock().recent.iter().cloned().collect();
        entries.iter().map(|entry| lock(entry).clone()).collect()
    }

    /// The latest response whose request had this [id](EXPLAIN_FIELD).
    pub fn find(&self, id: &str) -> Option<Entry> {
        let entries: Vec<_> = self.lock().recent.iter().rev().cloned().collect();
        entries
            .iter()
            .map(|entry| lock(entry))
            .find(|entry| entry.id.as_deref() == Some(id))
            .map(|entry| entry.clone())
    }

    /// What all responses that have ended came to, and the connections.
    pub fn totals(&self) -> Totals {
        let state = self.lock();
        Totals { connections_open: state.connections.len() as u64, ..state.totals.clone() }
    }

    /// The first `limit` connections that are open now, and what each holds. Locks each for a moment.
    pub fn connections(&self, limit: usize) -> Vec<ConnectionView> {
        // A connection that ends while it is looked at locks the ledger: it is not locked meanwhile.
        let open: Vec<_> = self
            .lock()
            .connections
            .iter()
            .take(limit)
            .map(|(at, conn)| (*at, conn.clone()))
            .collect();
        let views = open.iter().filter_map(|(number, conn)| {
            let shared = conn.upgrade()?;
            Some(ConnectionView::of(*number, &mut shared.lock()))
        });
        views.collect()
    }

    /// A connection has come.
    pub(super) fn open(&self, shared: &Arc<Shared>) -> Line {
        let mut state = self.lock();
        state.totals.connections_accepted += 1;
        let number = state.totals.connections_accepted;
        state.connections.insert(number, Arc::downgrade(shared));
        Line::new(self.clone(), number)
    }

    fn closed(&self, number: u64) {
        self.lock().connections.remove(&number);
    }

    /// A response begins.
    fn begin(&self, mut entry: Entry) -> Arc<Mutex<Entry>> {
        let mut state = self.lock();
        state.begun += 1;
        entry.number = state.begun;
        let entry = Arc::new(Mutex::new(entry));
        if state.recent.len() == self.0.limit {
            state.recent.pop_front();
        }
        state.recent.push_back(Arc::clone(&entry));
        entry
    }

    /// A response has ended.
    fn end(&self, entry: &Entry) {
        self.lock().totals.add(entry);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

/// What a panic left is as true as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("limit", &self.0.limit)
            .field("totals", &self.totals())
            .finish()
    }
}
