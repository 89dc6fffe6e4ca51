//! What a body at the end of a chain gives, and when.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use brigade::{Brigade, Bucket, End, Error, FilterKind, Member, from_fn};
use brigade_http::Trailers;
use brigade_http::body::{ChainBody, Filters};
use brigade_testkit::{gated, stuttering, unknown_mark};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Body;

use super::Step::{Data, Fail, Trailer, Wait};
use super::{Step, fails_at, hoards, look, script, transcript, upper, watched, watched_with};

#[track_caller]
fn check(filters: &Filters, buckets: impl IntoIterator<Item = Bucket<'static>>, expected: &str) {
    assert_eq!(transcript(ChainBody::new(filters, buckets.into_iter().collect())), expected);
}

#[track_caller]
fn check_around(filters: &Filters, steps: impl IntoIterator<Item = Step>, expected: &str) {
    assert_eq!(transcript(ChainBody::around(filters, script(steps))), expected);
}

fn text(text: &'static str) -> Bucket<'static> {
    Bucket::immortal(text.as_bytes())
}

fn trailers() -> Bucket<'static> {
    let mut fields = HeaderMap::new();
    fields.insert("t", HeaderValue::from_static("x"));
    Trailers(fields).into_bucket()
}

#[test]
fn body_gives_one_frame_a_bucket_and_then_its_end() {
    check(&Filters::none(), [text("a"), text("b")], "a b .");
    check(&hoards(), [text("a"), text("b")], "a b .");
    // Neighbours in one block are one run of bytes.
    check(&upper(), [text("a"), text("b")], "AB .");
    check(&Filters::none(), [], ".");
}

#[test]
fn empty_data_and_marks_that_nobody_knows_are_no_frames() {
    let buckets = [text(""), text("a"), unknown_mark(1), text(""), text("b"), unknown_mark(2)];
    check(&Filters::none(), buckets, "a b .");
}

#[test]
fn trailers_are_a_frame_after_the_last_data() {
    check(&Filters::none(), [text("a"), trailers(), Bucket::eos()], "a +x .");
    check(&Filters::none(), [trailers(), Bucket::eos()], "+x .");
    check_around(&upper(), [Data("a"), Trailer("y")], "A +y .");
}

#[test]
fn trailers_wait_for_what_a_filter_lets_go_of_behind_them() {
    check(&Filters::none(), [text("a"), trailers(), text("b")], "a b +x .");
    // What compresses has its last bytes at the end.
    let closes = || {
        let filter = from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.is_eos() {
                    next.push(text("!"))?;
                }
                next.push(bucket)?;
            }
            Ok(())
        });
        Member::new("closes", FilterKind::RESOURCE, filter)
    };
    check(&Filters::none().member(closes), [text("a"), trailers()], "a ! +x .");
    // A length would leave no place for them.
    let body = ChainBody::new(
        &Filters::none().member(closes),
        [text("a"), trailers()].into_iter().collect(),
    );
    assert_eq!(body.size_hint().exact(), None);
    check_around(&Filters::none().member(closes), [Data("a"), Wait, Trailer("x")], "a | ! +x .");
}

#[test]
fn error_is_the_error_of_the_body_and_never_a_clean_end() {
    check(&Filters::none(), [text("a"), Bucket::error(Error::other("break"))], "a !break");
    check(&fails_at(b'x'), [text("a"), text("x")], "a !filter fails, at byte 2: look at a byte");
    check_around(
        &Filters::none(),
        [Data("a"), Wait, Fail("pipe")],
        "a | !take the body of a service",
    );
}

#[test]
fn flush_lets_the_server_send_before_it_gets_more() {
    check(&Filters::none(), [text("a"), Bucket::flush(), text("b")], "a | b .");
    check(&Filters::none(), [Bucket::flush(), text("a"), Bucket::flush()], "a .");
    let twice = [text("a"), Bucket::flush(), Bucket::flush(), text("b")];
    check(&Filters::none(), twice, "a | b .");
}

#[test]
fn what_a_filter_holds_leaves_when_the_inner_body_has_nothing() {
    check_around(&hoards(), [Data("a"), Data("b"), Wait, Data("c")], "a b | c .");
    check_around(&hoards(), [Data("a"), Data("b"), Data("c")], "a b c .");
    check_around(&hoards(), [Wait, Wait, Data("a")], "| | a .");
}

#[test]
fn bytes_in_memory_leave_without_a_copy() {
    let data = Bytes::from(vec![7; 100_000]);
    let place = data.as_ptr();
    let (filters, _) = watched();
    let body = ChainBody::new(&filters, Brigade::from(Bucket::heap(data)));
    let mut body = Box::pin(body);
    let Poll::Ready(Some(Ok(frame))) =
        body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("no frame");
    };
    assert_eq!(frame.into_data().unwrap().as_ptr(), place);
}

