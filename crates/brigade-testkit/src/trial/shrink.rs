//! Makes a run that shows a fault as small as it can be.
//!
//! Invariant: every step takes something away, so that it ends; what is left of the input is still
//! something that the filter takes when it is given plainly.

use std::ops::Range;

use brigade::End;

use super::plan::{Around, Calls, Ending, Item, Plan, Source};
use super::{Oracle, Subject};
use crate::Failure;

/// Runs that are tried before what there is then is taken.
const TRIALS: usize = 3000;

/// The smallest failing run that is found by taking away from `plan` and `input`.
pub(crate) fn smallest(
    subject: &Subject<'_>,
    input: &[u8],
    plan: Plan,
    failure: Failure,
) -> Failure {
    let mut found = Found { input: input.to_vec(), plan, failure };
    let mut trials = 0;
    while let Some(smaller) = found.step(subject, &mut trials) {
        found = smaller;
    }
    found.failure
}

struct Found {
    input: Vec<u8>,
    plan: Plan,
    failure: Failure,
}

impl Found {
    /// The first of what is a little smaller that fails too.
    fn step(&self, subject: &Subject<'_>, trials: &mut usize) -> Option<Self> {
        for cut in cuts(self.input.len()) {
            if *trials > TRIALS {
                return None;
            }
            let mut input = self.input.clone();
            input.drain(cut.clone());
            *trials += 1;
            // What the filter does not take plainly shows nothing.
            let Ok(oracle) = Oracle::new(subject, &input, None) else { continue };
            if let Some(found) = Self::check(&oracle, without(&self.plan, &cut), trials) {
                return Some(found);
            }
        }
        let same = Oracle::new(subject, &self.input, None).ok()?;
        let mut plans = smaller_plans(&self.plan).into_iter();
        plans.find_map(|plan| Self::check(&same, plan, trials))
    }

    fn check(oracle: &Oracle<'_>, plan: Plan, trials: &mut usize) -> Option<Self> {
        *trials += 1;
        if *trials > TRIALS {
            return None;
        }
        let failure = oracle.judge(&plan).err()?;
        Some(Self { input: oracle.input().to_vec(), plan, failure })
    }
}

/// Parts of `len` things to take away: halves, quarters, and so on to single ones, or to what makes a
/// difference in so many.
fn cuts(len: usize) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let mut size = len.div_ceil(2);
    while size > len / 64 {
        cuts.extend((0..len).step_by(size).map(|start| start..len.min(start + size)));
        size = if size > 1 { size.div_ceil(2) } else { 0 };
    }
    cuts
}

/// `plan` for an input from which the bytes of `cut` were taken.
fn without(plan: &Plan, cut: &Range<usize>) -> Plan {
    // Bytes before the cut stay where they are, those behind it move up.
    let place = |at: usize| at.min(cut.start) + at.saturating_sub(cut.end);
    let piece = |piece: &Range<usize>| place(piece.start)..place(piece.end);
    let mut plan = plan.clone();
    for items in [&mut plan.before, &mut plan.items] {
        for item in items.iter_mut() {
            match item {
                Item::Data(_, pieces) => {
                    pieces.iter_mut().for_each(|range| *range = piece(range));
                    pieces.retain(|piece| !piece.is_empty());
                }
                Item::Fails(range) => *range = piece(range),
                _ => {}
            }
        }
        items.retain(|item| !matches!(item, Item::Data(_, pieces) if pieces.is_empty()));
    }
    plan
}

/// Plans that say the same input more simply.
fn smaller_plans(plan: &Plan) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut add = |change: &dyn Fn(&mut Plan)| {
        let mut smaller = plan.clone();
        change(&mut smaller);
        if smaller != *plan {
            plans.push(smaller);
        }
    };
    add(&|plan| plan.before.clear());
    for at in 0..plan.before.len() {
        // A body may be shorter; it ends, and begins with what it began with.
        if matches!(plan.before[at], Item::Data(..)) {
            add(&|plan| drop(plan.before.remove(at)));
        }
    }
    match plan.around {
        Around::Nothing => {}
        Around::FailsBelow(index) => {
            add(&|plan| plan.around = Around::FailsBelow(index.saturating_sub(1)));
        }
        Around::WaitsAbove => {
            add(&|plan| plan.around = Around::Nothing);
            add(&call_for_each_bucket);
        }
        _ => add(&|plan| plan.around = Around::Nothing),
    }
    add(&|plan| plan.calls = Calls::Awaited);
    if let Ending::Abort(_) = plan.ending {
        add(&|plan| plan.ending = Ending::Abort(End::ClientGone));
    }
    add(&|plan| plan.items.retain(|item| *item != Item::Call));
    for cut in cuts(plan.items.len()) {
        add(&|plan| remove(plan, &cut));
    }
    for at in 0..plan.items.len() {
        add(&|plan| join(plan, at));
        add(&|plan| plain(&mut plan.items[at]));
        add(&|plan| calls_for_waits(plan, at));
    }
    plans
}

