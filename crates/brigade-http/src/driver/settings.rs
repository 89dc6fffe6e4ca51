//! What the connections of a server have in common.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brigade::{AllocOptions, Chain, Disk, Error, Prepared};
use brigade_net::{PooledDisk, WriterOptions};

use super::ledger::Ledger;
use super::request::RequestLimits;
use crate::{Exchange, HeaderOptions, RequestHead, join_protocol};

/// Limits, timeouts and filters of a server's connections. Running responses keep the settings they
/// began with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// How large the head of a request may be.
    pub limits: RequestLimits,
    /// How long the head of a request may take from its first byte on: then 408.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request: then it is closed.
    pub keep_alive_timeout: Duration,
    /// How long a client may take nothing of a response: then it is cut off. Its system tells what it
    /// took in steps, of 100 KiB perhaps: a slow reader needs time for one.
    pub write_timeout: Duration,
    /// How long a request may wait for room in the budget of `storage` before its handler runs: then 503.
    /// A handler may wait as long, each time: then its call answers [`ErrorKind::TimedOut`], with which it
    /// fails to a 503 if nothing has left. A response whose head has left is cut off, and what it held is
    /// room for others.
    ///
    /// [`ErrorKind::TimedOut`]: brigade::ErrorKind::TimedOut
    pub room_timeout: Duration,
    /// The storage of each connection: its blocks, and the cache and the budget that all share.
    pub storage: AllocOptions,
    /// The filters each response goes through, equal kinds in this order.
    pub filters: Vec<Prepared>,
    insert: Insert,
    /// What the header filter writes beside what the handler says.
    pub header: Arc<HeaderOptions>,
    /// How the network writer gathers and holds back.
    pub writer: WriterOptions,
    /// Where the driver on tokio keeps what becomes of responses: nowhere unless there is one. It is the
    /// connection's: one that is there already stays with what it began with.
    pub ledger: Option<Ledger>,
    pub(super) disk: DiskMaker,
    pub(super) report: Report,
}

/// `limit`, or 30 years: no clock can tell a time that is further away.
pub(super) fn bounded(limit: Duration) -> Duration {
    limit.min(Duration::from_secs(30 * 365 * 24 * 60 * 60))
}

/// Who adds filters by the request.
#[derive(Clone, Default)]
struct Insert(Option<Arc<InsertHook>>);

type InsertHook = dyn Fn(&RequestHead, &mut Chain) + Send + Sync;

impl fmt::Debug for Insert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Insert" } else { "Insert(nobody)" })
    }
}

/// Makes each connection's way to files.
#[derive(Clone)]
pub(super) struct DiskMaker(Arc<dyn Fn() -> Box<dyn Disk> + Send + Sync>);

impl DiskMaker {
    pub(super) fn make(&self) -> Box<dyn Disk> {
        (self.0)()
    }
}

impl Default for DiskMaker {
    fn default() -> Self {
        Self(Arc::new(|| Box::new(PooledDisk::tokio())))
    }
}

impl fmt::Debug for DiskMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiskMaker")
    }
}

/// Who is told of errors.
#[derive(Clone, Default)]
pub(super) struct Report(Option<Arc<Tell>>);

type Tell = dyn Fn(&Error) + Send + Sync;

impl Report {
    pub(super) fn tell(&self, error: &Error) {
        if let Some(tell) = &self.0 {
            tell(error);
        }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Report" } else { "Report(nobody)" })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: RequestLimits::default(),
            header_timeout: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            room_timeout: Duration::from_secs(60),
            storage: AllocOptions::default(),
            filters: Vec::new(),
            insert: Insert::default(),
            header: Arc::default(),
            writer: WriterOptions::default(),
            ledger: None,
            disk: DiskMaker::default(),
            report: Report::default(),
        }
    }
}

impl Settings {
    /// Adds a filter for each response.
    #[must_use]
    pub fn filter(mut self, filter: Prepared) -> Self {
        self.filters.push(filter);
        self
    }

