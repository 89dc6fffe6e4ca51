//! HOLD: nothing leaves before the verdict, and a verdict that comes in time is on the whole answer.

use std::sync::Arc;

use brigade::{Bucket, Effects, Error, ErrorKind, FilterKind, Member};
use brigade_http::{Held, Hold, Over, ResponseHead, StatusError, Trailers, Verdict};
use brigade_testkit::Case;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::framing::Changer;
use crate::support::{NeverRead, Rig, Unknown, get, head, old, stream};

const LIMIT: usize = 8;

fn response(status: u16) -> ResponseHead {
    ResponseHead::new(StatusCode::from_u16(status).unwrap(), Arc::new(get(&[])))
}

fn replaced() -> Verdict {
    Verdict::Replace(response(403), Bucket::immortal(b"no\n"))
}

fn failed() -> Verdict {
    Verdict::Fail(StatusError::new(StatusCode::BAD_GATEWAY).into())
}

/// Decides once `at` bytes are held.
pub(crate) fn at_byte(
    at: u64,
    verdict: fn() -> Verdict,
) -> impl FnMut(&mut Held<'_>) -> Verdict + Send {
    move |held| if held.body().resident_bytes() >= at { verdict() } else { Verdict::Wait }
}

fn member(hold: Hold) -> Member {
    Member::new("hold", FilterKind::RESOURCE, hold)
}

fn hold(at: u64, over: Over, verdict: fn() -> Verdict) -> Member {
    member(Hold::new(LIMIT, over, at_byte(at, verdict)))
}

/// A response of 12 bytes, one in each call; the answer, and how many bytes were given by then.
#[track_caller]
fn check_at(at: u64, over: Over, verdict: fn() -> Verdict, expected: (u16, &[u8]), leaves_at: u64) {
    let mut rig = Rig::with(get(&[]), [hold(at, over, verdict)]);
    let response = rig.response(200, &[]);
    rig.pass([response]).unwrap();
    for (given, byte) in (0..).zip(b"0123456789ab".chunks(1)) {
        assert_eq!(!rig.bytes().is_empty(), given >= leaves_at, "at {at}: after {given} bytes");
        rig.pass([Bucket::immortal(byte)]).unwrap();
    }
    rig.pass([Bucket::eos()]).unwrap();
    let reply = rig.reply();
    assert_eq!((reply.status, reply.body().as_deref()), (expected.0, Some(expected.1)), "at {at}");
    assert!(!rig.exchange.closes() && !rig.exchange.has_failed(), "the connection lives on");
    assert_eq!(rig.marks(), ["EOS"], "at {at}");
}

const WHOLE: (u16, &[u8]) = (200, b"0123456789ab");

#[test]
fn commit_at_each_byte_around_the_limit_lets_the_whole_response_go() {
    let commit = || Verdict::Commit;
    for at in [0, 1, 7, 8] {
        check_at(at, Over::Fail, commit, WHOLE, at);
    }
    // At byte 9 there is no verdict: one byte too many was given by then.
    check_at(9, Over::Commit, commit, WHOLE, 9);
    check_at(9, Over::Fail, commit, (500, b"500 Internal Server Error\n"), 9);
}

#[test]
fn replacement_at_each_byte_around_the_limit_is_a_whole_answer() {
    for at in [0, 1, 7, 8] {
        check_at(at, Over::Commit, replaced, (403, b"no\n"), at);
    }
    check_at(9, Over::Commit, replaced, WHOLE, 9);
}

#[test]
fn failure_at_each_byte_around_the_limit_is_a_whole_error_page() {
    for at in [0, 1, 7, 8] {
        check_at(at, Over::Commit, failed, (502, b"502 Bad Gateway\n"), at);
    }
    check_at(9, Over::Commit, failed, WHOLE, 9);
}

#[test]
fn limit_of_nothing_lets_the_head_be_judged() {
    let mut rig = Rig::with(get(&[]), [member(Hold::new(0, Over::Fail, |_| replaced()))]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"hello"), Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().status, 403);
    let mut rig = Rig::with(get(&[]), [member(Hold::new(0, Over::Fail, |_| Verdict::Wait))]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::eos()]).unwrap();
    assert_eq!((rig.reply().status, rig.reply().body()), (200, Some(Vec::new())));
}

