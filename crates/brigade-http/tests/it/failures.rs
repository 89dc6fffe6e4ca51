//! A response that failed never looks complete, wherever it fails.

use brigade::{
    Brigade, Bucket, Effects, Error, ErrorKind, FilterKind, Member, Next, OutputFilter, Result,
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
