//! The buckets of a brigade: a vector whose front moves.
//!
//! Invariant: the slots before `head` hold nothing that needs dropping; when there is no bucket, `head`
//! is 0 and the vector is empty.
//!
//! A `VecDeque` does the same for a third more instructions a pass: it wraps at every access, and its
//! drop looks at two slices. A `SmallVec` refuses, by its drop check, a brigade that is declared before
//! what it borrows.

use std::mem::ManuallyDrop;
use std::vec;

use crate::Bucket;

#[derive(Default)]
pub(super) struct Store<'a> {
    buckets: Vec<Bucket<'a>>,
    head: usize,
}

impl<'a> Store<'a> {
    pub(super) const fn new() -> Self {
        Self { buckets: Vec::new(), head: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.buckets.len() - self.head
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    #[inline]
    pub(super) fn front(&self) -> Option<&Bucket<'a>> {
        self.buckets.get(self.head)
    }

    #[inline]
    pub(super) fn front_mut(&mut self) -> Option<&mut Bucket<'a>> {
        self.buckets.get_mut(self.head)
    }

    /// Whether there is storage to be kept.
    #[inline]
    pub(super) fn has_storage(&self) -> bool {
        self.buckets.capacity() > 0
    }

    #[inline]
    pub(super) fn back(&self) -> Option<&Bucket<'a>> {
        self.buckets.last()
    }

    #[inline]
    pub(super) fn back_mut(&mut self) -> Option<&mut Bucket<'a>> {
        self.buckets.last_mut()
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[Bucket<'a>] {
        &self.buckets[self.head..]
    }

    #[inline]
    pub(super) fn as_mut_slice(&mut self) -> &mut [Bucket<'a>] {
        &mut self.buckets[self.head..]
    }

    #[allow(clippy::inline_always)] // A bucket passed by pointer waits for its own stores.
    #[inline(always)]
    pub(super) fn push_back(&mut self, bucket: Bucket<'a>) {
        // No unwinding may see the bucket: the optimizer then keeps its fields in registers. Written to
        // the stack in three words and read back in two it would wait for the stores, which costs more
        // than all else here.
        let bucket = ManuallyDrop::new(bucket);
        if self.buckets.len() == self.buckets.capacity() {
            self.make_room();
        }
        assert!(self.buckets.len() < self.buckets.capacity(), "room was made");
        self.buckets.push(ManuallyDrop::into_inner(bucket));
    }

    /// Makes room at the end: by moving what is left to the front if that is at most half.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        if self.head > self.buckets.len() / 2 {
            self.compact();
        } else {
            self.buckets.reserve(1);
        }
    }

    pub(super) fn reserve(&mut self, more: usize) {
        self.buckets.reserve(more);
    }

    pub(super) fn push_front(&mut self, bucket: Bucket<'a>) {
        if self.head == 0 {
            // As much room as there are buckets, so that many in a row cost little each.
            let room = self.buckets.len().max(1);
            self.buckets.splice(..0, std::iter::repeat_with(Bucket::hollow).take(room));
            self.head = room;
        }
        self.head -= 1;
        self.buckets[self.head] = bucket;
    }

    #[allow(clippy::inline_always)] // A bucket passed by pointer waits for its own stores.
    #[inline(always)]
    pub(super) fn pop_front(&mut self) -> Option<Bucket<'a>> {
        if self.buckets.len() == self.head + 1 {
            // Nor may any see it here, where the hollow ones go.
            let last = ManuallyDrop::new(self.buckets.pop());
            if self.head > 0 {
                self.clear();
            }
            return ManuallyDrop::into_inner(last);
        }
        let bucket = self.buckets.get_mut(self.head)?.take();
        self.head += 1;
        Some(bucket)
    }

    #[inline]
    pub(super) fn pop_back(&mut self) -> Option<Bucket<'a>> {
        let bucket = self.buckets.pop();
        self.forget_hollows();
        bucket
    }

    /// Restores the invariant where the last bucket may be gone.
    #[inline]
    fn forget_hollows(&mut self) {
        if self.buckets.len() == self.head {
            self.clear();
        }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.head = 0;
        self.buckets.clear();
    }

    /// Takes all out; the storage stays.
    #[inline]
    pub(super) fn drain(&mut self) -> vec::Drain<'_, Bucket<'a>> {
        self.compact();
        self.buckets.drain(..)
    }

    pub(super) fn append<'b: 'a>(&mut self, other: &mut Store<'b>) {
        other.compact();
        // In one move of memory; bucket by bucket each would be looked at.
        let mut buckets: Vec<Bucket<'a>> = std::mem::take(&mut other.buckets);
        self.buckets.append(&mut buckets);
        other.buckets = recycle(buckets);
    }

    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let rest = self.buckets.split_off(self.head + at);
        self.forget_hollows();
        Self { buckets: rest, head: 0 }
    }

    /// Moves the buckets from `at` on to the end of `rest`.
    pub(super) fn split_off_into(&mut self, at: usize, rest: &mut Self) {
        rest.buckets.extend(self.buckets.drain(self.head + at..));
        self.forget_hollows();
    }

    pub(super) fn insert(&mut self, at: usize, bucket: Bucket<'a>) {
        self.buckets.insert(self.head + at, bucket);
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Bucket<'a>) -> bool) {
        self.compact();
        self.buckets.retain(keep);
    }

    /// Everything, for a new owner.
    pub(super) fn into_vec(mut self) -> Vec<Bucket<'a>> {
        self.compact();
        self.buckets
    }

    /// The same storage for another lifetime, emptied.
    pub(super) fn recycle<'b>(mut self) -> Store<'b> {
        self.clear();
        Store { buckets: recycle(self.buckets), head: 0 }
    }

    #[inline]
    fn compact(&mut self) {
        if self.head > 0 {
            self.buckets.drain(..self.head);
            self.head = 0;
        }
    }
}

/// The storage of an empty vector for another lifetime.
#[inline]
fn recycle<'b>(empty: Vec<Bucket<'_>>) -> Vec<Bucket<'b>> {
    debug_assert!(empty.is_empty(), "only storage lives longer than what was in it");
    // Collecting from a vector's own iterator reuses its allocation: a test counts allocations,
    // since this is std's way and not its promise.
    empty.into_iter().map(|_| Bucket::eos()).collect()
}
