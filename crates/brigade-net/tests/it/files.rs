//! FILE: sent unread where the transport can, read where it cannot, and never short.

use std::sync::Arc;

use brigade::{AllocStats, Bucket, End, ErrorKind, ReadMode, Terminal};
use brigade_net::{More, WaitsFor, WriterOptions};
use brigade_testkit::{Call, ScriptedTransport, Step, Wire};

use crate::kit::{Ends, FILE, Line, PATTERN, file_of};

fn line(steps: impl IntoIterator<Item = Step>) -> (Line<ScriptedTransport>, Wire) {
    let (transport, wire) = ScriptedTransport::new(steps);
    let line = Line::new(transport.sending_files(), WriterOptions::default());
    (line.blocking(), wire)
}

fn file(offset: u64, len: u64) -> Bucket<'static> {
    Bucket::file(Arc::clone(&FILE), offset, len)
}

/// A line that waits, and sends 256 KiB of a file by a call: four windows.
fn windowed() -> (Line<ScriptedTransport>, Wire) {
    let (transport, wire) = ScriptedTransport::new([]);
    let options = WriterOptions::default().file_window(64 * 1024);
    (Line::new(transport.sending_files(), options).blocking(), wire)
}

#[test]
fn a_head_goes_before_its_file_with_more_to_follow_and_the_file_goes_in_windows() {
    let (mut line, wire) = windowed();
    let end = Bucket::transient(b"end");
    line.pass([Bucket::transient(b"head"), file(10, 600_000), end]).unwrap();
    let follows = More::Follows;
    let window = |offset, len: u32, more| {
        let (len, taken) = (u64::from(len), len as usize);
        Call::SendFile { offset, len, more, taken }
    };
    let write = |bytes, more| Call::Write { slices: 1, bytes, more, taken: bytes };
    let expected = [
        write(4, follows),
        window(10, 262_144, follows),
        window(262_154, 262_144, follows),
        window(524_298, 75_712, follows),
        write(3, More::None),
    ];
    assert_eq!(wire.calls(), expected);
    assert!(wire.received() == [b"head", &PATTERN[10..600_010], b"end"].concat());
    assert_eq!(line.alloc.stats(), AllocStats::default(), "nothing was read");
}

