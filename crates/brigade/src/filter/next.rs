//! What a running filter sees of its chain: where to push, and what it may ask for.
//!
//! Invariant: what was pushed goes down when the call returns, before `read` fetches what is not in
//! memory or waits, and when it has grown past a piece. A filter cannot hold a body by accident.

use std::fmt;
use std::task::Waker;

use super::chain::Shared;
use super::node::{Link, Me, Member, Node, State, hand_down, waits, wants_flush};
use super::{Effects, OutputFilter};
use crate::{Brigade, Bucket, BucketAlloc, Error, Result};

/// What was pushed goes down when it has grown past this many bytes.
const PIECE_BYTES: u64 = 64 * 1024;

/// The rest of the chain, as a filter sees it while it runs.
///
/// Models the `f->next` of an `ap_filter_t`; a filter cannot re-enter the chain above it.
#[doc(alias = "ap_pass_brigade")]
pub struct Next<'c, 'b> {
    out: Brigade<'b>,
    unflushed: bool,
    below: &'c mut Link,
    me: &'c mut Me,
    at: &'c mut Shared,
}

impl<'c, 'b> Next<'c, 'b> {
    pub(super) fn new(
        spare: Brigade<'b>,
        below: &'c mut Link,
        me: &'c mut Me,
        at: &'c mut Shared,
    ) -> Self {
        Self { out: spare, unflushed: false, below, me, at }
    }

    /// Hands down what is left and gives the storage back.
    pub(super) fn finish(mut self, spare: &mut Brigade<'static>) -> Result<()> {
        let handed = self.hand_down();
        *spare = self.out.recycle();
        handed
    }

    /// Takes the next bucket out of `input`: a mark, or data with its bytes in memory. `None`: there
    /// is no more now.
    ///
    /// Data that is not in memory is read a piece at a time, the rest staying in `input`. In a
    /// blocking chain that may wait. Models `apr_bucket_read` with all that a careful filter does
    /// around it.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](crate::ErrorKind::WouldBlock) when a STREAM has nothing yet, or when the next
    /// bucket is not in memory and the chain [holds back](Self::should_yield). Return it: the chain
    /// keeps what is left in `input` and calls again. What was neither pushed nor kept in a field is
    /// lost then, so push (or keep) each bucket before reading the next. Other errors are the
    /// source's.
    pub fn read(&mut self, input: &mut Brigade<'b>) -> Result<Option<Bucket<'b>>> {
        loop {
            let Some(bucket) = input.pop_front() else { return Ok(None) };
            if bucket.is_data() && self.discards() {
                continue; // Nobody wants the body: a FILE goes unread.
            }
            if !bucket.is_deferred() {
                return Ok(Some(bucket));
            }
            input.push_front(bucket);
            self.hand_down()?;
            if self.discards() {
                continue; // Nobody wants the body since the head went down just now.
            }
            if self.should_yield() {
                return Err(Error::would_block());
            }
            let piece = input.pop_read(&mut self.at.read_cx())?;
            if piece.is_some() {
                return Ok(piece);
            }
        }
    }

    /// Gives a bucket to the filters below. It goes down when this call returns, or earlier.
    ///
    /// # Errors
    ///
    /// What a filter below or the terminal answered; return it. Waiting below is no error.
    #[inline]
    pub fn push(&mut self, bucket: Bucket<'b>) -> Result<()> {
        if bucket.is_data() && self.discards() {
            return Ok(());
        }
        if bucket.is_flush() {
            self.unflushed = false;
        } else if wants_flush(&bucket) {
            self.unflushed = true;
        }
        self.out.push_back(bucket);
        if self.out.resident_bytes() > PIECE_BYTES { self.hand_down() } else { Ok(()) }
    }

    /// Gives all of a brigade to the filters below, in one go; `brigade` is empty afterwards and keeps
    /// its storage. A brigade of the filter's own goes by `push_all(&mut mem::take(&mut self.held))`.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_all(&mut self, brigade: &mut Brigade<'b>) -> Result<()> {
        if brigade.is_empty() {
            return Ok(());
        }
        if self.discards() {
            brigade.drop_data();
        }
        if !self.out.is_empty() {
            self.hand_down()?;
        }
        if let Some(last) = brigade.back() {
            self.unflushed = wants_flush(last) || self.unflushed && !last.is_flush();
        }
        self.me.pushed(brigade.tally(), brigade.len(), self.unflushed);
        hand_down(self.below, brigade, self.me.above_next(), self.at)
    }

    /// Storage for new bytes.
    #[inline]
    pub fn alloc(&mut self) -> &mut BucketAlloc {
        &mut self.at.alloc
    }

    /// Whom to wake when a filter that answered [`WouldBlock`](crate::ErrorKind::WouldBlock) for a
    /// reason of its own can go on. In a blocking chain this unparks its thread.
    pub fn waker(&self) -> &Waker {
        &self.at.waker
    }

    /// Whether the chain holds back: the terminal is full, or a filter below waits. A filter that
    /// makes much output of little input asks between its outputs.
    pub fn should_yield(&self) -> bool {
        self.at.terminal.should_yield() || waits(self.below)
    }

    /// Says that this response is changed less than the filter declared. To be called before the
    /// first push of a response; it cannot be raised above the declaration.
    pub fn effects(&mut self, effects: Effects) {
        self.me.effects = self.me.effects.min(effects);
    }

    /// The strongest effects of the filters above on the response that is on its way.
    pub fn effects_above(&self) -> Effects {
        self.me.above.effects
    }

    /// What stands for those filters and their options that change the bytes, in order: the same for
    /// the same chain on every machine. 0 when none does. Models the suffix of mod_deflate's ETags.
    pub fn fingerprint_above(&self) -> u64 {
        self.me.above.fingerprint
    }

    /// Nobody below wants the body of this response: data is dropped at the top of the chain, a FILE
    /// unread, a STREAM unstarted; what filters in between still push is dropped here. Marks go on.
    /// This filter's own pushes are not affected.
    pub fn discard_body(&mut self) {
        self.at.discard = self.at.discard.max(self.me.order);
    }

    /// This response skips the filter from here on, at no cost; what is left in the input goes on. A
    /// connection's filter steps aside for good.
    pub fn step_aside(&mut self) {
        self.me.state = State::Aside;
    }

    /// Inserts a filter just below this one; it sees all that is pushed from here on.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), from what was pushed before.
    pub fn insert_below(&mut self, member: Member) -> Result<()> {
        self.hand_down()?;
        let mut node = Node::new(member, self.me.order + 1, self.me.is_request);
        node.next = self.below.take();
        *self.below = Some(node);
        Ok(())
    }

    /// Inserts a filter just above this one when the call returns: what is left in the input goes
    /// through it first. Return at once.
    pub fn insert_before(&mut self, member: Member) {
        self.me.insert_before = Some(member);
    }

    #[inline]
    fn discards(&self) -> bool {
        self.me.order < self.at.discard
    }

    fn hand_down(&mut self) -> Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.me.pushed(self.out.tally(), self.out.len(), self.unflushed);
        hand_down(self.below, &mut self.out, self.me.above_next(), self.at)
    }
}

impl fmt::Debug for Next<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("filter", &self.me.name).field("pushed", &self.out).finish()
    }
}

// A boxed filter must forward every method; a filter of any kind can be boxed.
const _: fn(Box<dyn OutputFilter>) -> Box<dyn OutputFilter> = |filter| Box::new(filter);
