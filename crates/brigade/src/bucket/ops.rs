//! What can be done to a bucket: split, advance, set aside, clone, read, complete.
//!
//! Invariants: an operation that fails leaves the bucket as it was. Only borrowed bytes are ever
//! copied. What is left with no bytes holds no storage.

use bytes::{Buf, Bytes};

use super::{Boxed, Bucket, Outcome, ReadCx, Repr, data};
use crate::alloc::{BlockSlice, BucketAlloc};
use crate::{Error, ErrorKind, Result};

impl<'a> Bucket<'a> {
    /// Keeps the first `at_bytes` bytes and returns the rest; no byte is copied or read. Either half
    /// may be empty. Models `apr_bucket_split`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`] past the end, [`ErrorKind::Unsupported`] for marks and for data that
    /// has to be read first to be cut. The bucket is unchanged then.
    #[doc(alias = "apr_bucket_split")]
    pub fn split_at(&mut self, at_bytes: u64) -> Result<Self> {
        let at = usize::try_from(at_bytes).unwrap_or(usize::MAX);
        Ok(match &mut self.0 {
            Repr::Transient(bytes) if at <= bytes.len() => {
                Self(Repr::Transient(take_tail(bytes, at)))
            }
            Repr::Immortal(bytes) if at <= bytes.len() => {
                Self(Repr::Immortal(take_tail(bytes, at)))
            }
            Repr::Block(slice) if at < slice.len() && at > 0 => {
                Self(Repr::Block(slice.split_off(at)))
            }
            Repr::Block(slice) if at == slice.len() => Self::EMPTY,
            Repr::Block(_) if at == 0 => std::mem::replace(self, Self::EMPTY),
            _ => return self.split_boxed(at_bytes),
        })
    }

