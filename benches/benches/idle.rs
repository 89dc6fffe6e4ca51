//! Eight filters that change nothing, and what eight of them cost elsewhere: `http-body`'s `map_frame`,
//! and a loop of plain `dyn` calls that count what a chain counts and do no more.
//!
//! A chain's hop also looks whether the chain refuses, whether its filter waits, failed or stepped
//! aside, survives a panic of the filter, and checks what it left. The loop does none of that, and calls
//! no filter from within another, so that none of its filters could wait, hold or insert.
//!
//! The bodies are boxed at each layer, as those that are composed at run time are; nested by their
//! types they are one function, which is another thing: nobody can insert a filter into it.

#[path = "operations/support.rs"]
#[allow(dead_code, unused_imports)] // What the other benches share beside the rows.
mod support;

use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use brigade::{Brigade, Bucket, Chain, FilterKind, Member, Result, from_fn};
use brigade_benches::Sink;
use bytes::Bytes;
use criterion::{criterion_group, criterion_main};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use support::{Criterion, PIECE, Rows};

const FILTERS: usize = 8;

/// A filter of the plain loop, with its name and its counters.
struct Plain {
    name: String,
    filter: Box<dyn Idle>,
    calls: u64,
    buckets_in: u64,
    bytes_in: u64,
    buckets_out: u64,
    bytes_out: u64,
}

trait Idle {
    fn filter(&mut self, input: &mut Brigade<'_>) -> Result<()>;
}

struct PassesOn;

impl Idle for PassesOn {
    fn filter(&mut self, input: &mut Brigade<'_>) -> Result<()> {
        black_box(input);
        Ok(())
    }
}

impl Plain {
    fn new(at: usize) -> Self {
        let filter: Box<dyn Idle> = Box::new(PassesOn);
        let name = format!("idle {at}");
        Self { name, filter, calls: 0, buckets_in: 0, bytes_in: 0, buckets_out: 0, bytes_out: 0 }
    }

    #[inline(never)] // As a hop of a chain is one call.
    fn call(&mut self, input: &mut Brigade<'_>) -> Result<()> {
        self.calls += 1;
        self.buckets_in += input.len() as u64;
        self.bytes_in += input.resident_bytes();
        self.filter.filter(input).map_err(|error| error.in_filter(self.name.clone()))?;
        self.buckets_out += input.len() as u64;
        self.bytes_out += input.resident_bytes();
        Ok(())
    }
}

/// Gives the same frame without end.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(black_box(PIECE))))))
    }
}

fn idle(c: &mut Criterion) {
    for filters in [0, FILTERS] {
        let mut rows = Rows::new(c, &format!("{filters} idle filters, 32 B"), 32);
        let mut chain = Chain::new(Sink(0));
        for _ in 0..filters {
            let idle = from_fn(|input, next| next.push_all(input));
            chain.join(Member::new("idle", FilterKind::RESOURCE, idle));
        }
        let mut brigade = Brigade::new();
        rows = rows.row("a chain", || {
            let before = chain.terminal::<Sink>().map_or(0, |sink| sink.0);
            brigade.push_back(Bucket::transient(black_box(PIECE)));
            chain.pass(&mut brigade).expect("a sink takes all");
            chain.terminal::<Sink>().map_or(0, |sink| sink.0) - before
        });
        let mut plain: Vec<Plain> = (0..filters).map(Plain::new).collect();
        rows = rows.row("plain dyn calls", || {
            brigade.push_back(Bucket::transient(black_box(PIECE)));
            for filter in &mut plain {
                filter.call(&mut brigade).expect("none fails");
            }
            let len = brigade.resident_bytes();
            brigade.clear();
            len
        });
        let mut body: UnsyncBoxBody<Bytes, std::convert::Infallible> = Endless.boxed_unsync();
        for _ in 0..filters {
            body = body.map_frame(|frame| frame).boxed_unsync();
        }
        rows.row("http-body map_frame, boxed", || {
            let mut cx = Context::from_waker(Waker::noop());
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    frame.data_ref().map_or(0, |data| data.len() as u64)
                }
                _ => 0,
            }
        });
    }
}

criterion_group! {
    name = benches;
    config = criterion::Criterion::default().with_measurement(support::CpuTime);
    targets = idle
}
criterion_main!(benches);
