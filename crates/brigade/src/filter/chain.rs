//! The chain: filters in order, the terminal at their end, and what its owner may do between passes.
//!
//! Invariants: filters are sorted by kind, equal kinds by their joining. After a hard error of the
//! terminal nothing runs and nothing is held. Nothing is passed after the end of a body until the
//! next response begins.

use std::fmt;
use std::task::Waker;

use super::node::{
    Above, FilterStats, Link, Member, Node, State, call_again, hand_down, wants_flush,
};
use super::request::{FinishedRequest, unlink_request};
use super::{FilterKind, Terminal};
use crate::brigade::Gather;
use crate::{
    Brigade, Bucket, BucketAlloc, End, EndOfRequest, Error, ErrorKind, Outcome, ReadCx, ReadMode,
    Result,
};

/// What all filters of a chain share.
pub(super) struct Shared {
    pub(super) alloc: BucketAlloc,
    pub(super) mode: ReadMode,
    pub(super) waker: Waker,
    pub(super) terminal: Box<dyn Terminal>,
    /// Data of filters with a lower order is dropped; 0: of none.
    pub(super) discard: u64,
    /// Set by a hard error of the terminal, and by the owner.
    pub(super) refused: Option<End>,
}

impl Shared {
    pub(super) fn read_cx(&mut self) -> ReadCx<'_> {
        ReadCx::new(&mut self.alloc, self.mode).with_waker(&self.waker)
    }

    pub(super) fn write(&mut self, brigade: &mut Brigade<'_>) -> Result<()> {
        let mut cx = ReadCx::new(&mut self.alloc, self.mode).with_waker(&self.waker);
        let answer = self.terminal.write(brigade, &mut cx);
        debug_assert!(answer.is_err() || brigade.is_empty(), "a terminal takes everything");
        self.settle(answer)
    }

    fn resume(&mut self) -> Result<()> {
        let mut cx = ReadCx::new(&mut self.alloc, self.mode).with_waker(&self.waker);
        let answer = self.terminal.resume(&mut cx);
        self.settle(answer)
    }

    /// Names the terminal in its errors, and refuses from then on.
    fn settle(&mut self, answer: Result<()>) -> Result<()> {
        answer.map_err(|error| {
            let end = match error.kind() {
                ErrorKind::ClientGone => End::ClientGone,
                ErrorKind::TimedOut => End::Timeout,
                _ => End::Failed,
            };
            self.refuse(end);
            error.in_filter(self.terminal.name())
        })
    }

    fn refuse(&mut self, end: End) {
        if self.refused.is_none() {
            self.refused = Some(end);
            self.terminal.abort(end);
        }
    }

    #[cold]
    pub(super) fn aborted(&self) -> Error {
        Error::new(ErrorKind::Aborted, "the connection has ended").in_filter(self.terminal.name())
    }
}

/// Whether a chain can take more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// Nothing waits and nothing is pending.
    Done,
    /// A filter waits, or the terminal has something to give away: [`Chain::resume`] when woken.
    Pending,
}

/// An ordered run of filters with a terminal at its end.
///
/// Models the `output_filters` of a `conn_rec` and of the `request_rec` on it.
#[doc(alias = "ap_add_output_filter", alias = "conn_rec")]
pub struct Chain {
    head: Link,
    gather: Gather,
    joined: u64,
    response: Response,
    at: Shared,
}

/// The response that is on its way.
#[derive(Debug, Clone, Copy, Default)]
struct Response {
    bytes_in: u64,
    unflushed: bool, // Something went in since the last FLUSH.
    ended: bool,
}

impl Chain {
    /// Makes a chain without filters; it may block. See [`mode`](Self::mode).
    pub fn new(terminal: impl Terminal) -> Self {
        Self {
            head: None,
            gather: Gather::default(),
            joined: 0,
            response: Response::default(),
            at: Shared {
                alloc: BucketAlloc::new(),
                mode: ReadMode::Blocking,
                waker: Waker::noop().clone(),
                terminal: Box::new(terminal),
                discard: 0,
                refused: None,
            },
        }
    }

    /// Sets whether reads may block the thread.
    #[must_use]
    pub fn mode(mut self, mode: ReadMode) -> Self {
        self.at.mode = mode;
        self
    }

