//! What fails: a filter, a source, the terminal, a promise that is not kept, a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use brigade::{
    Brigade, Bucket, Chain, End, Error, ErrorKind, FilterKind, Member, Outcome, OutputFilter,
    Result, from_fn, recorder,
};

use crate::kit::{
    RESOURCE, Sip, Upper, Watched, file_of, halting, member, pass_all, pattern, push_each,
};

/// Fails at the first `!`, having pushed what came before it.
fn fails_at_mark() -> impl OutputFilter {
    from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            if bucket.bytes() == Some(b"!") {
                return Err(Error::new(ErrorKind::InvalidInput, "no exclamation"));
            }
            next.push(bucket)?;
        }
        Ok(())
    })
}

fn pieces(text: &'static str) -> Brigade<'static> {
    text.as_bytes().chunks(1).map(Bucket::immortal).collect()
}

pub(crate) fn names(marks: Vec<(usize, String)>) -> Vec<String> {
    marks.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn filter_error_has_its_name_and_offset_and_what_the_failed_call_pushed_is_dropped() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("above", push_each()));
    chain.join_request(member("strict", fails_at_mark()));
    chain.join_request(member("upper", Upper));
    chain.pass(&mut pieces("ab")).unwrap();
    let error = chain.pass(&mut pieces("cd!ef")).unwrap_err();
    assert_eq!(error.to_string(), "filter strict, at byte 5: no exclamation");
    assert_eq!((error.filter(), error.offset_bytes()), (Some("strict"), Some(5)));
    assert_eq!(error.position(), Some(2));
    assert_eq!(record.bytes(), b"AB");
    assert!(chain.aborted().is_none(), "one response failed, the connection lives");
}

#[test]
fn filter_is_not_called_after_its_error_and_marks_pass_it() {
    let (filter, calls, _) = Watched::new(fails_at_mark());
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("strict", filter));
    chain.pass(&mut pieces("!")).unwrap_err();
    chain.pass(&mut pieces("more")).unwrap();
    chain.flush().unwrap();
    assert_eq!((calls.load(Ordering::Relaxed), record.bytes()), (1, vec![]));
    assert_eq!(names(record.marks()), ["FLUSH"]);
}

#[test]
fn only_the_filter_in_which_an_error_began_is_not_called_again() {
    let mut chain = Chain::new(recorder().0);
    let (above, above_calls, _) = Watched::new(push_each());
    let (strict, strict_calls, _) = Watched::new(fails_at_mark());
    let (below, below_calls, _) = Watched::new(push_each());
    chain.join_request(member("above", above));
    chain.join_request(member("strict", strict));
    chain.join_request(member("below", below));
    chain.pass(&mut pieces("!")).unwrap_err();
    for _ in 0..3 {
        chain.pass(&mut pieces("data")).unwrap();
        chain.flush().unwrap();
    }
    chain.pass_bucket(Bucket::eos()).unwrap();
    let calls = [above_calls, strict_calls, below_calls].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(calls, [8, 1, 4], "data goes no further than the failed one, marks go on");
}

#[test]
fn eos_becomes_an_error_behind_a_filter_that_failed() {
    let check = |ends: &dyn Fn(&mut Chain)| {
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal);
        chain.join_request(member("above", push_each()));
        chain.join_request(member("strict", fails_at_mark()));
        chain.join_request(member("below", push_each()));
        ends(&mut chain);
        assert_eq!(names(record.marks()), ["ERROR"], "a failed body never looks complete");
        assert!(chain.has_left_request());
        chain.end_request(None).unwrap();
        assert_eq!(names(record.marks()), ["ERROR", "EOR"]);
    };
    check(&|chain| {
        chain.pass(&mut pieces("!")).unwrap_err();
        chain.pass_bucket(Bucket::eos()).unwrap();
    });
    check(&|chain| {
        chain.pass(&mut pieces("!")).unwrap_err();
        chain.pass_bucket(Bucket::error(Error::other("the handler saw it"))).unwrap();
    });
    check(&|chain| {
        let mut whole = pieces("a!b");
        whole.push_back(Bucket::eos());
        chain.pass(&mut whole).unwrap_err();
    });
    check(&|chain| {
        let mut whole = pieces("a!b");
        whole.push_back(Bucket::eos());
        chain.pass(&mut whole).unwrap_err();
        chain.pass_bucket(Bucket::error(Error::other("once more, which is the same"))).unwrap();
        chain.pass_bucket(Bucket::eos()).unwrap();
    });
}

