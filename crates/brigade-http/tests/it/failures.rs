//! A response that failed never looks complete, wherever it fails.

use brigade::{
    Brigade, Bucket, Effects, Error, ErrorKind, FilterKind, Member, Next, OutputFilter, Result,
    from_fn,
};
use brigade_http::{Framing, RequestHead};

use crate::framing::Changer;
use crate::support::{Rig, broken_stream, get, old, stream};

const BODY: &[u8; 12] = b"hello, world";

/// What the client has of a response that fails after `at` bytes in the way that `fail` makes it.
#[track_caller]
fn check_at(
    at: usize,
    request: RequestHead,
    fields: &[(&'static str, &str)],
    above: impl IntoIterator<Item = Member>,
    fail: impl FnOnce(&mut Rig),
) {
    let mut rig = Rig::with(request, above);
    let response = rig.response(200, fields);
    rig.pass([response, Bucket::flush()]).unwrap();
    rig.pass([Bucket::immortal(&BODY[..at]), Bucket::flush()]).unwrap();
    fail(&mut rig);
    assert!(rig.exchange.has_failed(), "after {at} bytes");
    let reply = rig.reply();
    match rig.exchange.framing().unwrap() {
        // The driver resets the connection.
        Framing::Close => {}
        // Every byte was there before it failed.
        Framing::Length if at == BODY.len() => {}
        framing => assert_eq!(reply.body(), None, "{framing:?} after {at} bytes: {reply:?}"),
    }
}

#[track_caller]
fn check(above: impl Fn() -> Vec<Member>, fail: impl Fn(&mut Rig)) {
    let length: &[_] = &[("content-length", "12")];
    for at in 0..=BODY.len() {
        check_at(at, get(&[]), &[], above(), &fail);
        check_at(at, get(&[]), length, above(), &fail);
        check_at(at, old(&[]), &[], above(), &fail);
    }
}

#[test]
fn a_body_that_ends_in_an_error_is_not_complete_at_any_byte() {
    check(Vec::new, |rig| rig.pass([Bucket::error(Error::other("no"))]).unwrap());
}

#[test]
fn an_error_goes_through_filters_that_change_the_body() {
    check(
        || vec![Changer::member(Effects::SameLength)],
        |rig| rig.pass([Bucket::error(Error::other("no"))]).unwrap(),
    );
}

/// A filter that fails at the end of the body.
struct Fails;

impl OutputFilter for Fails {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if input.ends_body() {
            return Err(Error::other("the sum is wrong"));
        }
        next.push_all(input)
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }
}

fn fails() -> Member {
    Member::new("fails", FilterKind::RESOURCE, Fails)
}

#[test]
fn a_filter_that_fails_after_the_commit_leaves_the_body_without_its_end() {
    check(
        || vec![fails()],
        |rig| {
            let error = rig.pass([Bucket::eos()]).unwrap_err();
            assert_eq!(error.filter(), Some("fails"));
            assert!(rig.exchange.error().unwrap().to_string().contains("the sum is wrong"));
        },
    );
}

#[test]
fn a_filter_that_fails_before_the_commit_is_answered_by_500() {
    let mut rig = Rig::with(get(&[]), [fails()]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(BODY), Bucket::eos()]).unwrap_err();
    assert_eq!(rig.reply().status, 500);
    assert_eq!(rig.reply().body(), Some(b"500 Internal Server Error\n".to_vec()));
    assert!(!rig.exchange.closes() && !rig.exchange.has_failed());
}

#[test]
fn a_source_that_fails_leaves_the_body_without_its_end() {
    check(Vec::new, |rig| {
        let error = rig.pass([broken_stream(), Bucket::eos()]).unwrap_err();
        assert_eq!((error.kind(), error.filter()), (ErrorKind::Io, Some("header")));
        assert!(rig.marks().iter().all(|name| name != "EOS"), "{:?}", rig.marks());
    });
}

