//! What a write through a whole HTTP chain allocates: with a new brigade for each, one thing more than
//! with one that is used again.
#![allow(clippy::unwrap_used)] // They are tests; clippy takes helpers outside `#[test]` for none.

use std::io::{self, IoSlice};
use std::sync::Arc;

use brigade::{Brigade, Bucket, Chain, FilterKind, Member};
use brigade_filters::substitute::Substitute;
use brigade_http::{Exchange, Framing, HeaderOptions, RequestHead, ResponseHead, join_protocol};
use brigade_net::{Close, More, NetworkWriter, Transport};
use brigade_testkit::{Allocated, CountingAlloc};
use http::StatusCode;

#[global_allocator]
static COUNTING: CountingAlloc = CountingAlloc;

/// A peer that takes everything, and knows how much that was.
struct Sink(usize);

impl Transport for Sink {
    fn write(&mut self, slices: &[IoSlice<'_>], _more: More) -> io::Result<usize> {
        let taken: usize = slices.iter().map(|slice| slice.len()).sum();
        self.0 += taken;
        Ok(taken)
    }

    fn close(&mut self, _how: Close) -> io::Result<()> {
        Ok(())
    }
}

/// substitute, the protocol's filters with chunk, and a writer: in the midst of a response.
fn chain() -> Chain {
    let exchange = Exchange::new(Arc::new(RequestHead::get("/".parse().unwrap())));
    let mut chain = Chain::new(NetworkWriter::new(Sink(0)));
    let substitute = Substitute::new("Apache", "httpd").unwrap();
    chain.join_request(Member::new("substitute", FilterKind::RESOURCE, substitute));
    join_protocol(&mut chain, &exchange, &Arc::new(HeaderOptions::default()));
    let head = ResponseHead::new(StatusCode::OK, exchange.request().clone());
    chain.pass(&mut [head.into_bucket(), Bucket::flush()].into_iter().collect()).unwrap();
    assert_eq!(exchange.framing(), Some(Framing::Chunked));
    chain
}

/// One write of a handler.
fn fill<'a>(brigade: &mut Brigade<'a>, borrowed: &'a [u8], turn: usize) {
    brigade.push_back(Bucket::transient(borrowed));
    if turn.is_multiple_of(64) {
        brigade.push_back(Bucket::flush());
    }
}

fn sent(chain: &mut Chain) -> usize {
    chain.terminal::<NetworkWriter<Sink>>().map_or(0, |writer| writer.transport().0)
}

/// How often each of 4,096 writes asks for memory, once all that is used again exists.
fn writes(mut write: impl FnMut(&mut Chain, usize)) -> Vec<u64> {
    let mut chain = chain();
    // The last of what is used again is allocated after some thousands of writes.
    (1..=40_960).for_each(|turn| write(&mut chain, turn));
    let before = sent(&mut chain);
    let counts =
        (1..=4096).map(|turn| Allocated::during(|| write(&mut chain, turn)).0.calls).collect();
    // "20\r\n", 31 bytes where there were 32, and "\r\n".
    assert_eq!(sent(&mut chain) - before, 4096 * (4 + 31 + 2));
    counts
}

#[test]
fn new_brigade_for_each_write_through_the_whole_chain_is_the_one_allocation_more() {
    let text = *b"this server is called Apache...\n";
    let mut reused = Brigade::new();
    let again = writes(|chain, turn| {
        fill(&mut reused, &text, turn);
        chain.pass(&mut reused).unwrap();
    });
    let anew = writes(|chain, turn| {
        let mut brigade = Brigade::new();
        fill(&mut brigade, &text, turn);
        chain.pass(&mut brigade).unwrap();
    });
    // What the writer allocates when it joins what it keeps is in both.
    let more: Vec<u64> =
        anew.iter().zip(&again).map(|(anew, again)| anew.saturating_sub(*again)).collect();
    let odd = more.iter().position(|more| *more != 1);
    assert_eq!(odd, None, "the write that costs more or less than one allocation more");
    let without = again.iter().filter(|count| **count == 0).count();
    assert!(without > 3800, "only {without} of 4096 writes allocate nothing with one brigade");
}