#[test]
fn stream_that_waits_is_asked_again_when_it_wakes() {
    let buckets = [text("a"), stuttering(["b", "c"]), text("d")];
    assert_eq!(
        transcript(ChainBody::new(&Filters::none(), buckets.into_iter().collect()))
            .replace("| ", ""),
        "a b c d ."
    );
    let (gate, stream) = gated();
    let mut body = ChainBody::new(&upper(), Brigade::from(stream));
    assert_eq!(look(&mut body).0, "|");
    gate.give("x");
    assert_eq!(look(&mut body).0, "X");
    gate.end();
    assert_eq!(look(&mut body).0, ".");
}

#[track_caller]
fn check_hint(body: &ChainBody, exact: Option<u64>, is_end: bool) {
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (exact, is_end));
}

#[test]
fn length_is_exact_where_it_is_known() {
    let none = Filters::none();
    let known = [text("ab"), Bucket::flush(), text("c")];
    let mut body = ChainBody::new(&none, known.into_iter().collect());
    check_hint(&body, Some(3), false);
    assert_eq!(look(&mut body).0, "ab");
    check_hint(&body, Some(1), false);
    let file = tempfile::tempfile().unwrap();
    check_hint(&ChainBody::new(&none, Brigade::from(Bucket::file(file, 0, 99))), Some(99), false);
    check_hint(&ChainBody::new(&none, Brigade::new()), Some(0), true);
    check_hint(&ChainBody::new(&none, Brigade::from(stuttering(["a"]))), None, false);
    // A length that is said leaves HTTP/1.1 no place for them.
    let with_trailers = [text("ab"), trailers(), Bucket::eos()];
    check_hint(&ChainBody::new(&none, with_trailers.into_iter().collect()), None, false);
    let failed = [text("ab"), Bucket::error(Error::other("break"))];
    check_hint(&ChainBody::new(&none, failed.into_iter().collect()), None, false);
    check_hint(&ChainBody::around(&none, script([Data("abc")]).hinting(3)), Some(3), false);
    check_hint(&ChainBody::around(&upper(), script([Data("abc")]).hinting(3)), None, false);
}

#[test]
fn body_is_at_its_end_as_soon_as_the_last_frame_was_given() {
    let (filters, ends) = watched();
    let mut body = ChainBody::new(&filters, Brigade::from(text("abc")));
    assert_eq!(look(&mut body).0, "abc");
    check_hint(&body, Some(0), true);
    assert_eq!(ends.take(), [End::Complete]);
    drop(body);
    assert_eq!(ends.take(), []);
}

#[test]
fn every_filter_is_told_once_how_the_body_ended() {
    let told = |filters: &Filters, steps: &[Step], polls: usize| {
        let (filters, ends) = watched_with(filters.clone());
        let mut body = ChainBody::around(&filters, script(steps.to_vec()));
        (0..polls).for_each(|_| drop(look(&mut body)));
        drop(body);
        ends.take()
    };
    let two = [Data("a"), Wait, Data("b")];
    assert_eq!(told(&Filters::none(), &two, 4), [End::Complete]);
    assert_eq!(told(&Filters::none(), &two, 0), [End::ClientGone]);
    assert_eq!(told(&Filters::none(), &two, 2), [End::ClientGone]);
    assert_eq!(told(&Filters::none(), &[Data("a"), Fail("x")], 2), [End::Failed]);
    assert_eq!(told(&fails_at(b'x'), &[Data("a"), Wait, Data("x")], 3), [End::Failed]);
}

#[test]
fn server_that_counts_bytes_and_asks_no_more_has_taken_all() {
    let (filters, ends) = watched();
    let request = brigade_http::RequestHead::get("/".parse().unwrap());
    let inner = script([Data("ab"), Wait, Data("c"), Wait]).hinting(3);
    let mut respond = filters.respond(request, http::Response::new(inner));
    let Poll::Ready(response) =
        Pin::new(&mut respond).poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("no head");
    };
    let mut body = response.into_body();
    assert_eq!((look(&mut body).0, look(&mut body).0, look(&mut body).0).2, "c");
    assert_eq!(ends.take(), []); // Trailers might follow.
    drop(body);
    let outcomes = ends.outcomes();
    assert_eq!(
        (outcomes[0].end, outcomes[0].bytes_in, outcomes[0].bytes_out),
        (End::Complete, 3, 3)
    );
}
