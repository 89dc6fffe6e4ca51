//! One filter in a chain: its place, its counters, what the chain keeps for it.
//!
//! Nodes are linked boxes with disjoint borrows of a filter and of what is below it, so that joining,
//! leaving and inserting while a brigade is on its way is plain safe code.

use std::borrow::Cow;

use super::{Effects, FilterKind, Member, OutputFilter, Terminal};
use crate::{Brigade, Bucket, Error, ErrorKind, Result};

pub(super) type Link = Option<Box<Node>>;

/// What went through one filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterStats {
    /// Times it was called.
    pub calls: u64,
    /// Buckets it was given, marks included.
    pub buckets_in: u64,
    /// Bytes it was given; data of unknown length counts when it is read there.
    pub bytes_in: u64,
    /// Buckets it pushed.
    pub buckets_out: u64,
    /// Bytes it pushed; data of unknown length counts nothing.
    pub bytes_out: u64,
    /// Bytes in memory that it and the chain keep for it now.
    pub held_bytes: u64,
}

/// The filters above a node, and what they may have done to the response that is on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Above {
    pub(super) filters: usize,
    pub(super) effects: Effects,
    pub(super) fingerprint: u64,
}

/// Whether the filter is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    /// It is being called. Seen from outside a call: it panicked, and is treated as failed.
    Running,
    /// It answered `WouldBlock`; `kept` has the rest.
    Waiting,
    /// It stepped aside: brigades go past it.
    Aside,
    /// An error began in it: marks go past it, data is dropped.
    Failed,
}

/// Whether the filter takes more when the chain below does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absorbs {
    Nothing,
    All,
    /// And it has some to give when the chain below can take it.
    AndKeeps,
}

/// The body that goes through a filter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Body {
    /// The filter's counters of bytes, in and out, when the body began.
    base_in: u64,
    base_out: u64,
    ends_given: u32,
    ends_pushed: u32,
    /// Lengths tell nothing: one was not known, or data was dropped since nobody wants it.
    inexact: bool,
    ended: bool, // A request's filter pushed its end.
    /// What it did about ends that no filter may do.
    broke: Option<&'static str>,
}

/// All of a node but its filter and what is below: what `Next` may touch while the filter runs.
pub(super) struct Me {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: FilterKind,
    /// Kind first, then the order of joining. It never decreases down a chain.
    pub(super) order: u64,
    pub(super) is_request: bool,
    pub(super) effects: Effects,
    pub(super) fingerprint: u64,
    pub(super) above: Above, // Invariant: `below()` of the one above.
    pub(super) state: State,
    /// The body ended here, or the filter wants something: a call needs more than a look.
    pub(super) asks: bool,
    failure: Option<Error>,
    pub(super) unflushed: bool, // It pushed something since the last FLUSH.
    pub(super) absorbs: Absorbs,
    pub(super) insert_before: Vec<Member>,
    pub(super) stats: FilterStats,
    pub(super) spare: Brigade<'static>, // Empty: storage for handing down in the middle of a call.
    body: Body,
}

impl Me {
    /// Counts what was handed to it, whether it is called now or later.
    #[inline]
    pub(super) fn given(&mut self, input: &Brigade<'_>) {
        let tally = input.tally();
        self.stats.buckets_in += input.len() as u64;
        self.stats.bytes_in = self.stats.bytes_in.wrapping_add(tally.known_bytes());
        if !tally.is_plain() {
            self.body.ends_given += tally.ends;
            self.body.inexact |= tally.unknown > 0;
            self.asks |= tally.ends > 0;
        }
    }

    /// Takes back what was counted of `left`, which will be handed to it once more.
    pub(super) fn given_back(&mut self, left: &Brigade<'_>) {
        let tally = left.tally();
        self.stats.buckets_in -= left.len() as u64;
        self.stats.bytes_in = self.stats.bytes_in.wrapping_sub(tally.known_bytes());
        self.body.ends_given -= tally.ends;
    }

    /// Counts bytes of unknown length once they are read.
    pub(super) fn given_unknown(&mut self, bytes: u64) {
        self.stats.bytes_in = self.stats.bytes_in.wrapping_add(bytes);
    }

    fn given_bytes(&self) -> u64 {
        self.stats.bytes_in.wrapping_sub(self.body.base_in)
    }

    /// Bytes of this body that the filter took out of its input, which has `left` in it.
    fn taken(&self, left: &Brigade<'_>) -> u64 {
        self.given_bytes().wrapping_sub(left.tally().known_bytes())
    }

    /// Counts what goes down from here.
    #[inline]
    pub(super) fn pushed(&mut self, out: &mut Brigade<'_>) {
        if out.tally().is_plain() && !self.asks {
            self.unflushed = true;
        } else {
            self.pushed_marks(out);
        }
        self.stats.buckets_out += out.len() as u64;
        self.stats.bytes_out = self.stats.bytes_out.wrapping_add(out.tally().known_bytes());
    }

