//! The chain: filters in order, the terminal at their end, and how brigades enter at the top.
//!
//! Invariants: filters are sorted by kind, equal kinds by their joining, and those that filters insert
//! around themselves beside them. After a hard error of the terminal nothing runs and nothing is held.

use std::fmt;
use std::task::Waker;

use super::next::PIECE_BYTES;
use super::node::{Above, FilterStats, Link, Node, insert, renew, waits};
use super::request::{tell_end, unlink_request};
use super::response::Response;
use super::run::hand_down;
use super::shared::Shared;
use super::{FilterKind, Member, Terminal};
use crate::brigade::Gather;
use crate::{Brigade, Bucket, BucketAlloc, Disk, End, Outcome, ReadMode, Result};

/// An ordered run of filters with a terminal at its end.
///
/// Models the `output_filters` of a `conn_rec` and of the `request_rec` on it.
#[doc(alias = "ap_add_output_filter", alias = "conn_rec")]
pub struct Chain {
    pub(super) head: Link,
    pub(super) gather: Gather,
    pub(super) response: Response,
    pub(super) at: Shared,
    pub(super) behind: bool, // Something of an earlier response is not flushed.
    pub(super) removed: Link, // The request's, taken out by the owner: they are told its end.
    joined: u64,
    own: Brigade<'static>, // What was written, in full blocks: less than a piece between calls.
    spare: Brigade<'static>, // Empty: storage for what the first filter pushes.
}

impl Chain {
    /// Makes a chain without filters; it may block. See [`mode`](Self::mode).
    pub fn new(terminal: impl Terminal) -> Self {
        Self {
            head: None,
            gather: Gather::default(),
            response: Response::default(),
            at: Shared::new(terminal),
            behind: false,
            removed: None,
            joined: 0,
            own: Brigade::new(),
            spare: Brigade::new(),
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

    /// Says how files are got at in [non-blocking mode](Self::mode), so that no disk stops the thread:
    /// by the filters that read one and by the terminal that sends it. A blocking chain asks nobody.
    #[must_use]
    pub fn disk(mut self, disk: Box<dyn Disk>) -> Self {
        self.at.disk = Some(disk);
        self
    }

    /// Adds a filter for as long as the connection lasts. Models `ap_add_output_filter` with no
    /// request.
    pub fn join(&mut self, member: Member) {
        self.join_by_kind(member, false);
    }

    /// Adds a filter for the response that begins: it leaves with the response's end, and is told how
    /// it went.
    pub fn join_request(&mut self, member: Member) {
        self.join_by_kind(member, true);
    }

    fn join_by_kind(&mut self, member: Member, is_request: bool) {
        self.joined += 1;
        // The low bits leave room for filters that insert others around themselves.
        let order = u64::from(member.kind.rank()) << 48 | self.joined << 8;
        let mut link = &mut self.head;
        while link.as_ref().is_some_and(|node| node.me.order < order) {
            link = &mut link.as_mut().expect("it was there a line ago").next;
        }
        insert(link, member, order, is_request);
        renew(&mut self.head, Above::default());
    }

    /// Leads all buckets of `brigade` through the filters; it is empty afterwards, whatever happens.
    /// Models `ap_pass_brigade`.
    ///
    /// A chain that cannot go on at once keeps what is left and answers `Ok`; the caller asks
    /// [`should_yield`](Self::should_yield) before it passes more, and calls
    /// [`resume`](Self::resume) when woken. After the end of a body only marks may be passed; they go
    /// to the connection's filters.
    ///
    /// # Errors
    ///
    /// What a filter or the terminal answered, with its name;
    /// [`ErrorKind::Aborted`](crate::ErrorKind::Aborted) after the connection has ended;
    /// [`ErrorKind::Contract`](crate::ErrorKind::Contract) for data or another end after the end of
    /// the body. A body in which something failed still wants its end: an ERROR, and an EOS becomes
    /// one on its way. If the end was in `brigade`, it has become one.
    #[doc(alias = "ap_pass_brigade")]
    pub fn pass(&mut self, brigade: &mut Brigade<'_>) -> Result<()> {
        self.finish_run();
        if !self.own.is_empty() {
            brigade.prepend(&mut self.own);
        }
        let mut scratch = std::mem::take(&mut self.spare);
        let answer = self.lead(brigade, &mut scratch);
        if scratch.has_storage() {
            self.spare = scratch.recycle();
        }
        answer
    }

    /// Passes one bucket.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    pub fn pass_bucket(&mut self, bucket: Bucket<'_>) -> Result<()> {
        self.pass(&mut Brigade::from(bucket))
    }

    /// Takes `bytes`: small writes gather, block by block, until they are a piece (64 KiB), and are
    /// passed then, or with whatever is passed next. A write of a block or more is passed at once
    /// without a copy. Models `ap_rwrite`.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    #[inline]
    #[doc(alias = "ap_rwrite", alias = "ap_rputs")]
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.gather(bytes) { Ok(()) } else { self.write_on(bytes) }
    }

