//! Journeys: written down, saved, loaded, gone once more.

use std::io::Write;

use brigade::{
    Brigade, Bucket, Chain, ErrorKind, FilterKind, Member, Result, from_fn, map_bytes, recorder,
};
use brigade_testkit::journey::{Journey, Marks, Part, Recorder, SeenAnswer, What};
use brigade_testkit::{brigade, unknown_mark, waits_everywhere};

const ROOM: usize = 1 << 20;

fn upper() -> Member {
    let upper = map_bytes(|bytes, out| {
        out.put(&bytes.to_ascii_uppercase());
        Ok(())
    });
    Member::new("upper", FilterKind::RESOURCE, upper)
}

fn file(text: &[u8]) -> Bucket<'static> {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(text).expect("room in it");
    Bucket::file(file, 0, text.len() as u64)
}

/// What happens when `upper` is given these, call by call.
fn journey(recorder_of: impl Fn(&Chain) -> Recorder, calls: Vec<Brigade<'_>>) -> Journey {
    let mut chain = Chain::new(recorder().0);
    chain.join(upper());
    let recorder = recorder_of(&chain);
    chain.observe(recorder);
    for mut call in calls {
        chain.pass(&mut call).expect("nothing fails");
    }
    chain.observer::<Recorder>().expect("it was given one").take()
}

fn bodies(chain: &Chain) -> Recorder {
    Recorder::bodies(ROOM, chain)
}

fn all_sorts() -> Vec<Brigade<'static>> {
    let bytes: Vec<u8> = (0..=255).collect();
    vec![brigade![Bucket::heap(bytes), FLUSH], brigade![file(b"from a file"), "", "\u{e9}", EOS]]
}

/// Saves, loads, and leads what went into `upper` through it once more.
#[track_caller]
fn check_again(calls: Vec<Brigade<'_>>) {
    let journey = journey(bodies, calls);
    let mut saved = Vec::new();
    journey.save(&mut saved).expect("memory takes all");
    let loaded = Journey::load(&saved[..], saved.len() as u64).expect("it was saved");
    assert_eq!(loaded, journey);
    let again = loaded.replay("upper", [upper()], Marks::default()).expect("it goes again");
    assert!(again.out_of("upper").is_some_and(|out| !out.is_empty()));
    assert_eq!(again.out_of("upper"), journey.out_of("upper"));
    assert_eq!(again.out_of("owner"), journey.out_of("owner"));
}

#[test]
fn journey_that_was_saved_goes_the_same_way_again() {
    check_again(all_sorts());
}

#[test]
fn journey_of_a_file_of_many_pieces_goes_the_same_way_again() {
    check_again(vec![brigade![file(&b"0123456789abcdef".repeat(20_000)), EOS]]);
}

#[test]
fn stream_comes_again_as_it_was_read() {
    let journey = journey(bodies, vec![brigade![Bucket::stream(&b"who knows"[..]), EOS]]);
    let again = journey.replay("upper", [upper()], Marks::default()).unwrap();
    assert_eq!(again.out_of("upper"), journey.out_of("upper"));
    assert_eq!(again.out_of("upper").unwrap()[0], Part::Data(b"WHO KNOWS".to_vec()));
}

#[test]
fn streams_that_cannot_be_told_apart_are_an_error() {
    let streams = || Bucket::stream(&b"one of two"[..]);
    let journey = journey(bodies, vec![brigade![streams(), streams(), EOS]]);
    let refused = journey.replay("upper", [upper()], Marks::default());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn filter_that_waits_is_waited_for() {
    let journey = journey(bodies, all_sorts());
    let waits = Member::new("waits", FilterKind::RESOURCE, waits_everywhere());
    let again = journey.replay("upper", [waits, upper()], Marks::default()).unwrap();
    assert_eq!(again.out_of("upper"), journey.out_of("upper"));
    let waited = again
        .events
        .iter()
        .any(|event| matches!(&event.what, What::Return { answer: SeenAnswer::Waits, .. }));
    assert!(waited);
}

#[test]
fn filter_that_answers_otherwise_is_seen() {
    let journey = journey(bodies, all_sorts());
    let other =
        Member::new("upper", FilterKind::RESOURCE, from_fn(|input, next| next.push_all(input)));
    let again = journey.replay("upper", [other], Marks::default()).unwrap();
    assert_ne!(again.out_of("upper"), journey.out_of("upper"));
}

#[test]
fn mark_that_nobody_can_make_is_an_error() {
    let journey = journey(bodies, vec![brigade![unknown_mark(1), EOS]]);
    let refused = journey.replay("upper", [upper()], Marks::default());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
    let marks =
        Marks { make: |kind, _| (kind == "MARK-1").then(|| unknown_mark(1)), ..Marks::default() };
    let again = journey.replay("upper", [upper()], marks);
    assert_eq!(again.unwrap().out_of("upper"), journey.out_of("upper"));
}

#[test]
fn journey_stays_within_its_limit_and_says_that_it_is_cut() {
    let small = |chain: &Chain| Recorder::bodies(10_000, chain);
    let call = || brigade![Bucket::heap(vec![b'x'; 1000])];
    let journey = journey(small, (0..1000).map(|_| call()).collect());
    assert!(journey.is_cut && journey.events.len() < 20, "{}", journey.events.len());
    assert_eq!(journey.out_of("upper"), None);
    let refused = journey.replay("upper", [upper()], Marks::default());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn glimpse_keeps_the_beginning_and_is_not_taken_for_all() {
    let glimpses = |chain: &Chain| Recorder::glimpses(ROOM, chain);
    let journey = journey(glimpses, vec![brigade![Bucket::heap(vec![b'x'; 1000]), EOS]]);
    let What::Pass { buckets, .. } = &journey.events[0].what else { panic!("a pass") };
    assert_eq!((buckets[0].len, buckets[0].bytes.len()), (Some(1000), 256));
    assert_eq!(journey.out_of("upper"), None);
}

#[test]
fn blocks_are_seen_lent_while_a_bucket_is_in_them() {
    let journey = journey(bodies, all_sorts());
    let lent = journey.events.iter().find_map(|event| match &event.what {
        What::Pass { buckets, .. } => {
            buckets.iter().find_map(|bucket| bucket.block).map(|key| (key, &event.blocks))
        }
        _ => None,
    });
    let (key, blocks) = lent.expect("what upper made is in a block");
    assert!(matches!(blocks.as_bytes()[key], b'#' | b'o'), "{blocks:?}");
}

#[test]
fn what_is_no_journey_is_refused() {
    let mut saved = Vec::new();
    journey(bodies, all_sorts()).save(&mut saved).unwrap();
    let saved = String::from_utf8(saved).unwrap();
    let (first, _) = saved.trim_end().rsplit_once('\n').unwrap();
    let check = |text: &str, limit: usize, kind| {
        let answer: Result<Journey> = Journey::load(text.as_bytes(), limit as u64);
        assert_eq!(answer.unwrap_err().kind(), kind, "{text:.80}");
    };
    for wrong in [
        "",
        "{}",
        "no JSON",
        first, // Its last event is missing.
        &saved.replacen("\"version\":1", "\"version\":2", 1),
        &saved.replacen("brigade-journey", "another", 1),
        &saved.replacen("\"to\":1", "\"to\":9", 1),
        &saved.replacen("\\\\x", "\\\\q", 1),
    ] {
        check(wrong, ROOM, ErrorKind::InvalidInput);
    }
    check(&saved, saved.len() - 1, ErrorKind::TooLarge);
}
