//! A brigade: an ordered run of buckets, by value.
//!
//! Invariant: `tally` is the sum over `buckets`, so that the length of a brigade is known without a
//! walk. A bucket inside a brigade changes only through the brigade.

mod cut;
mod gather;
mod slices;
mod tally;

use std::collections::{VecDeque, vec_deque};
use std::fmt;

pub(crate) use self::gather::Gather;
pub use self::slices::IoSlices;
pub(crate) use self::tally::Tally;
use crate::{Bucket, BucketAlloc, Error, ErrorKind, ReadCx, Result};

/// An ordered run of buckets, owned by value: a ring in one allocation, which a brigade that is used
/// again keeps.
///
/// Models `apr_bucket_brigade`. A brigade for each call costs one allocation and leaves nothing
/// behind; in Apache it takes memory from the request's pool that comes back when the request ends.
///
/// ```
/// use brigade::{Brigade, Bucket};
///
/// # fn main() -> brigade::Result<()> {
/// let mut brigade = Brigade::new();
/// brigade.push_back(Bucket::transient(b"hello, "));
/// brigade.push_back(Bucket::immortal(b"world"));
/// brigade.push_back(Bucket::eos());
/// assert_eq!(brigade.len_bytes(), Some(12));
/// assert_eq!(brigade.flatten(64)?, b"hello, world");
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[doc(alias = "apr_bucket_brigade")]
pub struct Brigade<'a> {
    buckets: VecDeque<Bucket<'a>>,
    tally: Tally, // Invariant: the sum over `buckets`.
}

impl<'a> Brigade<'a> {
    /// Makes an empty brigade; it allocates with its first bucket. Models `apr_brigade_create`.
    #[doc(alias = "apr_brigade_create")]
    pub const fn new() -> Self {
        Self { buckets: VecDeque::new(), tally: Tally::new() }
    }

    /// How many buckets there are, marks included.
    #[inline]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether there is no bucket. Models `APR_BRIGADE_EMPTY`.
    #[inline]
    #[doc(alias = "APR_BRIGADE_EMPTY")]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Bytes of data, in memory or not; `None` while the length of any bucket is unknown. Takes the
    /// same time however many buckets there are. Models `apr_brigade_length`, which says -1.
    #[inline]
    #[doc(alias = "apr_brigade_length")]
    pub fn len_bytes(&self) -> Option<u64> {
        self.tally.len_bytes()
    }

    /// Bytes of data in memory: what this brigade keeps from being used for something else.
    #[inline]
    pub fn resident_bytes(&self) -> u64 {
        self.tally.resident_bytes
    }

    /// Whether a body ends in here: there is EOS, or ERROR in its place.
    #[inline]
    pub fn ends_body(&self) -> bool {
        self.tally.ends > 0
    }

