//! RESPONSE and HEADERS as text, and back: for journeys that are saved.
//!
//! Invariant: what is made of a text has that text. A byte of a field that is not ASCII is the
//! character of the same number.

use std::fmt::Write;

use brigade::Bucket;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};

use crate::{RequestHead, ResponseHead, Trailers};

/// Writes down a RESPONSE, with the request that it answers, or a HEADERS, in lines as HTTP has them.
/// `None` for any other bucket.
///
/// ```
/// use std::sync::Arc;
///
/// use brigade_http::{RequestHead, ResponseHead, describe_mark, make_mark};
///
/// let request = Arc::new(RequestHead::get("/".parse().unwrap()));
/// let head = ResponseHead::new(http::StatusCode::OK, request).into_bucket();
/// let text = describe_mark(&head).unwrap();
/// assert_eq!(text, "GET / HTTP/1.1\n\nHTTP/1.1 200\n");
/// assert_eq!(describe_mark(&make_mark("RESPONSE", &text).unwrap()), Some(text));
/// ```
pub fn describe_mark(bucket: &Bucket<'_>) -> Option<String> {
    let mut text = String::new();
    if let Some(Trailers(fields)) = bucket.as_metadata() {
        write_fields(&mut text, fields);
        return Some(text);
    }
    let head = bucket.as_metadata::<ResponseHead>()?;
    let RequestHead { method, uri, version, headers } = &*head.request;
    // A `String` takes everything.
    let _ = writeln!(text, "{method} {uri} {version:?}");
    write_fields(&mut text, headers);
    let _ = write!(text, "\nHTTP/1.1 {}\n", head.status.as_u16());
    write_fields(&mut text, &head.headers);
    Some(text)
}

/// Makes a bucket of this kind of what [`describe_mark`] wrote down; `None` if that is not possible.
pub fn make_mark(kind: &str, text: &str) -> Option<Bucket<'static>> {
    if kind == "HEADERS" {
        return Some(Trailers(read_fields(text)?).into_bucket());
    }
    let (request, response) = text.split_once("\n\n").filter(|_| kind == "RESPONSE")?;
    let (line, fields) = request.split_once('\n').unwrap_or((request, ""));
    let mut words = line.split(' ');
    let request = RequestHead {
        method: words.next()?.parse().ok()?,
        uri: words.next()?.parse().ok()?,
        version: read_version(words.next()?)?,
        headers: read_fields(fields)?,
    };
    let (line, fields) = response.split_once('\n')?;
    let status: StatusCode = line.strip_prefix("HTTP/1.1 ")?.parse().ok()?;
    let mut head = ResponseHead::new(status, request.into());
    head.headers = read_fields(fields)?;
    Some(head.into_bucket())
}

fn write_fields(text: &mut String, fields: &HeaderMap) {
    for (name, value) in fields {
        let _ = write!(text, "{name}: ");
        text.extend(value.as_bytes().iter().copied().map(char::from));
        text.push('\n');
    }
}

fn read_fields(text: &str) -> Option<HeaderMap> {
    let mut fields = HeaderMap::new();
    for line in text.lines() {
        let (name, value) = line.split_once(": ")?;
        let value: Option<Vec<u8>> = value.chars().map(|char| u8::try_from(char).ok()).collect();
        let value = HeaderValue::from_bytes(&value?).ok()?;
        fields.append(name.parse::<HeaderName>().ok()?, value);
    }
    Some(fields)
}

fn read_version(text: &str) -> Option<Version> {
    let versions = [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];
    versions.into_iter().find(|version| format!("{version:?}") == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_that_was_written_down_is_made_again() {
        for (kind, text) in [
            ("RESPONSE", "HEAD /a?b HTTP/1.0\nhost: x\n\nHTTP/1.1 404\nvary: a\nvary: b\n"),
            ("RESPONSE", "GET * HTTP/2.0\n\nHTTP/1.1 200\nname: caf\u{e9}\n"),
            ("HEADERS", "a-trailer: its value\n"),
        ] {
            let made = make_mark(kind, text).expect(text);
            assert_eq!((made.kind_name(), describe_mark(&made).as_deref()), (kind, Some(text)));
        }
    }

    #[test]
    fn text_that_is_none_makes_nothing() {
        for (kind, text) in [
            ("FLUSH", "GET / HTTP/1.1\n\nHTTP/1.1 200\n"),
            ("RESPONSE", ""),
            ("RESPONSE", "GET / HTTP/1.1\n\nHTTP/1.1 OK\n"),
            ("RESPONSE", "GET / HTTP/9\n\nHTTP/1.1 200\n"),
            ("HEADERS", "no field"),
            ("HEADERS", "a: \u{20ac}"),
        ] {
            assert!(make_mark(kind, text).is_none(), "{kind} {text:?}");
        }
    }
}
