//! What is tried beside every cut: flushes, faults, ends, and random mixtures of everything.

use std::iter;

use brigade::End;

use crate::random::Random;
use crate::trial::{Around, Calls, Item, Plan, Source};

/// How many mixtures are tried of each input.
const MIXTURES: u64 = 300;

/// Buckets of one call that are more than a chain lets a filter push before they go down.
const MANY: usize = 1100;

/// `count` FLUSHes after each beginning of the input, which then is cut off.
pub(super) fn flushes(heads: usize, len: usize, count: usize) -> Vec<Plan> {
    let flushed =
        |len| Plan::prefix(heads, len, iter::repeat_n(Item::Flush, count)).aborted(End::ClientGone);
    (0..=len).map(flushed).collect()
}

/// A body that fails: in an ERROR, in its source, in a filter below.
pub(super) fn faults(heads: usize, len: usize) -> Vec<Plan> {
    let mut plans = Vec::new();
    for len in 0..=len {
        plans.push(Plan::prefix(heads, len, [Item::Error]));
        plans.push(Plan::prefix(heads, len, [Item::Call, Item::Error]));
        plans.push(Plan::prefix(heads, 0, [Item::Fails(0..len), Item::Eos]));
        plans.push(Plan::prefix(heads, len, [Item::Call, Item::Fails(0..0), Item::Eos]));
    }
    // What is not in memory is read after what was pushed before it has gone down: `read` fails.
    let pieces = (0..len).map(|at| Item::data(Source::File, at..at + 1));
    let pieces: Vec<Item> = pieces.chain([Item::Eos]).collect();
    for index in 0..=len {
        plans.push(Plan::prefix(heads, 0, pieces.clone()).around(Around::FailsBelow(index)));
    }
    // And here `push` fails.
    if len > 0 {
        let whole = Item::data(Source::Transient, 0..len);
        let many = iter::repeat_n(whole, MANY).chain([Item::Eos]);
        plans.push(Plan::prefix(heads, 0, many).around(Around::FailsBelow(heads)));
    }
    plans
}

/// Each way a connection can end, after each beginning of the input.
pub(super) fn ends(heads: usize, len: usize) -> Vec<Plan> {
    let ends = [End::ClientGone, End::Timeout, End::Failed];
    let plans = ends.map(|end| (0..=len).map(move |len| Plan::prefix(heads, len, []).aborted(end)));
    plans.into_iter().flatten().collect()
}

/// The input again, for a filter that has seen a response end: well, or in an ERROR after each
/// beginning of it.
pub(super) fn again(heads: usize, len: usize) -> Vec<Plan> {
    let whole = |end| Plan::prefix(heads, len, [end]);
    let before = iter::once(whole(Item::Eos))
        .chain((0..=len).map(|len| Plan::prefix(heads, len, [Item::Error])));
    before.map(|before| whole(Item::Eos).after(before.items)).collect()
}

/// Cuts, kinds of data, empty pieces, marks, calls and neighbours in random mixtures: the same every
/// time.
pub(super) fn mixtures(heads: usize, len: usize) -> impl Iterator<Item = Plan> {
    (0..MIXTURES).map(move |seed| mixture(&mut Random::new(seed), heads, len))
}

fn mixture(random: &mut Random, heads: usize, len: usize) -> Plan {
    let sources =
        [Source::Transient, Source::Heap, Source::File, Source::Stream, Source::WaitingStream];
    let mut items: Vec<Item> = (0..heads).map(Item::Head).collect();
    let mut marks = 0;
    let mut start = 0;
    while start < len {
        for _ in 0..random.below(3) {
            items.push(match random.below(4) {
                0 => Item::Empty(random.one_of(&sources)),
                1 => Item::Flush,
                2 => {
                    marks += 1;
                    Item::Unknown(marks)
                }
                _ => Item::Call,
            });
        }
        let end = len.min(start + 1 + random.below(len));
        items.push(Item::data(random.one_of(&sources), start..end));
        start = end;
    }
    items.push(Item::Eos);
    let around = [Around::Nothing, Around::WaitsAbove, Around::WaitsBelow, Around::SlowPeer];
    let mut plan = Plan::of(items).around(random.one_of(&around));
    plan.calls = random.one_of(&[Calls::Awaited, Calls::Unawaited]);
    plan
}
