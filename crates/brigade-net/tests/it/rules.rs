//! When the writer writes, in how many calls and slices, and what it says meanwhile.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};

use brigade::{Bucket, Chain, End, Error, ErrorKind, Terminal};
use brigade_net::{
    Close, Interest, More, NetworkWriter, Transport, WaitsFor, WriterOptions, WriterStats,
};
use brigade_testkit::{Call, ScriptedTransport, Step, Wire, gated};

use crate::kit::{Ends, FILE, Line, PATTERN};

fn line(steps: impl IntoIterator<Item = Step>) -> (Line<ScriptedTransport>, Wire) {
    let (transport, wire) = ScriptedTransport::new(steps);
    (Line::new(transport.sending_files(), WriterOptions::default()), wire)
}

/// A bucket of so many bytes, that somebody else owns.
fn foreign(len: usize) -> Bucket<'static> {
    Bucket::immortal(&PATTERN[..len])
}

/// Slices and bytes of each call.
fn sizes(wire: &Wire) -> Vec<(usize, usize)> {
    let size = |call: Call| match call {
        Call::Write { slices, bytes, .. } => (slices, bytes),
        other => panic!("{other:?}"),
    };
    wire.calls().into_iter().map(size).collect()
}

#[test]
fn small_pieces_are_kept_and_leave_with_a_flush_in_one_call() {
    let (mut line, wire) = line([]);
    for _ in 0..10 {
        line.pass([Bucket::transient(b"small, ")]).unwrap();
    }
    assert_eq!((wire.calls().len(), line.writer.held_bytes()), (0, 70));
    assert!(!line.writer.is_pending() && !line.writer.should_yield());
    line.pass([Bucket::flush()]).unwrap();
    assert_eq!(sizes(&wire), [(1, 70)]);
    assert_eq!(wire.received(), b"small, ".repeat(10));
}

#[test]
fn what_was_kept_and_what_arrives_leave_in_one_call() {
    let (mut line, wire) = line([]);
    line.pass([foreign(8000)]).unwrap();
    line.pass([foreign(8000), Bucket::flush()]).unwrap();
    assert_eq!(sizes(&wire), [(2, 16_000)]);
}

#[test]
fn a_flush_after_every_write_costs_one_call_each() {
    let (transport, wire) = ScriptedTransport::new([]);
    let mut chain = Chain::new(NetworkWriter::new(transport));
    for _ in 0..1000 {
        chain.write(b"thirty-two bytes, as it happens.").unwrap();
        chain.flush().unwrap();
    }
    assert_eq!(sizes(&wire), [(1, 32)].repeat(1000));
    assert_eq!(chain.alloc().stats().blocks_created, 1);
}

#[test]
fn a_flush_with_nothing_before_it_costs_no_call() {
    let (mut line, wire) = line([]);
    line.pass([Bucket::flush(), Bucket::immortal(b""), Bucket::transient(b"")]).unwrap();
    line.pass([Bucket::flush(), Bucket::file(FILE.clone(), 7, 0), Bucket::flush()]).unwrap();
    assert_eq!(wire.calls(), []);
}

#[test]
fn bytes_up_to_the_limit_are_kept_and_one_more_writes_them_all() {
    let (mut line, wire) = line([]);
    for _ in 0..8 {
        line.pass([foreign(8192)]).unwrap();
    }
    assert_eq!((wire.calls().len(), line.writer.held_bytes()), (0, 65_536));
    line.pass([foreign(1)]).unwrap();
    assert_eq!((sizes(&wire), line.writer.held_bytes()), (vec![(9, 65_537)], 0));
}

#[test]
fn a_long_run_of_bytes_in_memory_is_written_while_it_is_taken_in() {
    let (mut line, wire) = line([]);
    line.pass((0..1000).map(|_| foreign(1000)).chain([Bucket::flush()])).unwrap();
    assert_eq!(wire.received_bytes(), 1_000_000);
    assert!(line.alloc.stats().blocks_high_water <= 12, "{:?}", line.alloc.stats());
    let more = |call: &Call| matches!(call, Call::Write { more: More::Follows, .. });
    let calls = wire.calls();
    let (last, before) = calls.split_last().unwrap();
    assert!(before.iter().all(more) && !more(last), "{calls:?}");
}

#[test]
fn short_pieces_become_one_slice_and_long_ones_keep_their_own() {
    let (mut line, wire) = line([]);
    let pieces = [100, 100, 4096, 100, 100, 100, 2048, 2047, 4096, 17];
    line.pass(pieces.map(foreign).into_iter().chain([Bucket::flush()])).unwrap();
    assert_eq!(sizes(&wire), [(7, pieces.iter().sum())]);
    let expected: Vec<u8> = pieces.iter().flat_map(|&len| &PATTERN[..len]).copied().collect();
    assert_eq!(wire.received(), expected);
}