#[test]
fn head_and_error_of_a_failed_call_come_in_one_brigade_so_that_the_answer_can_be_replaced() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let mut chain = Chain::new(recorder().0);
    chain.join_request(member("strict", fails_at_mark()));
    chain.join_request(member(
        "head",
        from_fn(move |input, next| {
            told.lock().unwrap().push(format!("{input:?}"));
            next.push_all(input)
        }),
    ));
    let mut whole = pieces("a!b");
    whole.push_front(Bucket::flush());
    whole.push_back(Bucket::eos());
    chain.pass(&mut whole).unwrap_err();
    let text = "ERROR filter strict, at byte 2: no exclamation";
    assert_eq!(*seen.lock().unwrap(), [format!("[FLUSH, IMMORTAL 1 \"a\", {text}]")]);
}

#[test]
fn error_bucket_says_which_filter_failed() {
    let seen = Arc::new(Mutex::new(None));
    let told = Arc::clone(&seen);
    let mut chain = Chain::new(recorder().0);
    chain.join_request(member("strict", fails_at_mark()));
    chain.join_request(member(
        "looks",
        from_fn(move |input, next| {
            for bucket in &*input {
                *told.lock().unwrap() = bucket.as_error().map(ToString::to_string);
            }
            next.push_all(input)
        }),
    ));
    chain.pass(&mut [Bucket::immortal(b"!"), Bucket::eos()].into_iter().collect()).unwrap_err();
    let text = "filter strict, at byte 1: no exclamation";
    assert_eq!(seen.lock().unwrap().as_deref(), Some(text));
}

#[test]
fn filter_that_fails_at_the_end_takes_back_the_eos_it_had_pushed() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member(
        "late",
        from_fn(|input, next| {
            while let Some(bucket) = input.pop_front() {
                next.push(bucket)?;
            }
            Err(Error::other("after all"))
        }),
    ));
    let error = chain.pass_bucket(Bucket::eos()).unwrap_err();
    assert_eq!(
        (error.to_string(), names(record.marks())),
        ("filter late, at byte 0: after all".into(), vec!["ERROR".into()],)
    );
}

#[test]
fn file_shorter_than_promised_fails_the_filter_that_reads_it() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("upper", Upper));
    let error = chain.pass_bucket(Bucket::file(file_of(&[b'x'; 100]), 40, 80)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    let text = "filter upper, at byte 60: read a file at byte 100: it ends 20 bytes early";
    assert_eq!((error.to_string(), record.bytes().len()), (text.into(), 60));
}

#[test]
fn filter_that_panics_leaves_a_chain_that_can_be_dropped_and_is_never_called_again() {
    let (filter, calls, ends) = Watched::new(from_fn(|input, next| {
        let first = input.pop_front().expect("called with something");
        next.push(first)?;
        panic!("a filter's bug");
    }));
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("bad", filter));
    chain.write(b"gathered").unwrap();
    let kept = chain.alloc().copy(b"abc");
    let caught = catch_unwind(AssertUnwindSafe(|| {
        chain.pass(&mut [kept, Bucket::eos()].into_iter().collect())
    }));
    assert!(caught.is_err());
    chain.begin_response().unwrap();
    chain.pass(&mut [Bucket::immortal(b"x"), Bucket::eos()].into_iter().collect()).unwrap();
    assert_eq!((calls.load(Ordering::Relaxed), record.bytes()), (1, vec![]));
    assert_eq!(names(record.marks()), ["ERROR"]);
    chain.trim();
    assert_eq!(chain.alloc().stats().blocks_live, 0);
    drop(chain);
    assert_eq!(ends.lock().unwrap().len(), 1);
}

/// A chain over a peer that leaves after `fails_after` bytes, with a filter to watch.
struct Dying {
    chain: Chain,
    calls: Arc<std::sync::atomic::AtomicUsize>,
    ends: crate::kit::Ends,
}

fn dying(fails_after: usize) -> Dying {
    let (mut terminal, _) = Sip::new(1000, u64::MAX);
    terminal.fails_after = fails_after;
    let (filter, calls, ends) = Watched::new(push_each());
    let mut chain = Chain::new(terminal);
    chain.join_request(member("watched", filter));
    chain.join(Member::new("connection", FilterKind::CONNECTION, pass_all()));
    Dying { chain, calls, ends }
}