#[test]
fn every_cut_is_held_and_goes_on_the_same() {
    let head = || response(200).into_bucket();
    let hold = |over, at, verdict| move || hold(at, over, verdict);
    let check = |make: &dyn Fn() -> Member, expected: &str| {
        Case::new(make, "0123456789ab", expected).head(head).check();
    };
    check(&hold(Over::Commit, 5, || Verdict::Commit), "0123456789ab");
    check(&hold(Over::Commit, 99, || Verdict::Commit), "0123456789ab");
    // A body that ends before anybody could decide goes on.
    Case::new(hold(Over::Fail, 99, failed), "0123", "0123").head(head).check();
}

#[test]
fn body_that_ends_at_the_limit_is_seen_whole() {
    let whole = |held: &mut Held<'_>| {
        if held.is_whole() && held.body().flatten(64).unwrap() == b"01234567" {
            return replaced();
        }
        Verdict::Wait
    };
    let mut rig = Rig::with(get(&[]), [member(Hold::new(LIMIT, Over::Fail, whole))]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"01234567")]).unwrap();
    assert_eq!(rig.bytes(), b"");
    rig.pass([Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().status, 403);
}

#[test]
fn judge_sees_each_byte_once_as_a_piece_and_all_of_them_in_the_body() {
    let (tell, told) = std::sync::mpsc::channel();
    let judge = move |held: &mut Held<'_>| {
        let all = held.body().flatten(64).unwrap();
        assert!(all.ends_with(held.piece()));
        tell.send(held.piece().to_vec()).unwrap();
        Verdict::Wait
    };
    let mut rig = Rig::with(get(&[]), [member(Hold::new(LIMIT, Over::Commit, judge))]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"012"), Bucket::flush(), stream(&[b"34", b"56789"])])
        .unwrap();
    let pieces: Vec<Vec<u8>> = told.try_iter().collect();
    assert_eq!(pieces, [&b""[..], b"012", b"34", b"567"]);
}

#[test]
fn head_that_the_judge_edits_is_committed_as_edited() {
    let judge = |held: &mut Held<'_>| {
        held.head().headers.insert("x-seen", HeaderValue::from_static("yes"));
        Verdict::Commit
    };
    let mut rig = Rig::with(get(&[]), [member(Hold::new(LIMIT, Over::Commit, judge))]);
    let response = rig.response(200, &[("content-length", "3"), ("etag", "\"a\"")]);
    rig.pass([response, Bucket::immortal(b"abc"), Bucket::eos()]).unwrap();
    let reply = rig.reply();
    assert_eq!(reply.field("x-seen"), Some("yes"));
    // Nothing was changed by holding: what the head says of the body stays true.
    assert_eq!((reply.field("content-length"), reply.field("etag")), (Some("3"), Some("\"a\"")));
}

#[test]
fn what_is_behind_the_limit_stays_unread() {
    let commit = member(Hold::new(LIMIT, Over::Commit, |_| Verdict::Wait));
    let mut rig = Rig::with(head(&[]), [commit]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"0123456789"), NeverRead::file(1 << 40), Bucket::eos()])
        .unwrap();
    assert_eq!(rig.reply().field("content-length"), Some("1099511627786"));
}

#[test]
fn what_is_behind_a_replacement_stays_unread() {
    let mut rig = Rig::with(get(&[]), [hold(0, Over::Fail, replaced)]);
    let response = rig.response(200, &[]);
    rig.pass([response, NeverRead::file(10)]).unwrap();
    rig.pass([NeverRead::stream(), Bucket::eos()]).unwrap();
    assert_eq!((rig.reply().status, rig.reply().rest), (403, b"no\n".to_vec()));
}

#[test]
fn marks_among_what_is_held_keep_their_places() {
    let mut rig = Rig::with(get(&[]), [hold(8, Over::Fail, || Verdict::Commit)]);
    let response = rig.response(200, &[("content-length", "8")]);
    let bytes = Bucket::immortal;
    rig.pass([response, bytes(b"012"), Unknown::bucket(), bytes(b"34"), Bucket::flush()]).unwrap();
    assert_eq!((rig.bytes(), rig.marks()), (Vec::new(), Vec::new()), "a FLUSH waits too");
    rig.pass([bytes(b"567"), Bucket::eos()]).unwrap();
    assert_eq!(rig.marks(), ["UNKNOWN", "FLUSH", "EOS"]);
    assert_eq!(rig.reply().body(), Some(b"01234567".to_vec()));
}

