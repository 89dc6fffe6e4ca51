//! Chains inside other servers beside what is used there for the same: bodies beside http-body-util's,
//! a layer that compresses beside tower-http's, a layer without filters beside none.
//!
//! Both sides of a row are given the same frames, and both compressors run on the same codec and
//! level. Each answer is checked before it is measured, so that `cargo bench -- --test` is a test.

#[path = "operations/support.rs"]
#[allow(dead_code, unused_imports)] // What the other benches share beside what is measured.
mod support;

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use brigade::{Brigade, Bucket, FilterKind, Member, Registry, from_fn};
use brigade_http::body::{ChainBody, Filters};
use brigade_http::tower::FilterLayer;
use bytes::Bytes;
use criterion::{Throughput, criterion_group, criterion_main};
use futures_core::Stream;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use tower_http::compression::CompressionLayer;
use tower_layer::Layer;
use tower_service::Service;

use support::{CpuTime, Criterion};

/// What is in the frames: prose and code, of which next to none comes twice.
const TEXTS: [&[u8]; 5] = [
    include_bytes!("../../docs/apache-map.md"),
    include_bytes!("../../crates/brigade/src/filter/chain.rs"),
    include_bytes!("../../crates/brigade/src/filter/next.rs"),
    include_bytes!("../../crates/brigade/src/filter/registry.rs"),
    include_bytes!("../../crates/brigade/src/filter/node.rs"),
];
const TEXT_BYTES: usize = 64 * 1024;

/// So many frames of so many bytes; with a pause after each, or always ready.
#[derive(Clone)]
struct Frames {
    text: Bytes,
    piece_bytes: usize,
    at: usize,
    left: usize,
    pauses: Pauses,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pauses {
    Never,
    /// After each frame, until whoever pulls has been told that there is nothing.
    Due,
    Since(u64),
}

thread_local! {
    /// How often a body had nothing for who pulled it.
    static EMPTY: Cell<u64> = const { Cell::new(0) };
}

impl Frames {
    fn new(count: usize, bytes: usize) -> Self {
        let text = Bytes::from(TEXTS.concat().repeat(2)).slice(..TEXT_BYTES);
        Self { text, piece_bytes: bytes, at: 0, left: count, pauses: Pauses::Never }
    }

    fn pausing(self) -> Self {
        Self { pauses: Pauses::Due, ..self }
    }

    fn next(&mut self) -> Poll<Option<Frame<Bytes>>> {
        let told = EMPTY.get();
        match self.pauses {
            Pauses::Never => {}
            Pauses::Due => {
                self.pauses = Pauses::Since(told);
                return Poll::Pending;
            }
            Pauses::Since(before) if told == before => return Poll::Pending,
            Pauses::Since(_) => self.pauses = Pauses::Due,
        }
        Poll::Ready(self.left.checked_sub(1).map(|left| {
            self.left = left;
            let piece = self.text.slice(self.at..self.at + self.piece_bytes);
            self.at = (self.at + self.piece_bytes) % TEXT_BYTES;
            Frame::data(piece)
        }))
    }
}

impl Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.next().map(|frame| frame.map(Ok))
    }
}

/// Pulls a body to its end; answers its bytes.
fn drain(body: impl Body<Data = Bytes, Error: std::fmt::Debug>) -> usize {
    let mut body = pin!(body);
    let mut cx = Context::from_waker(Waker::noop());
    let mut bytes = 0;
    loop {
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Pending => EMPTY.set(EMPTY.get() + 1),
            Poll::Ready(None) => return bytes,
            Poll::Ready(Some(frame)) => {
                bytes += frame.expect("nothing fails").into_data().map_or(0, |data| data.len());
            }
        }
    }
}

fn idle(count: usize) -> Filters {
    let pass = || {
        let pass = from_fn(|input, next| next.push_all(input));
        Member::new("pass", FilterKind::RESOURCE, pass)
    };
    (0..count).fold(Filters::none(), |filters, _| filters.member(pass))
}

