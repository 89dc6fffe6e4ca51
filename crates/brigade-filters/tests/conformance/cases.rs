//! What each filter is tried with, and what it says of itself.

use brigade::Bucket;
use brigade_http::{RequestHead, ResponseHead};
use brigade_testkit::Conformance;
use http::{HeaderValue, StatusCode};

use crate::Case;

/// Text with a needle, half of one at the end, and one that overlaps itself.
const TEXT: &str = "aab\r\nababa";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case { spec: "pass", say: |suite| suite.turns(TEXT, TEXT) },
        Case {
            spec: "substitute s/ab/x/",
            say: |suite| suite.turns(TEXT, "ax\r\nxxa").carry(1).memory(MARKS_BYTES),
        },
        Case {
            spec: "substitute s/ab/ba/",
            say: |suite| suite.turns(TEXT, "aba\r\nbabaa").carry(1).memory(MARKS_BYTES),
        },
        Case {
            spec: "substitute s/aba//",
            say: |suite| suite.turns(TEXT, "aab\r\nba").carry(2).memory(MARKS_BYTES),
        },
        Case {
            spec: "substitute s/a/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/",
            say: |suite| suite.input("abaa").memory(MARKS_BYTES).stream_bytes(4 << 20),
        },
        Case {
            spec: "substitute s/a/html/",
            say: |suite| {
                suite.with_head(|| head(&[("content-type", "text/html")])).turns("ba", "bhtml")
            },
        },
        Case {
            spec: "substitute s/a/picture/",
            say: |suite| {
                suite.with_head(|| head(&[("content-type", "image/png")])).turns("ba", "ba")
            },
        },
        Case { spec: "collect limit=4", say: |suite| suite.turns(TEXT, TEXT).memory(4096) },
        Case { spec: "collect", say: |suite| suite.turns(TEXT, TEXT).memory(1 << 20) },
        #[cfg(feature = "spill")]
        Case { spec: "spill limit=4", say: |suite| suite.turns(TEXT, TEXT).memory(4096) },
        #[cfg(feature = "spill")]
        Case { spec: "spill", say: |suite| suite.turns(TEXT, TEXT).memory(QUEUE_BYTES) },
        #[cfg(feature = "deflate")]
        Case { spec: "inflate", say: |suite| suite.turns(GZIP, "aab").memory(48 * 1024) },
        #[cfg(feature = "deflate")]
        Case {
            spec: "inflate limit=1",
            // It is not coded: left alone.
            say: |suite| suite.with_head(|| head(&[])).turns(TEXT, TEXT),
        },
        #[cfg(feature = "deflate")]
        Case { spec: "deflate", say: |suite| gzip(suite).turns(TEXT, TEXT) },
        #[cfg(feature = "deflate")]
        Case {
            spec: "deflate level=1 min_bytes=0",
            say: |suite| gzip(suite.with_head(|| head(&[]))).turns(TEXT, TEXT),
        },
        #[cfg(feature = "deflate")]
        Case {
            spec: "deflate level=0",
            // It is coded already: left alone.
            say: |suite| {
                let is_coded = || head(&[("content-encoding", "br")]);
                suite.with_head(is_coded).turns(TEXT, TEXT)
            },
        },
    ]
}

/// `aab`, as gzip has it.
#[cfg(feature = "deflate")]
const GZIP: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KLL\x02\x00\x97\x22\x0ei\x03\x00\x00\x00";

/// A queue of a thousand parts of a file.
#[cfg(feature = "spill")]
const QUEUE_BYTES: usize = 256 * 1024;

/// A few marks that wait for half a needle.
const MARKS_BYTES: usize = 16 * 1024;

/// The head of an answer to a GET with `Accept-Encoding: gzip`, with these fields.
fn head(fields: &[(&'static str, &'static str)]) -> Bucket<'static> {
    let mut request = RequestHead::get("/".parse().expect("a path"));
    request.headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
    let mut head = ResponseHead::new(StatusCode::OK, request.into());
    for (name, value) in fields {
        head.headers.insert(*name, HeaderValue::from_static(value));
    }
    head.into_bucket()
}

#[cfg(feature = "deflate")]
fn gzip(suite: Conformance<'_>) -> Conformance<'_> {
    suite.decode(gunzip).memory(372 * 1024)
}

/// What a client has of `bytes`, the whole or the beginning of a gzip stream.
#[cfg(feature = "deflate")]
fn gunzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut text = Vec::new();
    // Where the stream is cut off this is an error, and has read what there is.
    let _ = flate2::bufread::GzDecoder::new(bytes).read_to_end(&mut text);
    text
}