    /// The bucket that goes first. Models `APR_BRIGADE_FIRST`.
    #[doc(alias = "APR_BRIGADE_FIRST")]
    pub fn front(&self) -> Option<&Bucket<'a>> {
        self.buckets.front()
    }

    /// The bucket that goes last. Models `APR_BRIGADE_LAST`.
    #[doc(alias = "APR_BRIGADE_LAST")]
    pub fn back(&self) -> Option<&Bucket<'a>> {
        self.buckets.back()
    }

    /// The buckets, first to last.
    pub fn iter(&self) -> Iter<'_, 'a> {
        Iter(self.buckets.iter())
    }

    /// Puts a bucket at the end. Models `APR_BRIGADE_INSERT_TAIL`.
    #[inline]
    #[doc(alias = "APR_BRIGADE_INSERT_TAIL")]
    pub fn push_back(&mut self, bucket: Bucket<'a>) {
        self.tally.add(&bucket);
        self.buckets.push_back(bucket);
    }

    /// Puts a bucket before all others. Models `APR_BRIGADE_INSERT_HEAD`.
    #[inline]
    #[doc(alias = "APR_BRIGADE_INSERT_HEAD")]
    pub fn push_front(&mut self, bucket: Bucket<'a>) {
        self.tally.add(&bucket);
        self.buckets.push_front(bucket);
    }

    /// Takes the first bucket out.
    #[inline]
    pub fn pop_front(&mut self) -> Option<Bucket<'a>> {
        let bucket = self.buckets.pop_front()?;
        self.tally.remove(&bucket);
        Some(bucket)
    }

    /// Takes the last bucket out.
    pub fn pop_back(&mut self) -> Option<Bucket<'a>> {
        let bucket = self.buckets.pop_back()?;
        self.tally.remove(&bucket);
        Some(bucket)
    }

    /// Moves all of `other` to the end of this brigade; `other` is empty afterwards and keeps its
    /// storage. Models `APR_BRIGADE_CONCAT`.
    #[doc(alias = "APR_BRIGADE_CONCAT")]
    pub fn append<'b: 'a>(&mut self, other: &mut Brigade<'b>) {
        let other: &mut VecDeque<Bucket<'b>> = {
            self.tally.merge(&std::mem::take(&mut other.tally));
            &mut other.buckets
        };
        self.buckets.extend(other.drain(..));
    }

    /// Moves all of `other` before this brigade's first bucket. Models `APR_BRIGADE_PREPEND`.
    #[doc(alias = "APR_BRIGADE_PREPEND")]
    pub fn prepend<'b: 'a>(&mut self, other: &mut Brigade<'b>) {
        while let Some(bucket) = other.pop_back() {
            self.push_front(bucket);
        }
    }

    /// Drops every bucket and keeps the storage. Models `apr_brigade_cleanup`.
    #[doc(alias = "apr_brigade_cleanup", alias = "apr_brigade_destroy")]
    pub fn clear(&mut self) {
        self.buckets.clear();
        self.tally = Tally::new();
    }

    /// Drops all data, unread, and keeps the marks in their order.
    pub fn drop_data(&mut self) {
        self.buckets.retain(Bucket::is_metadata);
        self.tally = Tally { ends: self.tally.ends, ..Tally::new() };
    }

    /// Takes the next piece out: a mark as it is, data with its bytes in memory. The rest of a FILE
    /// or STREAM stays in front. `None`: the brigade is empty.
    ///
    /// # Errors
    ///
    /// As [`Bucket::read`]; the bucket that failed stays in front.
    pub fn pop_read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'a>>> {
        while let Some(mut bucket) = self.pop_front() {
            if !bucket.is_deferred() {
                return Ok(Some(bucket));
            }
            let read = bucket.read(cx);
            if read.is_err() || (matches!(read, Ok(Some(_))) && bucket.len() != Some(0)) {
                self.push_front(bucket);
            }
            if let Some(piece) = read? {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Puts `len` bytes of `file`, from `offset`, at the end: one bucket, however long. Models
    /// `apr_brigade_insert_file`.
    #[doc(alias = "apr_brigade_insert_file")]
    pub fn insert_file(
        &mut self,
        file: impl Into<std::sync::Arc<std::fs::File>>,
        offset: u64,
        len: u64,
    ) {
        self.push_back(Bucket::file(file, offset, len));
    }

    /// Copies all bytes into one vector; the brigade stays as it is, marks are passed over.
    ///
    /// Models `apr_brigade_flatten`, which silently leaves out what does not fit, and
    /// `apr_brigade_pflatten`, which has no limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] for more than `limit_bytes`; [`ErrorKind::Unsupported`] when data has
    /// to be read first, see [`pop_read`](Self::pop_read).
    #[doc(alias = "apr_brigade_flatten", alias = "apr_brigade_pflatten")]
    pub fn flatten(&self, limit_bytes: u64) -> Result<Vec<u8>> {
        let len = self.tally.resident_bytes;
        if len > limit_bytes {
            let context = format!("flatten {len} bytes, limit {limit_bytes}");
            return Err(Error::new(ErrorKind::TooLarge, context));
        }
        let mut out = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        for bucket in &self.buckets {
            match bucket.bytes() {
                Some(bytes) => out.extend_from_slice(bytes),
                None if bucket.is_deferred() => {
                    let context = format!("flatten a {} that is not read", bucket.kind_name());
                    return Err(Error::new(ErrorKind::Unsupported, context));
                }
                None => {}
            }
        }
        Ok(out)
    }

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
    #[doc(
        alias = "apr_brigade_write",
        alias = "apr_brigade_puts",
        alias = "apr_brigade_putc",
        alias = "apr_brigade_writev"
    )]
    pub fn write(&mut self, alloc: &mut BucketAlloc, mut bytes: &[u8]) {
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
        struct To<'t, 'a>(&'t mut Brigade<'a>, &'t mut BucketAlloc);
        impl fmt::Write for To<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.write(self.1, text.as_bytes());
                Ok(())
            }
        }
        // Fails only if a `Display` of the caller's does; what it wrote until then stays.
        let _ = fmt::Write::write_fmt(&mut To(self, alloc), text);
    }

    /// Makes every byte outlive this call and moves all buckets to the end of `into`. Borrowed pieces
    /// are packed together, neighbouring slices of one block become one; FILE and STREAM stay unread.
    ///
    /// Models `ap_save_brigade`, which takes 8 KiB for every borrowed piece of 129 bytes or more, and
    /// drains a pipe to its end.
    #[doc(alias = "ap_save_brigade", alias = "ap_filter_setaside_brigade")]
    pub fn set_aside(&mut self, into: &mut Brigade<'static>, alloc: &mut BucketAlloc) {
        self.tally = Tally::new();
        for bucket in self.buckets.drain(..) {
            match bucket.borrowed() {
                Some(bytes) => into.write(alloc, bytes),
                None => into.push_merged(bucket.set_aside(alloc)),
            }
        }
    }

    /// The same storage for another lifetime, emptied: brigades that borrow can take turns with it.
    #[must_use]
    pub fn recycle<'b>(mut self) -> Brigade<'b> {
        self.clear();
        // `VecDeque` and `Vec` share their storage, and collecting from a `Vec`'s own iterator
        // reuses its allocation.
        let emptied = Vec::from(self.buckets).into_iter();
        let buckets: Vec<Bucket<'b>> = emptied.map(|_| Bucket::eos()).collect();
        Brigade { buckets: VecDeque::from(buckets), tally: Tally::new() }
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    fn push_merged(&mut self, bucket: Bucket<'a>) {
        let tally = Tally::of(&bucket);
        self.tally.merge(&tally);
        let kept = match self.buckets.back_mut() {
            Some(last) => last.merge(bucket),
            None => Err(bucket),
        };
        if let Err(bucket) = kept {
            self.buckets.push_back(bucket);
        }
    }

    /// Panics unless the tally is the sum over the buckets.
    #[doc(hidden)]
    pub fn assert_invariants(&self) {
        let mut sum = Tally::new();
        self.buckets.iter().for_each(|bucket| sum.add(bucket));
        assert_eq!(self.tally, sum, "the tally of {self:?}");
    }
}