    /// Replaces the allocator by one with other options.
    #[must_use]
    pub fn storage(mut self, alloc: BucketAlloc) -> Self {
        self.at.alloc = alloc;
        self
    }

    /// Adds a filter for as long as the connection lasts. Models `ap_add_output_filter` with no
    /// request.
    pub fn join(&mut self, member: Member) {
        self.insert(member, false);
    }

    /// Adds a filter for the response that begins: it leaves with the response's end, and is told how
    /// it went.
    pub fn join_request(&mut self, member: Member) {
        self.insert(member, true);
    }

    fn insert(&mut self, member: Member, is_request: bool) {
        self.joined += 1;
        // The low bits leave room for filters that insert others around themselves.
        let order = u64::from(member.kind.rank()) << 48 | self.joined << 8;
        let mut link = &mut self.head;
        while link.as_ref().is_some_and(|node| node.me.order < order) {
            link = &mut link.as_mut().expect("it was there a line ago").next;
        }
        let mut node = Node::new(member, order, is_request);
        node.next = link.take();
        *link = Some(node);
    }

    /// Begins the next response: what holds for one response only is forgotten.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Aborted`] when the connection has ended.
    pub fn begin_response(&mut self) -> Result<()> {
        self.check_open()?;
        self.response = Response::default();
        self.at.discard = 0;
        self.for_each(|node| {
            if !node.me.is_request {
                node.begin_response();
            }
        });
        Ok(())
    }

    /// Leads all buckets of `brigade` through the filters; it is empty afterwards, whatever happens.
    /// Models `ap_pass_brigade`.
    ///
    /// A chain that cannot go on at once keeps what is left and answers `Ok`; the caller asks
    /// [`should_yield`](Self::should_yield) before it passes more, and calls
    /// [`resume`](Self::resume) when woken.
    ///
    /// # Errors
    ///
    /// What a filter or the terminal answered, with its name; [`ErrorKind::Aborted`] after the
    /// connection has ended; [`ErrorKind::Contract`] for data after the end of the body.
    #[doc(alias = "ap_pass_brigade")]
    pub fn pass(&mut self, brigade: &mut Brigade<'_>) -> Result<()> {
        if let Some(bucket) = self.gather.finish() {
            self.lead(&mut Brigade::from(bucket))?;
        }
        self.lead(brigade)
    }

