//! STREAM: a piece at a time, what came before it first, and nothing of its troubles is the peer's.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};

use brigade::{
    Brigade, Bucket, Chain, Data, End, Error, ErrorKind, Progress, ReadCx, ReadMode, Result,
    StreamData, Terminal,
};
use brigade_net::{NetworkWriter, WaitsFor, WriterOptions};
use brigade_testkit::{ScriptedTransport, Wire, gated};

use crate::kit::{Ends, FILE, Line, PATTERN};

fn line() -> (Line<ScriptedTransport>, Wire) {
    let (transport, wire) = ScriptedTransport::new([]);
    (Line::new(transport, WriterOptions::default()), wire)
}

#[test]
fn what_came_before_a_stream_leaves_before_it_is_waited_for() {
    let (mut line, wire) = line();
    let (gate, stream) = gated();
    line.pass([Bucket::transient(b"head, "), stream, Bucket::transient(b"tail")]).unwrap();
    assert_eq!(wire.received(), b"head, ");
    assert_eq!(line.writer.waits_for(), Some(WaitsFor::Waker));
    assert!(line.writer.should_yield());
    line.pass([Bucket::transient(b", more"), Bucket::flush()]).unwrap();
    gate.give("body, ");
    line.resume().unwrap();
    assert_eq!(wire.received(), b"head, body, ");
    assert!(line.writer.is_pending());
    gate.end();
    line.resume().unwrap();
    assert_eq!(wire.received(), b"head, body, tail, more");
    assert!(!line.writer.is_pending());
}

#[test]
fn pieces_that_are_there_leave_in_one_call() {
    let (mut line, wire) = line();
    let (gate, stream) = gated();
    for piece in PATTERN[..60_000].chunks(1000) {
        gate.give(piece);
    }
    gate.end();
    line.pass([Bucket::transient(b"head"), stream, Bucket::eos()]).unwrap();
    assert!(wire.received() == [b"head", &PATTERN[..60_000]].concat());
    assert_eq!(wire.calls().len(), 1);
}

#[test]
fn a_reader_that_may_block_is_read_only_when_what_came_before_has_left() {
    struct Slow(Wire, usize);
    impl Read for Slow {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let len = if self.1 < 10 { 3 } else { 0 };
            room[..len].copy_from_slice(&PATTERN[3 * self.1..][..len]);
            assert_eq!(self.0.received_bytes(), 4 + 3 * self.1 as u64);
            self.1 += 1;
            Ok(len)
        }
    }
    let (line, wire) = line();
    let mut line = line.blocking();
    line.pass([Bucket::transient(b"head"), Bucket::stream(Slow(wire.clone(), 0))]).unwrap();
    assert!(wire.received() == [b"head", &PATTERN[..30]].concat());
}

#[derive(Default)]
struct Count(AtomicU64);

impl Count {
    fn wakes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A non-blocking chain, and how often its waker was called.
fn woken_chain() -> (Chain, Wire, Arc<Count>) {
    let (transport, wire) = ScriptedTransport::new([]);
    let writer = NetworkWriter::new(transport.sending_files());
    let mut chain = Chain::new(writer).mode(ReadMode::NonBlocking);
    let count = Arc::new(Count::default());
    chain.set_waker(&Waker::from(Arc::clone(&count)));
    (chain, wire, count)
}

#[test]
fn the_waker_of_the_chain_reaches_the_source() {
    let (mut chain, wire, count) = woken_chain();
    let (gate, stream) = gated();
    chain.pass_bucket(stream).unwrap();
    assert_eq!((chain.progress(), count.wakes()), (Progress::Pending, 0));
    gate.give("now");
    gate.end();
    assert_eq!(count.wakes(), 1);
    assert_eq!(chain.resume().unwrap(), Progress::Done);
    assert_eq!(wire.received(), b"now");
}

#[test]
fn a_writer_that_lets_others_have_their_turn_wakes_the_chain_at_once() {
    let (mut chain, wire, count) = woken_chain();
    chain.pass_bucket(Bucket::file(Arc::clone(&FILE), 0, 1_000_000)).unwrap();
    for turn in 1..4 {
        assert_eq!((wire.received_bytes(), count.wakes()), (turn * 262_144, turn));
        assert_eq!(chain.progress(), Progress::Pending);
        let _ = chain.resume().unwrap();
    }
    assert_eq!((wire.received_bytes(), count.wakes()), (1_000_000, 3));
    assert_eq!(chain.progress(), Progress::Done);
}

#[track_caller]
fn check_source_error(cause: io::ErrorKind, kind: ErrorKind) {
    let (transport, wire) = ScriptedTransport::new([]);
    let mut chain = Chain::new(NetworkWriter::new(transport));
    let ends = Ends::default();
    let broken = StreamData::ready(move |_, _| Err(cause.into()));
    let response = [Bucket::transient(b"head"), Bucket::of(broken), ends.eor(&wire)];
    let mut response: Brigade<'_> = response.into_iter().collect();
    let error = chain.pass(&mut response).unwrap_err();
    assert_eq!(error.kind(), kind);
    assert_eq!(error.to_string(), "filter network: read STREAM to write it, after 4 bytes");
    assert_eq!(ends.told(), [(End::Failed, 4)]);
}

#[test]
fn a_source_whose_own_peer_goes_away_is_not_ours_going_away() {
    check_source_error(io::ErrorKind::ConnectionReset, ErrorKind::Io);
    check_source_error(io::ErrorKind::TimedOut, ErrorKind::Io);
    check_source_error(io::ErrorKind::InvalidData, ErrorKind::InvalidInput);
}

#[test]
fn a_reader_that_may_block_is_refused_by_a_writer_that_must_not() {
    let (mut line, _wire) = line();
    let error = line.pass([Bucket::stream(&b"text"[..])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn data_of_a_users_kind_is_read_and_may_have_empty_pieces() {
    struct Pieces(Vec<&'static [u8]>);
    impl Data for Pieces {
        fn name(&self) -> &'static str {
            "PIECES"
        }
        fn len(&self) -> Option<u64> {
            None
        }
        fn read(&mut self, _cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
            Ok(self.0.pop().map(Bucket::immortal))
        }
    }
    let (mut line, wire) = line();
    let pieces = Pieces(vec![b"", b"c", b"", b"", b"ab", b""]);
    line.pass([Bucket::of(pieces), Bucket::transient(b"d"), Bucket::flush()]).unwrap();
    assert_eq!(wire.received(), b"abcd");
}

#[test]
fn a_stream_that_fails_is_never_taken_for_a_whole_response() {
    let (mut line, wire) = line();
    let ends = Ends::default();
    let (gate, stream) = gated();
    gate.give("half");
    line.pass([stream, Bucket::eos(), ends.eor(&wire)]).unwrap();
    line.pass([Bucket::error(Error::other("given up"))]).unwrap();
    line.writer.abort(End::Failed);
    assert_eq!((ends.told(), wire.received()), (vec![(End::Failed, 4)], b"half".to_vec()));
}
