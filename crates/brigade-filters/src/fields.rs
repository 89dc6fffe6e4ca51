//! What the fields of a head say about its body: how it is coded, what it is, whether it is a part.
//!
//! Invariant: whatever is malformed counts as what a filter leaves alone.

use http::header::{CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

/// The elements of a comma-separated field, all its lines joined (RFC 9110 §5.3), trimmed, none empty.
pub(crate) fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|element| !element.is_empty())
}

/// Whether the body is coded (RFC 9110 §8.4): its bytes are no text, whatever Content-Type says.
pub(crate) fn is_coded(headers: &HeaderMap) -> bool {
    // A line that is no text names no coding we know of, and so one that we must not touch.
    headers.get_all(CONTENT_ENCODING).iter().any(|line| line.to_str().is_err())
        || codings(headers).next().is_some()
}

/// How the body is coded, first to last; `identity`, which is not at all, left out.
pub(crate) fn codings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    elements(headers, CONTENT_ENCODING).filter(|coding| !coding.eq_ignore_ascii_case("identity"))
}

/// Whether the body is part of another one (RFC 9110 §14.4): the places it names must stay true.
pub(crate) fn is_partial(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_RANGE)
}

/// The media type without parameters, in lower case; `None` when nobody said.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?;
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// Whether content of this type is text: `text/*`, JSON, XML, scripts and their like.
pub(crate) fn is_text(media_type: &str) -> bool {
    const TEXT: [&str; 12] = [
        "application/ecmascript",
        "application/graphql",
        "application/javascript",
        "application/json",
        "application/json5",
        "application/sql",
        "application/toml",
        "application/x-javascript",
        "application/x-ndjson",
        "application/x-sh",
        "application/xml",
        "application/yaml",
    ];
    media_type.starts_with("text/")
        || ["+json", "+text", "+xml", "+yaml"].iter().any(|suffix| media_type.ends_with(suffix))
        || TEXT.contains(&media_type)
}
