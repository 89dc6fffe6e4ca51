//! Why `deflate` leaves a body alone.
//!
//! Invariant: what is said here is what was decided by, in this order.

use std::fmt;

use brigade_http::ResponseHead;
use http::StatusCode;
use http::header::CACHE_CONTROL;

use crate::fields;

/// Why a body is not compressed, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftAlone {
    /// The status allows no body.
    Bodiless(StatusCode),
    Coded,
    NoTransform,
    /// It does not get smaller.
    Type,
    Part,
    Tiny {
        bytes: u64,
        min_bytes: u64,
    },
    Unaccepted,
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bodiless(status) => write!(f, "status {} has no body", status.as_u16()),
            Self::Coded => f.write_str("it is coded already"),
            Self::NoTransform => f.write_str("Cache-Control says no-transform"),
            Self::Type => f.write_str("its content type does not get smaller"),
            Self::Part => f.write_str("it is a part, or unchanged"),
            Self::Tiny { bytes, min_bytes } => {
                write!(f, "{bytes} bytes are fewer than {min_bytes}")
            }
            Self::Unaccepted => f.write_str("the client does not accept gzip"),
        }
    }
}

/// Whether the answer to some client could be compressed.
pub(crate) fn check_compressible(head: &ResponseHead) -> Result<(), LeftAlone> {
    /// What gets smaller and is no text.
    const BINARY: [&str; 12] = [
        "application/postscript",
        "application/rtf",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-font-ttf",
        "application/x-tar",
        "font/collection",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/vnd.microsoft.icon",
        "image/x-icon",
    ];
    let bodiless =
        [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT];
    let headers = &head.headers;
    if bodiless.contains(&head.status) {
        return Err(LeftAlone::Bodiless(head.status));
    }
    if fields::is_coded(headers) {
        return Err(LeftAlone::Coded);
    }
    if fields::elements(headers, CACHE_CONTROL)
        .any(|directive| directive.eq_ignore_ascii_case("no-transform"))
    {
        return Err(LeftAlone::NoTransform);
    }
    let shrinks = fields::media_type(headers)
        .is_none_or(|media| fields::is_text(&media) || BINARY.contains(&&*media));
    if shrinks { Ok(()) } else { Err(LeftAlone::Type) }
}
