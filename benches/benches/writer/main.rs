//! The network writer beside what else writes to a socket: a loop of `writev`, `write_all` of tokio, the
//! body path of hyper. The same bytes, in the same pieces, with a flush in the same places.
//!
//! Measured is the sender's own processor time, in user mode and in the kernel, which for loopback takes
//! the bytes all the way to the peer's socket: what the peer does, and waiting for it, does not count.
//! The peer compares every byte, and a figure is of bytes that were right; so `cargo bench -- --test` is
//! a test. At the end each side's median is printed with its ratio to the loop.

mod hyper_body;
mod peer;
mod ratios;
mod shapes;
mod sides;
#[path = "../operations/support.rs"]
#[allow(dead_code, unused_imports)] // What the other benches share beside the clock.
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{BenchmarkGroup, Throughput, criterion_group, criterion_main};

use hyper_body::HyperBody;
use peer::{Peer, pair};
use ratios::Ratios;
use shapes::{Shape, shapes};
use sides::{ChainBuckets, ChainOnTokio, ChainWrites, Side, TokioBuffered, TokioWriteAll, Writev};
use support::{CpuTime, Criterion};

/// The sides of one shape.
struct Rows<'c> {
    group: BenchmarkGroup<'c, CpuTime>,
    shape: &'c Shape,
    ratios: Ratios,
}

impl<'c> Rows<'c> {
    fn new(criterion: &'c mut Criterion, shape: &'c Shape) -> Self {
        let mut group = criterion.benchmark_group(format!("writer, {}", shape.name));
        group.throughput(Throughput::Bytes(shape.bytes.len() as u64));
        Self { group, shape, ratios: Ratios::default() }
    }

    fn row<S: Side>(self, name: &'static str, side: impl FnOnce(TcpStream) -> S) -> Self {
        let (sender, receiver) = pair().expect("loopback");
        let peer = Peer::new(receiver, &self.shape.bytes);
        self.measure(name, side(sender), peer)
    }

    fn hyper(self) -> Self {
        let (sender, mut receiver) = pair().expect("loopback");
        receiver.write_all(hyper_body::REQUEST).expect("loopback");
        let (side, head) = HyperBody::new(sender);
        receiver.read_exact(&mut vec![0; head]).expect("hyper has sent its head");
        let peer = Peer::new(receiver, &self.shape.bytes);
        self.measure("hyper", side, peer)
    }

    fn measure(mut self, name: &'static str, mut side: impl Side, peer: Peer) -> Self {
        let (shape, ratios) = (self.shape, &mut self.ratios);
        let mut total = 0;
        self.group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                let mut spent = Duration::ZERO;
                for _ in 0..count {
                    let start = CpuTime.start();
                    side.send(shape);
                    spent += CpuTime.end(start);
                    total += shape.bytes.len() as u64;
                    assert!(peer.has_read(total), "{name}: not the bytes that were sent");
                }
                ratios.note(name, spent, count);
                spent
            });
        });
        drop(side);
        peer.join().expect("all bytes were right");
        self
    }

    fn finish(self) {
        self.group.finish();
        self.ratios.print(self.shape.name, "writev loop");
    }
}

fn writer(criterion: &mut Criterion) {
    for shape in shapes() {
        Rows::new(criterion, &shape)
            .row("writev loop", Writev)
            .row("Chain::write", ChainWrites::new)
            .row("Chain::pass, a bucket a piece", ChainBuckets::new)
            .row("Chain::write, on tokio", ChainOnTokio::new)
            .row("tokio write_all", TokioWriteAll::new)
            .row("tokio write_all, BufWriter", TokioBuffered::new)
            .hyper()
            .finish();
    }
}

criterion_group! {
    name = benches;
    config = criterion::Criterion::default().with_measurement(CpuTime);
    targets = writer
}
criterion_main!(benches);
