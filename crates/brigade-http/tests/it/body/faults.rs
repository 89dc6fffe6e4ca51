//! Inner bodies that break: what the server sees, and what the filters are told.

use std::panic::{AssertUnwindSafe, catch_unwind};

use brigade::End;
use brigade_http::body::{ChainBody, Filters};
use http_body_util::BodyExt;

use super::Step::{Data, Fail, Panic, Trailer, Wait};
use super::{Step, look, script, transcript, watched};

/// The transcript of a body, its pauses left out, and how it ended for its filter.
fn run(steps: impl IntoIterator<Item = Step>) -> (String, Vec<End>) {
    let (filters, ends) = watched();
    let words = transcript(ChainBody::around(&filters, script(steps)));
    (words.replace("| ", ""), ends.take())
}

#[test]
fn inner_body_that_fails_at_any_frame_fails_there_with_all_before_it() {
    let frames = ["a", "b", "c", "d", "e"];
    for at in 0..=frames.len() {
        for waits in [false, true] {
            let pause = || waits.then_some(Wait);
            let given = frames[..at].iter().flat_map(|frame| [Some(Data(frame)), pause()]);
            let steps = given.chain([Some(Fail("gone")), Some(Data("late"))]).flatten();
            let mut expected: Vec<&str> = frames[..at].to_vec();
            expected.push("!take the body of a service");
            assert_eq!(run(steps), (expected.join(" "), vec![End::Failed]), "at {at}, {waits}");
        }
    }
}

#[test]
fn inner_body_that_panics_panics_on_and_fails_for_the_filters() {
    let (filters, ends) = watched();
    let mut body = ChainBody::around(&filters, script([Data("a"), Wait, Panic]));
    assert_eq!(look(&mut body).0, "a");
    assert_eq!(look(&mut body).0, "|");
    let panicked = catch_unwind(AssertUnwindSafe(|| look(&mut body)));
    assert!(panicked.is_err());
    drop(body);
    assert_eq!(ends.take(), [End::Failed]);
}

#[test]
fn body_that_is_asked_on_after_a_panic_fails() {
    let (filters, ends) = watched();
    let mut body = ChainBody::around(&filters, script([Panic, Data("a")]));
    assert!(catch_unwind(AssertUnwindSafe(|| look(&mut body))).is_err());
    assert_eq!(transcript(&mut body), "!go on with a body that panicked");
    assert_eq!(ends.take(), [End::Failed]);
    assert_eq!(transcript(&mut body), ".");
}

#[test]
fn trailers_after_nothing_are_all_there_is() {
    assert_eq!(run([Trailer("x")]), ("+x .".into(), vec![End::Complete]));
    assert_eq!(run([Wait, Trailer("x")]), ("+x .".into(), vec![End::Complete]));
    assert_eq!(run([Data(""), Trailer("x")]), ("+x .".into(), vec![End::Complete]));
    assert_eq!(run([]), (".".into(), vec![End::Complete]));
}

#[test]
fn error_of_ours_comes_through_a_body_as_it_was() {
    let inner = script([Fail("gone")]).map_err(|_| brigade::Error::other("seen before"));
    assert_eq!(transcript(ChainBody::around(&Filters::none(), inner)), "!seen before");
}
