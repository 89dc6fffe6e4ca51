//! Copying bytes into a brigade.
//!
//! Invariant: bytes are copied once, into the open block; neighbouring slices of one block are joined
//! without a copy.

use std::fmt;

use super::{Brigade, Tally};
use crate::{Bucket, BucketAlloc};

impl<'a> Brigade<'a> {
    /// Copies `bytes` to the end, where they gather with what was written before: small writes share
    /// a bucket until its block is full. Models `apr_brigade_write`, whose gathering ends after the
    /// first 8,000 bytes.
    ///
    /// ```
    /// # use brigade::{Brigade, BucketAlloc};
    /// # let mut alloc = BucketAlloc::new();
    /// let mut brigade = Brigade::new();
    /// for _ in 0..3000 {
    ///     brigade.write(&mut alloc, b"hello\0");
    /// }
    /// assert_eq!((brigade.len(), brigade.len_bytes()), (3, Some(18_000)));
    /// ```
    #[doc(alias = "apr_brigade_write", alias = "apr_brigade_puts", alias = "apr_brigade_putc")]
    #[inline]
    pub fn write(&mut self, alloc: &mut BucketAlloc, bytes: &[u8]) {
        if let Some(slice) = self.buckets.back_mut().and_then(Bucket::block_mut)
            && alloc.extend_whole(slice, bytes)
        {
            self.tally.resident_bytes += bytes.len() as u64;
        } else {
            self.write_on(alloc, bytes);
        }
    }

    /// Writes where the last bucket, if it is the place at all, has not room for all.
    #[cold]
    #[inline(never)]
    fn write_on(&mut self, alloc: &mut BucketAlloc, mut bytes: &[u8]) {
        if let Some(slice) = self.buckets.back_mut().and_then(Bucket::block_mut) {
            let taken = alloc.extend(slice, bytes);
            self.tally.resident_bytes += taken as u64;
            bytes = &bytes[taken..];
        }
        while !bytes.is_empty() {
            let slice = alloc.begin(bytes);
            bytes = &bytes[slice.len()..];
            self.push_back(Bucket::block(slice));
        }
    }

    /// Formats to the end, as [`write`](Self::write) does: `format_args!("{n}\n")`. Models
    /// `apr_brigade_printf`.
    #[doc(alias = "apr_brigade_printf", alias = "apr_brigade_vprintf")]
    pub fn print(&mut self, alloc: &mut BucketAlloc, text: fmt::Arguments<'_>) {
        // Fails only if a `Display` of the caller's does; what it wrote until then stays.
        let _ = fmt::Write::write_fmt(&mut self.writer(alloc), text);
    }

    /// Makes every byte outlive this call and moves all buckets to the end of `into`. Borrowed pieces
    /// are packed together, neighbouring slices of one block become one; FILE and STREAM stay unread.
    ///
    /// Models `ap_save_brigade`, which takes 8 KiB for every borrowed piece of 129 bytes or more, and
    /// drains a pipe to its end.
    #[doc(alias = "ap_save_brigade", alias = "ap_filter_setaside_brigade")]
    pub fn set_aside(&mut self, into: &mut Brigade<'static>, alloc: &mut BucketAlloc) {
        self.tally = Tally::new();
        for bucket in self.buckets.drain() {
            match bucket.borrowed() {
                Some([]) => into.push_back(Bucket::immortal(b"")),
                Some(bytes) => into.write(alloc, bytes),
                None => into.push_joined(bucket.set_aside(alloc)),
            }
        }
    }

    /// Puts a bucket at the end, or adds its bytes to the last bucket if they follow it in its block.
    pub(super) fn push_joined(&mut self, bucket: Bucket<'a>) {
        self.tally.add(&bucket);
        let kept = match self.buckets.back_mut() {
            Some(last) => last.merge(bucket),
            None => Err(bucket),
        };
        if let Err(bucket) = kept {
            self.buckets.push_back(bucket);
        }
    }
}
