//! How a response is framed: decided once, from its head and what is at hand of its body.
//!
//! Invariant: a length that is said is the length of the body, as far as anyone can know it now.

use brigade::{Brigade, Error, ErrorKind, Result};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Version};

use super::body_end;
use crate::{Framing, RequestHead, ResponseHead, status_is_bodiless};

/// How far the response has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// The head has not left.
    Before,
    /// There is none.
    Absent,
    /// Framed by its length, in bytes.
    Counted { promised: u64, sent: u64 },
    /// Framed by chunks or by the end of the connection.
    Uncounted,
    /// Its end has left.
    Ended,
}

/// What the header filter does with a response.
pub(super) struct Plan {
    pub(super) framing: Framing,
    pub(super) body: Body,
    /// Whether the head says `Transfer-Encoding: chunked`: also to HEAD, where GET would be told so.
    pub(super) says_chunked: bool,
    length: Option<u64>,
}

impl Plan {
    /// Decides, from the head as the filters above left it, and `body`: what came with it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Contract`] when Content-Length is no length, or another head follows;
    /// [`ErrorKind::Contract`] or [`ErrorKind::Incomplete`] when it is not the length of the body.
    pub(super) fn new(
        head: &ResponseHead,
        body: &Brigade<'_>,
        request: &RequestHead,
    ) -> Result<Self> {
        if has_head(body) {
            return Err(Error::new(ErrorKind::Contract, "send two RESPONSEs at once"));
        }
        let without_body = |length, says_chunked| Self {
            framing: Framing::None,
            body: Body::Absent,
            says_chunked,
            length,
        };
        if status_is_bodiless(head.status) {
            return Ok(without_body(None, false));
        }
        let length = declared_length(&head.headers)?;
        let speaks_chunked = request.version >= Version::HTTP_11;
        // No bytes in an answer to HEAD: perhaps its handler left them out.
        let is_shown = request.method != Method::HEAD || body.len_bytes() != Some(0);
        if let Some(length) = length
            && is_shown
        {
            check_count(0, length, body)?;
        }
        if request.method == Method::HEAD {
            return Ok(without_body(length, speaks_chunked && length.is_none() && is_shown));
        }
        let (framing, body) = match length {
            Some(promised) => (Framing::Length, Body::Counted { promised, sent: 0 }),
            None if speaks_chunked => (Framing::Chunked, Body::Uncounted),
            None => (Framing::Close, Body::Uncounted),
        };
        Ok(Self { framing, body, says_chunked: framing == Framing::Chunked, length })
    }

    /// Leaves of the fields that frame only what this plan says; the header filter writes the others.
    pub(super) fn apply(&self, head: &mut ResponseHead) {
        let headers = &mut head.headers;
        headers.remove(TRANSFER_ENCODING);
        headers.remove(CONNECTION);
        headers.remove("keep-alive");
        match self.length {
            None => drop(headers.remove(CONTENT_LENGTH)),
            Some(length) if headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some() => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            Some(_) => {}
        }
    }
}

/// The length that Content-Length says; the same length said twice is one (RFC 9110 §8.6).
fn declared_length(headers: &HeaderMap) -> Result<Option<u64>> {
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let said = parse_length(value);
        if said.is_none() || length.is_some_and(|before| Some(before) != said) {
            let context = format!("answer with a Content-Length of {value:?}");
            return Err(Error::new(ErrorKind::Contract, context));
        }
        length = said;
    }
    Ok(length)
}

fn parse_length(value: &HeaderValue) -> Option<u64> {
    let digits =
        value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// How many bytes have been sent with those in `body`, after `sent` others. Data of unknown length is
/// not counted.
///
/// # Errors
///
/// [`ErrorKind::Contract`] when that is more than was `promised`, [`ErrorKind::Incomplete`] when it is
/// less and the body ends.
pub(super) fn check_count(sent: u64, promised: u64, body: &Brigade<'_>) -> Result<u64> {
    let Some(len) = body.len_bytes() else { return Ok(sent) };
    let sent = sent.saturating_add(len);
    if sent > promised {
        let context = format!("send {sent} bytes of a body whose Content-Length is {promised}");
        return Err(Error::new(ErrorKind::Contract, context));
    }
    if sent < promised && matches!(body_end(body), Some(Ok(()))) {
        let context = format!("end a body after {sent} bytes; its Content-Length is {promised}");
        return Err(Error::new(ErrorKind::Incomplete, context));
    }
    Ok(sent)
}

/// Whether there is a RESPONSE in `brigade`.
pub(super) fn has_head(brigade: &Brigade<'_>) -> bool {
    brigade.iter().any(|bucket| bucket.as_metadata::<ResponseHead>().is_some())
}
