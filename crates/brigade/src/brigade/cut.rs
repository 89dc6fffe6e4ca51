//! Cutting a brigade: at a bucket, at a byte, after a line.
//!
//! Invariant: a cut that fails leaves the brigade as it was.

use super::{Brigade, Tally};
use crate::{Bucket, Error, ErrorKind, Result};

impl<'a> Brigade<'a> {
    /// Keeps the first `at_bucket` buckets, marks counted, and returns the rest. Models
    /// `apr_brigade_split`.
    ///
    /// # Panics
    ///
    /// When there are fewer buckets.
    #[must_use]
    #[doc(alias = "apr_brigade_split", alias = "apr_brigade_split_ex")]
    pub fn split_off(&mut self, at_bucket: usize) -> Self {
        let len = self.buckets.len();
        assert!(at_bucket <= len, "split a brigade of {len} buckets at {at_bucket}");
        let buckets = self.buckets.split_off(at_bucket);
        let mut tally = Tally::new();
        // Whichever half is shorter is the one to count.
        if at_bucket <= buckets.len() {
            let mut kept = Tally::new();
            self.iter().for_each(|bucket| kept.add(bucket));
            tally = self.tally;
            tally.subtract(&kept);
            self.tally = kept;
        } else {
            buckets.as_slice().iter().for_each(|bucket| tally.add(bucket));
            self.tally.subtract(&tally);
        }
        Self { buckets, tally }
    }

    /// Cuts the brigade so that exactly `at_bytes` bytes stay; returns the rest.
    ///
    /// `at_bytes` counts data bytes; metadata takes no room, and marks at the cut go with the rest. A
    /// bucket across the cut is split, a FILE without being read. Models `apr_brigade_partition`,
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
        let mut before = 0;
        let mut index = 0;
        while before < at_bytes {
            let Some(bucket) = self.buckets.as_mut_slice().get_mut(index) else {
                let context = format!("partition {before} bytes at {at_bytes}");
                return Err(Error::new(ErrorKind::Incomplete, context));
            };
            let Some(len) = bucket.len() else {
                let context = format!(
                    "partition at byte {at_bytes}: a {} from byte {before} on must be read first",
                    bucket.kind_name()
                );
                return Err(Error::new(ErrorKind::Unsupported, context));
            };
            let here = at_bytes - before;
            if len > here {
                let rest = bucket.split_at(here)?;
                self.buckets.insert(index + 1, rest);
                before = at_bytes;
            } else {
                before += len;
            }
            index += 1;
        }
        Ok(self.split_off(index))
    }

    /// Moves one line, through its LF, to the end of `into`; says whether a line is complete.
    ///
    /// At most `limit_bytes` bytes move. `false`: no LF within the limit, or none yet; what moved
    /// stays in `into`, and the next call goes on. A mark ends the search without being moved, since
    /// no line goes on past an end of body. Models `apr_brigade_split_line`, whose limit whole buckets
    /// exceed, and which walks over EOS.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] when the next data has to be read first.
    #[doc(alias = "apr_brigade_split_line")]
    pub fn split_line(&mut self, into: &mut Self, limit_bytes: u64) -> Result<bool> {
        let mut left = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        while let Some(front) = self.buckets.front_mut() {
            let Some(bytes) = front.bytes() else {
                if front.is_metadata() {
                    return Ok(false);
                }
                let context = format!("split a line: a {} must be read first", front.kind_name());
                return Err(Error::new(ErrorKind::Unsupported, context));
            };
            let len = bytes.len();
            let seen = len.min(left);
            let found = memchr::memchr(b'\n', &bytes[..seen]);
            let taken = found.map_or(seen, |at| at + 1);
            if taken == len {
                // All of it; empty data is no part of a line, and goes.
                if let Some(bucket) = self.pop_front().filter(|_| taken > 0) {
                    into.push_back(bucket);
                }
            } else if taken > 0 {
                let rest = front.split_at(taken as u64)?;
                self.tally.resident_bytes -= taken as u64;
                into.push_back(std::mem::replace(front, rest));
            }
            left -= taken;
            if found.is_some() || left == 0 {
                return Ok(found.is_some());
            }
        }
        Ok(false)
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
            let Some(len) = bucket.bytes().map(<[u8]>::len) else {
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