    #[inline(never)]
    fn pushed_marks(&mut self, out: &mut Brigade<'_>) {
        if let Some(broken) = self.breaks_by(out) {
            self.body.broke = Some(broken);
            self.mend(out);
        }
        if self.is_request && out.ends_body() {
            self.body.ended = true;
            self.asks = true;
        }
        self.body.ends_pushed += out.tally().ends;
        self.body.inexact |= out.tally().unknown > 0;
        self.unflushed = leaves_unflushed(out, self.unflushed);
    }

    /// What pushing `out` does about ends that no filter may do.
    fn breaks_by(&self, out: &Brigade<'_>) -> Option<&'static str> {
        if !self.is_request {
            let is_one_more = out.tally().ends > self.ends_owed();
            return is_one_more.then_some("pushed an end of a body that it was not given");
        }
        if out.tally().ends > self.ends_owed() {
            return Some("pushed a second end of the body");
        }
        self.pushes_late(out).then_some("pushed data after the end of the body")
    }

    /// How many ends this filter may still push.
    fn ends_owed(&self) -> u32 {
        if self.is_request {
            1 - u32::from(self.body.ended)
        } else {
            self.body.ends_given.saturating_sub(self.body.ends_pushed)
        }
    }

    /// What comes after the end of a body would be taken for another response's, and a filter below
    /// would be blamed for it: it is dropped.
    #[cold]
    fn mend(&self, out: &mut Brigade<'_>) {
        out.drop_data();
        let mut owed = self.ends_owed();
        for _ in 0..out.len() {
            let Some(mark) = out.pop_front() else { break };
            if !mark.ends_body() {
                out.push_back(mark);
            } else if owed > 0 {
                owed -= 1;
                out.push_back(mark);
            }
        }
    }

    /// Whether a response's filter pushes data after the end of its body.
    #[inline]
    fn pushes_late(&self, out: &Brigade<'_>) -> bool {
        if !self.is_request || !self.body.ended && !out.ends_body() {
            return false;
        }
        let mut ended = self.body.ended;
        out.iter().any(|bucket| {
            let is_late = ended && bucket.is_data() && !bucket.is_empty();
            ended |= bucket.ends_body();
            is_late
        })
    }

    /// Notes that lengths tell nothing of this body: data was dropped since nobody below wants it.
    pub(super) fn discarded(&mut self) {
        self.body.inexact = true;
    }

    /// Whether a request's filter pushed the end of the body.
    pub(super) fn has_ended_body(&self) -> bool {
        self.body.ended
    }

    /// Whether this filter let any data of the body go down already.
    pub(super) fn has_pushed_data(&self) -> bool {
        self.stats.bytes_out != self.body.base_out
    }

    /// What a filter below this one has above it.
    pub(super) fn below(&self) -> Above {
        Above {
            filters: self.above.filters + 1,
            effects: self.above.effects.max(self.effects),
            fingerprint: match self.effects {
                Effects::Same => self.above.fingerprint,
                _ => self.above.fingerprint.rotate_left(5) ^ self.fingerprint,
            },
        }
    }

    /// The error that began in it, if one did.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Where it is, from 1 at the top.
    pub(super) fn position(&self) -> usize {
        self.above.filters + 1
    }

    /// Checks what a filter that answered `Ok` left undone. `out` has not gone down yet.
    pub(super) fn check_done(&self, input: &Brigade<'_>, out: &Brigade<'_>) -> Result<()> {
        let contract = |context| Err(Error::new(ErrorKind::Contract, context));
        if !input.is_empty() {
            let left = input.len();
            return contract(format!("answered Ok and left {left} buckets in its input"));
        }
        if let Some(broken) = self.body.broke.or_else(|| self.breaks_by(out)) {
            return contract(broken.into());
        }
        let body = self.body;
        if body.ends_pushed + out.tally().ends < body.ends_given {
            return contract("kept the end of the body".into());
        }
        let taken = self.taken(input);
        let pushed = self.stats.bytes_out.wrapping_sub(body.base_out);
        let pushed = pushed.wrapping_add(out.tally().known_bytes());
        let is_exact = body.ends_given > 0 && !body.inexact && out.tally().unknown == 0;
        let is_wrong = is_exact && self.effects < Effects::Changes && pushed != taken;
        if cfg!(debug_assertions) && is_wrong {
            let effects = self.effects;
            return contract(format!(
                "declares {effects:?}, was given {taken} bytes and pushed {pushed}"
            ));
        }
        Ok(())
    }

    /// Once a connection's filter has finished a body and handed it down, the next is counted from
    /// nothing.
    pub(super) fn settle_body(&mut self) {
        self.asks = self.is_request && (self.body.ends_given > 0 || self.body.ended);
        if self.body.ends_given > 0 && !self.is_request {
            let FilterStats { bytes_in: base_in, bytes_out: base_out, .. } = self.stats;
            self.body = Body { base_in, base_out, ..Body::default() };
        }
    }

    /// Names the filter in an error that began in it, and calls it no more.
    #[cold]
    pub(super) fn blame(&mut self, error: Error, left: &Brigade<'_>) -> Error {
        let taken = self.taken(left);
        let error = error.in_filter(self.name.clone()).at_position(self.position()).at_byte(taken);
        self.state = State::Failed;
        self.failure = Some(error.clone());
        error
    }

    /// Makes of `input` what may go past a filter that failed: marks, and one end of the body.
    #[cold]
    pub(super) fn fail(&mut self, input: &mut Brigade<'_>) {
        let (given, position) = (self.given_bytes(), self.position());
        let error = self.failure.get_or_insert_with(|| {
            let error = Error::other("the filter panicked").in_filter(self.name.clone());
            error.at_position(position).at_byte(given)
        });
        input.fail_with(error);
        if self.body.ended {
            input.drop_ends();
        }
        self.body.ended |= self.is_request && input.ends_body();
    }
}

pub(super) struct Node {
    pub(super) filter: Box<dyn OutputFilter>,
    most: Effects, // Said by who made the member.
    pub(super) me: Me,
    pub(super) kept: Brigade<'static>,
    pub(super) next: Link,
}

impl Node {
    pub(super) fn new(member: Member, order: u64, is_request: bool) -> Box<Self> {
        let absorbs = if member.filter.absorbs() { Absorbs::All } else { Absorbs::Nothing };
        let effects = member.filter.effects().min(member.most);
        Box::new(Self {
            filter: member.filter,
            most: member.most,
            me: Me {
                name: member.name,
                kind: member.kind,
                order,
                is_request,
                effects,
                fingerprint: member.fingerprint,
                above: Above::default(),
                state: State::Ready,
                asks: false,
                failure: None,
                unflushed: false,
                absorbs,
                insert_before: Vec::new(),
                stats: FilterStats::default(),
                spare: Brigade::new(),
                body: Body::default(),
            },
            kept: Brigade::new(),
            next: None,
        })
    }

