//! CONTENT_LENGTH: says the length of a body that is known when its head comes by.
//!
//! Invariant: it reads nothing and holds nothing between calls. A body is known if its end comes in
//! the same call as its head, and every length in between; then a FILE counts with its promise.

use brigade::{Brigade, Bucket, Effects, Next, OutputFilter, Result};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Version};

use super::{body_end, edit_final_head};
use crate::{ResponseHead, Trailers, status_is_bodiless};

/// Sets Content-Length where the whole body is at hand and nobody has set it.
///
/// Not where there is no body: the 0 bytes of a 304 say nothing of the response it stands for, nor do
/// those of an answer to HEAD whose handler left the body out. Not where trailers follow, since a body
/// of a length that is said has no place for them.
///
/// Sits just below [`Conditional`](super::Conditional), and steps aside as soon as it has seen the
/// head. Models `ap_content_length_filter`, which reads a STREAM to find its length.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
#[doc(alias = "ap_content_length_filter")]
pub struct ContentLength;

impl ContentLength {
    /// Makes the filter.
    pub fn new() -> Self {
        Self
    }
}

impl OutputFilter for ContentLength {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        edit_final_head(input, next, |head, input, _| {
            if let Some(len) = length_to_say(head, input) {
                head.headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
            }
        })
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }
}

fn length_to_say(head: &ResponseHead, body: &Brigade<'_>) -> Option<u64> {
    let is_said = |field| head.headers.contains_key(field);
    if status_is_bodiless(head.status) || is_said(CONTENT_LENGTH) || is_said(TRANSFER_ENCODING) {
        return None;
    }
    if head.request.version >= Version::HTTP_11 && body.iter().any(is_trailers) {
        return None; // Only a chunked body can carry them.
    }
    body_end(body)?.ok()?;
    let len = body.len_bytes()?;
    (len > 0 || head.request.method != Method::HEAD).then_some(len)
}

fn is_trailers(bucket: &Bucket<'_>) -> bool {
    bucket.as_metadata::<Trailers>().is_some_and(|Trailers(fields)| !fields.is_empty())
}