#[test]
fn a_long_borrowed_piece_that_leaves_at_once_is_not_copied() {
    let (mut line, wire) = line([]);
    line.pass([Bucket::transient(&PATTERN[..50_000]), Bucket::flush()]).unwrap();
    assert_eq!((sizes(&wire), line.alloc.stats().copied_bytes), (vec![(1, 50_000)], 0));
}

#[test]
fn one_short_piece_alone_is_not_copied() {
    let (mut line, wire) = line([]);
    line.pass([Bucket::transient(b"lonely"), Bucket::flush()]).unwrap();
    assert_eq!((sizes(&wire), line.alloc.stats().copied_bytes), (vec![(1, 6)], 0));
}

#[test]
fn more_slices_than_a_call_takes_go_in_several_and_all_but_the_last_say_so() {
    let (transport, wire) = ScriptedTransport::new([]);
    let options = WriterOptions::default().limit_bytes(1 << 20);
    let mut line = Line::new(transport, options);
    line.pass((0..130).map(|_| foreign(2048)).chain([Bucket::flush()])).unwrap();
    let mores: Vec<(usize, More)> = wire
        .calls()
        .into_iter()
        .map(|call| match call {
            Call::Write { slices, more, .. } => (slices, more),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(mores, [(64, More::Follows), (64, More::Follows), (2, More::None)]);
}

#[track_caller]
fn check_more(after: Bucket<'static>, expected: More) {
    let (mut line, wire) = line([]);
    line.pass([foreign(65_537), after, foreign(65_537), Bucket::flush()]).unwrap();
    match wire.calls().first() {
        Some(Call::Write { bytes: 65_537, more, .. }) => assert_eq!(*more, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_write_says_that_more_follows_only_if_that_goes_without_waiting() {
    check_more(foreign(10), More::Follows);
    check_more(Bucket::file(FILE.clone(), 0, 10), More::Follows);
    check_more(Bucket::eos(), More::Follows);
    check_more(gated().1, More::None);
}

#[test]
fn finished_responses_queue_until_there_are_too_many() {
    let (mut line, wire) = line([]);
    let ends = Ends::default();
    for _ in 0..4 {
        line.pass([Bucket::transient(b"response"), Bucket::eos()]).unwrap();
        line.pass([ends.eor(&wire)]).unwrap();
    }
    assert_eq!((wire.calls().len(), ends.told().len()), (0, 0));
    line.pass([Bucket::transient(b"the fifth"), Bucket::eos(), ends.eor(&wire)]).unwrap();
    assert_eq!(sizes(&wire), [(1, 41)]);
    assert_eq!(ends.told(), [&[(End::Complete, 8)].repeat(4)[..], &[(End::Complete, 9)]].concat());
}

#[test]
fn an_eor_is_told_at_once_when_no_byte_before_it_is_left() {
    let (mut line, wire) = line([]);
    let ends = Ends::default();
    line.pass([Bucket::transient(b"flushed"), Bucket::flush()]).unwrap();
    line.pass([Bucket::eos(), ends.eor(&wire)]).unwrap();
    assert_eq!(ends.told(), [(End::Complete, 7)]);
}

#[test]
fn an_error_on_its_way_fails_its_response_and_no_other() {
    let (mut line, wire) = line([]);
    let ends = Ends::default();
    line.pass([Bucket::transient(b"one"), Bucket::eos(), ends.eor(&wire)]).unwrap();
    line.pass([Bucket::transient(b"two"), Bucket::error(Error::other("half way"))]).unwrap();
    line.pass([ends.eor(&wire)]).unwrap();
    line.pass([Bucket::transient(b"three"), ends.eor(&wire), Bucket::flush()]).unwrap();
    assert_eq!(ends.told(), [(End::Complete, 3), (End::Failed, 3), (End::Complete, 5)]);
    assert_eq!(wire.received(), b"onetwothree");
}

#[test]
fn an_eoc_writes_what_is_before_it_and_nothing_that_is_after() {
    let (mut line, wire) = line([]);
    let ends = Ends::default();
    let last = [Bucket::transient(b"last words"), Bucket::eoc()];
    line.pass(last.into_iter().chain([ends.eor(&wire), Bucket::transient(b"too late")])).unwrap();
    line.pass([ends.eor(&wire), Bucket::file(FILE.clone(), 0, 1000), Bucket::flush()]).unwrap();
    line.pass([ends.eor(&wire), ends.eor(&wire)]).unwrap();
    assert_eq!(wire.received(), b"last words");
    let expected = [(End::Complete, 10), (End::Failed, 0), (End::Failed, 0), (End::Complete, 0)];
    assert_eq!(ends.told(), expected);
    assert!(!line.writer.is_pending());
}

#[test]
fn an_eoc_behind_what_a_slow_peer_has_not_taken_keeps_its_place() {
    let (mut line, wire) = line([Step::Take(2), Step::WouldBlock]);
    let ends = Ends::default();
    line.pass([Bucket::transient(b"slow"), Bucket::flush()]).unwrap();
    line.pass([Bucket::eoc(), Bucket::transient(b"too late"), ends.eor(&wire)]).unwrap();
    line.drain().unwrap();
    assert_eq!((wire.received(), ends.told()), (b"slow".to_vec(), vec![(End::Failed, 4)]));
}

#[test]
fn a_blocked_writer_takes_everything_and_asks_for_patience_when_it_holds_enough() {
    let (mut line, wire) = line([Step::Take(10), Step::WouldBlock]);
    line.pass([Bucket::transient(&PATTERN[..30_010]), Bucket::flush()]).unwrap();
    assert_eq!(line.writer.waits_for(), Some(WaitsFor::Transport(Interest::Writable)));
    assert!(line.writer.is_pending() && line.writer.is_blocked());
    assert_eq!((line.writer.held_bytes(), line.writer.should_yield()), (30_000, false));
    line.pass([Bucket::transient(&PATTERN[30_010..65_547])]).unwrap();
    assert_eq!((line.writer.held_bytes(), line.writer.should_yield()), (65_537, true));
    assert_eq!(wire.calls().len(), 2, "a blocked transport is not asked again and again");
    line.drain().unwrap();
    assert_eq!(wire.received(), PATTERN[..65_547]);
    assert_eq!((line.writer.waits_for(), line.writer.held_bytes()), (None, 0));
}

#[test]
fn a_blocked_writer_asks_for_patience_while_it_has_a_file_or_many_responses() {
    let (mut line, wire) = line([Step::WouldBlock]);
    let ends = Ends::default();
    line.pass([Bucket::transient(b"x"), Bucket::flush()]).unwrap();
    assert!(!line.writer.should_yield());
    line.pass((0..5).map(|_| ends.eor(&wire))).unwrap();
    assert!(line.writer.should_yield());
    line.drain().unwrap();
    assert!(!line.writer.should_yield());

    wire.then([Step::WouldBlock]);
    line.pass([Bucket::file(FILE.clone(), 0, 1)]).unwrap();
    assert!(line.writer.should_yield());
    assert_eq!(line.writer.held_bytes(), 0, "a file is no memory");
    line.drain().unwrap();
    assert!(!line.writer.should_yield());
}

#[test]
fn resuming_a_writer_that_only_keeps_leaves_what_it_keeps() {
    let (mut line, wire) = line([]);
    line.pass([Bucket::transient(b"for later")]).unwrap();
    line.resume().unwrap();
    assert_eq!((wire.calls().len(), line.writer.held_bytes()), (0, 9));
}

#[test]
fn an_aborted_writer_tells_every_eor_and_holds_nothing() {
    let (mut line, wire) = line([Step::Take(5), Step::WouldBlock]);
    let ends = Ends::default();
    line.pass([Bucket::transient(b"complete, "), ends.eor(&wire), Bucket::flush()]).unwrap();
    line.pass([Bucket::transient(b"waiting"), ends.eor(&wire)]).unwrap();
    line.writer.abort(End::Timeout);
    line.pass([Bucket::transient(b"never"), ends.eor(&wire), Bucket::flush()]).unwrap();
    let expected = [(End::Timeout, 5), (End::Timeout, 0), (End::Timeout, 0)];
    assert_eq!((ends.told(), line.writer.held_bytes()), (expected.to_vec(), 0));
    assert!(!line.writer.is_pending() && !line.writer.should_yield());
    line.resume().unwrap();
    assert_eq!(wire.received(), b"compl");
}

#[track_caller]
fn check_error(step: Step, kind: ErrorKind, end: End) {
    let (transport, wire) = ScriptedTransport::new([Step::Take(5), step]);
    let mut chain = Chain::new(NetworkWriter::new(transport));
    let ends = Ends::default();
    chain.pass_bucket(Bucket::immortal(b"hello, world")).unwrap();
    chain.pass_bucket(ends.eor(&wire)).unwrap();
    let error = chain.flush().unwrap_err();
    assert_eq!(error.kind(), kind);
    assert_eq!(error.to_string(), "filter network: write 7 bytes, after 5 bytes");
    assert!(std::error::Error::source(&error).is_some(), "{error:?}");
    assert_eq!((ends.told(), chain.aborted()), (vec![(end, 5)], Some(end)));
    assert_eq!(chain.held_bytes(), 0);
    let refused = chain.write(b"more").and_then(|()| chain.flush()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Aborted);
}

#[test]
fn a_reset_peer_is_gone_and_a_silent_one_is_late() {
    check_error(Step::Reset, ErrorKind::ClientGone, End::ClientGone);
    check_error(Step::TimedOut, ErrorKind::TimedOut, End::Timeout);
    check_error(Step::Unsupported, ErrorKind::Unsupported, End::Failed);
}

#[test]
fn what_was_done_is_counted() {
    let (mut line, _wire) = line([Step::WouldBlock, Step::Take(3)]);
    line.pass([Bucket::immortal(b"hello"), Bucket::flush()]).unwrap();
    line.drain().unwrap();
    line.pass([Bucket::file(FILE.clone(), 0, 300_000)]).unwrap();
    line.drain().unwrap();
    let WriterStats { write_calls, send_file_calls, bytes_written, file_bytes, .. } =
        line.writer.stats();
    assert_eq!((write_calls, send_file_calls), (3, 2));
    assert_eq!((bytes_written, file_bytes), (300_005, 300_000));
}

/// Takes everything at once, and sends it when it may: as a transport that codes does.
#[derive(Debug, Clone, Default)]
struct Coding(Arc<Mutex<Coded>>);

#[derive(Debug, Default)]
struct Coded {
    kept: Vec<u8>,
    sent: Vec<u8>,
    is_blocked: bool,
    fails: bool,
}

impl Transport for Coding {
    fn write(&mut self, slices: &[IoSlice<'_>], _more: More) -> io::Result<usize> {
        let mut coded = self.0.lock().unwrap();
        let before = coded.kept.len();
        slices.iter().for_each(|slice| coded.kept.extend_from_slice(slice));
        Ok(coded.kept.len() - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        let coded = &mut *self.0.lock().unwrap();
        if coded.fails {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if coded.is_blocked && !coded.kept.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        coded.sent.append(&mut coded.kept);
        Ok(())
    }

    fn waits_for(&self) -> Interest {
        Interest::Readable
    }

    fn close(&mut self, _how: Close) -> io::Result<()> {
        Ok(())
    }
}

/// A writer over a coding transport that has taken two responses and sent neither.
fn coded() -> (Line<Coding>, Coding, Ends) {
    let transport = Coding::default();
    transport.0.lock().unwrap().is_blocked = true;
    let mut line = Line::new(transport.clone(), WriterOptions::default());
    let (_, wire) = ScriptedTransport::new([]);
    let ends = Ends::default();
    let one = [Bucket::transient(b"one"), ends.eor(&wire)];
    line.pass(one.into_iter().chain([Bucket::transient(b"two"), ends.eor(&wire)])).unwrap();
    line.pass([Bucket::flush()]).unwrap();
    (line, transport, ends)
}

#[test]
fn an_eor_waits_for_bytes_that_the_transport_took_and_keeps() {
    let (mut line, transport, ends) = coded();
    assert_eq!((ends.told(), line.writer.held_bytes()), (vec![], 0));
    assert_eq!(line.writer.waits_for(), Some(WaitsFor::Transport(Interest::Readable)));
    line.resume().unwrap();
    assert_eq!(ends.told(), []);
    transport.0.lock().unwrap().is_blocked = false;
    line.resume().unwrap();
    assert_eq!(ends.told(), [(End::Complete, 3), (End::Complete, 3)]);
    assert!(!line.writer.is_pending());
    assert_eq!(transport.0.lock().unwrap().sent, b"onetwo");
}

#[test]
fn an_eor_whose_bytes_the_transport_never_sent_is_told_so() {
    let (mut line, transport, ends) = coded();
    transport.0.lock().unwrap().fails = true;
    assert_eq!(line.resume().unwrap_err().kind(), ErrorKind::ClientGone);
    assert_eq!(ends.told(), [(End::ClientGone, 3), (End::ClientGone, 3)]);
}

#[test]
fn a_transport_that_takes_nothing_without_a_reason_is_an_error() {
    #[derive(Debug)]
    struct Nothing;
    impl Transport for Nothing {
        fn write(&mut self, _slices: &[IoSlice<'_>], _more: More) -> io::Result<usize> {
            Ok(0)
        }
        fn close(&mut self, _how: Close) -> io::Result<()> {
            Ok(())
        }
    }
    let mut line = Line::new(Nothing, WriterOptions::default());
    let error = line.pass([Bucket::immortal(b"anything"), Bucket::flush()]).unwrap_err();
    assert_eq!(error.to_string(), "write 8 bytes, after 0 bytes");
}
