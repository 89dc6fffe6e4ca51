//! Whose bytes have gone: tells each EOR how its response ended.
//!
//! Invariant: marks come here in their order, each after the last byte before it was taken; an EOR is
//! told once, and `Complete` only when the transport keeps none of its bytes.

use std::collections::VecDeque;

use brigade::{Bucket, BucketAlloc, End, Outcome};

/// Whether the transport itself keeps bytes that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Clear,
    KeepsBytes,
}

#[derive(Debug, Default)]
pub(super) struct Responses {
    bytes_out: u64, // Taken since the last EOR.
    failed: bool,   // An ERROR went by since then.
    queued: usize,  // EORs that arrived and have not been told.
    // EORs whose last byte the transport took and keeps.
    taken: VecDeque<(Bucket<'static>, Outcome)>,
}

impl Responses {
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    pub(super) fn arrived(&mut self, bucket: &Bucket<'_>) {
        self.queued += usize::from(bucket.is_eor());
    }

    pub(super) fn took(&mut self, bytes: u64) {
        self.bytes_out += bytes;
    }

    /// Deals with a mark that no byte precedes any more.
    pub(super) fn mark(&mut self, mark: Bucket<'_>, line: Line, alloc: &mut BucketAlloc) {
        if mark.as_error().is_some() {
            self.failed = true;
        } else if mark.is_eor() {
            let end = if self.failed { End::Failed } else { End::Complete };
            let outcome = self.end_response(end);
            match line {
                Line::Clear => self.tell(mark, &outcome),
                Line::KeepsBytes => self.taken.push_back((mark.set_aside(alloc), outcome)),
            }
        }
    }

    /// The transport keeps nothing any more.
    pub(super) fn line_is_clear(&mut self) {
        while let Some((mark, outcome)) = self.taken.pop_front() {
            self.tell(mark, &outcome);
        }
    }

    /// The rest will never be taken.
    pub(super) fn abort(&mut self, end: End) {
        while let Some((mark, outcome)) = self.taken.pop_front() {
            self.tell(mark, &Outcome::new(end, outcome.bytes_out));
        }
    }

    /// Deals with a bucket that will never be taken.
    pub(super) fn drop_bucket(&mut self, bucket: Bucket<'_>, end: End) {
        if bucket.is_eor() {
            let outcome = self.end_response(end);
            self.tell(bucket, &outcome);
        }
    }

    fn end_response(&mut self, end: End) -> Outcome {
        self.failed = false;
        Outcome::new(end, std::mem::take(&mut self.bytes_out))
    }

    fn tell(&mut self, eor: Bucket<'_>, outcome: &Outcome) {
        self.queued -= 1;
        eor.complete(outcome);
    }
}
