//! What the connections of a server have in common.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brigade::{Chain, Error, Prepared};
use brigade_net::WriterOptions;

use super::request::RequestLimits;
use crate::{Exchange, HeaderOptions, join_protocol};

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
    /// The filters each response goes through, equal kinds in this order.
    pub filters: Vec<Prepared>,
    /// What the header filter writes beside what the handler says.
    pub header: Arc<HeaderOptions>,
    /// How the network writer gathers and holds back.
    pub writer: WriterOptions,
    pub(super) report: Report,
}

/// `limit`, or 30 years: no clock can tell a time that is further away.
pub(super) fn bounded(limit: Duration) -> Duration {
    limit.min(Duration::from_secs(30 * 365 * 24 * 60 * 60))
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
            filters: Vec::new(),
            header: Arc::default(),
            writer: WriterOptions::default(),
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

    /// Sets who is told of a handler's, a filter's or a connection's error: a log.
    #[must_use]
    pub fn report(mut self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.report = Report(Some(Arc::new(tell)));
        self
    }

    pub(super) fn report_error(&self, error: &Error) {
        self.report.tell(error);
    }

    /// The filters of one response join its chain.
    pub(super) fn join(&self, chain: &mut Chain, exchange: &Exchange) {
        for filter in &self.filters {
            chain.join_request(filter.member());
        }
        join_protocol(chain, exchange, &self.header);
    }
}