#[test]
fn hard_error_of_the_terminal_has_its_name_and_makes_the_chain_refuse_at_its_top() {
    let Dying { mut chain, calls, ends } = dying(500);
    let piece = chain.alloc().copy(&pattern(1000));
    let error = chain.pass_bucket(piece).unwrap_err();
    assert_eq!(error.to_string(), "filter sip: write to a peer that left");
    assert_eq!((error.kind(), chain.aborted()), (ErrorKind::ClientGone, Some(End::ClientGone)));
    let check = |answer: Result<()>| assert_eq!(answer.unwrap_err().kind(), ErrorKind::Aborted);
    for _ in 0..3 {
        check(chain.write(b"more"));
        check(chain.write(&pattern(10_000)));
        check(chain.pass_bucket(Bucket::eos()));
        check(chain.flush());
        check(chain.idle());
        check(chain.begin_response());
        check(chain.resume().map(|_| ()));
        check(chain.end_request(None));
        check(chain.print(format_args!("{}", 1)));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1, "no filter runs");
    assert_eq!((chain.alloc().stats().blocks_live, chain.gathered_bytes()), (0, 0));
    let told = ends.lock().unwrap().clone();
    assert_eq!(
        told.iter().map(|outcome| (outcome.end, outcome.bytes_in)).collect::<Vec<_>>(),
        [(End::ClientGone, 1000)]
    );
    drop(chain);
    assert_eq!(ends.lock().unwrap().len(), 1, "told once");
}

#[test]
fn owner_learns_of_the_end_though_a_filter_keeps_the_error_for_itself() {
    let Dying { mut chain, .. } = dying(500);
    chain.join_request(Member::new(
        "swallows",
        RESOURCE.offset(-1),
        from_fn(|input, next| {
            let _ = next.push_all(input);
            Ok(())
        }),
    ));
    let piece = pattern(1000);
    assert_eq!(
        chain.pass_bucket(Bucket::transient(&piece)).unwrap_err().kind(),
        ErrorKind::Aborted
    );
}

#[test]
fn abort_drops_what_is_held_and_tells_everyone() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (terminal, _) = Sip::new(0, u64::MAX);
    let mut chain = Chain::new(terminal);
    let (first, _, first_ends) = Watched::new(pass_all());
    chain.join_request(member("first", first));
    chain.pass(&mut [Bucket::immortal(b"1"), Bucket::eos()].into_iter().collect()).unwrap();
    let owner = Arc::clone(&told);
    let and_then = move |outcome: &Outcome| owner.lock().unwrap().push(*outcome);
    chain.end_request(Some(Box::new(and_then))).unwrap();
    chain.begin_response().unwrap();
    let (second, _, second_ends) = Watched::new(crate::kit::waits_for_ever());
    chain.join_request(member("second", second));
    let piece = chain.alloc().copy(&pattern(5000));
    chain.pass_bucket(piece).unwrap();
    chain.write(b"gathered").unwrap();
    assert_eq!(chain.held_bytes(), 5009);
    chain.abort(End::Timeout);
    chain.abort(End::Failed);
    assert_eq!((chain.aborted(), chain.held_bytes()), (Some(End::Timeout), 0));
    assert_eq!(chain.alloc().stats().blocks_live, 0);
    for ends in [&*told.lock().unwrap(), &*first_ends.lock().unwrap()] {
        assert_eq!(
            ends.iter().map(|o| (o.end, o.bytes_in)).collect::<Vec<_>>(),
            [(End::Timeout, 1)]
        );
    }
    let ends = second_ends.lock().unwrap();
    assert_eq!(
        ends.iter().map(|o| (o.end, o.bytes_in)).collect::<Vec<_>>(),
        [(End::Timeout, 5000)]
    );
}

#[test]
fn recorder_cannot_wait_for_a_stream_and_says_so() {
    let mut chain = Chain::new(recorder().0).mode(brigade::ReadMode::NonBlocking);
    chain.join(member("pass", pass_all()));
    let error = chain.pass_bucket(halting(&[b"x"])).unwrap_err();
    assert_eq!(error.to_string(), "filter recorder: a recorder cannot wait for a STREAM");
}

#[test]
fn no_filter_runs_for_a_filter_that_pushes_on_after_the_peer_has_gone() {
    let Dying { mut chain, calls, .. } = dying(500);
    chain.join_request(Member::new(
        "deaf",
        RESOURCE.offset(-1),
        from_fn(|input, next| {
            let _ = next.push_all(input);
            let _ = next.push(Bucket::immortal(b"more"));
            let _ = next.push_all(&mut Brigade::from(Bucket::flush()));
            Ok(())
        }),
    ));
    let piece = pattern(1000);
    chain.pass_bucket(Bucket::transient(&piece)).unwrap_err();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
