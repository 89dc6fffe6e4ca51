//! Whatever a transport answers to whatever brigade: the same bytes, exactly once, marks in order.

use brigade::{End, ErrorKind, Terminal};
use brigade_net::WriterOptions;
use brigade_testkit::{ScriptedTransport, Step, Wire};

use crate::kit::{Ends, Item, Line, PATTERN, expected_ends, small_blocks};

/// All that a writer treats in ways of their own, as small as can be: pieces of 4 bytes are long.
const ITEMS: [Item; 11] = [
    Item::Borrowed(3),
    Item::Borrowed(5),
    Item::Block(2),
    Item::Immortal(0),
    Item::File(5),
    Item::File(0),
    Item::Stream(3),
    Item::Flush,
    Item::Eos,
    Item::Eor,
    Item::Error,
];

const STEPS: [Step; 4] = [Step::Take(1), Step::Take(4), Step::WouldBlock, Step::Interrupted];

/// How the buckets of a test come.
#[derive(Debug, Clone, Copy)]
enum Passes {
    AllInOne,
    EachAlone,
}

fn options() -> WriterOptions {
    // No file is short here: each is sent, or read because it cannot be.
    let options = WriterOptions::default().read_file_bytes(0);
    options.small_bytes(4).limit_bytes(8).file_window(3).turn_bytes(4)
}

/// Passes `items` through a transport with this script.
fn run(
    items: &[Item],
    transport: ScriptedTransport,
    wire: &Wire,
    passes: Passes,
) -> (Line<ScriptedTransport>, Ends, brigade::Result<()>) {
    let ends = Ends::default();
    let mut line = Line::new(transport, options()).with_small_blocks();
    let mut storage = small_blocks();
    let mut at = 0;
    let mut buckets = Vec::new();
    for item in items.iter().chain(&[Item::Flush]) {
        buckets.push(item.bucket(at, &mut storage, &ends, wire));
        at += item.len();
    }
    let answer = match passes {
        Passes::AllInOne => line.pass(buckets),
        // Also what comes after an error: the writer has its EORs to tell.
        Passes::EachAlone => {
            let mut first = Ok(());
            for bucket in buckets {
                let answer = line.pass([bucket]);
                first = first.and(answer);
            }
            first
        }
    };
    let answer = answer.and_then(|()| line.drain());
    (line, ends, answer)
}

#[track_caller]
fn check(items: &[Item], steps: &[Step], passes: Passes, files: Files) {
    let (transport, wire) = ScriptedTransport::new(steps.iter().copied());
    let transport = match files {
        Files::Sent => transport.sending_files(),
        Files::Read => transport,
    };
    let (line, ends, answer) = run(items, transport, &wire, passes);
    let what = || format!("{items:?} {steps:?} {passes:?} {files:?}");
    answer.unwrap_or_else(|error| panic!("{error:?}: {}", what()));

    let len: usize = items.iter().map(|item| item.len()).sum();
    assert!(wire.received() == PATTERN[..len], "received {:?}: {}", wire.received(), what());
    let expected = expected_ends(items);
    assert_eq!(ends.told(), expected, "{}", what());
    let mut before = 0;
    for (received, (_, bytes)) in ends.received_by_then().into_iter().zip(expected) {
        before += bytes;
        assert!(received >= before, "told at byte {received}, before {before}: {}", what());
    }
    assert_eq!(line.writer.held_bytes(), 0, "{}", what());
    assert_eq!(line.writer.stats().bytes_written, len as u64, "{}", what());
}

/// Whether the transport sends files, or the writer has to read them.
#[derive(Debug, Clone, Copy)]
enum Files {
    Sent,
    Read,
}

/// All sequences of `len` of `choices`.
fn sequences<C: Copy>(choices: &[C], len: u32) -> impl Iterator<Item = Vec<C>> {
    (0..choices.len().pow(len)).map(move |mut number| {
        let digit = |_| {
            let choice = choices[number % choices.len()];
            number /= choices.len();
            choice
        };
        (0..len).map(digit).collect()
    })
}

#[test]
fn any_three_buckets_give_the_same_bytes_whatever_three_calls_answer() {
    for steps in sequences(&STEPS, 3) {
        for items in sequences(&ITEMS, 3) {
            for passes in [Passes::AllInOne, Passes::EachAlone] {
                check(&items, &steps, passes, Files::Sent);
                check(&items, &steps, passes, Files::Read);
            }
        }
    }
}

#[test]
fn any_four_buckets_give_the_same_bytes_to_a_peer_that_takes_little_at_a_time() {
    let scripts: [&[Step]; 2] = [
        &[Step::Take(1), Step::WouldBlock, Step::Take(6), Step::Interrupted, Step::Take(2)],
        &[Step::WouldBlock, Step::Take(3), Step::WouldBlock, Step::WouldBlock, Step::Take(1)],
    ];
    for steps in scripts {
        let steps: Vec<Step> = steps.iter().copied().cycle().take(25).collect();
        for items in sequences(&ITEMS, 4) {
            check(&items, &steps, Passes::AllInOne, Files::Sent);
            check(&items, &steps, Passes::EachAlone, Files::Read);
        }
    }
}

