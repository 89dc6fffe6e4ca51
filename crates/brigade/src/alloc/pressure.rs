//! What an allocator may do while its budget is reached.
//!
//! Invariant: a block without a bucket in it does not count against the allocator that holds it, so
//! nobody waits for what it holds itself. Making a block is never refused.

use std::task::{Poll, Waker};

use super::{BucketAlloc, Budget, Charge, Share};

impl BucketAlloc {
    /// The [budget](super::AllocOptions::budget), if there is one.
    pub fn budget(&self) -> Option<&Budget> {
        self.blocks.share().map(Share::budget)
    }

    /// Counts `bytes` bytes that are no block of this allocator in its [budget](super::AllocOptions::budget),
    /// for as long as what is answered lives: what a filter or a transport keeps in storage of its own. It
    /// is never refused, as nothing in flight is; `None` without a budget.
    ///
    /// ```
    /// use brigade::{AllocOptions, Budget};
    ///
    /// let budget = Budget::new(1 << 20);
    /// let alloc = AllocOptions::default().budget(budget.clone()).build();
    /// let window = vec![0; 32 * 1024]; // a decoder's
    /// let counted = alloc.charge(window.len());
    /// assert_eq!(budget.held_bytes(), 32 * 1024);
    /// drop(counted);
    /// assert_eq!(budget.held_bytes(), 0);
    /// ```
    pub fn charge(&self, bytes: usize) -> Option<Charge> {
        self.blocks.share().map(|share| share.charge(bytes))
    }

    /// Waits for room in the [budget](super::AllocOptions::budget): for who fills blocks past
    /// [`Bucket::read`](crate::Bucket::read), as one that receives. `waker` is called when it may, in
    /// its turn. Ready at once without a budget, below the limit, and for one that holds no block: it
    /// may fill one over the limit. While the limit is reached it [trims](Self::trim).
    ///
    /// ```
    /// use std::task::Waker;
    /// use brigade::{AllocOptions, Budget};
    ///
    /// let options = AllocOptions::default().budget(Budget::new(8 * 1024)); // one block
    /// let (mut first, mut second) = (options.clone().build(), options.build());
    /// let held = first.copy(b"held");
    /// assert!(first.poll_room(Waker::noop()).is_pending());
    /// assert!(second.poll_room(Waker::noop()).is_ready()); // it holds nothing yet
    /// drop(held);
    /// assert!(first.poll_room(Waker::noop()).is_ready());
    /// ```
    pub fn poll_room(&mut self, waker: &Waker) -> Poll<()> {
        if self.is_pressed() {
            self.trim();
        }
        let Some(share) = self.blocks.share() else { return Poll::Ready(()) };
        if self.blocks.live() == 0 {
            share.served();
            return Poll::Ready(());
        }
        if self.is_turned_away(share, waker) { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Whether there is a budget and its limit is reached.
    #[inline]
    pub(crate) fn is_pressed(&self) -> bool {
        self.blocks.is_pressed()
    }

    /// Whether nothing may be read now for want of budget; `waker` is called when it may.
    #[inline]
    pub(crate) fn is_over_budget(&self, waker: &Waker) -> bool {
        self.blocks.share().is_some_and(|share| self.is_turned_away(share, waker))
    }

    fn is_turned_away(&self, share: &Share, waker: &Waker) -> bool {
        let budget = share.budget();
        let goes_on = !budget.is_exhausted() || {
            let own = self.blocks.count_free() * self.block_size();
            budget.held_bytes().saturating_sub(own) < budget.limit_bytes()
        };
        if goes_on {
            share.served();
        }
        !goes_on && share.wait(waker)
    }

    /// Whether something may be read now. If not, `waker` is called when it may.
    #[inline]
    pub(crate) fn may_read(&mut self, waker: &Waker) -> bool {
        self.blocks.share().is_none() || self.may_read_on(waker)
    }

    fn may_read_on(&mut self, waker: &Waker) -> bool {
        if self.is_pressed() {
            // A block that came back is to be lent before the read makes another.
            self.blocks.find_free();
        }
        !self.is_over_budget(waker)
    }

    /// Whether a read, or who asked [`Chain::should_yield`](crate::Chain::should_yield) or
    /// [`poll_room`](Self::poll_room), was turned away for want of budget, and none has been let through
    /// since: tells a wait for room from one for a peer or a source.
    #[inline]
    pub fn waits_for_budget(&self) -> bool {
        self.blocks.share().is_some_and(Share::is_waiting)
    }

    /// If it was turned away and may go on by what came back to it since, which nobody else would tell:
    /// calls `waker`.
    #[inline]
    pub(crate) fn wake_if_free(&self, waker: &Waker) {
        if self.waits_for_budget() && !self.is_over_budget(waker) {
            waker.wake_by_ref();
        }
    }
}
