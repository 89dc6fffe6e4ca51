//! Where a request ends: whether a body follows the head, and another request after it.
//!
//! Invariant: a request whose length two readers could see differently is refused, never repaired
//! (RFC 9112 section 6.3 lets a server repair some; CVE-2005-2088 is what that led to).

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderName, TRANSFER_ENCODING};
use http::{HeaderMap, Version};

use super::error::{Reason, RequestError};

/// What a request head says of the body behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnnouncedBody {
    /// No body: the next byte, if any, begins another request.
    None,
    /// Bytes of a body follow, or will once the client was told to go on (Expect).
    Present,
}

/// What Content-Length, Transfer-Encoding and Expect announce.
pub(super) fn announced_body(
    headers: &HeaderMap,
    version: Version,
) -> Result<AnnouncedBody, RequestError> {
    let length = content_length(headers)?;
    if headers.contains_key(TRANSFER_ENCODING) {
        check_transfer_encoding(headers, version)?;
        if length.is_some() {
            return Err(Reason::Malformed("both content-length and transfer-encoding").into());
        }
        return Ok(AnnouncedBody::Present);
    }
    match length {
        None | Some(0) if !headers.contains_key(EXPECT) => Ok(AnnouncedBody::None),
        _ => Ok(AnnouncedBody::Present),
    }
}

/// Whether the client means to send another request (RFC 9112 section 9.3).
pub(super) fn wants_keep_alive(headers: &HeaderMap, version: Version) -> bool {
    let says = |option: &str| {
        list_items(headers, &CONNECTION).any(|item| item.eq_ignore_ascii_case(option.as_bytes()))
    };
    !says("close") && (version != Version::HTTP_10 || says("keep-alive"))
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, RequestError> {
    let mut fields = headers.get_all(CONTENT_LENGTH).iter();
    let Some(length) = fields.next() else { return Ok(None) };
    let others = fields.count();
    if others > 0 {
        return Err(Reason::FieldCount { field: "content-length", count: 1 + others }.into());
    }
    // Digits only: `parse` alone would take a sign.
    let digits = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(length) => Ok(Some(length)),
        None => Err(Reason::Malformed("content-length is not a number of bytes below 2^64").into()),
    }
}

fn check_transfer_encoding(headers: &HeaderMap, version: Version) -> Result<(), RequestError> {
    if version == Version::HTTP_10 {
        return Err(Reason::Malformed("transfer-encoding in HTTP/1.0").into());
    }
    // Any other last coding leaves the end of the body unknown.
    let last = list_items(headers, &TRANSFER_ENCODING).last();
    if !last.is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked")) {
        return Err(Reason::Malformed("transfer-encoding does not end in chunked").into());
    }
    Ok(())
}

/// The items of a comma-separated list that may be spread over several fields; empty ones are left
/// out.
fn list_items<'a>(headers: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
}
