//! Looking at a chain while it works: what goes from whom to whom, what is read, who waits.
//!
//! Invariant: an observer changes nothing. A chain without one pays nothing for the possibility: whether
//! there is one is found by the look at each hop that finds whether the chain refuses.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use super::node::{Node, State};
use super::shared::Shared;
use super::{Chain, Effects};
use crate::{Brigade, Bucket, BucketAlloc, Error, Result};

/// Is told what happens in a chain, in its order: for a trace, a ledger, a live view.
///
/// It has no clock: one that wants times takes them when it is told. It is called between the filters'
/// own steps, so what it does is part of the time that a pass takes. A chain inside a filter, such as a
/// [`SubChain`](super::SubChain), is another chain. Models mod_dumpio, which sees the bytes at one place and not who
/// changed them.
///
/// ```
/// use std::sync::mpsc::{Sender, channel};
///
/// use brigade::{Bucket, Chain, FilterKind, Member, Observer, Pass, map_bytes, recorder};
///
/// struct Tell(Sender<String>);
///
/// impl Observer for Tell {
///     fn passes(&mut self, pass: &Pass<'_>) {
///         let kinds: Vec<&str> = pass.brigade.iter().map(Bucket::kind_name).collect();
///         let line = format!("{} -> {}: {}", pass.from.name(), pass.to.name(), kinds.join(" "));
///         let _ = self.0.send(line); // Nobody has to listen.
///     }
/// }
///
/// # fn main() -> brigade::Result<()> {
/// let (tell, told) = channel();
/// let mut chain = Chain::new(recorder().0);
/// let upper = map_bytes(|bytes, out| {
///     out.put(&bytes.to_ascii_uppercase());
///     Ok(())
/// });
/// chain.join(Member::new("upper", FilterKind::RESOURCE, upper));
/// chain.observe(Tell(tell));
/// chain.write(b"hello")?;
/// chain.flush()?;
/// drop(chain);
/// let lines: Vec<String> = told.iter().collect();
/// assert_eq!(lines, ["owner -> upper: HEAP FLUSH", "upper -> recorder: HEAP FLUSH"]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "mod_dumpio")]
pub trait Observer: Any + Send {
    /// A brigade goes from one place to another, which has not seen it yet. Filters that stepped aside
    /// or failed are in no pass: what goes past them comes from who gave it.
    fn passes(&mut self, pass: &Pass<'_>);

    /// Data that was not in memory was read for a filter: a FILE has become memory there, one piece of
    /// it. What the terminal reads is not told.
    fn reads(&mut self, _read: &Read<'_>) {}

    /// A filter says why it does what it does: see [`Next::note`](super::Next::note).
    fn notes(&mut self, _note: &Note<'_>) {}

    /// A filter or the terminal has returned from the call that a pass, or a resumption, began; all
    /// that came of it lies between.
    fn returns(&mut self, _call: &Returned<'_>) {}
}

/// Where a brigade is on its way through a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place<'p> {
    /// Above all filters: who owns the chain.
    Owner,
    /// A filter; `position` counts from 1 at the top, as that of an [`Error`] does.
    #[allow(missing_docs)] // The two names say it.
    Filter { name: &'p str, position: usize },
    /// The end of the chain, by its name.
    Terminal(&'p str),
}

impl<'p> Place<'p> {
    /// Its name: "owner" above all filters.
    pub fn name(&self) -> &'p str {
        match self {
            Self::Owner => "owner",
            Self::Filter { name, .. } | Self::Terminal(name) => name,
        }
    }

    fn of(node: &'p Node) -> Self {
        Self::Filter { name: &node.me.name, position: node.me.position() }
    }
}

/// A brigade on its way: see [`Observer::passes`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Pass<'p> {
    /// Who pushed it, or passed it at the top.
    pub from: Place<'p>,
    /// Who is given it.
    pub to: Place<'p>,
    /// What is given; its storage may be another's by the next pass.
    pub brigade: &'p Brigade<'p>,
    /// Whether the chain keeps it for now, because the filter waits.
    pub is_kept: bool,
    /// The strongest effects on this response of the filters above `to`; `None` at the terminal.
    pub effects_above: Option<Effects>,
    /// The chain's storage: which blocks are [lent](BucketAlloc::blocks), and in which
    /// [one](BucketAlloc::key_of) a bucket is.
    pub alloc: &'p BucketAlloc,
}

/// Data that became memory: see [`Observer::reads`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Read<'p> {
    /// The filter that needed its bytes.
    pub filter: Place<'p>,
    /// The name of the kind it was.
    pub kind: &'p str,
    /// The piece, in memory.
    pub piece: &'p Bucket<'p>,
    /// As in a [`Pass`].
    pub alloc: &'p BucketAlloc,
}

/// Why a filter does what it does: see [`Observer::notes`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Note<'p> {
    /// Who says it.
    pub filter: Place<'p>,
    /// What it says: formatted only if somebody wants it.
    pub text: fmt::Arguments<'p>,
}

/// The end of a call: see [`Observer::returns`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Returned<'p> {
    /// Who was called.
    pub place: Place<'p>,
    /// What came of it.
    pub answer: Answer<'p>,
    /// Bytes in memory that it, and the chain for it, keeps now.
    pub held_bytes: u64,
    /// As in a [`Pass`].
    pub alloc: &'p BucketAlloc,
}

