//! One response on its way: its effects, a body nobody wants, its end, and FLUSH.

use std::sync::{Arc, Mutex};

use brigade::{
    Brigade, Bucket, Chain, Effects, ErrorKind, FilterKind, Member, Next, OutputFilter, ReadMode,
    Recorder, Result, from_fn, recorder,
};

use crate::chain::sign;
use crate::kit::{Upper, file_of, halting, member, pass_all, push_each, steps_aside};

/// What a filter at the end sees of those above: their effects and their fingerprint.
fn probe(chain: &mut Chain) -> Arc<Mutex<(Effects, u64)>> {
    let seen = Arc::new(Mutex::new((Effects::Same, 0)));
    let told = Arc::clone(&seen);
    let probe = from_fn(move |input, next| {
        *told.lock().unwrap() = (next.effects_above(), next.fingerprint_above());
        next.push_all(input)
    });
    chain.join(Member::new("probe", FilterKind::PROTOCOL, probe));
    seen
}

/// A filter with the effects it is told, doing nothing.
struct With(Effects, fn(&mut Next<'_, '_>));

impl OutputFilter for With {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        (self.1)(next);
        if input.is_empty() { Ok(()) } else { next.push_all(input) }
    }

    fn effects(&self) -> Effects {
        self.0
    }
}

#[track_caller]
fn check_effects(filters: Vec<Member>, expected: Effects) -> u64 {
    let mut chain = Chain::new(recorder().0);
    filters.into_iter().for_each(|filter| chain.join(filter));
    let seen = probe(&mut chain);
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    let (effects, fingerprint) = *seen.lock().unwrap();
    assert_eq!(effects, expected);
    fingerprint
}

#[test]
fn effects_above_are_the_strongest_and_the_fingerprint_names_who_changes() {
    let with = |name, effects| member(name, With(effects, |_| ()));
    assert_eq!(check_effects(vec![], Effects::Same), 0);
    assert_eq!(check_effects(vec![with("a", Effects::Same)], Effects::Same), 0);
    let a = check_effects(vec![with("a", Effects::SameLength)], Effects::SameLength);
    let same_a = vec![with("x", Effects::Same), with("a", Effects::SameLength)];
    assert_eq!(check_effects(same_a, Effects::SameLength), a, "who changes nothing is not in it");
    let ab = vec![with("a", Effects::SameLength), with("b", Effects::Changes)];
    let ba = vec![with("b", Effects::Changes), with("a", Effects::SameLength)];
    let (ab, ba) = (check_effects(ab, Effects::Changes), check_effects(ba, Effects::Changes));
    assert!(a != ab && ab != ba && a != 0);
    let described = with("a", Effects::SameLength).described_by("a level=9");
    assert_ne!(check_effects(vec![described], Effects::SameLength), a);
}

#[test]
fn effects_are_lowered_for_one_response_and_never_raised() {
    let lowers = With(Effects::Changes, |next| next.effects(Effects::SameLength));
    check_effects(vec![member("lowers", lowers)], Effects::SameLength);
    let raises = With(Effects::Same, |next| next.effects(Effects::Changes));
    check_effects(vec![member("raises", raises)], Effects::Same);
    let leaves = With(Effects::Changes, steps_aside);
    check_effects(vec![member("leaves", leaves)], Effects::Same);

    let mut is_first = true;
    let once = from_fn(move |input, next| {
        if std::mem::take(&mut is_first) {
            next.effects(Effects::Same);
        }
        next.push_all(input)
    });
    let mut chain = Chain::new(recorder().0);
    chain.join(member("once", once));
    let seen = probe(&mut chain);
    chain.pass_bucket(Bucket::eos()).unwrap();
    assert_eq!(seen.lock().unwrap().0, Effects::Same);
    chain.begin_response().unwrap();
    chain.pass_bucket(Bucket::eos()).unwrap();
    assert_eq!(seen.lock().unwrap().0, Effects::Changes);
}

#[test]
fn filter_that_let_data_go_down_keeps_its_effects_when_it_steps_aside() {
    let mut chain = Chain::new(recorder().0);
    chain.join(member(
        "late",
        from_fn(|input, next| {
            next.push_all(input)?;
            next.step_aside();
            Ok(())
        }),
    ));
    let seen = probe(&mut chain);
    chain.pass_bucket(Bucket::immortal(b"a")).unwrap();
    chain.pass_bucket(Bucket::immortal(b"b")).unwrap();
    assert_eq!(seen.lock().unwrap().0, Effects::Changes);
}

/// Wants no body from its first mark on, and has bytes of its own instead.
fn discards() -> impl OutputFilter {
    from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            if bucket.is_metadata() {
                next.discard_body();
                next.push(Bucket::immortal(b"own"))?;
                next.push(bucket)?;
            }
        }
        Ok(())
    })
}

