//! What an operator may say about the heads of all responses.

use std::fmt;
use std::time::SystemTime;

use http::{HeaderValue, StatusCode};

use super::ErrorPage;
use super::date::{DateCache, DateText};
use crate::RequestHead;

type MakePage = dyn Fn(StatusCode, &RequestHead) -> Option<ErrorPage> + Send + Sync;

/// What the [header filter](super::Header) writes beside what the handler says. One for a server,
/// shared.
///
/// ```
/// use brigade::Bucket;
/// use brigade_http::{ErrorPage, HeaderOptions};
/// use http::{HeaderValue, StatusCode};
///
/// let html = HeaderValue::from_static("text/html; charset=utf-8");
/// let options = HeaderOptions::default()
///     .server(HeaderValue::from_static("brigade"))
///     .error_page(move |status, _request| match status {
///         StatusCode::NOT_FOUND => {
///             Some(ErrorPage::new(html.clone(), Bucket::immortal(b"<h1>Nothing here</h1>")))
///         }
///         _ => None,
///     });
/// # let _ = options;
/// ```
pub struct HeaderOptions {
    server: Option<HeaderValue>,
    date: DateCache,
    make_page: Option<Box<MakePage>>,
}

impl Default for HeaderOptions {
    /// No Server field, the system's clock, and the short pages of [`ErrorPage::plain`].
    fn default() -> Self {
        Self { server: None, date: DateCache::new(SystemTime::now), make_page: None }
    }
}

impl HeaderOptions {
    /// Says who serves, in the Server field of responses that do not say it.
    #[must_use]
    pub fn server(mut self, server: HeaderValue) -> Self {
        self.server = Some(server);
        self
    }

    /// Replaces the clock of the Date field.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.date = DateCache::new(clock);
        self
    }

    /// Makes the bodies of error responses: `None` stands for the short page. A page can be a FILE.
    ///
    /// It is called on the connection's thread, so it must not wait. Models `ErrorDocument`.
    #[must_use]
    #[doc(alias = "ErrorDocument")]
    pub fn error_page(
        mut self,
        make: impl Fn(StatusCode, &RequestHead) -> Option<ErrorPage> + Send + Sync + 'static,
    ) -> Self {
        self.make_page = Some(Box::new(make));
        self
    }

    pub(super) fn server_field(&self) -> Option<&HeaderValue> {
        self.server.as_ref()
    }

    pub(super) fn date_field(&self) -> Option<DateText> {
        self.date.now()
    }

    pub(super) fn page(&self, status: StatusCode, request: &RequestHead) -> ErrorPage {
        let own = self.make_page.as_ref().and_then(|make| make(status, request));
        own.unwrap_or_else(|| ErrorPage::plain(status))
    }
}

impl fmt::Debug for HeaderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderOptions")
            .field("server", &self.server)
            .field("has_error_pages", &self.make_page.is_some())
            .finish_non_exhaustive()
    }
}