    /// Takes the first `at` bytes off, if all are borrowed and there are as many.
    #[inline]
    pub(crate) fn take_borrowed(&mut self, at: usize) -> Option<&'a [u8]> {
        match &mut self.0 {
            Repr::Transient(bytes) => {
                let (head, tail) = bytes.split_at_checked(at)?;
                *bytes = tail;
                Some(head)
            }
            _ => None,
        }
    }

    fn split_boxed(&mut self, at_bytes: u64) -> Result<Self> {
        self.check_cut("split", at_bytes)?;
        match &mut self.0 {
            Repr::Boxed(boxed) => match &mut **boxed {
                Boxed::Bytes(bytes) => {
                    // It has been checked against a length in memory.
                    let at = usize::try_from(at_bytes).unwrap_or(usize::MAX);
                    Ok(Bucket::heap(bytes.split_off(at)))
                }
                Boxed::Data(data) => Ok(Bucket::of_boxed(data.split_at(at_bytes)?)),
                _ => Err(self.cannot("split")),
            },
            _ => Err(self.cannot("split")),
        }
    }

    /// Drops the first `count_bytes` bytes of data: they have been dealt with.
    ///
    /// # Errors
    ///
    /// As [`split_at`](Self::split_at).
    pub fn advance(&mut self, count_bytes: u64) -> Result<()> {
        let count = usize::try_from(count_bytes).unwrap_or(usize::MAX);
        match &mut self.0 {
            Repr::Transient(bytes) if count <= bytes.len() => *bytes = &bytes[count..],
            Repr::Immortal(bytes) if count <= bytes.len() => *bytes = &bytes[count..],
            Repr::Block(slice) if count < slice.len() => slice.advance(count),
            Repr::Block(slice) if count == slice.len() => *self = Self::EMPTY,
            _ => return self.advance_boxed(count_bytes),
        }
        Ok(())
    }

    fn advance_boxed(&mut self, count_bytes: u64) -> Result<()> {
        self.check_cut("advance", count_bytes)?;
        match &mut self.0 {
            Repr::Boxed(boxed) => match &mut **boxed {
                Boxed::Bytes(bytes) => {
                    bytes.advance(usize::try_from(count_bytes).unwrap_or(usize::MAX));
                }
                Boxed::Data(data) => *data = data.split_at(count_bytes)?,
                _ => return Err(self.cannot("advance")),
            },
            _ => return Err(self.cannot("advance")),
        }
        Ok(())
    }

    /// Makes the bytes outlive this call: borrowed bytes are copied into a block, all else stays as
    /// it is, a FILE unread. A whole brigade is packed better by
    /// [`Brigade::set_aside`](crate::Brigade::set_aside).
    ///
    /// Models `apr_bucket_setaside`.
    #[must_use = "the bucket that lives on is the one answered"]
    #[doc(alias = "apr_bucket_setaside")]
    pub fn set_aside(self, alloc: &mut BucketAlloc) -> Bucket<'static> {
        match self.0 {
            Repr::Transient(bytes) => alloc.copy(bytes),
            Repr::Immortal(bytes) => Bucket(Repr::Immortal(bytes)),
            Repr::Block(slice) => Bucket(Repr::Block(slice)),
            Repr::Flush => Bucket(Repr::Flush),
            Repr::Eos => Bucket(Repr::Eos),
            Repr::Eoc => Bucket(Repr::Eoc),
            Repr::Boxed(boxed) => Bucket(Repr::Boxed(boxed)),
        }
    }

    /// The same bytes or mark once more, sharing storage; `None` for what there can be only one of: a
    /// STREAM, EOR, a kind that does not say how. Models `apr_bucket_copy`.
    #[must_use]
    #[doc(alias = "apr_bucket_copy")]
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self(match &self.0 {
            Repr::Transient(bytes) => Repr::Transient(bytes),
            Repr::Immortal(bytes) => Repr::Immortal(bytes),
            Repr::Block(slice) => Repr::Block(slice.clone()),
            Repr::Flush => Repr::Flush,
            Repr::Eos => Repr::Eos,
            Repr::Eoc => Repr::Eoc,
            Repr::Boxed(boxed) => Repr::boxed(match &**boxed {
                Boxed::Bytes(bytes) => Boxed::Bytes(bytes.clone()),
                Boxed::Data(data) => Boxed::Data(data.try_clone()?),
                Boxed::Metadata(mark) => Boxed::Metadata(mark.try_clone()?),
                Boxed::Error(error) => Boxed::Error(error.clone()),
                Boxed::Eor(_) => return None,
            }),
        }))
    }

    /// Reads the next piece: the bucket becomes what is left. `None`: nothing is left. Data that is
    /// in memory comes whole. Models `apr_bucket_read` and what it calls morphing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`] when nothing is there yet, or the allocator is over its
    /// [budget](crate::Budget), in either mode (the waker of `cx` is called when it is worth a try);
    /// [`ErrorKind::Incomplete`] for data that ends before its stated length; what the source
    /// answered. The bucket keeps what was not read.
    #[doc(alias = "apr_bucket_read")]
    pub fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Self>> {
        if let Repr::Boxed(boxed) = &mut self.0
            && let Boxed::Data(data) = &mut **boxed
        {
            return data::read_checked(&mut **data, cx);
        }
        if self.is_metadata() || self.is_empty() {
            return Ok(None);
        }
        Ok(Some(std::mem::replace(self, Self::EMPTY)))
    }

    /// The bytes as [`Bytes`], for code that speaks it: no copy unless they are borrowed. `None` for
    /// a mark and for data that has to be read first.
    pub fn into_bytes(self) -> Option<Bytes> {
        match self.0 {
            Repr::Transient(bytes) => Some(Bytes::copy_from_slice(bytes)),
            Repr::Immortal(bytes) => Some(Bytes::from_static(bytes)),
            Repr::Block(slice) => Some(Bytes::from_owner(slice)),
            Repr::Boxed(mut boxed) => match boxed.take() {
                Boxed::Bytes(bytes) => Some(bytes),
                _ => None,
            },
            Repr::Flush | Repr::Eos | Repr::Eoc => None,
        }
    }

    /// Tells the owner of an EOR bucket how its request ended; anything else is only dropped. For
    /// terminals.
    pub fn complete(self, outcome: &Outcome) {
        if let Repr::Boxed(mut boxed) = self.0
            && let Boxed::Eor(eor) = boxed.take()
        {
            eor.complete(outcome);
        }
    }

    /// The slice, if the bytes are in a block.
    pub(crate) fn block_ref(&self) -> Option<&BlockSlice> {
        match &self.0 {
            Repr::Block(slice) => Some(slice),
            _ => None,
        }
    }

    /// The slice, if the bytes are in a block and this bucket can grow there.
    pub(crate) fn block_mut(&mut self) -> Option<&mut BlockSlice> {
        match &mut self.0 {
            Repr::Block(slice) => Some(slice),
            _ => None,
        }
    }

    /// Takes `next` in, if both are neighbours in one block.
    pub(crate) fn merge(&mut self, next: Self) -> Result<(), Self> {
        match (&mut self.0, next.0) {
            (Repr::Block(left), Repr::Block(right)) => {
                left.merge(right).map_err(|right| Self(Repr::Block(right)))
            }
            (_, next) => Err(Self(next)),
        }
    }

    /// The bytes, if they are borrowed and end with this call.
    #[inline]
    pub(crate) fn borrowed(&self) -> Option<&'a [u8]> {
        match self.0 {
            Repr::Transient(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// What is left where a bucket was taken out: nothing that needs dropping.
    #[inline]
    pub(crate) const fn hollow() -> Self {
        Self(Repr::Flush)
    }

    /// Takes the bucket out, and leaves nothing that needs dropping.
    #[allow(clippy::inline_always)] // A bucket passed by pointer waits for its own stores.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Self {
        // Slices field by field: a copy of the whole would wait for the stores that made it.
        match &mut self.0 {
            Repr::Transient(bytes) => Self(Repr::Transient(bytes)),
            Repr::Immortal(bytes) => Self(Repr::Immortal(bytes)),
            _ => std::mem::replace(self, Self::hollow()),
        }
    }

    /// Data of no bytes needs no storage.
    const EMPTY: Self = Self(Repr::Immortal(b""));

    fn check_cut(&self, what: &str, at_bytes: u64) -> Result<()> {
        match self.len() {
            Some(len) if at_bytes > len && self.is_data() => {
                let context = format!("{what} {len} bytes of {} at {at_bytes}", self.kind_name());
                Err(Error::new(ErrorKind::Incomplete, context))
            }
            _ => Ok(()),
        }
    }

    fn cannot(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unsupported, format!("{what} a {} bucket", self.kind_name()))
    }
}

fn take_tail<'a>(bytes: &mut &'a [u8], at: usize) -> &'a [u8] {
    let (head, tail) = bytes.split_at(at);
    *bytes = head;
    tail
}
