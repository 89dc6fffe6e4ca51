//! One filter in a chain: its place, its counters, what the chain keeps for it.
//!
//! Nodes are linked boxes with disjoint borrows of a filter and of what is below it, so that joining,
//! leaving and inserting while a brigade is on its way is plain safe code.

use std::borrow::Cow;
use std::fmt;

use super::chain::Shared;
use super::{Effects, FilterKind, Next, OutputFilter};
use crate::brigade::Tally;
use crate::{Brigade, Bucket, Error, ErrorKind, Result};

pub(super) type Link = Option<Box<Node>>;

/// A filter on its way into a chain: with the name that errors and statistics give it, and its place.
pub struct Member {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: FilterKind,
    pub(super) fingerprint: u64,
    pub(super) filter: Box<dyn OutputFilter>,
}

impl Member {
    /// A filter with its name and place.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        kind: FilterKind,
        filter: impl OutputFilter + 'static,
    ) -> Self {
        let name = name.into();
        let fingerprint = fingerprint_of(&name);
        Self { name, kind, fingerprint, filter: Box::new(filter) }
    }

    /// Says what stands for the filter and its options in validators such as an ETag: the whole SPEC,
    /// where there is one. The name alone unless it is said.
    #[must_use]
    pub fn described_by(mut self, spec: &str) -> Self {
        self.fingerprint = fingerprint_of(spec);
        self
    }

    pub(super) fn with_fingerprint(mut self, fingerprint: u64) -> Self {
        self.fingerprint = fingerprint;
        self
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("name", &self.name).field("kind", &self.kind).finish()
    }
}

/// FNV-1a: the same on every machine and in every release, since caches keep what is made of it.
pub(super) fn fingerprint_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What went through one filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterStats {
    /// Times it was called.
    pub calls: u64,
    /// Buckets it was given, marks included.
    pub buckets_in: u64,
    /// Bytes it was given; data of unknown length counts nothing.
    pub bytes_in: u64,
    /// Buckets it pushed.
    pub buckets_out: u64,
    /// Bytes it pushed.
    pub bytes_out: u64,
    /// Bytes in memory that it and the chain keep for it now.
    pub held_bytes: u64,
}

/// What filters above a node may have done to the response that is on its way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Above {
    pub(super) effects: Effects,
    pub(super) fingerprint: u64,
}

/// Whether the filter is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    /// It answered `WouldBlock`; `kept` has the rest.
    Waiting,
    /// It stepped aside: brigades go past it.
    Aside,
    /// An error began in it: marks go past it, data is dropped.
    Failed,
}

/// All of a node but its filter and what is below: what `Next` may touch while the filter runs.
pub(super) struct Me {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: FilterKind,
    /// Kind first, then the order of joining; unique in a chain.
    pub(super) order: u64,
    pub(super) is_request: bool,
    pub(super) effects: Effects,
    pub(super) fingerprint: u64,
    pub(super) above: Above,
    pub(super) state: State,
    pub(super) unflushed: bool,
    pub(super) ended: bool, // It pushed the end of the body.
    pub(super) insert_before: Option<Member>,
    pub(super) stats: FilterStats,
    /// Lengths of this response where all are known, to check filters that declare `Same`.
    response_in: Option<u64>,
    response_out: Option<u64>,
}

impl Me {
    pub(super) fn pushed(&mut self, tally: &Tally, buckets: usize, is_unflushed: bool) {
        self.stats.buckets_out += buckets as u64;
        self.stats.bytes_out += tally.known_bytes();
        self.unflushed = is_unflushed;
        self.ended |= tally.ends > 0;
        self.response_out = sum(self.response_out, tally);
    }

    fn given(&mut self, tally: &Tally, buckets: usize) {
        self.stats.buckets_in += buckets as u64;
        self.stats.bytes_in += tally.known_bytes();
        self.response_in = sum(self.response_in, tally);
    }

    /// What a filter below this one sees above it.
    pub(super) fn above_next(&self) -> Above {
        match self.state {
            State::Aside => self.above,
            _ => Above {
                effects: self.above.effects.max(self.effects),
                fingerprint: match self.effects {
                    Effects::Same => self.above.fingerprint,
                    _ => self.above.fingerprint.rotate_left(5) ^ self.fingerprint,
                },
            },
        }
    }

    fn check_lengths(&self) -> Result<()> {
        let lengths = self.response_in.zip(self.response_out);
        match lengths {
            Some((given, pushed)) if given != pushed && self.effects != Effects::Changes => {
                let effects = self.effects;
                let context = format!("declares {effects:?}, got {given} bytes, pushed {pushed}");
                Err(Error::new(ErrorKind::Contract, context))
            }
            _ => Ok(()),
        }
    }
}

fn sum(so_far: Option<u64>, tally: &Tally) -> Option<u64> {
    so_far?.checked_add(tally.len_bytes()?)
}

pub(super) struct Node {
    pub(super) filter: Box<dyn OutputFilter>,
    pub(super) me: Me,
    pub(super) kept: Brigade<'static>,
    spare: Brigade<'static>, // Empty: storage for what the filter pushes in its next call.
    pub(super) next: Link,
}

