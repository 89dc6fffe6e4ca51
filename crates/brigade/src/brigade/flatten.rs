//! The bytes of a brigade as one run, for code that speaks slices.
//!
//! Invariant: the brigade stays as it is, and no more is copied than the caller stated.

use bytes::Bytes;

use super::Brigade;
use crate::alloc::BlockSlice;
use crate::short_copy::copy_piece;
use crate::{Bucket, Error, ErrorKind, Result};

/// What [`Brigade::flatten_into`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Bytes copied, from the front of the brigade to the front of the slice.
    pub count_bytes: usize,
    /// Whether the brigade has more data: the slice was full, or what comes next must be read
    /// first.
    pub has_rest: bool,
}

impl Brigade<'_> {
    /// Copies all bytes into one vector; the brigade stays as it is, marks are passed over.
    ///
    /// Models `apr_brigade_flatten`, which silently leaves out what does not fit, and
    /// `apr_brigade_pflatten`, which has no limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] for more than `limit_bytes`; [`ErrorKind::Unsupported`] when data
    /// has to be read first, see [`read_all`](Self::read_all).
    #[doc(alias = "apr_brigade_flatten", alias = "apr_brigade_pflatten")]
    pub fn flatten(&self, limit_bytes: u64) -> Result<Vec<u8>> {
        let len = self.tally.resident_bytes;
        if len > limit_bytes {
            let context = format!("flatten {len} bytes, limit {limit_bytes}");
            return Err(Error::new(ErrorKind::TooLarge, context));
        }
        let mut out = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        for bucket in self {
            match bucket.ready_bytes() {
                Some(bytes) => out.extend_from_slice(bytes),
                None if bucket.is_metadata() => {}
                None => {
                    let context = format!("flatten a {} that is not read", bucket.kind_name());
                    return Err(Error::new(ErrorKind::Unsupported, context));
                }
            }
        }
        Ok(out)
    }

    /// All bytes as one [`Bytes`]; the brigade stays as it is, marks are passed over. No byte is
    /// copied where all are in one bucket that is not borrowed, or in neighbouring slices of one
    /// block: what is returned then keeps that storage.
    ///
    /// # Errors
    ///
    /// As [`flatten`](Self::flatten).
    ///
    /// ```
    /// # use brigade::{Brigade, BucketAlloc};
    /// # fn main() -> brigade::Result<()> {
    /// let mut alloc = BucketAlloc::new();
    /// let parts = [b"one block, ", b"two slices."].map(|part| alloc.copy(part));
    /// let brigade: Brigade = parts.into_iter().collect();
    /// let at = brigade.front().and_then(|bucket| bucket.bytes()).map(|bytes| bytes.as_ptr());
    /// let flat = brigade.flatten_bytes(64)?;
    /// assert_eq!((&flat[..], Some(flat.as_ptr())), (&b"one block, two slices."[..], at));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "apr_brigade_pflatten")]
    pub fn flatten_bytes(&self, limit_bytes: u64) -> Result<Bytes> {
        let run = if self.tally.resident_bytes <= limit_bytes { self.as_one_run() } else { None };
        match run.and_then(Bucket::into_bytes) {
            Some(bytes) => Ok(bytes),
            None => self.flatten(limit_bytes).map(Bytes::from),
        }
    }

    /// Copies bytes from the front until `to` is full, all is copied, or data comes that must be
    /// read first; the brigade stays as it is, marks are passed over. With
    /// [`consume`](Self::consume) this takes a brigade piece by piece.
    ///
    /// Models `apr_brigade_flatten`, which does not say that more remains.
    #[doc(alias = "apr_brigade_flatten")]
    pub fn flatten_into(&self, to: &mut [u8]) -> Copied {
        let mut count_bytes = 0;
        for bucket in self {
            let Some(bytes) = bucket.ready_bytes() else {
                if bucket.is_metadata() {
                    continue;
                }
                return Copied { count_bytes, has_rest: true };
            };
            let room = &mut to[count_bytes..];
            let Some(place) = room.get_mut(..bytes.len()) else {
                room.copy_from_slice(&bytes[..room.len()]);
                return Copied { count_bytes: to.len(), has_rest: true };
            };
            copy_piece(place, bytes);
            count_bytes += bytes.len();
        }
        Copied { count_bytes, has_rest: false }
    }

    /// The one bucket that all bytes are in, or would be if neighbours were joined.
    fn as_one_run(&self) -> Option<Bucket<'_>> {
        let mut buckets = self.buckets.as_slice().iter();
        let first = buckets.find(|bucket| !has_no_bytes(bucket))?;
        let Some(start) = first.block_ref() else {
            let alone = !first.is_deferred() && buckets.all(has_no_bytes);
            return if alone { first.try_clone() } else { None };
        };
        let mut end = start;
        for bucket in buckets {
            match bucket.block_ref() {
                Some(block) if end.touches(block) => end = block,
                None if has_no_bytes(bucket) => {}
                _ => return None,
            }
        }
        Some(Bucket::block(BlockSlice::spanning(start, end)))
    }
}

/// Whether this is a mark, or data of no bytes.
fn has_no_bytes(bucket: &Bucket<'_>) -> bool {
    bucket.len() == Some(0)
}
