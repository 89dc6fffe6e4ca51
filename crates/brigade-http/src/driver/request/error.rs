//! What is wrong with a request head, and the status that says so.
//!
//! Invariant: the text is made of our own words and of numbers, never of what the client sent, so
//! it may go into a log or a page as it is.

use std::error::Error;
use std::fmt;

use http::StatusCode;

/// The methods that are served.
const ALLOW: &str = "GET, HEAD";

/// Why a request head is refused.
///
/// Whatever it says: answer with [`status`](Self::status), then close the connection. Where the
/// next request would begin can't be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestError(Reason);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    BareLineFeed { offset: usize },
    BareCarriageReturn { offset: usize },
    Byte { byte: u8, offset: usize },
    BlankLines { limit: usize },
    RequestLineBytes { limit: usize },
    HeaderBytes { limit: usize },
    HeaderCount { limit: usize },
    Unfinished { bytes: usize },
    Words { count: usize },
    MajorVersion { major: u8, minor: u8 },
    HeaderLine { number: usize, fault: &'static str },
    FieldCount { field: &'static str, count: usize },
    Malformed(&'static str),
    UnknownMethod,
    MethodNotAllowed,
}

impl RequestError {
    /// The status to answer with: 400, 405, 414, 431, 501 or 505.
    pub fn status(&self) -> StatusCode {
        match self.0 {
            Reason::RequestLineBytes { .. } => StatusCode::URI_TOO_LONG,
            Reason::HeaderBytes { .. } | Reason::HeaderCount { .. } => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Reason::MajorVersion { .. } => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Reason::UnknownMethod => StatusCode::NOT_IMPLEMENTED,
            Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The value of the Allow field that a 405 must carry (RFC 9110 section 15.5.6); `None` with
    /// any other status.
    pub fn allow(&self) -> Option<&'static str> {
        matches!(self.0, Reason::MethodNotAllowed).then_some(ALLOW)
    }
}

impl From<Reason> for RequestError {
    fn from(reason: Reason) -> Self {
        Self(reason)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::BareLineFeed { offset } => {
                write!(f, "line feed without a carriage return at offset {offset}")
            }
            Reason::BareCarriageReturn { offset } => {
                write!(f, "carriage return without a line feed at offset {offset}")
            }
            Reason::Byte { byte, offset } => {
                write!(f, "byte {byte:#04x} at offset {offset} has no place in a request head")
            }
            Reason::BlankLines { limit } => {
                write!(f, "more than {limit} blank lines before the request line")
            }
            Reason::RequestLineBytes { limit } => {
                write!(f, "request line of more than {limit} bytes")
            }
            Reason::HeaderBytes { limit } => write!(f, "header fields of more than {limit} bytes"),
            Reason::HeaderCount { limit } => write!(f, "more than {limit} header fields"),
            Reason::Unfinished { bytes } => {
                write!(f, "request head of {bytes} bytes ends before its blank line")
            }
            Reason::Words { count } => write!(
                f,
                "request line of {count} words, expected 3 with one space between: method, target, version"
            ),
            Reason::MajorVersion { major, minor } => {
                write!(f, "version HTTP/{major}.{minor} is not supported, only HTTP/1")
            }
            Reason::HeaderLine { number, fault } => write!(f, "header line {number} {fault}"),
            Reason::FieldCount { field, count } => write!(f, "{count} {field} fields, expected 1"),
            Reason::Malformed(what) => f.write_str(what),
            Reason::UnknownMethod => f.write_str("method is not known"),
            Reason::MethodNotAllowed => write!(f, "method is not one of {ALLOW}"),
        }
    }
}

impl Error for RequestError {}
