//! What is held depends on what is in flight: a slow peer costs a bound, a gone burst nothing.

use std::io::Write;
use std::sync::Arc;

use brigade::{
    Brigade, Bucket, BucketAlloc, Chain, End, FilterKind, Member, Progress, ReadMode, Terminal,
    from_fn,
};
use brigade_net::{NetworkWriter, WriterOptions};
use brigade_testkit::{Call, ScriptedTransport, Step, Wire};

use crate::kit::{Ends, Line, PATTERN};

const MIB: usize = 1024 * 1024;

/// A chain to a peer that takes 20 KB at a time.
fn slow(steps: &[Step]) -> (Chain, Wire) {
    let (transport, wire) = ScriptedTransport::new(steps.iter().copied());
    let writer = NetworkWriter::new(transport.repeating());
    (Chain::new(writer).mode(ReadMode::NonBlocking), wire)
}

#[test]
fn a_large_file_through_two_filters_to_a_slow_peer_never_holds_256_kib() {
    const LEN: usize = 64 * MIB;
    let mut file = tempfile::tempfile().unwrap();
    (0..LEN / MIB).for_each(|_| file.write_all(&PATTERN).unwrap());

    let (mut chain, wire) = slow(&[Step::Take(20_000), Step::WouldBlock]);
    for name in ["first", "second"] {
        let copy = from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                next.push(bucket)?;
            }
            Ok(())
        });
        chain.join_request(Member::new(name, FilterKind::RESOURCE, copy));
    }
    let response = [Bucket::transient(b"head"), Bucket::file(file, 0, LEN as u64), Bucket::eos()];
    let mut response: Brigade<'_> = response.into_iter().collect();
    chain.pass(&mut response).unwrap();

    let mut received = wire.take_received();
    assert!(received.starts_with(b"head"));
    received.drain(..4);
    let mut len = 0;
    let mut most_blocks = 0;
    loop {
        let at = len % MIB;
        let here = received.len().min(MIB - at);
        assert!(received[..here] == PATTERN[at..at + here], "wrong from byte {len} on");
        assert!(received[here..] == PATTERN[..received.len() - here]);
        len += received.len();
        most_blocks = most_blocks.max(chain.alloc().stats().blocks_live);
        if chain.progress() == Progress::Done {
            break;
        }
        let _ = chain.resume().unwrap();
        received = wire.take_received();
    }
    // The end of the body is no FLUSH: the last pieces are kept until the owner is idle.
    chain.idle().unwrap();
    while chain.progress() == Progress::Pending {
        let _ = chain.resume().unwrap();
    }
    assert_eq!(len + wire.take_received().len(), LEN);
    assert!(most_blocks * 8 * 1024 <= 256 * 1024, "{most_blocks} blocks");
    chain.trim();
    assert_eq!(chain.alloc().stats().blocks_live, 0);
}

#[test]
fn writes_to_a_peer_that_never_reads_are_held_back_at_the_limit() {
    let (mut chain, wire) = slow(&[Step::WouldBlock]);
    let mut written = 0_u64;
    while !chain.should_yield() {
        chain.write(b"thirty-two bytes, as it happens.").unwrap();
        written += 32;
    }
    assert_eq!(wire.received_bytes(), 0);
    // The limit, and what the chain gathers before it passes it on: a piece and two blocks at most.
    assert!((65_537..=2 * 65_536 + 2 * 8192).contains(&written), "{written} bytes");
    assert!(chain.held_bytes() == written, "{} bytes held", chain.held_bytes());
    let blocks = chain.alloc().stats().blocks_live as u64;
    assert!(blocks <= written / 8192 + 2, "{blocks} blocks for {written} bytes");
    chain.abort(End::ClientGone);
    assert_eq!((chain.held_bytes(), chain.alloc().stats().blocks_live), (0, 0));
}

#[test]
fn kept_crumbs_do_not_pin_the_blocks_they_came_from() {
    let (transport, _wire) = ScriptedTransport::new([Step::WouldBlock]);
    let mut line = Line::new(transport, WriterOptions::default());
    line.pass([Bucket::transient(b"blocked"), Bucket::flush()]).unwrap();
    let mut source = BucketAlloc::new();
    for _ in 0..1000 {
        let mut block = source.copy(&PATTERN[..8192]);
        let _rest = block.split_at(20).unwrap();
        line.pass([block]).unwrap();
    }
    source.trim();
    assert_eq!(source.stats().blocks_live, 0);
    assert_eq!(line.writer.held_bytes(), 20_007);
    assert!(line.alloc.stats().blocks_live <= 4, "{:?}", line.alloc.stats());
}