/// A body of 64 frames of 1 KiB, through nothing and through eight steps that change nothing.
fn bodies(criterion: &mut Criterion) {
    let frames = Frames::new(64, 1024);
    let mut group = criterion.benchmark_group("body of 64 frames");
    group.throughput(Throughput::Elements(64));
    let mut row = |name: &str, run: &dyn Fn() -> usize| {
        assert_eq!(run(), 64 * 1024, "{name}");
        group.bench_function(name, |bencher| bencher.iter(run));
    };
    row("StreamBody", &|| drain(StreamBody::new(frames.clone())));
    let buckets = || -> Brigade<'static> {
        (0..64).map(|n| Bucket::heap(frames.text.slice(n * 1024..(n + 1) * 1024))).collect()
    };
    let none = idle(0);
    row("ChainBody of buckets", &|| drain(ChainBody::new(&none, buckets())));
    row("ChainBody around StreamBody", &|| {
        drain(ChainBody::around(&none, StreamBody::new(frames.clone())))
    });
    row("StreamBody, map_frame x8", &|| {
        macro_rules! mapped {
            ($body:expr) => { $body };
            ($body:expr, $step:tt $($rest:tt)*) => {
                mapped!($body.map_frame(|frame| frame), $($rest)*)
            };
            ($body:expr,) => { $body };
        }
        drain(mapped!(StreamBody::new(frames.clone()), 1 2 3 4 5 6 7 8))
    });
    row("StreamBody, boxed map_frame x8", &|| {
        let body = UnsyncBoxBody::new(StreamBody::new(frames.clone()));
        drain((0..8).fold(body, |body, _| body.map_frame(|frame| frame).boxed_unsync()))
    });
    let eight = idle(8);
    row("ChainBody of buckets, 8 filters", &|| drain(ChainBody::new(&eight, buckets())));
    group.finish();
}

/// Answers every request with these frames.
#[derive(Clone)]
struct Answers(Frames);

impl Service<Request<()>> for Answers {
    type Response = Response<StreamBody<Frames>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let mut response = Response::new(StreamBody::new(self.0.clone()));
        let text = http::HeaderValue::from_static("text/plain");
        response.headers_mut().insert(http::header::CONTENT_TYPE, text);
        ready(Ok(response))
    }
}

/// One request, to the last byte of its answer.
fn request<S, B>(service: &mut S) -> usize
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let request = Request::get("/").header("accept-encoding", "gzip").body(());
    let called = pin!(service.call(request.expect("it is a request")));
    match called.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(response) => drain(response.expect("it never fails").into_body()),
        Poll::Pending => unreachable!("the head is there at once"),
    }
}

/// gzip at level 6 of 64 KiB at once, and of a thousand pieces of 64 bytes with a pause after each.
fn compression(criterion: &mut Criterion) {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    let deflate = Filters::from_specs(&registry, ["deflate level=6"]).expect("it is a SPEC");
    let layer = FilterLayer::new(deflate);
    for (name, frames) in [
        ("gzip of 64 KiB", Frames::new(1, 64 * 1024)),
        ("gzip of 1,000 pieces of 64 B, a flush after each", Frames::new(1000, 64).pausing()),
    ] {
        let (count, bytes) = (frames.left as u64, frames.piece_bytes as u64);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(count * bytes));
        let mut ours = layer.layer(Answers(frames.clone()));
        let mut theirs = CompressionLayer::new().gzip(true).layer(Answers(frames));
        let (our_bytes, their_bytes) = (request(&mut ours), request(&mut theirs));
        println!("{name}: {our_bytes} bytes by FilterLayer, {their_bytes} by tower-http");
        group.bench_function("FilterLayer", |bencher| bencher.iter(|| request(&mut ours)));
        group.bench_function("tower-http", |bencher| bencher.iter(|| request(&mut theirs)));
        group.finish();
    }
}

/// A service whose body is there at once.
#[derive(Clone)]
struct Page(Bytes);

impl Service<Request<()>> for Page {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Full::new(self.0.clone()))))
    }
}

/// What a layer costs where nothing is filtered, beside the service alone.
fn no_filters(criterion: &mut Criterion) {
    let page = Page(Bytes::from_static(b"a page"));
    let mut group = criterion.benchmark_group("a request that nobody filters");
    let (mut bare, mut layered) =
        (page.clone(), FilterLayer::new(Filters::none()).layer(page.clone()));
    let mut chosen = FilterLayer::by_request(|_| Filters::none()).layer(page);
    assert_eq!((request(&mut bare), request(&mut layered), request(&mut chosen)), (6, 6, 6));
    group.bench_function("the service alone", |bencher| bencher.iter(|| request(&mut bare)));
    group.bench_function("FilterLayer, none", |bencher| bencher.iter(|| request(&mut layered)));
    group.bench_function("FilterLayer, none chosen", |bencher| {
        bencher.iter(|| request(&mut chosen));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion::Criterion::default().with_measurement(CpuTime);
    targets = bodies, compression, no_filters
}
criterion_main!(benches);
