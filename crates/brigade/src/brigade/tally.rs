//! What a brigade holds, as numbers: kept beside the buckets so that no one has to walk them.

use crate::Bucket;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) resident_bytes: u64, // Bytes of data in memory.
    pub(crate) deferred_bytes: u64, // Bytes of known length that have to be read first.
    pub(crate) unknown: u32,        // Buckets whose length only reading will tell.
    pub(crate) ends: u32,           // EOS, and ERROR in its place.
}

impl Tally {
    pub(crate) const fn new() -> Self {
        Self { resident_bytes: 0, deferred_bytes: 0, unknown: 0, ends: 0 }
    }

    pub(crate) fn of(bucket: &Bucket<'_>) -> Self {
        let mut tally = Self::new();
        tally.add(bucket);
        tally
    }

    pub(crate) fn len_bytes(&self) -> Option<u64> {
        (self.unknown == 0).then(|| self.resident_bytes.saturating_add(self.deferred_bytes))
    }

    /// Known bytes, whether or not there are unknown ones beside them.
    pub(crate) fn known_bytes(&self) -> u64 {
        self.resident_bytes.saturating_add(self.deferred_bytes)
    }

    #[inline]
    pub(crate) fn add(&mut self, bucket: &Bucket<'_>) {
        match bucket.bytes() {
            Some(bytes) => self.resident_bytes += bytes.len() as u64,
            None => self.merge(&Self::of_the_rest(bucket)),
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, bucket: &Bucket<'_>) {
        match bucket.bytes() {
            Some(bytes) => self.resident_bytes -= bytes.len() as u64,
            None => self.subtract(&Self::of_the_rest(bucket)),
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.resident_bytes += other.resident_bytes;
        self.deferred_bytes = self.deferred_bytes.wrapping_add(other.deferred_bytes);
        self.unknown += other.unknown;
        self.ends += other.ends;
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.resident_bytes -= other.resident_bytes;
        // FILE lengths are promises of any size: their sum may wrap, and wraps back.
        self.deferred_bytes = self.deferred_bytes.wrapping_sub(other.deferred_bytes);
        self.unknown -= other.unknown;
        self.ends -= other.ends;
    }

    fn of_the_rest(bucket: &Bucket<'_>) -> Self {
        let mut tally = Self::new();
        if bucket.is_deferred() {
            match bucket.len() {
                Some(len) => tally.deferred_bytes = len,
                None => tally.unknown = 1,
            }
        }
        tally.ends = u32::from(bucket.ends_body());
        tally
    }
}