#[test]
fn marks_of_what_is_replaced_go_on_and_its_trailers_do_not() {
    let mut rig = Rig::with(get(&[]), [hold(3, Over::Fail, replaced)]);
    let response = rig.response(200, &[]);
    let mut sums = HeaderMap::new();
    sums.insert("x-sum", HeaderValue::from_static("1"));
    let trailers = || Trailers(sums.clone()).into_bucket();
    rig.pass([response, Unknown::bucket(), trailers(), Bucket::immortal(b"012")]).unwrap();
    rig.pass([trailers(), Unknown::bucket(), Bucket::immortal(b"3"), Bucket::eos()]).unwrap();
    assert_eq!(rig.marks(), ["UNKNOWN", "EOS", "UNKNOWN"]);
    assert_eq!(rig.reply().rest, b"no\n");
}

#[test]
fn marks_without_end_are_not_hoarded() {
    let mut rig = Rig::with(get(&[]), [hold(8, Over::Commit, || Verdict::Commit)]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"0")]).unwrap();
    for _ in 0..10_000 {
        rig.pass([Bucket::flush()]).unwrap();
    }
    assert_eq!(rig.bytes(), b"", "a FLUSH is no verdict");
    rig.pass([Unknown::bucket()]).unwrap();
    assert!(!rig.bytes().is_empty(), "more marks than can be kept are more than may be held");
    assert!(rig.marks().len() <= 1025, "{} marks", rig.marks().len());
}

#[test]
fn body_that_fails_above_is_answered_by_its_error_page() {
    let mut rig = Rig::with(get(&[]), [hold(8, Over::Commit, || Verdict::Commit)]);
    let response = rig.response(200, &[("set-cookie", "k=v")]);
    rig.pass([response, Bucket::immortal(b"0123"), Bucket::flush()]).unwrap();
    rig.pass([Bucket::error(Error::other("the source is gone"))]).unwrap();
    let reply = rig.reply();
    assert_eq!((reply.status, reply.field("set-cookie")), (500, Some("k=v")));
    assert!(!rig.exchange.closes());
}

#[test]
fn failure_keeps_the_fields_that_say_nothing_of_the_body() {
    let mut rig = Rig::with(get(&[]), [hold(2, Over::Commit, failed)]);
    let response = rig.response(200, &[("set-cookie", "k=v"), ("etag", "\"a\"")]);
    rig.pass([response, Bucket::immortal(b"0123"), Bucket::eos()]).unwrap();
    let reply = rig.reply();
    assert_eq!((reply.field("set-cookie"), reply.field("etag")), (Some("k=v"), None));
}

#[test]
fn replacement_goes_through_the_filters_below_and_is_framed_for_old_clients() {
    let changer = Changer::member(Effects::Changes);
    let mut rig = Rig::with(get(&[]), [hold(2, Over::Commit, replaced), changer]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"0123"), Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().body(), Some(b"no\nno\n".to_vec()));
    let mut rig = Rig::with(old(&[]), [hold(2, Over::Commit, replaced)]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"0123"), Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().field("content-length"), Some("3"));
}

#[test]
fn replacement_of_unknown_length_ends_once() {
    let unknown = || Verdict::Replace(response(200), stream(&[b"so", b"me"]));
    let mut rig = Rig::with(get(&[]), [hold(2, Over::Commit, unknown)]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"0123")]).unwrap();
    rig.pass([Bucket::immortal(b"4"), Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().body(), Some(b"some".to_vec()));
}

#[test]
fn interim_heads_go_by_and_a_chain_without_heads_is_left_alone() {
    let mut rig = Rig::with(get(&[]), [hold(8, Over::Commit, || Verdict::Commit)]);
    let interim = rig.response(103, &[]);
    rig.pass([interim]).unwrap();
    assert!(rig.text().starts_with("HTTP/1.1 103 "), "{}", rig.text());
    Case::new(|| hold(8, Over::Fail, failed), "0123456789ab", "0123456789ab").carry(0).check();
}

#[test]
fn more_than_may_be_held_says_how_much_that_is() {
    let mut rig = Rig::with(get(&[]), [hold(9, Over::Fail, replaced)]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"0123456789"), Bucket::eos()]).unwrap();
    let error = rig.exchange.error().unwrap();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().ends_with("hold a body for a verdict, limit 8 bytes"), "{error}");
}