    pub(super) fn stats(&self) -> FilterStats {
        let held_bytes = self.kept.resident_bytes() + self.filter.held_bytes() as u64;
        FilterStats { held_bytes, ..self.me.stats }
    }

    /// Makes a connection's filter ready for the next response.
    pub(super) fn begin_response(&mut self) {
        if self.me.state != State::Aside {
            self.me.effects = self.filter.effects().min(self.most);
        }
    }
}

/// Puts a filter at `link`, above the one that is there.
pub(super) fn insert(link: &mut Link, member: Member, order: u64, is_request: bool) {
    let mut node = Node::new(member, order, is_request);
    node.next = link.take();
    *link = Some(node);
}

/// Puts `member` behind the filters from `link` on whose kind is not later than its own; `order` is that
/// of the filter above.
pub(super) fn insert_by_kind(
    mut link: &mut Link,
    member: Member,
    mut order: u64,
    is_request: bool,
) {
    while link.as_ref().is_some_and(|node| node.me.kind <= member.kind) {
        let node = link.as_mut().expect("it was there a line ago");
        order = order.max(node.me.order);
        link = &mut node.next;
    }
    insert(link, member, order + 1, is_request);
}

/// Tells the filters from `link` on what is above them: whenever a filter comes, goes, or says anew
/// what it does, so that nothing of it has to be looked at while brigades go by.
pub(super) fn renew(mut link: &mut Link, mut above: Above) {
    while let Some(node) = link {
        node.me.above = above;
        above = node.me.below();
        link = &mut node.next;
    }
}

/// Whether what is at `link` takes no more: a filter from there on waits, or the terminal is full and no
/// filter takes in its place what goes there.
pub(super) fn takes_no_more(mut link: &Link, terminal: &dyn Terminal) -> bool {
    while let Some(node) = link {
        match node.me.state {
            State::Waiting => return true,
            State::Ready if node.me.absorbs != Absorbs::Nothing => return false,
            _ => link = &node.next,
        }
    }
    terminal.should_yield()
}

/// Whether a filter from `link` on has more to give than the chain below could take.
pub(super) fn wants_call(mut link: &Link) -> bool {
    while let Some(node) = link {
        if node.me.absorbs == Absorbs::AndKeeps {
            return true;
        }
        link = &node.next;
    }
    false
}

/// Whether `link` or a filter below it waits.
#[inline]
pub(super) fn waits(mut link: &Link) -> bool {
    while let Some(node) = link {
        if node.me.state == State::Waiting {
            return true;
        }
        link = &node.next;
    }
    false
}

/// Whether something is left that a FLUSH would move on, once `brigade` has gone by.
pub(super) fn leaves_unflushed(brigade: &Brigade<'_>, before: bool) -> bool {
    // What ends a request or a connection is acted on at once; it needs no FLUSH, and is none.
    let is_asking = |bucket: &&Bucket<'_>| !bucket.is_eor() && !bucket.is_eoc();
    match brigade.iter().rev().find(is_asking) {
        Some(last) => !last.is_flush(),
        None => before,
    }
}
