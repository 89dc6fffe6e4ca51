//! What filters that changed a body do to the fields that described it.
//!
//! Invariant: applied to a head once, however many filters ask for it.

use brigade::Effects;
use http::HeaderValue;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, ETAG};

use super::entity_tag::EntityTag;
use super::fields::drop_digests;
use crate::ResponseHead;

/// Makes the fields of `head` true again after filters with these effects, whose
/// [fingerprint](brigade::Next::fingerprint_above) is `fingerprint`.
///
/// [`Effects::Changes`] drops Content-Length and digests and says `Accept-Ranges: none`.
/// [`Effects::SameLength`] drops digests. Both make a strong ETag weak, since the bytes are no longer
/// those it was made for, and add the fingerprint to it, so that other filters or options never answer
/// 304 for what they did not make. [`Effects::Same`] leaves all as it is.
///
/// The protocol's filter that sees RESPONSE first calls it; a second call, and one for an interim
/// head, does nothing.
///
/// Models what mod_filter does by `AP_FILTER_PROTO_CHANGE`, and mod_deflate to ETags.
///
/// ```
/// use brigade::Effects;
/// use brigade_http::{RequestHead, ResponseHead, apply_effects};
/// use http::{HeaderValue, StatusCode, header};
///
/// let request = RequestHead::get("/".parse().unwrap()).into();
/// let mut head = ResponseHead::new(StatusCode::OK, request);
/// head.headers.insert(header::ETAG, HeaderValue::from_static("\"abc\""));
/// apply_effects(&mut head, Effects::Changes, 0x1f2e);
/// assert_eq!(head.headers[header::ETAG], "W/\"abc-1f2e\"");
/// ```
pub fn apply_effects(head: &mut ResponseHead, effects: Effects, fingerprint: u64) {
    if head.effects_applied || head.is_interim() {
        return;
    }
    head.effects_applied = true;
    if effects == Effects::Same {
        return;
    }
    let headers = &mut head.headers;
    if effects == Effects::Changes {
        headers.remove(CONTENT_LENGTH);
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("none"));
    }
    drop_digests(headers);
    // A field that is no entity tag would be compared with nothing but itself: it goes.
    if let Some(value) = headers.remove(ETAG)
        && let Some(tag) = EntityTag::parse(value.as_bytes())
    {
        headers.insert(ETAG, tag.weak_with(fingerprint));
    }
}
