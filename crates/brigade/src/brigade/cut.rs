//! Cutting a brigade: at a bucket, or at a byte.
//!
//! Invariant: a cut that fails leaves every byte and mark where it was.

use super::{Brigade, Tally};
use crate::{Bucket, Error, ErrorKind, ReadCx, Result};

impl<'a> Brigade<'a> {
    /// Keeps the first `at_bucket` buckets, marks counted, and returns the rest. Models
    /// `apr_brigade_split`.
    ///
    /// # Panics
    ///
    /// When there are fewer buckets.
    #[must_use]
    #[doc(alias = "apr_brigade_split")]
    pub fn split_off(&mut self, at_bucket: usize) -> Self {
        let tally = self.cede(at_bucket);
        Self { buckets: self.buckets.split_off(at_bucket), tally }
    }

    /// Keeps the first `at_bucket` buckets, marks counted, and moves the others to the end of
    /// `rest`: [`split_off`](Self::split_off) into a brigade that is used again, at no allocation.
    ///
    /// Models `apr_brigade_split_ex`, which first deletes what the other brigade holds.
    ///
    /// # Panics
    ///
    /// When there are fewer buckets.
    #[doc(alias = "apr_brigade_split_ex")]
    pub fn split_off_into(&mut self, at_bucket: usize, rest: &mut Self) {
        let tally = self.cede(at_bucket);
        rest.tally.merge(&tally);
        self.buckets.split_off_into(at_bucket, &mut rest.buckets);
    }

    /// Takes the buckets from `at_bucket` on, which are about to leave, off the tally; answers
    /// theirs.
    fn cede(&mut self, at_bucket: usize) -> Tally {
        let len = self.buckets.len();
        assert!(at_bucket <= len, "split a brigade of {len} buckets at {at_bucket}");
        let (kept, gone) = self.buckets.as_slice().split_at(at_bucket);
        // Whichever half is shorter is the one to count.
        let mut counted = Tally::new();
        if kept.len() <= gone.len() {
            kept.iter().for_each(|bucket| counted.add(bucket));
            self.keep(&counted)
        } else {
            gone.iter().for_each(|bucket| counted.add(bucket));
            self.tally.subtract(&counted);
            counted
        }
    }

    /// Leaves `kept` of the tally; answers the rest of it.
    fn keep(&mut self, kept: &Tally) -> Tally {
        let mut rest = std::mem::replace(&mut self.tally, *kept);
        rest.subtract(kept);
        rest
    }

    /// Cuts the brigade so that exactly `at_bytes` bytes stay; returns the rest.
    ///
    /// `at_bytes` counts data bytes; metadata takes no room, and marks at the cut go with the rest.
    /// A bucket across the cut is split, a FILE without being read. Models `apr_brigade_partition`,
    /// which leaves one brigade and returns a place in it, and reads what is in its way.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`] when fewer bytes are held; [`ErrorKind::Unsupported`] when data of
    /// unknown length is in the way. The brigade is unchanged then.
    ///
    /// ```
    /// # use brigade::{Brigade, Bucket};
    /// # fn main() -> brigade::Result<()> {
    /// let mut brigade = Brigade::from(Bucket::immortal(b"hello, world"));
    /// let rest = brigade.partition(5)?;
    /// assert_eq!((brigade.flatten(64)?, rest.flatten(64)?), (b"hello".to_vec(), b", world".to_vec()));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "apr_brigade_partition")]
    pub fn partition(&mut self, at_bytes: u64) -> Result<Self> {
        let (at_bucket, kept) = self.cut_at(at_bytes)?;
        let tally = self.keep(&kept);
        Ok(Self { buckets: self.buckets.split_off(at_bucket), tally })
    }

    /// As [`partition`](Self::partition), the rest moved to the end of a brigade that is used
    /// again, at no allocation.
    ///
    /// # Errors
    ///
    /// As [`partition`](Self::partition); both brigades are unchanged then.
    pub fn partition_into(&mut self, at_bytes: u64, rest: &mut Self) -> Result<()> {
        let (at_bucket, kept) = self.cut_at(at_bytes)?;
        let tally = self.keep(&kept);
        rest.tally.merge(&tally);
        self.buckets.split_off_into(at_bucket, &mut rest.buckets);
        Ok(())
    }