impl<'a> Extend<Bucket<'a>> for Brigade<'a> {
    fn extend<I: IntoIterator<Item = Bucket<'a>>>(&mut self, buckets: I) {
        buckets.into_iter().for_each(|bucket| self.push_back(bucket));
    }
}

impl<'a> FromIterator<Bucket<'a>> for Brigade<'a> {
    fn from_iter<I: IntoIterator<Item = Bucket<'a>>>(buckets: I) -> Self {
        let mut brigade = Self::new();
        brigade.extend(buckets);
        brigade
    }
}

impl<'a> From<Bucket<'a>> for Brigade<'a> {
    fn from(bucket: Bucket<'a>) -> Self {
        std::iter::once(bucket).collect()
    }
}

impl<'a> IntoIterator for Brigade<'a> {
    type Item = Bucket<'a>;
    type IntoIter = IntoIter<'a>;

    fn into_iter(self) -> IntoIter<'a> {
        IntoIter(self.buckets.into_iter())
    }
}

impl<'r, 'a> IntoIterator for &'r Brigade<'a> {
    type Item = &'r Bucket<'a>;
    type IntoIter = Iter<'r, 'a>;

    fn into_iter(self) -> Iter<'r, 'a> {
        self.iter()
    }
}

impl fmt::Debug for Brigade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.buckets).finish()
    }
}

/// The buckets of a brigade, first to last.
#[derive(Debug)]
pub struct Iter<'r, 'a>(vec_deque::Iter<'r, Bucket<'a>>);

impl<'r, 'a> Iterator for Iter<'r, 'a> {
    type Item = &'r Bucket<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// The buckets of a brigade, owned, first to last.
#[derive(Debug)]
pub struct IntoIter<'a>(vec_deque::IntoIter<Bucket<'a>>);

impl<'a> Iterator for IntoIter<'a> {
    type Item = Bucket<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}
