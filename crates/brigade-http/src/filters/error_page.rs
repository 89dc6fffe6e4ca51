//! What a client is told when a response fails before its head was sent.
//!
//! Invariant: a page is made of the status alone. What went wrong is for the log, and may name files,
//! hosts or what another client sent.

use std::error::Error as StdError;
use std::{fmt, io};

use brigade::{Bucket, Error, ErrorKind};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::fields::{drop_body_fields, drop_identity, drop_terms_of_use};
use crate::ResponseHead;

/// The body of an error response.
#[derive(Debug)]
pub struct ErrorPage {
    content_type: HeaderValue,
    body: Bucket<'static>,
}

impl ErrorPage {
    /// A page of any kind of data: bytes, or a FILE, which goes out unread.
    pub fn new(content_type: HeaderValue, body: Bucket<'static>) -> Self {
        Self { content_type, body }
    }

    /// One line of text: `404 Not Found`.
    pub fn plain(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        let text = format!("{} {reason}", status.as_str());
        let body = Bucket::heap(format!("{}\n", text.trim_end()));
        Self::new(HeaderValue::from_static("text/plain; charset=utf-8"), body)
    }
}

/// A failure that says which status answers it: for the [`source`](StdError::source) of an [`Error`].
///
/// ```
/// use brigade::{Bucket, Error};
/// use brigade_http::{StatusError, status_of};
/// use http::{HeaderValue, StatusCode, header};
///
/// let busy = StatusError::new(StatusCode::SERVICE_UNAVAILABLE)
///     .field(header::RETRY_AFTER, HeaderValue::from_static("30"));
/// let error = Error::from(busy);
/// assert_eq!(status_of(&error), StatusCode::SERVICE_UNAVAILABLE);
/// let bucket = Bucket::error(error); // To be pushed in the place of EOS.
/// # let _ = bucket;
/// ```
#[derive(Debug)]
pub struct StatusError {
    status: StatusCode,
    fields: HeaderMap,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl StatusError {
    /// A failure to be answered with `status`; one that is neither 4xx nor 5xx is answered with 500.
    pub fn new(status: StatusCode) -> Self {
        let is_error = status.is_client_error() || status.is_server_error();
        let status = if is_error { status } else { StatusCode::INTERNAL_SERVER_ERROR };
        Self { status, fields: HeaderMap::new(), cause: None }
    }

    /// Adds a field to the answer: Allow, Retry-After, WWW-Authenticate.
    #[must_use]
    pub fn field(mut self, name: http::HeaderName, value: HeaderValue) -> Self {
        self.fields.append(name, value);
        self
    }

    /// Keeps what caused it. The client does not see it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)
    }
}

impl StdError for StatusError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl From<StatusError> for Error {
    fn from(error: StatusError) -> Self {
        Self::new(ErrorKind::Other, "make a response").because(error)
    }
}

/// `error` with the status that answers it, for errors that do not say one.
pub fn with_status(error: Error, status: StatusCode) -> Error {
    Error::new(error.kind(), "make a response").because(StatusError::new(status).because(error))
}

/// The status that answers `error`: that of the first [`StatusError`] among its causes. 500 without
/// one, whatever the kind: the kinds tell what failed here, and nothing of the client's request.
pub fn status_of(error: &Error) -> StatusCode {
    find_status(error).map_or(StatusCode::INTERNAL_SERVER_ERROR, StatusError::status)
}

/// Makes `head` the head of the answer to `error`, and returns its body.
///
/// Fields that say something of the body it had go; those that say something of the resource or the
/// client stay.
pub(super) fn make_error_head(
    head: &mut ResponseHead,
    error: &Error,
    page: ErrorPage,
) -> Bucket<'static> {
    head.status = status_of(error);
    let headers = &mut head.headers;
    drop_body_fields(headers);
    drop_terms_of_use(headers);
    drop_identity(headers);
    if let Some(found) = find_status(error) {
        // A name that is there is replaced.
        headers.extend(found.fields.clone());
    }
    headers.insert(CONTENT_TYPE, page.content_type);
    match page.body.len() {
        Some(len) => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(len))),
        None => drop(headers.remove(CONTENT_LENGTH)),
    }
    page.body
}

fn find_status(error: &Error) -> Option<&StatusError> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<StatusError>() {
            return Some(found);
        }
        // The source of an `io::Error` is that of the error inside, which would be passed over.
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    None
}