fn discarding(read: fn() -> Box<dyn OutputFilter>) -> (Chain, brigade::Record) {
    let (terminal, record): (Recorder, _) = recorder();
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    chain.join_request(member("above", read()));
    chain.join_request(Member::new("discards", FilterKind::PROTOCOL, discards()));
    (chain, record)
}

#[test]
fn discarded_body_is_neither_read_nor_started_and_marks_go_on() {
    let readers: [fn() -> Box<dyn OutputFilter>; 2] =
        [|| Box::new(push_each()), || Box::new(Upper)];
    for read in readers {
        let (mut chain, record) = discarding(read);
        let head = [Bucket::flush(), Bucket::file(file_of(b""), 0, 1 << 40)];
        chain.pass(&mut head.into_iter().collect()).unwrap();
        chain.pass_bucket(Bucket::immortal(b"data")).unwrap();
        // It cannot be read in this chain: reading it would be an error.
        chain.pass_bucket(Bucket::stream(&b"never started"[..])).unwrap();
        chain.pass_bucket(halting(&[b"never started"])).unwrap();
        chain.pass(&mut [Bucket::immortal(b"x"), Bucket::eos()].into_iter().collect()).unwrap();
        assert_eq!(record.bytes(), b"ownown", "its own data is not dropped");
        let marks: Vec<_> = record.marks().into_iter().map(|(_, name)| name).collect();
        assert_eq!(marks, ["FLUSH", "EOS"]);
        assert_eq!(chain.alloc().stats().copied_bytes, 0);
    }
}

#[test]
fn next_response_is_not_discarded() {
    let (mut chain, record) = discarding(|| Box::new(push_each()));
    chain.pass_bucket(Bucket::eos()).unwrap();
    chain.end_request(None).unwrap();
    chain.begin_response().unwrap();
    record.clear();
    chain.pass_bucket(Bucket::immortal(b"body")).unwrap();
    assert_eq!(record.bytes(), b"body");
}

#[test]
fn nothing_but_marks_may_be_passed_after_the_end_of_a_body() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("request", sign(b".")));
    chain.join(Member::new("connection", FilterKind::CONNECTION, push_each()));
    chain.pass_bucket(Bucket::eos()).unwrap();
    let check = |answer: Result<()>| assert_eq!(answer.unwrap_err().kind(), ErrorKind::Contract);
    check(chain.write(b"late"));
    check(chain.pass_bucket(Bucket::immortal(b"late")));
    check(chain.pass_bucket(Bucket::file(file_of(b""), 0, 0)));
    chain.flush().unwrap();
    chain.pass_bucket(Bucket::eoc()).unwrap();
    let marks: Vec<_> = record.marks().into_iter().map(|(_, name)| name).collect();
    assert_eq!((record.bytes(), marks), (vec![], vec!["EOS".into(), "FLUSH".into(), "EOC".into()]));
    let calls: Vec<_> = chain.filters().map(|(_, _, stats)| stats.calls).collect();
    assert_eq!(calls, [1, 3], "marks behind the end pass by the request's filters");
}

#[test]
fn one_brigade_holds_one_end_and_no_data_behind_it() {
    let check = |buckets: [Bucket<'static>; 2], is_fine: bool| {
        let (terminal, record) = recorder();
        let answer = Chain::new(terminal).pass(&mut buckets.into_iter().collect());
        assert_eq!(answer.is_ok(), is_fine, "{answer:?}");
        assert_eq!(record.marks().is_empty(), !is_fine);
    };
    check([Bucket::eos(), Bucket::immortal(b"x")], false);
    check([Bucket::eos(), Bucket::eos()], false);
    check([Bucket::eos(), Bucket::flush()], true);
    check([Bucket::immortal(b"x"), Bucket::eos()], true);
}

#[test]
fn idle_sends_one_flush_if_bytes_went_in_and_then_none() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("pass", pass_all()));
    let flushes = || record.marks().iter().filter(|(_, name)| name == "FLUSH").count();
    chain.idle().unwrap();
    assert_eq!(flushes(), 0, "nothing went in");
    chain.write(b"gathered").unwrap();
    chain.idle().unwrap();
    chain.idle().unwrap();
    assert_eq!((record.bytes(), flushes()), (b"gathered".to_vec(), 1));
    chain.pass_bucket(Bucket::immortal(b"passed")).unwrap();
    chain.idle().unwrap();
    chain.idle().unwrap();
    assert_eq!(flushes(), 2);
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    chain.flush().unwrap();
    chain.idle().unwrap();
    assert_eq!(flushes(), 3, "the owner's own FLUSH counts");
    chain.pass_bucket(Bucket::eos()).unwrap();
    chain.end_request(None).unwrap();
    chain.idle().unwrap();
    chain.idle().unwrap();
    assert_eq!(flushes(), 4, "the end of a body is to reach the peer too");
}
