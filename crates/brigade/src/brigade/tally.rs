//! What a brigade holds, as numbers: kept beside the buckets so that no one has to walk them.

use crate::Bucket;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) resident_bytes: u64, // Bytes of data in memory.
    // Bytes of known length that have to be read first. FILE lengths are promises of any size: only
    // this wide does their sum never wrap into a small, wrong Content-Length.
    pub(crate) deferred_bytes: u128,
    pub(crate) unknown: u32, // Buckets whose length only reading will tell.
    pub(crate) ends: u32,    // EOS, and ERROR in its place.
}

impl Tally {
    pub(crate) const fn new() -> Self {
        Self { resident_bytes: 0, deferred_bytes: 0, unknown: 0, ends: 0 }
    }

    /// Bytes of data; `None` when some length is unknown, or the sum fits in no length.
    pub(crate) fn len_bytes(&self) -> Option<u64> {
        let known = u128::from(self.resident_bytes) + self.deferred_bytes;
        if self.unknown == 0 { u64::try_from(known).ok() } else { None }
    }

    /// Known bytes, whether or not there are unknown ones beside them.
    pub(crate) fn known_bytes(&self) -> u64 {
        let known = u128::from(self.resident_bytes) + self.deferred_bytes;
        u64::try_from(known).unwrap_or(u64::MAX)
    }

    #[inline]
    pub(crate) fn add(&mut self, bucket: &Bucket<'_>) {
        match bucket.bytes() {
            Some(bytes) => self.resident_bytes += bytes.len() as u64,
            None => self.add_rest(bucket),
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, bucket: &Bucket<'_>) {
        match bucket.bytes() {
            Some(bytes) => self.resident_bytes -= bytes.len() as u64,
            None => self.remove_rest(bucket),
        }
    }

    #[inline]
    pub(crate) fn merge(&mut self, other: &Self) {
        self.resident_bytes += other.resident_bytes;
        self.deferred_bytes += other.deferred_bytes;
        self.unknown += other.unknown;
        self.ends += other.ends;
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.resident_bytes -= other.resident_bytes;
        self.deferred_bytes -= other.deferred_bytes;
        self.unknown -= other.unknown;
        self.ends -= other.ends;
    }

    #[inline(never)]
    fn add_rest(&mut self, bucket: &Bucket<'_>) {
        if bucket.is_deferred() {
            match bucket.len() {
                Some(len) => self.deferred_bytes += u128::from(len),
                None => self.unknown += 1,
            }
        } else if bucket.ends_body() {
            self.ends += 1;
        }
    }

    #[inline(never)]
    fn remove_rest(&mut self, bucket: &Bucket<'_>) {
        if bucket.is_deferred() {
            match bucket.len() {
                Some(len) => self.deferred_bytes -= u128::from(len),
                None => self.unknown -= 1,
            }
        } else if bucket.ends_body() {
            self.ends -= 1;
        }
    }
}