impl Node {
    pub(super) fn new(member: Member, order: u64, is_request: bool) -> Box<Self> {
        let effects = member.filter.effects();
        Box::new(Self {
            filter: member.filter,
            me: Me {
                name: member.name,
                kind: member.kind,
                order,
                is_request,
                effects,
                fingerprint: member.fingerprint,
                above: Above::default(),
                state: State::Ready,
                unflushed: false,
                ended: false,
                insert_before: None,
                stats: FilterStats::default(),
                response_in: Some(0),
                response_out: Some(0),
            },
            kept: Brigade::new(),
            spare: Brigade::new(),
            next: None,
        })
    }

    pub(super) fn stats(&self) -> FilterStats {
        let held_bytes = self.kept.resident_bytes() + self.filter.held_bytes() as u64;
        FilterStats { held_bytes, ..self.me.stats }
    }

    /// Makes a connection's filter ready for the next response.
    pub(super) fn begin_response(&mut self) {
        let filter_effects = self.filter.effects();
        let me = &mut self.me;
        (me.effects, me.ended) = (filter_effects, false);
        (me.response_in, me.response_out) = (Some(0), Some(0));
    }
}

/// Whether `link` or a filter below it waits.
pub(super) fn waits(mut link: &Link) -> bool {
    while let Some(node) = link {
        if node.me.state == State::Waiting {
            return true;
        }
        link = &node.next;
    }
    false
}

/// Gives `input` to the filter at `link`, or to the terminal. Always takes everything.
pub(super) fn hand_down<'b>(
    link: &mut Link,
    input: &mut Brigade<'b>,
    above: Above,
    at: &mut Shared,
) -> Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    if at.refused.is_some() {
        input.clear();
        return Err(at.aborted());
    }
    let Some(node) = link else {
        return at.write(input);
    };
    node.me.above = above;
    match node.me.state {
        State::Ready => {
            node.me.given(input.tally(), input.len());
            call(link, input, at)
        }
        State::Aside => hand_down(&mut node.next, input, above, at),
        State::Waiting => {
            node.me.given(input.tally(), input.len());
            input.set_aside(&mut node.kept, &mut at.alloc);
            Ok(())
        }
        State::Failed => {
            input.drop_data();
            hand_down(&mut node.next, input, node.me.above_next(), at)
        }
    }
}

/// Calls a filter that waited, with what the chain kept for it.
pub(super) fn call_again(link: &mut Link, at: &mut Shared) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    node.me.state = State::Ready;
    let mut kept = std::mem::take(&mut node.kept);
    call(link, &mut kept, at)
}

/// Calls the filter at `link` with what it was given, now or before it waited.
fn call<'b>(link: &mut Link, input: &mut Brigade<'b>, at: &mut Shared) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    node.me.stats.calls += 1;
    let Node { filter, me, spare, next: below, .. } = &mut **node;
    let had_end = input.ends_body();
    let mut next = Next::new(std::mem::take(spare), below, me, at);
    let answer = filter.filter(input, &mut next);
    let handed = next.finish(spare);
    let inserting = node.me.insert_before.take();
    let answer = match answer {
        Ok(()) if inserting.is_none() => settle(&node.me, input, had_end),
        Ok(()) => Ok(()),
        Err(error) if error.is_would_block() => {
            input.set_aside(&mut node.kept, &mut at.alloc);
            node.me.state = State::Waiting;
            Ok(())
        }
        Err(error) => Err(error),
    };
    // What went wrong below came first.
    handed?;
    answer.map_err(|error| blame(&mut node.me, error))?;
    match inserting {
        Some(member) => insert_before(link, member, input, at),
        None if node.me.state == State::Aside => {
            let above = node.me.above;
            hand_down(&mut node.next, input, above, at)
        }
        None => Ok(()),
    }
}

/// Checks what a filter that answered `Ok` left undone.
fn settle(me: &Me, input: &Brigade<'_>, had_end: bool) -> Result<()> {
    if me.state == State::Aside {
        return Ok(());
    }
    if !input.is_empty() {
        let context = format!("answered Ok and left {} buckets in its input", input.len());
        return Err(Error::new(ErrorKind::Contract, context));
    }
    if had_end && !me.ended {
        return Err(Error::new(ErrorKind::Contract, "kept the end of the body"));
    }
    if had_end && cfg!(debug_assertions) {
        me.check_lengths()?;
    }
    Ok(())
}

/// Names the filter in which `error` began, and calls it no more. An error from below has a name.
fn blame(me: &mut Me, error: Error) -> Error {
    if error.filter().is_some() {
        return error;
    }
    me.state = State::Failed;
    error.in_filter(me.name.clone()).at_byte(me.stats.bytes_in)
}

/// Puts `member` above the filter at `link`; what is left in `input` goes through it first.
fn insert_before<'b>(
    link: &mut Link,
    member: Member,
    input: &mut Brigade<'b>,
    at: &mut Shared,
) -> Result<()> {
    let Some(node) = link.take() else { return Ok(()) };
    let above = node.me.above;
    // Orders are spaced, so that there is one between this filter's and those above.
    let mut inserted = Node::new(member, node.me.order - 1, node.me.is_request);
    inserted.next = Some(node);
    *link = Some(inserted);
    hand_down(link, input, above, at)
}

/// Whether a bucket leaves something behind that a FLUSH would move on.
pub(super) fn wants_flush(bucket: &Bucket<'_>) -> bool {
    !(bucket.is_flush() || bucket.is_eor() || bucket.is_eoc())
}
