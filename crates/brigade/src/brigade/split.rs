//! Where a search for the end of a line or of a part stopped.
//!
//! Invariant: what was searched and moved is data in memory; marks stay, and are never deleted.

use super::Brigade;
use crate::Bucket;

/// Why [`Brigade::split_line`] or [`Brigade::split_boundary`] stopped.
///
/// Apache answers success to all of them, and the caller looks at the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Split {
    /// At what it looked for: the line or the part is complete.
    Found,
    /// At the limit: there is at least one byte more, and it would be one too many.
    Limit,
    /// Before a mark, which is the front of the brigade now. After EOS or ERROR nothing more comes;
    /// any other is for the caller to take out and pass on before it calls again.
    Mark,
    /// At the end of what the brigade holds: call again when it holds more.
    More,
}

impl Split {
    /// Whether the line or the part is complete.
    pub fn is_found(self) -> bool {
        self == Self::Found
    }
}

impl<'a> Brigade<'a> {
    /// How many more bytes this brigade may hold in memory.
    #[inline]
    pub(super) fn room(&self, limit_bytes: u64) -> usize {
        let room = limit_bytes.saturating_sub(self.tally.resident_bytes);
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// Moves the first `count` bytes of the front bucket, which has `len` of them in memory, to the
    /// end of `into`. A front of no bytes goes.
    #[inline]
    pub(super) fn move_front(&mut self, into: &mut Self, count: usize, len: usize) {
        if 0 < count
            && count < len
            && let Some(head) =
                self.buckets.front_mut().and_then(|front| front.take_borrowed(count))
        {
            // The way of a head that a parser splits into lines: moved as two words, it does not
            // wait for its own stores, which is most of what a line costs otherwise.
            self.tally.resident_bytes -= count as u64;
            into.push_back(Bucket::transient(head));
        } else {
            self.move_owned(into, count, len);
        }
    }

    #[inline(never)]
    fn move_owned(&mut self, into: &mut Self, count: usize, len: usize) {
        if count == len {
            if let Some(bucket) = self.pop_front().filter(|_| count > 0) {
                into.push_next(bucket);
            }
        } else if let Some(front) = self.buckets.front_mut().filter(|_| count > 0) {
            self.tally.resident_bytes -= count as u64;
            let rest = front.split_at(count as u64).expect("there are more bytes than that");
            into.push_next(std::mem::replace(front, rest));
        }
    }

    /// Puts a bucket at the end; pieces that follow each other in a block, as those of one STREAM
    /// do, become one.
    #[inline]
    fn push_next(&mut self, bucket: Bucket<'a>) {
        if self.is_empty() { self.push_back(bucket) } else { self.push_joined(bucket) }
    }
}
