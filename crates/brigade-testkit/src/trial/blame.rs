//! Which promise a run broke that failed, or that gave other bytes.
//!
//! Invariant: the promise is that of what the plan has beside data in one piece, since without it the
//! same input came out well.

use brigade::{Error, ErrorKind};

use super::drive::{Output, Trouble, words};
use super::judge::Verdict;
use super::plan::{Calls, Item, Plan, Source};
use crate::Promise;

/// Whether the run came to its end.
pub(super) fn check_trouble(plan: &Plan, output: &Output) -> Verdict {
    let Some(trouble) = &output.trouble else { return Ok(()) };
    let promise = match trouble {
        Trouble::Failed(error) => promise_of_error(plan, error),
        Trouble::Asleep => Promise::LosesNothing,
        Trouble::Endless => Promise::BoundedMemory,
        Trouble::Panicked(_) => Promise::NeverPanics,
    };
    Err((promise, trouble_words(trouble)))
}

pub(super) fn trouble_words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Failed(error) => format!("the chain fails: {}", words(error)),
        Trouble::Asleep => "something waits, and nothing will wake the chain".to_owned(),
        Trouble::Endless => "it never ends".to_owned(),
        Trouble::Panicked(words) => format!("it panics: {words}"),
    }
}

/// Which promise is broken where the chain itself found a breach of its contract, or the filter fails
/// only because of how its input was given.
fn promise_of_error(plan: &Plan, error: &Error) -> Promise {
    let words = error.to_string();
    let said = |text: &str| error.kind() == ErrorKind::Contract && words.contains(text);
    if said("answered Ok and left") {
        Promise::TakesAll
    } else if said("end of the body") {
        Promise::EndsOnce
    } else if said("declares") {
        Promise::HonestEffects
    } else {
        promise_of(plan)
    }
}

/// Which promise is broken where what is said in `plan`, other than the plain way, makes a difference.
pub(super) fn promise_of(plan: &Plan) -> Promise {
    if plan.waits() || plan.calls == Calls::Unawaited {
        Promise::LosesNothing
    } else if plan.source() > Source::Heap {
        Promise::EveryKind
    } else if plan.has(|item| *item == Item::Flush) {
        Promise::FlushKeepsBytes
    } else if plan.has(|item| matches!(item, Item::Unknown(_))) {
        Promise::MarksInPlace
    } else if plan.has(|item| matches!(item, Item::Empty(_))) {
        Promise::EmptyData
    } else if plan.items.iter().filter(|item| matches!(item, Item::Data(..) | Item::Call)).count()
        > 1
    {
        Promise::SameBytes
    } else {
        Promise::TakesInput
    }
}
