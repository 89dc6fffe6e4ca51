//! Conditional requests (RFC 9110 §13): 304 and 412.
//!
//! Invariant: the verdict is on the validators that the client would see, after all effects of the
//! filters above. (httpd's mod_deflate adds a suffix to the ETag after the verdict, which then never
//! matches.)

use std::time::SystemTime;

use brigade::{Brigade, Effects, Next, OutputFilter, Result};
use http::header::{
    CONTENT_LENGTH, ETAG, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::edit_final_head;
use super::entity_tag::{Comparison, EntityTag, EntityTags};
use super::fields::{drop_body_fields, drop_terms_of_use};
use crate::ResponseHead;

/// Answers conditional requests: a 2xx answer to GET or HEAD whose validators the client's conditions
/// rule out becomes 304 or 412, and its body is discarded: a FILE unread, a STREAM unstarted.
///
/// 304 keeps every field of the 200 but those that describe the body. 412 has no body either.
///
/// Sits first in Protocol, below the filters that change content. It steps aside as soon as it has
/// seen the head. Models `ap_meets_conditions`, which each handler has to call, before any filter.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
#[doc(alias = "ap_meets_conditions")]
pub struct Conditional;

impl Conditional {
    /// Makes the filter.
    pub fn new() -> Self {
        Self
    }
}

impl OutputFilter for Conditional {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        edit_final_head(input, next, |head, input, next| {
            match judge(head) {
                Verdict::Send => return,
                Verdict::NotModified(by) => {
                    let is_tag = by == IF_NONE_MATCH;
                    let ours = head.headers.get(if is_tag { ETAG } else { LAST_MODIFIED });
                    next.note(format_args!("304: {by} matches {ours:?}"));
                    make_not_modified(head);
                }
                Verdict::Failed => {
                    next.note(format_args!(
                        "412: the response is not what the client would change"
                    ));
                    make_failed(head);
                }
            }
            next.discard_body();
            // What came with the head is below the place where the chain drops data.
            input.drop_data();
        })
    }

    /// A body goes on as it is or not at all: what the head says of it stays true.
    fn effects(&self) -> Effects {
        Effects::Same
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Send,
    NotModified(HeaderName), // By which condition.
    Failed,
}

/// The order of RFC 9110 §13.2.2, for GET and HEAD.
fn judge(head: &ResponseHead) -> Verdict {
    let request = &head.request;
    let selects = matches!(request.method, Method::GET | Method::HEAD);
    if !selects || !head.status.is_success() {
        return Verdict::Send;
    }
    let conditions = &request.headers;
    let is_unchanged = if conditions.contains_key(IF_MATCH) {
        matches(conditions, &IF_MATCH, &head.headers, Comparison::Strong)
    } else {
        !was_modified_since(conditions, &IF_UNMODIFIED_SINCE, &head.headers).unwrap_or(false)
    };
    if !is_unchanged {
        return Verdict::Failed;
    }
    let (by, is_known) = if conditions.contains_key(IF_NONE_MATCH) {
        let is_known = matches(conditions, &IF_NONE_MATCH, &head.headers, Comparison::Weak);
        (IF_NONE_MATCH, is_known)
    } else {
        let since = was_modified_since(conditions, &IF_MODIFIED_SINCE, &head.headers);
        (IF_MODIFIED_SINCE, since == Some(false))
    };
    if is_known { Verdict::NotModified(by) } else { Verdict::Send }
}

/// Whether the ETag of the response is in the list of tags in `field`; `*` is any response.
fn matches(
    conditions: &HeaderMap,
    field: &HeaderName,
    response: &HeaderMap,
    by: Comparison,
) -> bool {
    let lists = || conditions.get_all(field).iter().map(|value| value.as_bytes().trim_ascii());
    if lists().any(|list| list == b"*") {
        return true;
    }
    let ours = response.get(ETAG).and_then(|value| EntityTag::parse(value.as_bytes()));
    ours.is_some_and(|ours| lists().flat_map(EntityTags::new).any(|theirs| ours.is(&theirs, by)))
}

/// Whether the response was modified after the date in `field`. `None` when there is not exactly one
/// such field, it is no date, or nobody knows when the response was modified: the condition is then
/// to be ignored.
fn was_modified_since(
    conditions: &HeaderMap,
    field: &HeaderName,
    response: &HeaderMap,
) -> Option<bool> {
    let since = date(conditions, field)?;
    Some(date(response, &LAST_MODIFIED)? > since)
}

fn date(headers: &HeaderMap, field: &HeaderName) -> Option<SystemTime> {
    let mut values = headers.get_all(field).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// A cache updates its copy by the fields of a 304; those of the body would only repeat what it has
/// (RFC 9110 §15.4.5).
fn make_not_modified(head: &mut ResponseHead) {
    head.status = StatusCode::NOT_MODIFIED;
    drop_body_fields(&mut head.headers);
}

fn make_failed(head: &mut ResponseHead) {
    head.status = StatusCode::PRECONDITION_FAILED;
    drop_body_fields(&mut head.headers);
    drop_terms_of_use(&mut head.headers);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
}