#[test]
fn the_last_window_of_a_file_says_that_nothing_follows() {
    let (mut line, wire) = windowed();
    line.pass([file(0, 300_000), Bucket::eos()]).unwrap();
    let more = |call: &Call| matches!(call, Call::SendFile { more: More::Follows, .. });
    assert_eq!(wire.calls().iter().map(more).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_file_that_cannot_be_sent_is_read_and_written_with_what_is_around_it() {
    let (transport, wire) = ScriptedTransport::new([]);
    let mut line = Line::new(transport, WriterOptions::default()).blocking();
    let small = [Bucket::transient(b"head"), file(0, 100), Bucket::transient(b"tail")];
    line.pass(small).unwrap();
    assert_eq!((wire.received_bytes(), wire.calls().len()), (108, 1));

    line.pass([file(0, 500_000), Bucket::transient(b"end")]).unwrap();
    assert!(wire.received()[108..] == [&PATTERN[..500_000], b"end"].concat());
    assert!(wire.calls().len() <= 9, "{} calls", wire.calls().len());
    assert!(line.alloc.stats().blocks_high_water <= 10, "{:?}", line.alloc.stats());
}

#[test]
fn a_file_that_turns_out_not_to_be_sendable_half_way_is_read_from_there() {
    let (mut line, wire) = line([Step::Take(1000), Step::Interrupted, Step::Unsupported]);
    line.pass([file(5, 50_000), file(0, 10_000)]).unwrap();
    assert!(wire.received() == [&PATTERN[5..50_005], &PATTERN[..10_000]].concat());
    let sent = |call: &&Call| matches!(call, Call::SendFile { .. });
    assert_eq!(wire.calls().iter().filter(sent).count(), 4, "only that file is read");
}

#[test]
fn a_short_file_is_read_and_goes_in_one_call_with_what_is_around_it() {
    for (len, calls) in [(1, 1), (8192, 1), (8193, 3)] {
        let (mut line, wire) = line([]);
        line.pass([Bucket::transient(b"head"), file(7, len), Bucket::transient(b"tail")]).unwrap();
        line.pass([Bucket::flush()]).unwrap();
        let content = &PATTERN[7..7 + usize::try_from(len).unwrap()];
        assert!(wire.received() == [b"head", content, b"tail"].concat());
        assert_eq!(wire.calls().len(), calls, "{len} bytes");
    }
}

#[test]
fn a_short_file_with_nothing_before_it_goes_unread() {
    let (mut line, wire) = line([]);
    line.pass([file(7, 100), Bucket::eos()]).unwrap();
    assert!(wire.received() == PATTERN[7..107]);
    assert_eq!(line.alloc.stats(), AllocStats::default(), "nothing was read");
}

#[test]
fn a_short_file_is_not_read_where_that_is_not_wanted() {
    let (transport, wire) = ScriptedTransport::new([]);
    let options = WriterOptions::default().read_file_bytes(0);
    let mut line = Line::new(transport.sending_files(), options);
    line.pass([Bucket::transient(b"head"), file(7, 100)]).unwrap();
    assert_eq!((line.writer.stats().file_bytes, wire.received_bytes()), (100, 104));
}

#[track_caller]
fn check_truncated(sends: bool, expected: &str) {
    let short = Arc::new(file_of(&PATTERN[..400_000]));
    let (transport, wire) = ScriptedTransport::new([Step::Take(4), Step::Take(250_000)]);
    let transport = if sends { transport.sending_files() } else { transport };
    let mut line = Line::new(transport, WriterOptions::default()).blocking();
    let ends = Ends::default();
    let promised = Bucket::file(Arc::clone(&short), 0, 400_000);
    short.set_len(200_000).unwrap();
    let response = [Bucket::transient(b"head"), promised, Bucket::eos(), ends.eor(&wire)];
    let error = line.pass(response).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    assert!(error.to_string().starts_with(expected), "{error}");
    assert!(wire.received_bytes() <= 200_004);
    assert_eq!(ends.told(), [(End::Failed, wire.received_bytes())]);
    assert_eq!(line.writer.held_bytes(), 0);
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_is_an_error_with_the_numbers() {
    check_truncated(true, "send a file at byte 200000: it ends 200000 bytes early");
    check_truncated(false, "read FILE to write it, after ");
}

#[test]
fn a_file_is_sent_from_beyond_four_gibibytes() {
    let sparse = tempfile::tempfile().unwrap();
    sparse.set_len((5 << 30) + 10).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"the end...", 5 << 30).unwrap();
    let (mut line, wire) = line([Step::Take(3)]);
    line.pass([Bucket::file(sparse, 5 << 30, 10)]).unwrap();
    assert_eq!(wire.received(), b"the end...");
}

#[test]
fn a_non_blocking_writer_lets_others_have_their_turn() {
    let (mut line, wire) = line([]);
    line.mode = ReadMode::NonBlocking;
    line.pass([file(0, 1_000_000), Bucket::transient(b"end"), Bucket::flush()]).unwrap();
    let mut turns = vec![wire.received_bytes()];
    while line.writer.is_pending() {
        assert_eq!(line.writer.waits_for(), Some(WaitsFor::Waker));
        assert!(line.writer.should_yield() && !line.writer.is_blocked());
        line.resume().unwrap();
        turns.push(wire.received_bytes());
    }
    assert_eq!(turns, [262_144, 524_288, 786_432, 1_000_003]);
}

#[test]
fn a_blocking_writer_goes_on_to_the_end() {
    let (mut line, wire) = line([]);
    line.pass([file(0, 1_000_000)]).unwrap();
    assert_eq!(wire.received_bytes(), 1_000_000);
}