/// What came of a call. An error that began further down is that of who it began in.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Answer<'p> {
    /// All was taken.
    Done,
    /// It waits; the chain keeps the rest.
    Waits,
    /// It [stepped aside](super::Next::step_aside).
    SteppedAside,
    /// This began in it.
    Failed(&'p Error),
}

/// Two see the same, the first first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn passes(&mut self, pass: &Pass<'_>) {
        self.0.passes(pass);
        self.1.passes(pass);
    }

    fn reads(&mut self, read: &Read<'_>) {
        self.0.reads(read);
        self.1.reads(read);
    }

    fn notes(&mut self, note: &Note<'_>) {
        self.0.notes(note);
        self.1.notes(note);
    }

    fn returns(&mut self, call: &Returned<'_>) {
        self.0.returns(call);
        self.1.returns(call);
    }
}

/// The name and the position of a filter.
type Called = (Cow<'static, str>, usize);

/// An observer, and the filters that are being called, the innermost last.
pub(super) struct Sight {
    observer: Box<dyn Observer>,
    path: Vec<Called>,
}

impl Chain {
    /// Has `observer` told what happens in this chain from here on, in the place of any before it.
    ///
    /// Without one a chain pays nothing for the possibility; with one, what the observer does.
    pub fn observe(&mut self, observer: impl Observer) {
        self.at.sight = Some(Box::new(Sight { observer: Box::new(observer), path: Vec::new() }));
        self.at.is_special = true;
    }

    /// Has nobody told any more.
    pub fn stop_observing(&mut self) {
        self.at.sight = None;
        self.at.is_special = self.at.refused.is_some();
    }

    /// The observer, if it is a `T`.
    pub fn observer<T: Observer>(&mut self) -> Option<&mut T> {
        let observer = &mut *self.at.sight.as_mut()?.observer;
        (observer as &mut dyn Any).downcast_mut()
    }
}

impl Sight {
    fn innermost(path: &[Called]) -> Place<'_> {
        path.last()
            .map_or(Place::Owner, |(name, position)| Place::Filter { name, position: *position })
    }
}

impl Shared {
    /// The owner passes something, or resumes: nothing is being called. A panic left the path as it was.
    pub(super) fn sees_owner(&mut self) {
        if let Some(sight) = &mut self.sight {
            sight.path.clear();
        }
    }

    /// `brigade` goes to `node`, or to the terminal.
    pub(super) fn sees_pass(&mut self, node: Option<&Node>, brigade: &Brigade<'_>) {
        let Some(sight) = &mut self.sight else { return };
        let to = node.map_or_else(|| Place::Terminal(self.terminal.name()), Place::of);
        let is_kept = node.is_some_and(|node| node.me.state == State::Waiting);
        let from = Sight::innermost(&sight.path);
        let effects_above = node.map(|node| node.me.above.effects);
        let alloc = &self.alloc;
        sight.observer.passes(&Pass { from, to, brigade, is_kept, effects_above, alloc });
    }

    /// The filter that is being called says something.
    #[inline]
    pub(super) fn sees_note(&mut self, text: fmt::Arguments<'_>) {
        if let Some(sight) = &mut self.sight {
            let filter = Sight::innermost(&sight.path);
            sight.observer.notes(&Note { filter, text });
        }
    }

    pub(super) fn sees_read(&mut self, kind: &str, piece: &Bucket<'_>) {
        let Some(sight) = &mut self.sight else { return };
        let filter = Sight::innermost(&sight.path);
        sight.observer.reads(&Read { filter, kind, piece, alloc: &self.alloc });
    }

    pub(super) fn sees_call(&mut self, node: &Node) {
        if let Some(sight) = &mut self.sight {
            sight.path.push((node.me.name.clone(), node.me.position()));
        }
    }

    /// The filter that was called last has returned.
    pub(super) fn sees_return(&mut self, node: Option<&Node>) {
        let (Some(sight), Some(node)) = (&mut self.sight, node) else { return };
        sight.path.pop();
        let answer = match (node.me.state, node.me.failure()) {
            (State::Waiting, _) => Answer::Waits,
            (State::Aside, _) => Answer::SteppedAside,
            (State::Failed, Some(error)) => Answer::Failed(error),
            _ => Answer::Done,
        };
        let (place, held_bytes) = (Place::of(node), node.stats().held_bytes);
        sight.observer.returns(&Returned { place, answer, held_bytes, alloc: &self.alloc });
    }

    /// The terminal has answered.
    pub(super) fn sees_write(&mut self, answer: &Result<()>) {
        let Some(sight) = &mut self.sight else { return };
        let answer = answer.as_ref().map_or_else(Answer::Failed, |()| Answer::Done);
        let place = Place::Terminal(self.terminal.name());
        let held_bytes = self.terminal.held_bytes() as u64;
        sight.observer.returns(&Returned { place, answer, held_bytes, alloc: &self.alloc });
    }
}