#[test]
fn a_source_that_fails_in_a_filter_leaves_the_body_without_its_end() {
    check(
        || vec![Changer::member(Effects::SameLength)],
        |rig| {
            let error = rig.pass([broken_stream(), Bucket::eos()]).unwrap_err();
            assert_eq!(error.filter(), Some("changer"));
        },
    );
}

#[test]
fn a_source_that_fails_after_it_had_to_wait_leaves_the_body_without_its_end() {
    check(Vec::new, |rig| {
        let broken = [stream(&[b""]), broken_stream(), Bucket::eos()];
        rig.pass(broken).unwrap_err();
    });
}

/// A filter that makes an ERROR of the body's data, and hands on the EOS that comes later all the same.
fn errs_and_goes_on(kind: FilterKind) -> Member {
    let filter = from_fn(|input, next| {
        while let Some(bucket) = input.pop_front() {
            let is_body = bucket.bytes() == Some(BODY);
            next.push(if is_body { Bucket::error(Error::other("no")) } else { bucket })?;
        }
        Ok(())
    });
    Member::new("errs", kind, filter)
}

/// What the client has when a filter of this kind pushes two ends, of a response that comes in so many
/// calls.
#[track_caller]
fn check_two_ends(kind: FilterKind, request: RequestHead, calls: usize, breach: &str) -> Rig {
    let mut rig = Rig::with(request, [errs_and_goes_on(kind)]);
    let mut input = vec![rig.response(200, &[]), Bucket::immortal(BODY), Bucket::eos()];
    let mut errors = Vec::new();
    for later in (0..calls).rev() {
        let call: Vec<_> = input.drain(..input.len() - later).collect();
        errors.extend(rig.pass(call).err());
    }
    let [error] = &errors[..] else { panic!("not once an error: {errors:?}") };
    assert_eq!(error.filter(), Some("errs"));
    assert!(error.to_string().ends_with(breach), "{error}");
    let ends = rig.marks().into_iter().filter(|name| name == "EOS" || name == "ERROR");
    assert_eq!(ends.count(), 1, "one end leaves: {:?}", rig.marks());
    rig
}

const SECOND_END: &str = ": pushed a second end of the body";

#[track_caller]
fn check_two_ends_after_the_commit(kind: FilterKind, request: RequestHead, breach: &str) -> Rig {
    let rig = check_two_ends(kind, request, 3, breach);
    assert!(rig.marks().contains(&"ERROR".to_owned()), "{:?}", rig.marks());
    match rig.exchange.framing().unwrap() {
        Framing::Chunked => assert_eq!(rig.reply().body(), None, "{:?}", rig.reply()),
        framing => assert_eq!(framing, Framing::Close), // The driver resets the connection.
    }
    rig
}

#[test]
fn an_error_and_a_later_end_from_one_filter_are_one_end_and_no_last_chunk() {
    for request in [get(&[]), old(&[])] {
        let rig = check_two_ends_after_the_commit(FilterKind::RESOURCE, request, SECOND_END);
        assert!(rig.exchange.has_failed());
    }
}

#[test]
fn an_error_below_the_chunks_keeps_the_last_chunk_from_leaving() {
    let below = FilterKind::TRANSCODE.offset(1);
    // The last chunk is data to it, which comes after the end that it pushed. This breach is what a
    // driver fails the exchange for: the filter that frames saw a whole body.
    let late = ": pushed data after the end of the body";
    check_two_ends_after_the_commit(below, get(&[]), late);
    check_two_ends_after_the_commit(below, old(&[]), SECOND_END);
}

#[test]
fn an_error_and_an_end_from_one_filter_before_the_commit_are_one_error_page() {
    let rig = check_two_ends(FilterKind::RESOURCE, get(&[]), 1, SECOND_END);
    assert_eq!((rig.reply().status, rig.exchange.has_failed()), (500, false));
    assert_eq!(rig.reply().body(), Some(b"500 Internal Server Error\n".to_vec()));
}
