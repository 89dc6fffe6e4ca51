//! The request-head parser, rule by rule: what is accepted, and what each refusal says.

mod fields;
mod framing;
mod hostile;
mod line;
mod scan;

use proptest::test_runner::Config;

use brigade_http::driver::request::{
    HeadScan, ParsedHead, RequestError, RequestLimits, ScanState, parse_head,
};

fn parse(head: impl AsRef<[u8]>) -> Result<ParsedHead, RequestError> {
    parse_head(head.as_ref(), &RequestLimits::default())
}

/// Parses what must be accepted.
#[track_caller]
fn accepted(head: impl AsRef<[u8]>) -> ParsedHead {
    let head = head.as_ref();
    parse(head).unwrap_or_else(|error| panic!("{:?}: {error}", head.escape_ascii().to_string()))
}

/// Parses what must be refused, with this status and these words.
#[track_caller]
fn check_refused(head: impl AsRef<[u8]>, status: u16, says: &str) {
    check_refused_within(&RequestLimits::default(), head, status, says);
}

#[track_caller]
fn check_refused_within(
    limits: &RequestLimits,
    head: impl AsRef<[u8]>,
    status: u16,
    says: &str,
) -> RequestError {
    let head = head.as_ref();
    let shown = head[..head.len().min(200)].escape_ascii().to_string();
    let error = parse_head(head, limits).map(|_| shown.clone()).expect_err("must be refused");
    assert_eq!((error.status().as_u16(), &*error.to_string()), (status, says), "{shown:?}");
    error
}

/// One call with everything.
fn scan(bytes: &[u8], limits: &RequestLimits) -> Result<ScanState, RequestError> {
    HeadScan::new().advance(bytes, limits)
}

/// Parsing is quick, so there can be many; a failure is kept by writing a test for it.
fn many_cases() -> Config {
    Config { cases: 4096, failure_persistence: None, ..Config::default() }
}