    /// Takes `bytes` if they only have to be copied beside what was written before; says whether it
    /// did. No filter runs and no error is met: where there would be one, [`write`](Self::write) meets
    /// it. For handles that look at the chain only when something was passed.
    #[inline]
    pub fn gather(&mut self, bytes: &[u8]) -> bool {
        self.gather.write(bytes)
    }

    /// Takes what does not fit the run that gathers, or is too large to gather.
    #[cold]
    fn write_on(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.at.check_open()?;
        if self.response.ended && !bytes.is_empty() {
            return Err(Response::is_over(bytes));
        }
        if bytes.len() >= self.at.alloc.block_size() {
            return self.pass_bucket(Bucket::transient(bytes));
        }
        while !bytes.is_empty() {
            let taken = self.gather.write_some(bytes);
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                break;
            }
            self.finish_run();
            if self.own.resident_bytes() > PIECE_BYTES {
                self.lead_own()?;
            }
            self.gather.begin(&mut self.at.alloc);
        }
        Ok(())
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
        self.lead_own_and(Bucket::flush())
    }

    /// Bytes written and not yet passed: at most a piece and a block, and they can still be
    /// [taken back](Self::take_back).
    pub fn gathered_bytes(&self) -> usize {
        self.gather.len() + usize::try_from(self.own.resident_bytes()).unwrap_or(usize::MAX)
    }

    /// Forgets what was written and not yet passed.
    pub fn take_back(&mut self) {
        self.own.clear();
        self.gather.release(&mut self.at.alloc);
    }

    /// Storage, for buckets to be passed.
    pub fn alloc(&mut self) -> &mut BucketAlloc {
        &mut self.at.alloc
    }

    /// Gives all blocks that no bucket is in to the [cache](crate::AllocOptions::cache), or back to the
    /// system: for a connection that waits for its next request.
    pub fn trim(&mut self) {
        if self.gather.len() == 0 {
            self.gather.release(&mut self.at.alloc);
        }
        self.at.alloc.trim();
    }

    /// Says whom to wake when something that had to wait can go on.
    pub fn set_waker(&mut self, waker: &Waker) {
        self.at.waker.clone_from(waker);
    }

    /// The terminal, if it is a `T`.
    pub fn terminal<T: Terminal>(&mut self) -> Option<&mut T> {
        (&mut *self.at.terminal as &mut dyn std::any::Any).downcast_mut()
    }

    /// Bytes in memory that the filters, the chain and the terminal hold between calls.
    pub fn held_bytes(&self) -> u64 {
        let filters: u64 = self.filters().map(|(_, _, stats)| stats.held_bytes).sum();
        filters + (self.at.terminal.held_bytes() + self.gathered_bytes()) as u64
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

    pub(super) fn disk_mut(&mut self) -> &mut Option<Box<dyn Disk>> {
        &mut self.at.disk
    }

    /// Passes one bucket of the chain's own, with what was gathered before it.
    pub(super) fn lead_own_and(&mut self, bucket: Bucket<'static>) -> Result<()> {
        self.finish_run();
        self.own.push_back(bucket);
        self.lead_own()
    }

    /// Passes what was gathered and is complete.
    fn lead_own(&mut self) -> Result<()> {
        let (mut own, mut scratch) =
            (std::mem::take(&mut self.own), std::mem::take(&mut self.spare));
        let answer = self.lead(&mut own, &mut scratch);
        (self.own, self.spare) = (own, scratch);
        answer
    }

    fn finish_run(&mut self) {
        if let Some(run) = self.gather.finish(&mut self.at.alloc) {
            self.own.push_back(run);
        }
    }

    fn lead<'b>(&mut self, brigade: &mut Brigade<'b>, scratch: &mut Brigade<'b>) -> Result<()> {
        self.at.sees_owner();
        let admitted = self.at.check_open().and_then(|()| self.response.admit(brigade));
        if let Err(error) = admitted {
            return self.at.refuse_brigade(brigade).map_err(|_| error);
        }
        let ends = brigade.ends_body();
        let flushes = self.behind && brigade.iter().any(Bucket::is_flush);
        self.response.given(brigade);
        if self.at.discard > 0 {
            brigade.drop_data();
        }
        let link = match &mut self.head {
            head if self.response.ended => below_request(head),
            head => head,
        };
        let answer = hand_down(link, brigade, scratch, &mut self.at);
        if flushes && !waits(&self.head) {
            self.behind = false;
        }
        if ends {
            // No write is taken from here on: the block that gathers goes back.
            self.response.ended = true;
            self.gather.release(&mut self.at.alloc);
        }
        self.settle(answer)
    }

    /// Passes a FLUSH to the filters that are not the request's.
    pub(super) fn flush_connection(&mut self) -> Result<()> {
        let (mut flush, mut scratch) = (Brigade::from(Bucket::flush()), Brigade::new());
        let link = below_request(&mut self.head);
        let answer = hand_down(link, &mut flush, &mut scratch, &mut self.at);
        self.settle(answer)
    }

    /// After a hard error of the terminal nothing is held, and the owner learns it even if a filter
    /// kept the error for itself.
    #[inline]
    pub(super) fn settle(&mut self, answer: Result<()>) -> Result<()> {
        self.response.failed |= answer.is_err();
        if self.at.refused.is_some() {
            self.drop_held();
            return answer.and_then(|()| self.at.check_open());
        }
        self.at.alloc.wake_if_free(&self.at.waker);
        answer
    }

    pub(super) fn drop_held(&mut self) {
        self.own.clear();
        self.gather.release(&mut self.at.alloc);
        let end = self.at.refused.unwrap_or(End::ClientGone);
        let outcome = Outcome { bytes_in: self.response.bytes_in, ..Outcome::new(end, 0) };
        self.for_each(|node| node.kept.complete_all(&outcome));
        tell_end(self.take_request(), &outcome, || ());
        self.at.alloc.trim();
    }

    /// Takes the filters of the request out, those that were removed before among them.
    pub(super) fn take_request(&mut self) -> Link {
        let taken = unlink_request(&mut self.head, self.removed.take());
        renew(&mut self.head, Above::default());
        taken
    }

    pub(super) fn for_each(&mut self, mut visit: impl FnMut(&mut Node)) {
        let mut link = self.head.as_deref_mut();
        while let Some(node) = link {
            visit(node);
            link = node.next.as_deref_mut();
        }
    }
}

/// The first filter that is not the request's.
fn below_request(mut link: &mut Link) -> &mut Link {
    while link.as_ref().is_some_and(|node| node.me.is_request) {
        link = &mut link.as_mut().expect("it was there a line ago").next;
    }
    link
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