#[track_caller]
fn check_reset(items: &[Item], passes: Passes, files: Files) {
    let len: usize = items.iter().map(|item| item.len()).sum();
    for reset_at in 0..len {
        let mut steps = vec![Step::Take(1); reset_at];
        steps.push(Step::Reset);
        let (transport, wire) = ScriptedTransport::new(steps);
        let transport = match files {
            Files::Sent => transport.sending_files(),
            Files::Read => transport,
        };
        let (line, ends, answer) = run(items, transport, &wire, passes);
        let what = || format!("{items:?} {passes:?} {files:?}, reset at {reset_at}");

        let error = answer.expect_err("a reset is an error");
        assert_eq!(error.kind(), ErrorKind::ClientGone, "{}", what());
        assert!(wire.received() == PATTERN[..reset_at], "{}", what());
        assert_eq!(line.writer.held_bytes(), 0, "{}", what());
        let mut line = line;
        line.alloc.trim();
        assert_eq!(line.alloc.stats().blocks_live, 0, "{}", what());

        let mut left = reset_at as u64;
        let expected = expected_ends(items).into_iter().map(|(end, bytes)| {
            let taken = left.min(bytes);
            left -= taken;
            if taken == bytes { (end, bytes) } else { (End::ClientGone, taken) }
        });
        let expected: Vec<_> = expected.collect();
        let told = ends.told();
        assert_eq!(told.len(), expected.len(), "{}: {told:?}", what());
        for (told, expected) in told.into_iter().zip(expected) {
            assert_eq!(told, expected, "{}", what());
        }
    }
}

#[test]
fn a_reset_at_any_byte_ends_the_responses_that_have_bytes_to_go() {
    let items = [
        [Item::Borrowed(3), Item::File(5), Item::Eor],
        [Item::Block(2), Item::Stream(3), Item::Eor],
        [Item::Borrowed(5), Item::Block(3), Item::Eor],
    ];
    for items in sequences(&items, 3) {
        let items = items.concat();
        for passes in [Passes::AllInOne, Passes::EachAlone] {
            check_reset(&items, passes, Files::Sent);
            check_reset(&items, passes, Files::Read);
        }
    }
}

/// What each EOR among `items` must be told when the line fails for good after `taken` bytes.
fn expected_cut_ends(items: &[Item], taken: u64, end: End) -> Vec<(End, u64)> {
    let mut left = taken;
    let told = expected_ends(items).into_iter().map(|(_, bytes)| {
        let gone = left.min(bytes);
        left -= gone;
        if gone == bytes { (End::Complete, bytes) } else { (end, gone) }
    });
    told.collect()
}

#[track_caller]
fn check_fault(items: &[Item], steps: &[Step], passes: Passes, files: Files) {
    let (transport, wire) = ScriptedTransport::new(steps.iter().copied());
    let transport = match files {
        Files::Sent => transport.sending_files(),
        Files::Read => transport,
    };
    let (line, ends, answer) = run(items, transport, &wire, passes);
    let what = || format!("{items:?} {steps:?} {passes:?} {files:?}");
    let (kind, end) = match steps.last() {
        Some(Step::Reset) => (ErrorKind::ClientGone, End::ClientGone),
        _ => (ErrorKind::TimedOut, End::Timeout),
    };
    let len: usize = items.iter().map(|item| item.len()).sum();
    let received = wire.received();
    match answer {
        // It was all taken before the line failed.
        Ok(()) => assert_eq!(received.len(), len, "{}", what()),
        Err(error) => assert_eq!(error.kind(), kind, "{}", what()),
    }
    assert!(received == PATTERN[..received.len()], "received {received:?}: {}", what());
    let taken: usize = wire.calls().iter().map(brigade_testkit::Call::taken).sum();
    assert_eq!(received.len(), taken, "{}", what());
    assert_eq!(ends.told(), expected_cut_ends(items, taken as u64, end), "{}", what());
    assert_eq!(line.writer.held_bytes(), 0, "{}", what());
}

#[test]
fn any_fault_after_any_calls_at_any_byte_leaves_what_was_taken_and_tells_each_response_once() {
    // Three responses: what is in memory, sent and read, with marks in between, in three orders.
    let responses = [
        vec![Item::Borrowed(3), Item::Flush, Item::File(5), Item::Eos, Item::Eor],
        vec![Item::Stream(3), Item::Block(2), Item::Eos, Item::Flush, Item::Eor],
        vec![Item::File(2), Item::Borrowed(5), Item::Stream(1), Item::Eor],
    ];
    let orders = [[0, 1, 2], [1, 2, 0], [2, 0, 1]].map(|order| {
        order.into_iter().flat_map(|number: usize| responses[number].clone()).collect::<Vec<_>>()
    });
    // All that one call can take of so short pieces, and what may come in between.
    let steps = [Step::Take(1), Step::Take(2), Step::Take(9), Step::WouldBlock, Step::Interrupted];
    for len in 0..=4 {
        for calls in sequences(&steps, len) {
            for fault in [Step::Reset, Step::TimedOut] {
                let steps = [&calls[..], &[fault]].concat();
                for items in &orders {
                    check_fault(items, &steps, Passes::AllInOne, Files::Sent);
                    check_fault(items, &steps, Passes::EachAlone, Files::Sent);
                    check_fault(items, &steps, Passes::AllInOne, Files::Read);
                    check_fault(items, &steps, Passes::EachAlone, Files::Read);
                }
            }
        }
    }
}
