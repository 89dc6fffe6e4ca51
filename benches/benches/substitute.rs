//! `substitute` beside the search that it is made of, and what a new brigade for each write costs in the
//! chain of a whole HTTP response.
//!
//! `memmem` only says where the places are: it hands nothing on. Beside `substitute` stands the same
//! chain without it too, so that what is the filter's can be told from what is the chain's.

#[path = "operations/support.rs"]
#[allow(dead_code, unused_imports)] // What the other benches share beside the rows.
mod support;

use std::hint::black_box;
use std::io::{self, IoSlice};
use std::sync::Arc;

use brigade::{Brigade, Bucket, Chain, FilterKind, Member, Result};
use brigade_benches::Sink;
use brigade_filters::substitute::Substitute;
use brigade_http::{Exchange, HeaderOptions, RequestHead, ResponseHead, join_protocol};
use brigade_net::{Close, More, NetworkWriter, Transport};
use criterion::{criterion_group, criterion_main};
use http::StatusCode;
use memchr::memmem::Finder;
use support::{Criterion, Rows};

const FROM: &[u8] = b"Apache";
const TO: &[u8] = b"httpd!";
const PIECE_BYTES: usize = 8192;
const WRITE_BYTES: usize = 32;
const PIECES: usize = 8;
const BYTES: u64 = (PIECES * PIECE_BYTES) as u64;

/// Lines of words, with FROM once in each piece: within one write, so that a search of each write alone
/// finds as many.
fn text() -> Vec<u8> {
    const WORDS: [&[u8]; 8] =
        [b"a ", b"server ", b"that ", b"passes ", b"pages ", b"of ", b"text ", b"along\n"];
    let (mut text, mut seed) = (Vec::new(), 1_u64);
    while text.len() < PIECES * PIECE_BYTES {
        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        text.extend_from_slice(WORDS[(seed >> 61) as usize]);
    }
    text.truncate(PIECES * PIECE_BYTES);
    for piece in text.chunks_mut(PIECE_BYTES) {
        piece[PIECE_BYTES / 2 + 8..][..FROM.len()].copy_from_slice(FROM);
    }
    text
}

/// How often a search of each piece finds FROM.
fn count(finder: &Finder<'_>, text: &[u8], piece_bytes: usize) -> u64 {
    let pieces = black_box(text).chunks(piece_bytes);
    pieces.map(|piece| finder.find_iter(piece).count() as u64).sum()
}

fn chain_of(filter: Option<Substitute>) -> Chain {
    let mut chain = Chain::new(Sink(0));
    if let Some(filter) = filter {
        chain.join(Member::new("substitute", FilterKind::RESOURCE, filter));
    }
    chain
}

fn substitute() -> Substitute {
    Substitute::new(FROM, TO).expect("FROM is not empty")
}

/// Does `step` to `chain`; the same number as [`count`] if all bytes came out.
fn passed(chain: &mut Chain, step: impl FnOnce(&mut Chain) -> Result<()>) -> u64 {
    let came = |chain: &mut Chain| chain.terminal::<Sink>().map_or(0, |sink| sink.0);
    let before = came(chain);
    step(chain).expect("a sink takes all");
    (came(chain) - before) / PIECE_BYTES as u64
}

/// Passes each piece by itself, with one brigade.
fn pass_each<'t>(
    chain: &mut Chain,
    brigade: &mut Brigade<'t>,
    text: &'t [u8],
    piece_bytes: usize,
) -> u64 {
    passed(chain, |chain| {
        black_box(text).chunks(piece_bytes).try_for_each(|piece| {
            brigade.push_back(Bucket::transient(piece));
            chain.pass(brigade)
        })
    })
}

fn pieces(c: &mut Criterion) {
    let text = text();
    let finder = Finder::new(FROM);
    let (mut none, mut one) = (chain_of(None), chain_of(Some(substitute())));
    let mut brigade = Brigade::new();
    Rows::new(c, "substitute, 8 KiB pieces", PIECES as u64)
        .bytes(BYTES)
        .row("memmem", || count(&finder, &text, PIECE_BYTES))
        .row("no filter", || pass_each(&mut none, &mut brigade, &text, PIECE_BYTES))
        .row("substitute", || pass_each(&mut one, &mut brigade, &text, PIECE_BYTES));
}

