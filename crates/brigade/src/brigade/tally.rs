//! What a brigade holds, as numbers: kept beside the buckets so that no one has to walk them.

use crate::Bucket;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) resident_bytes: u64, // Bytes of data in memory.
    // Bytes of known length that have to be read first, low and high part. FILE lengths are promises
    // of any size: their sum must never wrap into a small, wrong Content-Length.
    deferred_low: u64,
    deferred_high: u32,
    pub(crate) unknown: u32, // Buckets whose length only reading will tell.
    pub(crate) marks: u32,
    pub(crate) ends: u32, // EOS, and ERROR in its place; marks too.
}

impl Tally {
    pub(crate) const fn new() -> Self {
        Self { resident_bytes: 0, deferred_low: 0, deferred_high: 0, unknown: 0, marks: 0, ends: 0 }
    }

    /// Bytes of data; `None` when some length is unknown, or the sum fits in no length.
    pub(crate) fn len_bytes(&self) -> Option<u64> {
        if self.unknown > 0 || self.deferred_high > 0 {
            return None;
        }
        self.resident_bytes.checked_add(self.deferred_low)
    }

    /// Known bytes, whether or not there are unknown ones beside them. For counters, which may wrap.
    #[inline]
    pub(crate) fn known_bytes(&self) -> u64 {
        self.resident_bytes.wrapping_add(self.deferred_low)
    }

    /// Known bytes, whether or not there are unknown ones beside them, up to the longest of lengths.
    pub(crate) fn known_bytes_saturating(&self) -> u64 {
        match self.deferred_high {
            0 => self.resident_bytes.saturating_add(self.deferred_low),
            _ => u64::MAX,
        }
    }

    /// Bytes of known length that have to be read first, of buckets that lie before a place in the
    /// brigade: their sum fits in a length.
    pub(super) fn deferred_bytes(&self) -> u64 {
        debug_assert_eq!(self.deferred_high, 0, "a sum that fits");
        self.deferred_low
    }

    /// Whether there is nothing but data of known length.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.unknown | self.marks == 0
    }

    /// The marks alone.
    pub(crate) fn of_marks(&self) -> Self {
        Self { marks: self.marks, ends: self.ends, ..Self::new() }
    }

    #[allow(clippy::inline_always)] // A bucket passed by pointer waits for its own stores.
    #[inline(always)]
    pub(crate) fn add(&mut self, bucket: &Bucket<'_>) {
        match bucket.resident_len() {
            Some(len) => self.resident_bytes += len as u64,
            None => self.add_boxed(bucket),
        }
    }

    #[allow(clippy::inline_always)] // A bucket passed by pointer waits for its own stores.
    #[inline(always)]
    pub(crate) fn remove(&mut self, bucket: &Bucket<'_>) {
        match bucket.resident_len() {
            Some(len) => self.resident_bytes -= len as u64,
            None => self.remove_boxed(bucket),
        }
    }

    #[inline]
    pub(crate) fn merge(&mut self, other: &Self) {
        let (low, carry) = self.deferred_low.overflowing_add(other.deferred_low);
        self.resident_bytes += other.resident_bytes;
        self.deferred_low = low;
        self.deferred_high += other.deferred_high + u32::from(carry);
        self.unknown += other.unknown;
        self.marks += other.marks;
        self.ends += other.ends;
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        let (low, borrow) = self.deferred_low.overflowing_sub(other.deferred_low);
        self.resident_bytes -= other.resident_bytes;
        self.deferred_low = low;
        self.deferred_high -= other.deferred_high + u32::from(borrow);
        self.unknown -= other.unknown;
        self.marks -= other.marks;
        self.ends -= other.ends;
    }

    // Somebody else's bytes, which come by the thousand out of other servers' bodies, are counted
    // without a tally of their own.

    #[inline(never)]
    fn add_boxed(&mut self, bucket: &Bucket<'_>) {
        match bucket.bytes() {
            Some(bytes) => self.resident_bytes += bytes.len() as u64,
            None => self.merge(&Self::of_boxed(bucket)),
        }
    }

    #[inline(never)]
    fn remove_boxed(&mut self, bucket: &Bucket<'_>) {
        match bucket.bytes() {
            Some(bytes) => self.resident_bytes -= bytes.len() as u64,
            None => self.subtract(&Self::of_boxed(bucket)),
        }
    }

    /// What a bucket counts for whose kind is no slice.
    #[inline(never)]
    fn of_boxed(bucket: &Bucket<'_>) -> Self {
        let mut tally = Self::new();
        if bucket.is_metadata() {
            tally.marks = 1;
            tally.ends = u32::from(bucket.ends_body());
            return tally;
        }
        match (bucket.is_deferred(), bucket.len()) {
            (false, len) => tally.resident_bytes = len.unwrap_or(0),
            (true, Some(len)) => tally.deferred_low = len,
            (true, None) => tally.unknown = 1,
        }
        tally
    }
}
