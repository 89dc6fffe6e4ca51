//! Requests on one chain: their filters come, leave inside the EOR, and are told the outcome once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use brigade::{
    Bucket, Chain, End, ErrorKind, FilterKind, Member, Outcome, OutputFilter, from_fn, recorder,
};

use crate::kit::{
    Ends, Halting, Sip, Upper, Watched, finish, member, pass_all, push_each, waits_for_ever,
};

fn watched(chain: &mut Chain, name: &'static str) -> Ends {
    let (filter, _, ends) = Watched::new(push_each());
    chain.join_request(member(name, filter));
    ends
}

fn body(text: &'static str) -> brigade::Brigade<'static> {
    [Bucket::immortal(text.as_bytes()), Bucket::eos()].into_iter().collect()
}

#[test]
fn requests_filters_leave_with_its_end_and_are_told_after_the_last_byte() {
    let (terminal, given) = Sip::new(2, u64::MAX);
    let mut chain = Chain::new(terminal);
    let ends = [watched(&mut chain, "a"), watched(&mut chain, "b")];
    chain.join(Member::new("connection", FilterKind::CONNECTION, pass_all()));
    let told = Arc::new(Mutex::new(Vec::new()));
    let owner = Arc::clone(&told);
    chain.pass(&mut body("body")).unwrap();
    let and_then = move |outcome: &Outcome| owner.lock().unwrap().push(*outcome);
    chain.end_request(Some(Box::new(and_then))).unwrap();
    assert_eq!(chain.filters().map(|(name, ..)| name).collect::<Vec<_>>(), ["connection"]);
    assert!(told.lock().unwrap().is_empty() && ends[0].lock().unwrap().is_empty());
    finish(&mut chain);
    let expected = (End::Complete, 4, 4);
    for told in [&told, &ends[0], &ends[1]] {
        let told = told.lock().unwrap();
        let told: Vec<_> = told.iter().map(|o| (o.end, o.bytes_in, o.bytes_out)).collect();
        assert_eq!(told, [expected]);
    }
    assert_eq!(given.lock().unwrap().bytes, b"body");
    drop(chain);
    assert_eq!(ends[0].lock().unwrap().len(), 1, "told once");
}

#[test]
fn pipelined_responses_queue_in_order_and_each_has_filters_of_its_own() {
    let (terminal, given) = Sip::new(3, u64::MAX);
    let mut chain = Chain::new(terminal);
    let mut ends = Vec::new();
    for text in ["one", "two", "three"] {
        chain.begin_response().unwrap();
        chain.join_request(member("upper", Upper));
        ends.push(watched(&mut chain, "watched"));
        chain.pass(&mut body(text)).unwrap();
        chain.end_request(None).unwrap();
    }
    finish(&mut chain);
    assert_eq!(given.lock().unwrap().bytes, b"ONETWOTHREE");
    let marks: Vec<_> = given.lock().unwrap().marks.iter().map(|(at, _)| *at).collect();
    assert_eq!(marks, [3, 3, 6, 6, 11, 11]);
    assert!(ends.iter().all(|ends| ends.lock().unwrap()[0].end == End::Complete));
}

#[test]
fn request_cannot_end_before_its_body_or_while_a_filter_has_some_of_it() {
    let mut chain = Chain::new(recorder().0);
    chain.join_request(member("halting", Halting::new(pass_all())));
    assert!(!chain.has_left_request());
    assert_eq!(chain.end_request(None).unwrap_err().kind(), ErrorKind::Contract);
    chain.pass(&mut body("x")).unwrap();
    assert!(!chain.has_left_request());
    let told = Arc::new(Mutex::new(Vec::new()));
    let owner = Arc::clone(&told);
    let and_then = move |outcome: &Outcome| owner.lock().unwrap().push(outcome.end);
    assert!(chain.end_request(Some(Box::new(and_then))).is_err());
    assert_eq!(*told.lock().unwrap(), [End::Failed], "who is owed an answer gets one");
    finish(&mut chain);
    assert!(chain.has_left_request());
    chain.end_request(None).unwrap();
}

#[test]
fn connections_filter_above_that_waits_holds_the_requests_end_too() {
    let mut chain = Chain::new(recorder().0);
    chain.join(Member::new("above", FilterKind::RESOURCE.offset(-1), Halting::new(pass_all())));
    let _ends = watched(&mut chain, "below");
    chain.pass(&mut body("x")).unwrap();
    assert!(!chain.has_left_request());
    finish(&mut chain);
    assert!(chain.has_left_request());
}

#[test]
fn connections_filter_below_that_waits_does_not_hold_the_request() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let ends = watched(&mut chain, "request");
    chain.join(Member::new("below", FilterKind::CONNECTION, Halting::new(pass_all())));
    chain.pass(&mut body("one")).unwrap();
    chain.end_request(None).unwrap();
    chain.begin_response().unwrap();
    chain.pass(&mut body("two")).unwrap();
    chain.end_request(None).unwrap();
    assert!(ends.lock().unwrap().is_empty());
    finish(&mut chain);
    assert_eq!((record.bytes(), ends.lock().unwrap()[0].end), (b"onetwo".to_vec(), End::Complete));
    let marks: Vec<_> = record.marks().into_iter().map(|(_, name)| name).collect();
    assert_eq!(marks, ["EOS", "EOR", "EOS", "EOR"]);
}