    /// Sets who adds filters to a response by its request, behind those that every response has where
    /// kinds are equal. It runs before the handler, and must only [join](Chain::join_request) filters.
    ///
    /// Models `insert_filter`; one hook, the last that was set.
    ///
    /// ```
    /// use brigade::{FilterKind, Member, from_fn};
    /// use brigade_http::driver::Settings;
    ///
    /// let settings = Settings::default().insert_filters(|request, chain| {
    ///     if request.uri.path().starts_with("/raw/") {
    ///         return;
    ///     }
    ///     let filter = from_fn(|input, next| next.push_all(input));
    ///     chain.join_request(Member::new("pass", FilterKind::RESOURCE, filter));
    /// });
    /// # drop(settings);
    /// ```
    #[doc(alias = "ap_hook_insert_filter")]
    #[must_use]
    pub fn insert_filters(
        mut self,
        hook: impl Fn(&RequestHead, &mut Chain) + Send + Sync + 'static,
    ) -> Self {
        self.insert = Insert(Some(Arc::new(hook)));
        self
    }

    /// Sets how long the head of a request may take.
    #[must_use]
    pub fn header_timeout(mut self, limit: Duration) -> Self {
        self.header_timeout = limit;
        self
    }

    /// Sets how long a connection may wait for its next request.
    #[must_use]
    pub fn keep_alive_timeout(mut self, limit: Duration) -> Self {
        self.keep_alive_timeout = limit;
        self
    }

    /// Sets how long a client may take nothing.
    #[must_use]
    pub fn write_timeout(mut self, limit: Duration) -> Self {
        self.write_timeout = limit;
        self
    }

    /// Sets how long a request, or a response under way, may wait for room in the budget.
    #[must_use]
    pub fn room_timeout(mut self, limit: Duration) -> Self {
        self.room_timeout = limit;
        self
    }

    /// Sets the storage of each connection, and what all share.
    ///
    /// With a [cache](AllocOptions::cache), a connection that waits for a request, or for the rest of
    /// one, gives its blocks to those that are busy. While a [budget](AllocOptions::budget) is used up,
    /// accepting pauses (who connects waits in the system's queue), new requests wait before their
    /// handlers run, handlers wait for room, and files that have to be read stay unread; see
    /// [`Budget`](brigade::Budget) for by how much it is overshot. A request's head is not counted in
    /// it: it has [limits](Self::limits) of its own.
    ///
    /// ```
    /// use brigade::{AllocOptions, BlockCache, Budget};
    /// use brigade_http::driver::Settings;
    ///
    /// let budget = Budget::new(64 * 1024 * 1024);
    /// let cache = BlockCache::new(8 * 1024, 512); // 4 MiB more
    /// let storage = AllocOptions::default().cache(cache.clone()).budget(budget.clone());
    /// let settings = Settings::default().storage(storage);
    /// // The clones tell an operator what is held, at any time.
    /// assert_eq!((budget.held_bytes(), cache.stats().blocks), (0, 0));
    /// # drop(settings);
    /// ```
    ///
    /// # Panics
    ///
    /// When [no allocator can be made](AllocOptions::build) with these options.
    #[must_use]
    pub fn storage(mut self, options: AllocOptions) -> Self {
        // Better here than when the first client connects.
        drop(options.clone().build());
        self.storage = options;
        self
    }

    /// Has what becomes of each response kept in `ledger`. Each chain is observed then, which costs time.
    #[must_use]
    pub fn ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// Sets how the connections of the async driver get at files, each by a way of its own that `make`
    /// makes. [`PooledDisk::tokio`] where nothing is said: what is not in memory is read on the runtime's
    /// threads for blocking work, so that no disk stops the thread that serves other connections.
    #[must_use]
    pub fn disk(mut self, make: impl Fn() -> Box<dyn Disk> + Send + Sync + 'static) -> Self {
        self.disk = DiskMaker(Arc::new(make));
        self
    }

    /// Sets who is told of a handler's, a filter's or a connection's error: a log.
    #[must_use]
    pub fn report(mut self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.report = Report(Some(Arc::new(tell)));
        self
    }

    pub(super) fn report_error(&self, error: &Error) {
        self.report.tell(error);
    }

    /// Reports what there is to know of a response that is over.
    pub(super) fn report_exchange(&self, exchange: &Exchange) {
        exchange
            .warnings()
            .iter()
            .chain(exchange.error())
            .for_each(|error| self.report_error(error));
    }

    /// The filters of one response join its chain.
    pub(super) fn join(&self, chain: &mut Chain, exchange: &Exchange) {
        for filter in &self.filters {
            chain.join_request(filter.member());
        }
        if let Insert(Some(hook)) = &self.insert {
            hook(exchange.request(), chain);
        }
        join_protocol(chain, exchange, &self.header);
    }
}
