//! Leading a brigade through the filters below a link: the heart of the chain.
//!
//! Invariants: handing down takes everything, and never answers `WouldBlock`. The end of a body that
//! entered at the top reaches the terminal, whatever fails: as EOS, or as ERROR once a filter has
//! failed, so that a failed body never looks complete.

use super::Member;
use super::next::Next;
use super::node::{Absorbs, Link, Node, State, insert, renew};
use super::shared::Shared;
use crate::{Brigade, Bucket, Result};

/// Gives `input` to the filter at `link`, or to the terminal. It is empty
/// afterwards. `scratch` is empty too, before and after: storage for what the filter pushes.
pub(super) fn hand_down<'b>(
    link: &mut Link,
    input: &mut Brigade<'b>,
    scratch: &mut Brigade<'b>,
    at: &mut Shared,
) -> Result<()> {
    if input.is_empty() {
        return Ok(()); // An empty pass reaches no filter.
    }
    if at.is_special {
        return hand_down_specially(link, input, scratch, at);
    }
    let Some(node) = link else {
        return at.write(input);
    };
    if node.me.state == State::Ready {
        node.me.given(input);
        call(link, input, scratch, at)
    } else {
        hand_past(node, input, scratch, at)
    }
}

/// The same in a chain that refuses, or that somebody observes.
#[cold]
#[inline(never)]
fn hand_down_specially<'b>(
    link: &mut Link,
    input: &mut Brigade<'b>,
    scratch: &mut Brigade<'b>,
    at: &mut Shared,
) -> Result<()> {
    if at.refused.is_some() {
        return at.refuse_brigade(input);
    }
    let Some(node) = link else {
        at.sees_pass(None, input);
        let answer = at.write(input);
        at.sees_write(&answer);
        return answer;
    };
    match node.me.state {
        State::Ready => {
            at.sees_pass(Some(node), input);
            node.me.given(input);
            call_observed(link, input, scratch, at)
        }
        State::Waiting => {
            at.sees_pass(Some(node), input);
            hand_past(node, input, scratch, at)
        }
        _ => hand_past(node, input, scratch, at),
    }
}

/// Calls a filter, and tells the observer what came of it, if there is one.
#[inline(never)]
fn call_observed<'b>(
    link: &mut Link,
    input: &mut Brigade<'b>,
    scratch: &mut Brigade<'b>,
    at: &mut Shared,
) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    let order = node.me.order;
    at.sees_call(node);
    let answer = call(link, input, scratch, at);
    // Others may stand above it now, inserted by itself.
    let mut called = link.as_deref();
    while let Some(above) = called.filter(|node| node.me.order < order) {
        called = above.next.as_deref();
    }
    at.sees_return(called);
    answer
}

/// Does with `input` what is done where a filter is not called.
#[inline(never)]
fn hand_past<'b>(
    node: &mut Node,
    input: &mut Brigade<'b>,
    scratch: &mut Brigade<'b>,
    at: &mut Shared,
) -> Result<()> {
    match node.me.state {
        State::Waiting => {
            node.me.given(input);
            input.set_aside(&mut node.kept, &mut at.alloc);
        }
        State::Failed | State::Running => node.me.fail(input),
        State::Aside | State::Ready => {}
    }
    hand_down(&mut node.next, input, scratch, at)
}

/// Calls a filter that waited, with what the chain kept for it.
pub(super) fn call_again(link: &mut Link, at: &mut Shared) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    let mut kept = std::mem::take(&mut node.kept);
    call_observed(link, &mut kept, &mut Brigade::new(), at)
}

/// How a call ended, its errors aside.
pub(super) enum Then {
    /// All was taken.
    Done,
    /// The filter waits for what is left.
    Wait,
    /// What is left goes past the filter.
    GoOn,
    /// What is left goes through these first.
    Insert(Vec<Member>),
}

/// Calls the filter at `link` with what it was given, now or before it waited.
#[allow(clippy::inline_always)] // A hop is this and little else: a call of its own is 4 instructions.
#[inline(always)]
fn call<'b>(
    link: &mut Link,
    input: &mut Brigade<'b>,
    scratch: &mut Brigade<'b>,
    at: &mut Shared,
) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    debug_assert!(scratch.is_empty(), "{} is called with {scratch:?}", node.me.name);
    let Node { filter, me, next: below, .. } = &mut **node;
    me.stats.calls += 1;
    me.state = State::Running;
    if me.absorbs == Absorbs::AndKeeps {
        me.absorbs = Absorbs::All;
    }
    if cfg!(debug_assertions) && !me.is_request && has_data_after_end(input) {
        me.discarded(); // The filter may hold the beginning of the next body: lengths tell nothing.
    }
    let mut next = Next::new(scratch, below, me, at);
    let answer = filter.filter(input, &mut next);
    if answer.is_ok() && input.is_empty() && next.is_plain() {
        return next.finish_plain(input);
    }
    let below_failed = next.has_failed_below();
    settle(link, answer, below_failed, input, scratch, at)
}

/// Settles a call that left something to look at.
#[inline(never)]
fn settle<'b>(
    link: &mut Link,
    answer: Result<()>,
    below_failed: bool,
    input: &mut Brigade<'b>,
    scratch: &mut Brigade<'b>,
    at: &mut Shared,
) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    let Node { me, next: below, .. } = &mut **node;
    let mut next = Next::new(scratch, below, me, at);
    let (answer, handed) = next.finish(answer, below_failed, input);
    go_on(link, answer?, handed, input, scratch, at)
}

/// Does what a call asked for.
fn go_on<'b>(
    link: &mut Link,
    then: Then,
    handed: Result<()>,
    input: &mut Brigade<'b>,
    scratch: &mut Brigade<'b>,
    at: &mut Shared,
) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    if let Then::Wait = then {
        node.me.state = State::Waiting;
        input.set_aside(&mut node.kept, &mut at.alloc);
    }
    handed?;
    match then {
        Then::Done | Then::Wait => Ok(()),
        Then::GoOn => hand_down(&mut node.next, input, scratch, at),
        Then::Insert(members) => {
            node.me.given_back(input);
            insert_before(link, members);
            hand_down(link, input, scratch, at)
        }
    }
}

/// Puts `members` above the filter at `link`, the first uppermost.
fn insert_before(link: &mut Link, members: Vec<Member>) {
    let Some(node) = link else { return };
    // Orders are spaced: there is one between this filter's and those above.
    let (order, is_request) = (node.me.order - 1, node.me.is_request);
    let above = node.me.above;
    for member in members.into_iter().rev() {
        insert(link, member, order, is_request);
    }
    renew(link, above);
}

fn has_data_after_end(input: &Brigade<'_>) -> bool {
    let mut after = input.iter().rev().take_while(|bucket| !bucket.ends_body());
    input.ends_body() && after.any(Bucket::is_data)
}
