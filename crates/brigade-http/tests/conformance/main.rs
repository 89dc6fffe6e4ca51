//! The protocol's filters keep every promise of a filter.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use brigade::{Bucket, Effects};
use brigade_http::{
    Chunk, Conditional, ContentLength, Exchange, Header, HeaderOptions, Hold, Over, RequestHead,
    ResponseHead, Verdict,
};
use brigade_testkit::{Conformance, CountingAlloc, conformance};
use http::{HeaderValue, StatusCode};

/// With it the suite measures the memory of filters.
#[global_allocator]
static COUNTING: CountingAlloc = CountingAlloc;

const BODY: &str = "hello, \r\nworld";

fn request() -> Arc<RequestHead> {
    Arc::new(RequestHead::get("/".parse().expect("a path")))
}

/// The head of an answer with an entity tag.
fn head() -> Bucket<'static> {
    let mut head = ResponseHead::new(StatusCode::OK, request());
    head.headers.insert("etag", HeaderValue::from_static("\"a\""));
    head.into_bucket()
}

/// What a client has of a chunked body, the whole or its beginning.
fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..line]).ok();
        let Some(size) = size.and_then(|size| usize::from_str_radix(size, 16).ok()) else { break };
        let rest = &bytes[line + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        bytes = rest.get(size + 2..).unwrap_or_default();
    }
    body
}

/// What a client has of a response with a chunked body: its head, and the body.
fn response(bytes: &[u8]) -> Vec<u8> {
    match bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(end) => [&bytes[..end + 4], &dechunk(&bytes[end + 4..])].concat(),
        None => bytes.to_vec(),
    }
}

fn body(suite: Conformance<'_>) -> Conformance<'_> {
    suite.with_head(head).turns(BODY, BODY)
}

#[test]
fn chunk_conforms() {
    conformance(Chunk::new).for_connections().decode(dechunk).turns(BODY, BODY).check();
}

#[test]
fn conditional_conforms() {
    body(conformance(Conditional::new)).check();
}

#[test]
fn content_length_conforms() {
    body(conformance(ContentLength::new)).check();
}

#[test]
fn header_conforms() {
    let options = Arc::new(HeaderOptions::default().clock(|| UNIX_EPOCH));
    let header = || Header::new(Exchange::new(request()), options.clone());
    let sent = format!(
        "HTTP/1.1 200 OK\r\netag: \"a\"\r\ntransfer-encoding: chunked\r\n\
         date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n{BODY}"
    );
    conformance(header)
        .with_head(head)
        .decode(response)
        .turns(BODY, sent)
        .memory(8 * 1024)
        .answers_errors()
        .check();
}

#[test]
fn hold_conforms() {
    let hold = || {
        Hold::new(64, Over::Commit, |held| match held.body().len_bytes() {
            Some(0..5) => Verdict::Wait,
            _ => Verdict::Commit,
        })
    };
    assert_eq!(brigade::OutputFilter::effects(&hold()), Effects::Changes);
    body(conformance(hold)).carry(64).memory(8 * 1024).check();
}