    /// As [`partition`](Self::partition), with anything in the way: data of unknown length, or of a
    /// kind that cannot be split unread, is read as far as the cut, and no piece further. A FILE is
    /// split unread.
    ///
    /// What was read is in memory, in its place: up to `at_bytes` bytes, and the rest of the last
    /// piece.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`] when there are fewer bytes, all unknown lengths then being known;
    /// what a source answered, [`ErrorKind::WouldBlock`] among it. The brigade holds the same bytes
    /// and marks as before, and another call goes on where this one had come to.
    pub fn partition_read(&mut self, at_bytes: u64, cx: &mut ReadCx<'_>) -> Result<Self> {
        let mut head = Self::new();
        match self.move_bytes_read(&mut head, at_bytes, cx) {
            Ok(()) => {
                std::mem::swap(self, &mut head);
                Ok(head)
            }
            Err(error) => {
                self.prepend(&mut head);
                Err(error)
            }
        }
    }

    /// Moves exactly `count_bytes` bytes, and the marks before them, to the end of `into`.
    fn move_bytes_read(
        &mut self,
        into: &mut Self,
        count_bytes: u64,
        cx: &mut ReadCx<'_>,
    ) -> Result<()> {
        let mut left = count_bytes;
        while left > 0 {
            let Some(mut bucket) = self.pop_front() else {
                return Err(too_short(count_bytes - left, count_bytes));
            };
            let len = bucket.len();
            if let Some(len) = len.filter(|len| *len <= left) {
                left -= len;
                into.push_joined(bucket);
                continue;
            }
            let rest = match len {
                Some(_) => bucket.split_at(left),
                None => Err(Error::new(ErrorKind::Unsupported, "split at an unknown place")),
            };
            match rest {
                Ok(rest) => {
                    self.push_front(rest);
                    into.push_joined(bucket);
                    left = 0;
                }
                // What cannot be cut as it is can be once it is in memory.
                Err(error) if bucket.is_deferred() && error.kind() == ErrorKind::Unsupported => {
                    self.push_front(bucket);
                    self.read_piece_at(0, cx)?;
                }
                Err(error) => {
                    self.push_front(bucket);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Sees to it that a bucket ends at byte `at_bytes`; says how many buckets lie before, and what
    /// they count for.
    fn cut_at(&mut self, at_bytes: u64) -> Result<(usize, Tally)> {
        // Slices are counted by what is left of `at_bytes` at the end: all else, here.
        let mut others = Tally::new();
        let mut left = at_bytes;
        let mut index = 0;
        for bucket in self.buckets.as_slice() {
            if left == 0 {
                break;
            }
            let len = match (bucket.block_ref(), bucket.len()) {
                (Some(slice), _) => slice.len() as u64,
                (None, Some(len)) => len,
                (None, None) => return Err(unknown_at(bucket, at_bytes - left, at_bytes)),
            };
            if len > left {
                break;
            }
            if bucket.resident_len().is_none() {
                others.add(bucket);
            }
            left -= len;
            index += 1;
        }
        let mut kept = others;
        kept.resident_bytes = at_bytes - left - others.deferred_bytes();
        if left > 0 {
            let Some(bucket) = self.buckets.as_mut_slice().get_mut(index) else {
                return Err(too_short(at_bytes - left, at_bytes));
            };
            let rest = bucket.split_at(left)?;
            kept.add(bucket);
            index += 1;
            self.buckets.insert(index, rest);
        }
        Ok((index, kept))
    }

    /// Drops the first `count_bytes` bytes of resident data, and the marks before them, answering
    /// each mark to `mark`. For terminals, after a write.
    ///
    /// # Panics
    ///
    /// When that many bytes are not in memory at the front.
    pub fn consume(&mut self, count_bytes: usize, mut mark: impl FnMut(Bucket<'a>)) {
        let mut left = count_bytes;
        while left > 0 {
            let Some(mut bucket) = self.pop_front() else {
                panic!("consume {count_bytes} bytes where {} are held", count_bytes - left);
            };
            let Some(len) = bucket.ready_bytes().map(<[u8]>::len) else {
                assert!(
                    bucket.is_metadata(),
                    "consume {count_bytes} bytes where {} are before {bucket:?}",
                    count_bytes - left
                );
                mark(bucket);
                continue;
            };
            if len > left {
                bucket.advance(left as u64).expect("there are more bytes than that");
                self.push_front(bucket);
                return;
            }
            left -= len;
        }
    }
}

fn unknown_at(bucket: &Bucket<'_>, held: u64, at_bytes: u64) -> Error {
    let context = format!(
        "partition at byte {at_bytes}: a {} from byte {held} on must be read first",
        bucket.kind_name()
    );
    Error::new(ErrorKind::Unsupported, context)
}

fn too_short(held: u64, at_bytes: u64) -> Error {
    let context = format!("partition {held} bytes at {at_bytes}");
    Error::new(ErrorKind::Incomplete, context)
}
