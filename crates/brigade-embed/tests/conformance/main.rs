//! Every stock filter keeps its promises behind [`FilterLayer`](brigade_http::tower::FilterLayer) too:
//! what the kit tries of it in a chain, tried on what a server sees.
//!
//! A layer has frames where a chain has buckets. So the input is cut into frames, empty ones among them,
//! with pauses for FLUSH, with trailers and with a fault at its end; or it comes out of another
//! [`ChainBody`](brigade_http::body::ChainBody), as parts of a FILE or a STREAM. Marks that no filter
//! knows, and what a filter does between the calls of a connection, show in a chain alone.
#![allow(clippy::unwrap_used)] // They are tests; clippy takes helpers outside `#[test]` for none.

mod body;
#[allow(dead_code)] // What is said there for want of a head, which every response here has.
#[path = "../../../brigade-filters/tests/conformance/cases.rs"]
mod cases;
mod judge;
mod run;

use std::collections::BTreeSet;
use std::future::Future;
use std::io::Write;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use brigade::{End, Registry};
use brigade_http::body::BoxError;
use brigade_testkit::{Allocated, CountingAlloc};
use bytes::Bytes;
use http_body::{Body, Frame};

use crate::cases::{CASES, Case};
use crate::judge::Judge;
use crate::run::{Subject, Told, drain};

/// With it the memory of a response is measured.
#[global_allocator]
static COUNTING: CountingAlloc = CountingAlloc;

/// What a body may hold for one filter, whatever that does: what was pushed since it last went down, one
/// piece that is read, blocks between their uses. The kit allows as much.
const CHAIN_BYTES: usize = 256 * 1024;

/// What goes through the filters together, at most: a block, and the frame that fills it.
const CALL_BYTES: usize = 8 * 1024 + 1000;

fn registry() -> Registry {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    registry
}

/// What every response has that says nothing of itself.
const TEXT: &[(&str, &str)] = &[("content-type", "text/plain")];

impl Subject {
    fn of(case: &Case) -> Self {
        let filter = registry().prepare(case.spec).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(case.input).unwrap();
        Self { filter, fields: case.fields.unwrap_or(TEXT), file: Arc::new(file) }
    }
}

/// Those cases that a layer can show: one that decodes must be told so by a head.
fn cases() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| case.spec != "inflate")
}

/// `input` again and again, in frames of about 1,000 bytes.
fn endless(case: &Case, bytes: usize) -> impl Body<Data = Bytes, Error = BoxError> + Send + use<> {
    let text = Bytes::from(case.input.repeat(1000_usize.div_ceil(case.input.len())));
    let mut frames = (0..bytes / text.len()).map(move |_| Ok(Frame::data(text.clone())));
    Polled(move || frames.next())
}

/// A body of what a closure gives.
struct Polled<F>(F);

impl<F> Body for Polled<F>
where
    F: FnMut() -> Option<Result<Frame<Bytes>, BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready((self.0)())
    }
}

/// Checks what a long response needs at most, and that one whose client leaves is told so.
fn check_long(case: &Case) -> Result<(), String> {
    let subject = Subject::of(case);
    let (allocated, bytes) = Allocated::during(|| {
        let response = ready(subject.response(endless(case, 4 << 20), &Told::default()));
        drain(response.into_body())
    });
    // What one call makes is taken whole.
    let growth = case.output.len().div_ceil(case.input.len());
    let limit = case.memory_bytes + CHAIN_BYTES + growth * CALL_BYTES;
    let limit = i64::try_from(limit).unwrap();
    if allocated.peak_bytes > limit {
        let peak = allocated.peak_bytes;
        return Err(format!("{}: {peak} bytes are allocated, for {bytes}", case.spec));
    }
    let told = Told::default();
    drop(ready(subject.response(endless(case, 4 << 20), &told)));
    match told.ends()[..] {
        [End::ClientGone] => Ok(()),
        _ => Err(format!("{}: the filters are told {:?}", case.spec, told.ends())),
    }
}

fn ready<T>(response: impl Future<Output = Result<T, std::convert::Infallible>>) -> T {
    match pin!(response).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response,
        Poll::Pending => panic!("no head of a body that is there"),
    }
}

/// Runs all cases side by side: allocations are counted by thread.
#[track_caller]
fn check(run: impl Fn(&'static Case) -> Result<(), String> + Sync) {
    let failures: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = cases()
            .map(|case| {
                scope.spawn({
                    let run = &run;
                    move || run(case)
                })
            })
            .collect();
        runs.into_iter().filter_map(|run| run.join().unwrap().err()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_entry_of_the_registry_is_tried() {
    let registry = registry();
    let listed: BTreeSet<&str> = registry.entries().map(|entry| entry.name).collect();
    assert_eq!(
        listed,
        cases().map(Case::name).collect(),
        "left: the registry, right: what is tried"
    );
}

#[test]
fn every_filter_makes_the_same_of_a_body_however_it_is_given() {
    check(|case| Judge::new(case).all());
}

#[test]
fn every_filter_holds_no_more_than_it_states_and_learns_that_the_client_has_left() {
    assert!(CountingAlloc::is_counting());
    check(check_long);
}
