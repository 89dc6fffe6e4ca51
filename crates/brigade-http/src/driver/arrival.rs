//! What comes of waiting for a request, and the answers that the driver gives itself: the same on tokio
//! and on a thread.

use brigade::{Error, ErrorKind};
use brigade_net::NetworkReader;
use http::header::{ALLOW, HeaderValue};
use http::{Method, StatusCode, Uri};

use super::request::{HeadScan, ParsedHead, RequestError, RequestLimits, ScanState, parse_scanned};
use crate::{RequestHead, StatusError};

/// What came of waiting for a request.
pub(super) enum Arrival {
    /// A whole head.
    Head(Box<ParsedHead>),
    /// One that is answered, and the connection closed.
    Refused(Box<Refusal>),
    /// None: the client sends no more, or has been waited for long enough.
    End,
}

/// A request that no handler is asked about.
pub(super) struct Refusal {
    pub(super) error: Error,
    /// What is known of it: whether the answer may have a body.
    pub(super) request: RequestHead,
}

/// The head that is waited for.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    scan: HeadScan,
    has_begun: bool,
}

impl Awaited {
    /// Looks for a whole head in what was received, and takes it; `None`: more has to come.
    pub(super) fn take(
        &mut self,
        reader: &mut NetworkReader,
        limits: &RequestLimits,
    ) -> Option<Arrival> {
        let head_len = match self.scan.advance(reader.bytes(), limits) {
            Err(error) => return Some(refused(&error, reader)),
            Ok(ScanState::Complete { head_len }) => head_len,
            Ok(_) => return None,
        };
        let arrival = match parse_scanned(reader.bytes(), &self.scan, head_len) {
            Ok(head) => Arrival::Head(Box::new(head)),
            Err(error) => refused(&error, reader),
        };
        reader.consume(head_len);
        Some(arrival)
    }

    /// Whether a byte of the head has come.
    pub(super) fn has_begun(&self) -> bool {
        self.scan.has_begun()
    }

    /// Says once that the head has begun: its time runs from here on.
    pub(super) fn begins(&mut self) -> bool {
        let began = !self.has_begun && self.scan.has_begun();
        self.has_begun |= began;
        began
    }

    /// Whether `error` is that of a client that left between two requests, which is none. By TLS many do
    /// so without saying that it is the end; they have nothing to be told any more.
    pub(super) fn is_left(&self, error: &Error) -> bool {
        matches!(error.kind(), ErrorKind::ClientGone | ErrorKind::Incomplete) && !self.has_begun()
    }

    /// What comes of a head that took too long.
    pub(super) fn late(&self, reader: &NetworkReader) -> Arrival {
        if !self.has_begun() {
            return Arrival::End;
        }
        let error = Error::new(ErrorKind::TimedOut, "read the head of a request")
            .because(StatusError::new(StatusCode::REQUEST_TIMEOUT));
        Arrival::Refused(Box::new(Refusal { error, request: unread_head(reader) }))
    }
}

/// What answers a request that `error` is wrong with.
fn refused(error: &RequestError, reader: &NetworkReader) -> Arrival {
    let mut answer = StatusError::new(error.status());
    if let Some(allow) = error.allow() {
        answer = answer.field(ALLOW, HeaderValue::from_static(allow));
    }
    let error = Error::new(ErrorKind::InvalidInput, "read the head of a request")
        .because(answer.because(*error));
    Arrival::Refused(Box::new(Refusal { error, request: unread_head(reader) }))
}

/// The head of a request that could not be read, as far as the answer depends on it: none to HEAD has
/// a body.
fn unread_head(reader: &NetworkReader) -> RequestHead {
    let mut head = RequestHead::get(Uri::from_static("/"));
    if reader.bytes().trim_ascii_start().starts_with(b"HEAD ") {
        head.method = Method::HEAD;
    }
    head
}

impl From<ParsedHead> for RequestHead {
    fn from(parsed: ParsedHead) -> Self {
        Self {
            method: parsed.method,
            uri: parsed.target.into(),
            version: parsed.version,
            headers: parsed.headers,
        }
    }
}