    /// Passes one bucket.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    pub fn pass_bucket(&mut self, bucket: Bucket<'_>) -> Result<()> {
        self.pass(&mut Brigade::from(bucket))
    }

    /// Takes `bytes`: small writes gather until a block is full, and are passed then, or with
    /// whatever is passed next. A piece of a block or more is passed at once without a copy. Models
    /// `ap_rwrite`.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    #[inline]
    #[doc(alias = "ap_rwrite", alias = "ap_rputs")]
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let taken = self.gather.write(&mut self.at.alloc, bytes);
        // Errors are met when the block is full: this path is a copy and two comparisons.
        if taken == bytes.len() && self.at.refused.is_none() {
            return Ok(());
        }
        self.write_on(&bytes[taken..])
    }

    #[cold]
    fn write_on(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.check_open()?;
        loop {
            if let Some(full) = self.gather.finish() {
                self.lead(&mut Brigade::from(full))?;
            }
            if bytes.len() >= self.at.alloc.block_size() {
                return self.lead(&mut Brigade::from(Bucket::transient(bytes)));
            }
            let taken = self.gather.write(&mut self.at.alloc, bytes);
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// Formats, as [`write`](Self::write) takes it: `chain.print(format_args!("{n}\n"))`. Models
    /// `ap_rprintf`.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    #[doc(alias = "ap_rprintf")]
    pub fn print(&mut self, text: fmt::Arguments<'_>) -> Result<()> {
        struct To<'c>(&'c mut Chain, Result<()>);
        impl fmt::Write for To<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.1 = self.0.write(text.as_bytes());
                self.1.as_ref().map_err(|_| fmt::Error).copied()
            }
        }
        let mut to = To(self, Ok(()));
        // A `Display` of the caller's that fails ends the text early; ours is the error that counts.
        let _ = fmt::Write::write_fmt(&mut to, text);
        to.1
    }

    /// Passes a FLUSH: all that was taken before goes to the peer. Models `ap_rflush`.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    #[doc(alias = "ap_rflush", alias = "ap_fflush")]
    pub fn flush(&mut self) -> Result<()> {
        self.pass_bucket(Bucket::flush())
    }

    /// Bytes written and not yet passed: at most a block, and they can still be
    /// [taken back](Self::take_back).
    pub fn gathered_bytes(&self) -> usize {
        self.gather.len()
    }

    /// Forgets what was written and not yet passed.
    pub fn take_back(&mut self) {
        self.gather = Gather::default();
    }

    /// Lets everything that went in reach the peer, if anything did since the last FLUSH: for an
    /// owner whose source has nothing now. Calling it again sends nothing.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    pub fn idle(&mut self) -> Result<()> {
        self.check_open()?;
        if self.response.unflushed || self.gather.len() > 0 {
            if self.response.ended {
                // The body is complete; only the terminal may still hold some of it.
                self.response.unflushed = false;
                return self.pass_to_connection(Bucket::flush());
            }
            self.flush()?;
        }
        flush_below_waiting(&mut self.head, &mut self.at)
    }

    /// Goes on with what had to wait: the terminal first, then the filters that wait, the one nearest
    /// to the terminal first.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    pub fn resume(&mut self) -> Result<Progress> {
        self.check_open()?;
        let answer = self.at.resume().and_then(|()| resume_link(&mut self.head, &mut self.at));
        self.settle(answer)?;
        Ok(self.progress())
    }

    /// Whether anything waits or is pending.
    pub fn progress(&self) -> Progress {
        if super::node::waits(&self.head) || self.at.terminal.is_pending() {
            Progress::Pending
        } else {
            Progress::Done
        }
    }

    /// Whether the owner should wait before it passes more: the terminal is full, or a filter waits.
    pub fn should_yield(&self) -> bool {
        self.at.terminal.should_yield() || super::node::waits(&self.head)
    }

    /// Whether the end of the body has left the last of the request's filters.
    pub fn has_left_request(&self) -> bool {
        let mut link = &self.head;
        while let Some(node) = link {
            if node.me.is_request && node.me.state == State::Waiting {
                return false;
            }
            link = &node.next;
        }
        self.response.ended
    }

    /// Ends the request whose body has ended: its filters leave the chain inside an EOR bucket, which
    /// the terminal completes after the last byte; `and_then` is told the outcome after them.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass); [`ErrorKind::Contract`] while a filter of the request
    /// [still has some of it](Self::has_left_request).
    pub fn end_request(&mut self, and_then: Option<Box<dyn EndOfRequest>>) -> Result<()> {
        self.check_open()?;
        if !self.has_left_request() {
            return Err(Error::new(ErrorKind::Contract, "end a request whose body has not ended"));
        }
        let finished = FinishedRequest {
            filters: unlink_request(&mut self.head),
            bytes_in: self.response.bytes_in,
            and_then,
        };
        self.pass_to_connection(Bucket::eor(finished))
    }

    /// Ends the connection now: what is held is dropped, every filter of a request is told `end`, and
    /// every later pass answers [`ErrorKind::Aborted`].
    pub fn abort(&mut self, end: End) {
        self.at.refuse(end);
        self.drop_held();
    }

    /// How the connection was ended, if it was: by a hard error of the terminal, or by
    /// [`abort`](Self::abort).
    pub fn aborted(&self) -> Option<End> {
        self.at.refused
    }

    /// Storage, for buckets to be passed.
    pub fn alloc(&mut self) -> &mut BucketAlloc {
        &mut self.at.alloc
    }

    /// Gives all blocks that no bucket is in back to the system: for a connection that waits for its
    /// next request.
    pub fn trim(&mut self) {
        self.at.alloc.trim();
    }

    /// Says whom to wake when something that had to wait can go on.
    pub fn set_waker(&mut self, waker: &Waker) {
        if !self.at.waker.will_wake(waker) {
            self.at.waker = waker.clone();
        }
    }

    /// The terminal, if it is a `T`.
    pub fn terminal<T: Terminal>(&mut self) -> Option<&mut T> {
        (&mut *self.at.terminal as &mut dyn std::any::Any).downcast_mut()
    }

    /// Bytes in memory that the filters, the chain and the terminal hold between calls.
    pub fn held_bytes(&self) -> u64 {
        let filters: u64 = self.filters().map(|(_, _, stats)| stats.held_bytes).sum();
        filters + self.at.terminal.held_bytes() as u64 + self.gather.len() as u64
    }

    /// The filters, top to bottom: name, place, and what went through each.
    pub fn filters(&self) -> impl Iterator<Item = (&str, FilterKind, FilterStats)> {
        let mut link = self.head.as_deref();
        std::iter::from_fn(move || {
            let node = link?;
            link = node.next.as_deref();
            Some((&*node.me.name, node.me.kind, node.stats()))
        })
    }

    fn lead(&mut self, brigade: &mut Brigade<'_>) -> Result<()> {
        if let Err(error) = self.check_open() {
            brigade.clear();
            return Err(error);
        }
        if self.response.ended && !brigade.is_empty() {
            brigade.clear();
            return Err(Error::new(
                ErrorKind::Contract,
                "pass something after the end of the body",
            ));
        }
        self.response.bytes_in += brigade.tally().known_bytes();
        self.response.ended = brigade.ends_body();
        if let Some(last) = brigade.back() {
            self.response.unflushed =
                wants_flush(last) || self.response.unflushed && !last.is_flush();
        }
        if self.at.discard > 0 {
            brigade.drop_data();
        }
        let answer = hand_down(&mut self.head, brigade, Above::default(), &mut self.at);
        brigade.clear();
        self.settle(answer)
    }

    /// Passes a bucket to the filters that are not the request's.
    fn pass_to_connection(&mut self, bucket: Bucket<'static>) -> Result<()> {
        let mut link = &mut self.head;
        while link.as_ref().is_some_and(|node| node.me.is_request) {
            link = &mut link.as_mut().expect("it was there a line ago").next;
        }
        let answer = hand_down(link, &mut Brigade::from(bucket), Above::default(), &mut self.at);
        self.settle(answer)
    }

    /// After a hard error of the terminal nothing is held.
    fn settle(&mut self, answer: Result<()>) -> Result<()> {
        if self.at.refused.is_some() {
            self.drop_held();
        }
        answer
    }

    fn drop_held(&mut self) {
        self.gather = Gather::default();
        self.for_each(|node| node.kept.clear());
        let end = self.at.refused.unwrap_or(End::ClientGone);
        let outcome = Outcome { bytes_in: self.response.bytes_in, ..Outcome::new(end, 0) };
        for mut node in unlink_request(&mut self.head) {
            node.filter.on_end(&outcome);
        }
        self.at.alloc.trim();
    }

    fn check_open(&self) -> Result<()> {
        match self.at.refused {
            Some(_) => Err(self.at.aborted()),
            None => Ok(()),
        }
    }

    fn for_each(&mut self, mut visit: impl FnMut(&mut Node)) {
        let mut link = self.head.as_deref_mut();
        while let Some(node) = link {
            visit(node);
            link = node.next.as_deref_mut();
        }
    }
}

