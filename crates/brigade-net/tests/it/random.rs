//! Longer brigades, real sizes, longer scripts: the same promises as in `faults`, at random.

use brigade::{Bucket, End, ErrorKind, Terminal};
use brigade_net::WriterOptions;
use brigade_testkit::{ScriptedTransport, Step};
use proptest::prelude::*;

use crate::kit::{Ends, Item, Line, PATTERN, expected_ends, small_blocks};

fn item() -> impl Strategy<Value = Item> {
    let len = || prop_oneof![0..4_usize, 0..5000_usize, Just(2047), Just(2048), 0..20_000_usize];
    prop_oneof![
        4 => len().prop_map(Item::Borrowed),
        2 => len().prop_map(Item::Immortal),
        2 => len().prop_map(Item::Block),
        1 => len().prop_map(Item::File),
        1 => (1..300_usize).prop_map(Item::Stream),
        1 => Just(Item::Flush),
        1 => Just(Item::Eos),
        1 => Just(Item::Eor),
        1 => Just(Item::Error),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop_oneof![1..10_usize, 1..5000_usize, 1..100_000_usize].prop_map(Step::Take),
        2 => Just(Step::WouldBlock),
        1 => Just(Step::Interrupted),
    ]
}

fn options() -> impl Strategy<Value = WriterOptions> {
    let options = WriterOptions::default();
    let tight = options.limit_bytes(3000).max_pipelined(1).file_window(1000).turn_bytes(2500);
    let tight = tight.read_file_bytes(0);
    prop_oneof![
        Just(options),
        Just(tight),
        Just(tight.small_bytes(0)),
        Just(options.limit_bytes(0)),
        Just(options.limit_bytes(0).read_file_bytes(0))
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_brigades_give_the_same_bytes_whatever_the_transport_answers(
        passes in prop::collection::vec(prop::collection::vec(item(), 0..8), 1..8),
        steps in prop::collection::vec(step(), 0..60),
        options in options(),
        sends_files: bool,
        has_small_blocks: bool,
        fault in prop::option::of(prop_oneof![Just(Step::Reset), Just(Step::TimedOut)]),
    ) {
        let steps = steps.into_iter().chain(fault);
        let (transport, wire) = ScriptedTransport::new(steps);
        let transport = if sends_files { transport.sending_files() } else { transport };
        let mut line = Line::new(transport, options);
        if has_small_blocks {
            line = line.with_small_blocks();
        }
        let mut storage = small_blocks();
        let ends = Ends::default();
        let mut at = 0;
        let mut answer = Ok(());
        for items in &passes {
            let mut buckets = Vec::new();
            for item in items {
                buckets.push(item.bucket(at, &mut storage, &ends, &wire));
                at += item.len();
            }
            let passed = line.pass(buckets);
            answer = answer.and(passed);
            if !line.writer.is_pending() {
                prop_assert!(line.writer.held_bytes() <= options.limit_bytes);
                prop_assert!(!line.writer.should_yield());
            }
        }
        let answer = answer.and_then(|()| line.pass([Bucket::flush()])).and_then(|()| line.drain());

        let received = wire.received();
        prop_assert!(received == PATTERN[..received.len()]);
        prop_assert_eq!(line.writer.held_bytes(), 0);
        let expected = expected_ends(&passes.concat());
        match answer {
            Ok(()) => {
                prop_assert_eq!(received.len(), at);
                prop_assert_eq!(ends.told(), expected);
            }
            Err(error) => {
                let (kind, end) = match fault {
                    Some(Step::Reset) => (ErrorKind::ClientGone, End::ClientGone),
                    _ => (ErrorKind::TimedOut, End::Timeout),
                };
                prop_assert!(fault.is_some() && error.kind() == kind, "{:?}", error);
                // What was taken belongs to the responses in their order.
                let told = ends.told();
                prop_assert_eq!(told.len(), expected.len());
                let mut left = received.len() as u64;
                for ((told, bytes), (whole, expected)) in told.into_iter().zip(expected) {
                    prop_assert_eq!(bytes, expected.min(left));
                    left -= bytes;
                    if bytes < expected {
                        prop_assert_eq!(told, end);
                    } else {
                        prop_assert!(told == whole || told == end);
                    }
                }
            }
        }
    }
}