fn writes(c: &mut Criterion) {
    let text = text();
    let finder = Finder::new(FROM);
    let (mut none, mut one) = (chain_of(None), chain_of(Some(substitute())));
    let mut gathering = [chain_of(None), chain_of(Some(substitute()))];
    let mut write = |at: usize| {
        passed(&mut gathering[at], |chain| {
            black_box(&text).chunks(WRITE_BYTES).try_for_each(|piece| chain.write(piece))?;
            chain.flush()
        })
    };
    let mut brigade = Brigade::new();
    Rows::new(c, "substitute, 32 B writes", PIECES as u64)
        .bytes(BYTES)
        .row("memmem, all at once", || count(&finder, &text, text.len()))
        .row("memmem, each write", || count(&finder, &text, WRITE_BYTES))
        .row("no filter, a pass each", || pass_each(&mut none, &mut brigade, &text, WRITE_BYTES))
        .row("substitute, a pass each", || pass_each(&mut one, &mut brigade, &text, WRITE_BYTES))
        .row("no filter, Chain::write", || write(0))
        .row("substitute, Chain::write", || write(1));
}

/// A peer that takes everything and forgets it.
struct Peer(u64);

impl Transport for Peer {
    fn write(&mut self, slices: &[IoSlice<'_>], _more: More) -> io::Result<usize> {
        let taken: usize = slices.iter().map(|slice| slice.len()).sum();
        self.0 += taken as u64;
        Ok(taken)
    }

    fn close(&mut self, _how: Close) -> io::Result<()> {
        Ok(())
    }
}

/// substitute, the protocol's filters with chunk, and a writer: in the midst of a response.
fn response() -> Chain {
    let request = RequestHead::get("/".parse().expect("it is a path"));
    let exchange = Exchange::new(Arc::new(request));
    let mut chain = Chain::new(NetworkWriter::new(Peer(0)));
    chain.join_request(Member::new("substitute", FilterKind::RESOURCE, substitute()));
    join_protocol(&mut chain, &exchange, &Arc::new(HeaderOptions::default()));
    let head = ResponseHead::new(StatusCode::OK, exchange.request().clone());
    chain.pass_bucket(head.into_bucket()).expect("the peer takes all");
    chain.flush().expect("the peer takes all");
    chain
}

/// How many bytes leave for 64 writes of 32 bytes, and a flush.
fn respond(chain: &mut Chain, mut write: impl FnMut(&mut Chain) -> Result<()>) -> u64 {
    let sent = |chain: &mut Chain| {
        chain.terminal::<NetworkWriter<Peer>>().map_or(0, |writer| writer.transport().0)
    };
    let before = sent(chain);
    (0..64).try_for_each(|_| write(chain)).expect("the peer takes all");
    chain.flush().expect("the peer takes all");
    sent(chain) - before
}

fn whole_chain(c: &mut Criterion) {
    let (mut reusing, mut making) = (response(), response());
    let mut brigade = Brigade::new();
    // A chunk's size line and its end around each write.
    Rows::new(c, "whole HTTP chain, 32 B writes", 64 * (4 + 32 + 2))
        .each_of(64)
        .row("a brigade used again", || {
            respond(&mut reusing, |chain| {
                brigade.push_back(Bucket::transient(black_box(support::PIECE)));
                chain.pass(&mut brigade)
            })
        })
        .row("a new brigade each", || {
            respond(&mut making, |chain| {
                chain.pass(&mut Brigade::from(Bucket::transient(black_box(support::PIECE))))
            })
        });
}

criterion_group! {
    name = benches;
    config = criterion::Criterion::default().with_measurement(support::CpuTime);
    targets = pieces, writes, whole_chain
}
criterion_main!(benches);