/// Calls the filters below `link` that wait, and then the one at `link` if it waits and may go on.
fn resume_link(link: &mut Link, at: &mut Shared) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    resume_link(&mut node.next, at)?;
    let held_back = at.terminal.should_yield() || super::node::waits(&node.next);
    if node.me.state == State::Waiting && !held_back { call_again(link, at) } else { Ok(()) }
}

/// What a waiting filter had pushed must not wait with it.
fn flush_below_waiting(link: &mut Link, at: &mut Shared) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    if node.me.state == State::Waiting && node.me.unflushed {
        node.me.unflushed = false;
        let above = node.me.above_next();
        hand_down(&mut node.next, &mut Brigade::from(Bucket::flush()), above, at)?;
    }
    flush_below_waiting(&mut node.next, at)
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.filters().map(|(name, ..)| name).collect();
        f.debug_struct("Chain")
            .field("filters", &names)
            .field("terminal", &self.at.terminal.name())
            .field("response", &self.response)
            .field("aborted", &self.at.refused)
            .finish_non_exhaustive()
    }
}

/// A request that was under way when its chain went away ended with its client gone.
impl Drop for Chain {
    fn drop(&mut self) {
        self.at.refuse(End::ClientGone);
        self.drop_held();
        // Linked boxes are dropped one by one: a long chain must not recurse.
        let mut link = self.head.take();
        while let Some(mut node) = link {
            link = node.next.take();
        }
    }
}
