//! A peer that never reads, and a source that fails: every stock filter, with every kind of source.
//!
//! The registry is walked, so that a filter that is new has to say how much it may hold.

use std::io;
use std::sync::Arc;

use brigade::{Brigade, Bucket, Chain, Error, ReadMode, Registry, StreamData, recorder};
use brigade_http::{Exchange, HeaderOptions, RequestHead, ResponseHead, join_protocol};
use brigade_net::NetworkWriter;
use brigade_testkit::{ScriptedTransport, Step, brigade};
use http::{HeaderValue, StatusCode};

use crate::support::{Lines, member};

const KIB: u64 = 1024;
const GIB: u64 = 1024 * 1024 * KIB;

/// The SPEC with which a filter is tried, and the bytes it states that it may hold.
fn stated(name: &str) -> (&'static str, u64) {
    match name {
        "pass" => ("pass", 0),
        "substitute" => ("substitute s/brigade/company/", 16),
        "deflate" => ("deflate level=1", 372 * KIB),
        "inflate" => ("inflate", 48 * KIB),
        "collect" => ("collect limit=200000", 200_000),
        "spill" => ("spill limit=3000000", 0),
        other => panic!("say how much {other} may hold"),
    }
}

fn names() -> Vec<&'static str> {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    registry.entries().map(|entry| entry.name).collect()
}

fn exchange() -> Exchange {
    let mut request = RequestHead::get("/".parse().unwrap());
    request.headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
    Exchange::new(Arc::new(request))
}

fn join(chain: &mut Chain, spec: &str, exchange: &Exchange) -> Bucket<'static> {
    chain.join_request(member(spec));
    join_protocol(chain, exchange, &Arc::new(HeaderOptions::default()));
    ResponseHead::new(StatusCode::OK, exchange.request().clone()).into_bucket()
}

/// What 4 GiB or more are offered as.
#[derive(Debug, Clone, Copy)]
enum Source {
    File,
    Mapped,
    Own,
    Stream,
    Writes,
}

impl Source {
    const ALL: [Self; 5] = [Self::File, Self::Mapped, Self::Own, Self::Stream, Self::Writes];

    fn offer(self, chain: &mut Chain, head: Bucket<'static>) {
        let bucket = match self {
            Self::File => {
                let file = tempfile::tempfile().unwrap();
                file.set_len(4 * GIB).unwrap();
                Bucket::file(file, 0, 4 * GIB)
            }
            // Pages that nobody wrote to take no memory.
            Self::Mapped => {
                brigade_net::mmap::anonymous(usize::try_from(4 * GIB).unwrap(), |_| ()).unwrap()
            }
            Self::Own => Bucket::of(Lines { left: 4 * GIB, seed: 1 }),
            Self::Stream => Bucket::of(StreamData::ready(|room, _| {
                room.fill(b'x');
                Ok(room.len())
            })),
            Self::Writes => {
                chain.pass_bucket(head).unwrap();
                let mut given = 0;
                while !chain.should_yield() {
                    chain.write(b"a brigade of thirty-two bytes..\n").unwrap();
                    given += 32;
                    assert!(given < 4 * GIB, "it is never held back");
                }
                return;
            }
        };
        chain.pass(&mut Brigade::from_iter([head, bucket, Bucket::eos()])).unwrap();
    }
}

impl Source {
    /// What is given in one call beyond a piece: a mapping is in memory, all of it.
    fn given(self) -> u64 {
        if matches!(self, Self::Mapped) { 4 * GIB } else { 0 }
    }
}

/// The most that a connection may hold, as it is published: the filters' stated limits, a piece for
/// each filter, the writer's limit, two blocks, a read piece, and what the producer gave in one call.
fn bound(stated: u64, filters: u64) -> u64 {
    let piece = 64 * KIB;
    stated + filters * piece + piece + 2 * 8 * KIB + piece + (piece + 8 * KIB)
}

#[track_caller]
fn check_peer_that_never_reads(name: &str, source: Source, sends_files: bool) {
    let (spec, stated) = stated(name);
    let (transport, wire) = ScriptedTransport::new([Step::WouldBlock]);
    let transport = transport.repeating();
    let transport = if sends_files { transport.sending_files() } else { transport };
    let mut chain = Chain::new(NetworkWriter::new(transport)).mode(ReadMode::NonBlocking);
    let response = join(&mut chain, spec, &exchange());
    source.offer(&mut chain, response);
    for _ in 0..100 {
        let _ = chain.resume().unwrap();
        chain.idle().unwrap();
    }
    let what = format!("{name}, {source:?}, sends files: {sends_files}");
    assert_eq!(wire.received_bytes(), 0, "{what}");
    let bound = bound(stated, chain.filters().count() as u64) + source.given();
    let held = chain.held_bytes();
    assert!(held <= bound, "{what}: {held} bytes are held, at most {bound}");
    let stats = chain.alloc().stats();
    let blocks = stats.blocks_high_water as u64 * 8 * KIB;
    assert!(blocks <= bound, "{what}: {blocks} bytes of blocks, at most {bound}: {stats:?}");
}

#[test]
fn peer_that_never_reads_costs_what_is_published() {
    for name in names() {
        for source in Source::ALL {
            check_peer_that_never_reads(name, source, false);
            check_peer_that_never_reads(name, source, true);
        }
    }
}

/// A source that gives a little and fails, or ends early.
fn failing(how: &str) -> Bucket<'static> {
    match how {
        "a file that is shorter than it was" => {
            let file = tempfile::tempfile().unwrap();
            file.set_len(100).unwrap();
            Bucket::file(file, 0, 20_000)
        }
        "a stream that fails" => {
            let mut is_first = true;
            Bucket::of(StreamData::ready(move |room, _| {
                if std::mem::take(&mut is_first) {
                    room[..4].copy_from_slice(b"some");
                    return Ok(4);
                }
                Err(io::Error::other("the source is gone"))
            }))
        }
        _ => Bucket::error(Error::other("the handler failed")),
    }
}

#[test]
fn failed_response_never_looks_complete() {
    for name in names() {
        for how in ["a file that is shorter than it was", "a stream that fails", "an error"] {
            let (terminal, record) = recorder();
            let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
            let exchange = exchange();
            let head = join(&mut chain, stated(name).0, &exchange);
            let text = "a brigade of text that is worth its trailer, a brigade of text";
            chain.pass(&mut brigade![head, text, FLUSH]).unwrap();
            let source = failing(how);
            let ends = source.ends_body();
            let mut rest = Brigade::from(source);
            rest.extend((!ends).then(Bucket::eos));
            // The owner of a chain ends the body of a response that failed by an ERROR of its own.
            if let Err(error) = chain.pass(&mut rest) {
                let _ = chain.pass_bucket(Bucket::error(error.clone()));
                exchange.fail();
            }
            let bytes = record.bytes();
            let what = format!("{name}, {how}: {:?}", String::from_utf8_lossy(&bytes));
            assert!(bytes.starts_with(b"HTTP/1.1 200 "), "{what}");
            assert!(!bytes.ends_with(b"0\r\n\r\n"), "{what}");
            assert!(exchange.has_failed() && exchange.closes(), "{what}");
            assert!(record.marks().iter().all(|(_, mark)| mark != "EOS"), "{what}");
        }
    }
}