/// Says by calls what a filter above that waits before every bucket says by waiting.
fn call_for_each_bucket(plan: &mut Plan) {
    plan.around = Around::Nothing;
    let buckets = plan.items.drain(..).filter(|item| *item != Item::Call);
    plan.items = buckets.flat_map(|item| [item, Item::Call]).collect();
    plan.items.pop();
}

/// Says by calls what a STREAM says by waiting before each piece.
fn calls_for_waits(plan: &mut Plan, at: usize) {
    let Item::Data(Source::WaitingStream, pieces) = &plan.items[at] else { return };
    let pieces = pieces.clone().into_iter().map(|piece| Item::data(Source::Transient, piece));
    let calls: Vec<Item> = pieces.flat_map(|piece| [Item::Call, piece]).collect();
    plan.items.splice(at..=at, calls.into_iter().chain([Item::Call]));
}

/// Removes what is not data, head or end. Data goes with the bytes of the input alone, but for copies
/// of what is there still.
fn remove(plan: &mut Plan, cut: &Range<usize>) {
    let items = plan.items.clone();
    let mut at = 0;
    plan.items.retain(|item| {
        let is_inside = cut.contains(&at);
        at += 1;
        let is_copy = matches!(item, Item::Data(..)) && {
            let before = items[..cut.start].iter().chain(&items[cut.end..]);
            before.clone().any(|other| other == item)
        };
        let is_spare =
            matches!(item, Item::Flush | Item::Unknown(_) | Item::Empty(_) | Item::Call) || is_copy;
        !(is_inside && is_spare)
    });
}

/// Makes one of two pieces that are neighbours in the input too.
fn join(plan: &mut Plan, at: usize) {
    let (left, right) = plan.items.split_at_mut(at + 1);
    let (Some(Item::Data(source, ahead)), Some(Item::Data(then, behind))) =
        (left.last_mut(), right.first())
    else {
        return;
    };
    if source != then
        || ahead.last().map(|piece| piece.end) != behind.first().map(|piece| piece.start)
    {
        return;
    }
    match (source, ahead.first_mut(), behind.last()) {
        (Source::Stream | Source::WaitingStream, ..) => ahead.extend(behind.iter().cloned()),
        (_, Some(piece), Some(last)) => piece.end = last.end,
        _ => return,
    }
    plan.items.remove(at + 1);
}

/// Makes a piece a plainer kind of data; of the pieces of a STREAM, one.
fn plain(item: &mut Item) {
    match item {
        Item::Data(source, pieces) if pieces.len() > 1 => {
            let all = pieces[0].start..pieces[pieces.len() - 1].end;
            *item = Item::data(*source, all);
        }
        Item::Data(source, _) | Item::Empty(source) => {
            *source = match source {
                Source::WaitingStream => Source::Stream,
                _ => Source::Transient,
            };
        }
        _ => {}
    }
}

/// The smallest part of `input` of which the same promise is broken when it is given plainly.
pub(crate) fn smallest_input(subject: &Subject<'_>, input: &[u8], mut failure: Failure) -> Failure {
    let mut input = input.to_vec();
    let mut trials = 0;
    loop {
        let smaller = cuts(input.len()).into_iter().take(TRIALS - trials).find_map(|cut| {
            trials += 1;
            let mut smaller = input.clone();
            smaller.drain(cut);
            let smaller_failure = Oracle::new(subject, &smaller, None).err()?;
            (smaller_failure.promise() == failure.promise()).then_some((smaller, smaller_failure))
        });
        match smaller {
            Some(smaller) => (input, failure) = smaller,
            None => return failure,
        }
    }
}