#[test]
fn chain_that_goes_away_tells_the_request_that_was_under_way() {
    let mut chain = Chain::new(Sip::new(0, u64::MAX).0);
    let queued = watched(&mut chain, "queued");
    chain.pass(&mut body("x")).unwrap();
    chain.end_request(None).unwrap();
    chain.begin_response().unwrap();
    let running = watched(&mut chain, "running");
    chain.join(Member::new("waits", FilterKind::CONNECTION, waits_for_ever()));
    chain.pass_bucket(Bucket::immortal(b"half")).unwrap();
    drop(chain);
    for ends in [queued, running] {
        let told: Vec<_> = ends.lock().unwrap().iter().map(|outcome| outcome.end).collect();
        assert_eq!(told, [End::ClientGone]);
    }
}

#[test]
fn eor_kept_by_a_waiting_connections_filter_is_told_how_the_connection_ended() {
    let mut chain = Chain::new(recorder().0);
    let ends = watched(&mut chain, "request");
    chain.join(Member::new("waits", FilterKind::CONNECTION, waits_for_ever()));
    chain.pass(&mut body("x")).unwrap();
    chain.end_request(None).unwrap();
    chain.abort(End::Timeout);
    let told: Vec<_> = ends.lock().unwrap().iter().map(|o| (o.end, o.bytes_in)).collect();
    assert_eq!(told, [(End::Timeout, 1)]);
}

#[test]
fn bytes_written_and_never_passed_do_not_reach_the_next_response() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.write(b"abandoned").unwrap();
    chain.begin_response().unwrap();
    chain.pass(&mut body("next")).unwrap();
    assert_eq!(record.bytes(), b"next");
}

/// Panics when it is told.
struct Touchy;

impl OutputFilter for Touchy {
    fn filter<'b>(
        &mut self,
        input: &mut brigade::Brigade<'b>,
        next: &mut brigade::Next<'_, 'b>,
    ) -> brigade::Result<()> {
        next.push_all(input)
    }

    fn on_end(&mut self, _outcome: &Outcome) {
        panic!("told");
    }
}

#[test]
fn filter_that_panics_when_told_keeps_no_other_from_being_told() {
    for drops_the_chain in [true, false] {
        let mut chain = Chain::new(recorder().0);
        let before = watched(&mut chain, "before");
        chain.join_request(member("touchy", Touchy));
        let after = watched(&mut chain, "after");
        let told = Arc::new(Mutex::new(0));
        let owner = Arc::clone(&told);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            if drops_the_chain {
                drop(chain);
            } else {
                chain.pass(&mut body("x")).unwrap();
                let and_then = move |_: &Outcome| *owner.lock().unwrap() += 1;
                let _ = chain.end_request(Some(Box::new(and_then)));
            }
        }));
        assert!(caught.is_err(), "the panic goes on");
        assert_eq!((before.lock().unwrap().len(), after.lock().unwrap().len()), (1, 1));
        assert_eq!(*told.lock().unwrap(), i32::from(!drops_the_chain));
    }
}

#[test]
fn closure_that_waits_for_its_owner_is_still_a_filter() {
    // `from_fn` and a boxed filter forward everything that a chain asks.
    let boxed: Box<dyn OutputFilter> = Box::new(Watched::new(Upper).0);
    assert_eq!(boxed.effects(), Upper.effects());
    let mut chain = Chain::new(recorder().0);
    let (filter, _, ends) = Watched::new(Box::new(from_fn(|input, next| next.push_all(input))));
    chain.join_request(member("boxed", Box::new(filter) as Box<dyn OutputFilter>));
    chain.abort(End::Failed);
    assert_eq!(ends.lock().unwrap().len(), 1);
}
