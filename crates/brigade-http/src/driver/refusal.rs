//! Answers that the driver gives itself, before it closes the connection.

use brigade::{Error, ErrorKind};
use http::StatusCode;
use http::header::{ALLOW, HeaderValue};

use super::request::{ParsedHead, RequestError};
use crate::{RequestHead, StatusError};

/// What answers a request that `error` is wrong with.
pub(super) fn refused(error: &RequestError) -> Error {
    let mut answer = StatusError::new(error.status());
    if let Some(allow) = error.allow() {
        answer = answer.field(ALLOW, HeaderValue::from_static(allow));
    }
    Error::new(ErrorKind::InvalidInput, "read the head of a request")
        .because(answer.because(*error))
}

/// What answers a request whose head took too long.
pub(super) fn too_late() -> Error {
    Error::new(ErrorKind::TimedOut, "read the head of a request")
        .because(StatusError::new(StatusCode::REQUEST_TIMEOUT))
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
