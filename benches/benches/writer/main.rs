//! The network writer beside what else writes to a socket: a loop of `writev`, `write_all` of tokio, the
//! body path of hyper. The same bytes, in the same pieces, with a flush in the same places.
//!
//! Measured is the sender's own processor time, in user mode and in the kernel, which for loopback takes
//! the bytes all the way to the peer's socket: what the peer does, and waiting for it, does not count.
//! The peer compares every byte, and a figure is of bytes that were right; so `cargo bench -- --test` is
//! a test. At the end each side's median is printed with its ratio to the loop, and drawn if `BRIGADE_PLOT`
//! names a file.

mod file;
mod hyper_body;
mod peer;
mod plot;
mod response;
mod rows;
mod shapes;
mod sides;
mod sizes;
#[path = "../operations/support.rs"]
#[allow(dead_code, unused_imports)] // What the other benches share beside the clock.
mod support;
mod tls;

use std::io::{Read, Write};
use std::net::TcpStream;

use brigade_net::StdTransport;
use criterion::{criterion_group, criterion_main};

use file::{ChainFile, SendFile, file_of};
use hyper_body::HyperBody;
use peer::Receiver;
use response::Serving;
use rows::Rows;
use shapes::{Shape, shapes};
use sides::{ChainBuckets, ChainOnTokio, ChainWrites, Of, TokioBuffered, TokioWriteAll, Writev};
use support::{CpuTime, Criterion};

/// The file that is sent.
const FILE_BYTES: u64 = 1 << 30;

fn rows<'c>(criterion: &'c mut Criterion, name: &str, shape: &'c Shape) -> Rows<'c> {
    Rows::new(criterion, name, &shape.bytes, shape.bytes.len() as u64)
}

fn plain(criterion: &mut Criterion) {
    for shape in shapes() {
        let of = || shape.clone();
        rows(criterion, shape.name, &shape)
            .row("writev loop", |socket| Of(of(), Writev(socket)))
            .row("Chain::write", |socket| Of(of(), ChainWrites::new(StdTransport::new(socket))))
            .row("Chain::pass", |socket| Of(of(), ChainBuckets::new(socket)))
            .row("Chain::write, on tokio", |socket| Of(of(), ChainOnTokio::new(socket)))
            .row("tokio write_all", |socket| Of(of(), TokioWriteAll::new(socket)))
            .row("tokio write_all, BufWriter", |socket| Of(of(), TokioBuffered::new(socket)))
            .meeting("hyper", |sender, receiver| {
                let (side, receiver) = hyper(sender, receiver);
                (Of(of(), side), receiver)
            })
            .compare();
    }
}

/// Lets hyper answer whoever reads, who takes the head.
fn hyper(sender: TcpStream, mut receiver: TcpStream) -> (HyperBody, Receiver) {
    receiver.write_all(hyper_body::REQUEST).expect("loopback");
    let (side, head) = HyperBody::new(sender);
    receiver.read_exact(&mut vec![0; head]).expect("hyper has sent its head");
    (side, receiver.into())
}

fn files(criterion: &mut Criterion) {
    let shape = shape("pieces of 64 KiB");
    let times = FILE_BYTES / shape.bytes.len() as u64;
    let file = file_of(&shape.bytes, times).expect("there is room for a file");
    Rows::new(criterion, "a file of 1 GiB", &shape.bytes, FILE_BYTES)
        .row("sendfile loop", |socket| SendFile::new(socket, &file, FILE_BYTES))
        .row("Chain::pass", |socket| ChainFile::new(socket, &file, FILE_BYTES))
        .compare();
}

fn over_tls(criterion: &mut Criterion) {
    for name in ["pieces of 32 B", "pieces of 16 KiB", "32 B, flushed"] {
        let shape = shape(name);
        let of = || shape.clone();
        rows(criterion, &format!("TLS, {name}"), &shape)
            .meeting("rustls", |sender, receiver| {
                (Of(of(), tls::Bare::new(sender)), tls::receiver(receiver))
            })
            .meeting("Chain::write", |sender, receiver| {
                (Of(of(), tls::chain(sender)), tls::receiver(receiver))
            })
            .compare();
    }
}

fn responses(criterion: &mut Criterion) {
    let shape = shape("pieces of 32 B");
    rows(criterion, "Response::write, 32 B", &shape)
        .meeting("blocking", |sender, receiver| Serving::blocking(&shape, sender, receiver))
        .meeting("async", |sender, receiver| Serving::on_tokio(&shape, sender, receiver))
        .compare();
}

fn drawn(_: &mut Criterion) {
    plot::draw();
}

/// What was chosen comes first.
fn sizes(criterion: &mut Criterion) {
    for (len, name) in sizes::PIECES {
        let shape = Shape::even(name, len);
        rows(criterion, &format!("pieces of {name}, copied together or not"), &shape)
            .row("copied", |socket| sizes::copying_below(usize::MAX, &shape, socket))
            .row("slices", |socket| sizes::copying_below(0, &shape, socket))
            .compare();
    }
    let shape = Shape::even("pieces of 1 KiB", 1024);
    let mut limits = rows(criterion, "what is kept", &shape);
    for (limit, name) in sizes::LIMITS {
        limits = limits.row(name, |socket| sizes::keeping(limit, &shape, socket));
    }
    limits.compare();
    let times = FILE_BYTES / 4 / shape.bytes.len() as u64;
    let file = file_of(&shape.bytes, times).expect("there is room for a file");
    let mut windows = Rows::new(criterion, "a window of a file", &shape.bytes, FILE_BYTES / 4)
        .row("sendfile loop", |socket| SendFile::new(socket, &file, FILE_BYTES / 4));
    for (window, name) in sizes::WINDOWS {
        let len = FILE_BYTES / 4;
        windows = windows.row(name, |socket| sizes::by_window(window, &file, len, socket));
    }
    windows.compare();
}

fn shape(name: &str) -> Shape {
    shapes().into_iter().find(|shape| shape.name == name).expect("it is a shape")
}

criterion_group! {
    name = benches;
    config = criterion::Criterion::default().with_measurement(CpuTime);
    targets = plain, files, over_tls, responses, drawn, sizes
}
criterion_main!(benches);
