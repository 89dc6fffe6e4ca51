//! Every stock filter keeps every promise: the suite of the kit, over all entries of the registry.
//!
//! A filter that is new in the registry needs a case in `cases.rs`.

mod cases;

use std::collections::BTreeSet;
use std::io::Read;
use std::thread;

use brigade::{Bucket, Registry};
use brigade_http::{RequestHead, ResponseHead};
use brigade_testkit::{CountingAlloc, conformance};
use http::{HeaderValue, StatusCode};

use crate::cases::{CASES, Case};

/// With it the suite measures the memory of filters.
#[global_allocator]
static COUNTING: CountingAlloc = CountingAlloc;

fn registry() -> Registry {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    registry
}

/// The names in the registry: not every filter is built with every feature.
fn listed() -> BTreeSet<&'static str> {
    registry().entries().map(|entry| entry.name).collect()
}

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

/// What a client has of `bytes`, the whole or the beginning of a gzip stream.
fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    // Where the stream is cut off this is an error, and has read what there is.
    let _ = flate2::bufread::GzDecoder::new(bytes).read_to_end(&mut text);
    text
}

fn check(case: &Case) -> Result<(), String> {
    let prepared = registry().prepare(case.spec).map_err(|error| error.to_string())?;
    // The whole stream where filters are optimised, and a part of it elsewhere.
    let is_short = cfg!(debug_assertions) || case.grows;
    let mut suite = conformance(move || prepared.filter())
        .for_connections()
        .stream_bytes(if is_short { 4 << 20 } else { 64 << 20 })
        .turns(case.input, case.output)
        .carry(case.carry_bytes)
        .memory(case.memory_bytes);
    if let Some(fields) = case.fields {
        suite = suite.with_head(|| head(fields));
    }
    if case.is_gzip {
        suite = suite.decode(gunzip);
    }
    suite.try_check().map_err(|failure| format!("{}: {failure}", case.spec))
}

#[test]
fn every_entry_of_the_registry_has_a_case() {
    let tried: BTreeSet<&str> = CASES.iter().map(Case::name).collect();
    let missing: Vec<_> = listed().difference(&tried).copied().collect();
    assert!(missing.is_empty(), "add to cases.rs: {missing:?}");
    if cfg!(all(feature = "deflate", feature = "spill")) {
        assert_eq!(listed(), tried, "left: the registry, right: what cases.rs tries");
    }
}

#[test]
fn every_case_conforms() {
    let listed = listed();
    // Side by side: allocations are counted by thread.
    let verdicts: Vec<Result<(), String>> = thread::scope(|scope| {
        let cases = CASES.iter().filter(|case| listed.contains(case.name()));
        let runs: Vec<_> = cases.map(|case| scope.spawn(move || check(case))).collect();
        runs.into_iter().map(|run| run.join().expect("the suite itself does not panic")).collect()
    });
    let failures: Vec<String> = verdicts.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