#[test]
fn flushes_to_a_blocked_peer_hold_nothing() {
    let (transport, wire) = ScriptedTransport::new([Step::WouldBlock]);
    let mut line = Line::new(transport, WriterOptions::default());
    for _ in 0..10_000 {
        let marks = [Bucket::flush(), Bucket::eos(), Bucket::immortal(b"")];
        line.pass([Bucket::transient(b"x")].into_iter().chain(marks)).unwrap();
    }
    assert_eq!((line.writer.held_bytes(), line.alloc.stats().blocks_live), (10_000, 2));
    line.drain().unwrap();
    assert_eq!(wire.received_bytes(), 10_000);
}

#[test]
fn writes_that_are_flushed_one_by_one_to_a_blocked_peer_are_kept_as_runs() {
    let (mut chain, wire) = slow(&[Step::WouldBlock, Step::Take(1 << 20)]);
    while !chain.should_yield() {
        chain.write(b"thirty-two bytes, as it happens.").unwrap();
        chain.flush().unwrap();
    }
    let _ = chain.resume().unwrap();
    assert_eq!(wire.received_bytes(), 65_568);
    let slices = |call: &Call| matches!(call, Call::Write { slices: ..=10, bytes: 65_568, .. });
    assert!(wire.calls().last().is_some_and(slices), "{:?}", wire.calls());
}

#[test]
fn steady_writing_reuses_the_same_blocks() {
    let (transport, wire) = ScriptedTransport::new([]);
    let mut chain = Chain::new(NetworkWriter::new(transport));
    // As a filter that frames does: a head, the data, an end.
    let frame = from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            if bucket.is_data() {
                let head = next.alloc().copy(b"2000\r\n");
                next.push(head)?;
                next.push(bucket)?;
                next.push(Bucket::immortal(b"\r\n"))?;
            } else {
                next.push(bucket)?;
            }
        }
        Ok(())
    });
    chain.join(Member::new("frame", FilterKind::TRANSCODE, frame));
    for _ in 0..1_000_000 {
        chain.write(b"thirty-two bytes, as it happens.").unwrap();
        if wire.received_bytes() > MIB as u64 {
            wire.take_received();
        }
    }
    chain.flush().unwrap();
    let stats = chain.alloc().stats();
    assert!(stats.blocks_created <= 16, "{stats:?}");
    let calls = wire.calls().len() as u64;
    assert!(wire.received_bytes() / calls > 65_000, "{calls} calls");
}

#[test]
fn an_eor_is_told_while_later_responses_wait_for_a_slow_peer() {
    let (transport, wire) = ScriptedTransport::new([Step::Take(1000), Step::WouldBlock]);
    let mut line = Line::new(transport, WriterOptions::default());
    let ends = Ends::default();
    for _ in 0..3 {
        line.pass([Bucket::transient(&PATTERN[..800]), ends.eor(&wire)]).unwrap();
    }
    line.pass([Bucket::flush()]).unwrap();
    assert_eq!(ends.told(), [(End::Complete, 800)]);
    line.drain().unwrap();
    assert_eq!((ends.told().len(), ends.received_by_then()), (3, vec![1000, 2400, 2400]));
}

#[test]
fn a_file_on_its_way_keeps_only_its_descriptor() {
    let (transport, _wire) = ScriptedTransport::new([Step::WouldBlock]);
    let mut line = Line::new(transport.sending_files(), WriterOptions::default());
    let file = Arc::new(tempfile::tempfile().unwrap());
    line.pass([Bucket::file(Arc::clone(&file), 0, 1 << 40)]).unwrap();
    assert_eq!((line.writer.held_bytes(), line.alloc.stats().blocks_live), (0, 0));
    assert_eq!(Arc::strong_count(&file), 2);
    line.writer.abort(End::ClientGone);
    assert_eq!(Arc::strong_count(&file), 1);
}
