//! A head on its way through filters: between Pingora's form of it and theirs.
//!
//! Invariant: nobody but Pingora frames a body, and it is told anew how long a body is.

use brigade_http::body::Filters;
use brigade_http::{RequestHead, status_is_bodiless};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderValue, Method, Version};
use pingora_core::{Error, ErrorType, OrErr, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use crate::filtered::Filtered;

/// Leads the head of a response through filters, for `response_filter`; the body follows it with
/// [`Filtered::go_on`]. `None`: it is left alone, being an interim head or the end of HTTP (1xx).
///
/// It waits as long as a filter does, and blocks no thread.
///
/// # Errors
///
/// A filter holds the head back until it has seen some of the body: Pingora sends it before. Or the
/// filters made a body where the upstream has none, which is sent here, since Pingora asks for none.
pub async fn begin(
    filters: &Filters,
    session: &mut Session,
    response: &mut ResponseHeader,
) -> Result<Option<Filtered>> {
    if response.status.is_informational() {
        return Ok(None);
    }
    let request = request_head(session.req_header());
    let (version, is_head) = (request.version, request.method == Method::HEAD);
    let mut head = response.as_owned_parts();
    head.headers.remove(TRANSFER_ENCODING);
    let without_body = has_no_body(&request, &head);
    let (mut head, mut body) = Filtered::begin(filters, request, head, without_body)
        .await
        .or_err(ErrorType::InternalError, "lead a head through filters")?;
    if !is_head && !status_is_bodiless(head.status) {
        if without_body {
            let made = body.go_on(None, true)?;
            head.headers.insert(CONTENT_LENGTH, made.as_ref().map_or(0, Bytes::len).into());
            if let Some(made) = made {
                return answer(session, head, made).await;
            }
        } else {
            frame(&mut head, version);
        }
    }
    *response = ResponseHeader::from(head);
    Ok(Some(body))
}

fn request_head(request: &RequestHeader) -> RequestHead {
    RequestHead {
        method: request.method.clone(),
        uri: request.uri.clone(),
        version: request.version,
        headers: request.headers.clone(),
    }
}

/// Whether Pingora gives no body after this head of an upstream.
fn has_no_body(request: &RequestHead, head: &Parts) -> bool {
    request.method == Method::HEAD
        || status_is_bodiless(head.status)
        || head.headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0")
}

/// Says how the body ends, where its length is not known: chunks to those who know them, else the end
/// of the connection. Pingora takes this out again for HTTP/2.
fn frame(head: &mut Parts, version: Version) {
    if version >= Version::HTTP_11 && !head.headers.contains_key(CONTENT_LENGTH) {
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// Answers in the upstream's place; the request ends here, and its connection with it.
async fn answer(session: &mut Session, head: Parts, body: Bytes) -> Result<Option<Filtered>> {
    session.set_keepalive(None);
    session.write_response_header(Box::new(ResponseHeader::from(head)), false).await?;
    session.write_response_body(Some(body), true).await?;
    Error::e_explain(ErrorType::InternalError, "the filters answered in the upstream's place")
}
