//! What a bucket says of itself: data or mark, its bytes, its length.
//!
//! Invariant: nothing here reads, and no answer names a kind for code to decide on.

use super::{Boxed, Bucket, Data, FileSlice, Metadata, Repr};
use crate::Error;

impl<'a> Bucket<'a> {
    /// The bytes, if they are in memory: no bytes are `Some(&[])`, and not the end of anything.
    /// `None` for a mark, and for data that has to be read first.
    #[inline]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Transient(bytes) => Some(bytes),
            Repr::Immortal(bytes) => Some(bytes),
            Repr::Block(slice) => Some(slice.bytes()),
            Repr::Boxed(boxed) => match &**boxed {
                Boxed::Bytes(bytes) => Some(bytes),
                _ => None,
            },
            Repr::Flush | Repr::Eos | Repr::Eoc => None,
        }
    }

    /// The bytes, if nothing has to be read for them: they are in memory, or there are none.
    #[inline]
    pub(crate) fn ready_bytes(&self) -> Option<&[u8]> {
        match self.bytes() {
            None if self.is_empty() => Some(&[]),
            bytes => bytes,
        }
    }

    /// Bytes in it, if that can be said by a look at the bucket alone: it is in memory and in no box.
    #[allow(clippy::inline_always)] // A bucket passed by pointer waits for its own stores.
    #[inline(always)]
    pub(crate) fn resident_len(&self) -> Option<usize> {
        match &self.0 {
            Repr::Transient(bytes) => Some(bytes.len()),
            Repr::Immortal(bytes) => Some(bytes.len()),
            Repr::Block(slice) => Some(slice.len()),
            _ => None,
        }
    }

    /// Bytes in it: 0 for a mark, `None` when only reading would tell.
    #[inline]
    pub fn len(&self) -> Option<u64> {
        // Two steps: a match on all kinds becomes a jump by a table, which waits for the table.
        match (self.resident_len(), &self.0) {
            (Some(len), _) => Some(len as u64),
            (None, Repr::Boxed(boxed)) => match &**boxed {
                Boxed::Bytes(bytes) => Some(bytes.len() as u64),
                Boxed::Data(data) => data.len(),
                _ => Some(0),
            },
            (None, _) => Some(0),
        }
    }

    /// Whether this is data of no bytes. Legal everywhere, and never the end.
    pub fn is_empty(&self) -> bool {
        self.is_data() && self.len() == Some(0)
    }

    /// Whether this is a mark. Models `APR_BUCKET_IS_METADATA`.
    #[inline]
    #[doc(alias = "APR_BUCKET_IS_METADATA", alias = "APR_BUCKET_METADATA")]
    pub fn is_metadata(&self) -> bool {
        match &self.0 {
            Repr::Transient(_) | Repr::Immortal(_) | Repr::Block(_) => false,
            Repr::Flush | Repr::Eos | Repr::Eoc => true,
            Repr::Boxed(boxed) => !matches!(**boxed, Boxed::Bytes(_) | Boxed::Data(_)),
        }
    }

    /// Whether this is a run of bytes, in memory or not, of known length or not.
    #[doc(alias = "APR_BUCKET_DATA")]
    #[inline]
    pub fn is_data(&self) -> bool {
        !self.is_metadata()
    }

    /// Whether this is data that has to be read before its bytes can be seen.
    #[inline]
    pub fn is_deferred(&self) -> bool {
        matches!(&self.0, Repr::Boxed(boxed) if matches!(**boxed, Boxed::Data(_)))
    }

    /// Whether this is EOS. Models `APR_BUCKET_IS_EOS`.
    #[inline]
    #[doc(alias = "APR_BUCKET_IS_EOS")]
    pub fn is_eos(&self) -> bool {
        matches!(self.0, Repr::Eos)
    }

    /// Whether this is FLUSH. Models `APR_BUCKET_IS_FLUSH`.
    #[inline]
    #[doc(alias = "APR_BUCKET_IS_FLUSH")]
    pub fn is_flush(&self) -> bool {
        matches!(self.0, Repr::Flush)
    }

    /// Whether the connection ends here. Models `AP_BUCKET_IS_EOC`.
    #[doc(alias = "AP_BUCKET_IS_EOC")]
    pub fn is_eoc(&self) -> bool {
        matches!(self.0, Repr::Eoc)
    }

    /// Whether the request ends here. Models `AP_BUCKET_IS_EOR`.
    #[doc(alias = "AP_BUCKET_IS_EOR")]
    pub fn is_eor(&self) -> bool {
        matches!(&self.0, Repr::Boxed(boxed) if matches!(**boxed, Boxed::Eor(_)))
    }

    /// Whether a body ends here: EOS, or ERROR in its place.
    #[inline]
    pub fn ends_body(&self) -> bool {
        match &self.0 {
            Repr::Eos => true,
            Repr::Boxed(boxed) => matches!(**boxed, Boxed::Error(_)),
            _ => false,
        }
    }

    /// The error, if this is ERROR. Models `AP_BUCKET_IS_ERROR`.
    #[doc(alias = "AP_BUCKET_IS_ERROR")]
    pub fn as_error(&self) -> Option<&Error> {
        match self.boxed_ref()? {
            Boxed::Error(error) => Some(error),
            _ => None,
        }
    }

    /// The data, if it is of your kind `D`.
    pub fn as_data<D: Data>(&self) -> Option<&D> {
        match self.boxed_ref()? {
            Boxed::Data(data) => (&**data as &dyn std::any::Any).downcast_ref(),
            _ => None,
        }
    }

    /// The mark, if it is of your kind `M`.
    pub fn as_metadata<M: Metadata>(&self) -> Option<&M> {
        match self.boxed_ref()? {
            Boxed::Metadata(mark) => (&**mark as &dyn std::any::Any).downcast_ref(),
            _ => None,
        }
    }

    /// The mark, to be changed, if it is of your kind `M`.
    pub fn as_metadata_mut<M: Metadata>(&mut self) -> Option<&mut M> {
        match &mut self.0 {
            Repr::Boxed(boxed) => match &mut **boxed {
                Boxed::Metadata(mark) => (&mut **mark as &mut dyn std::any::Any).downcast_mut(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The part of an open file that this is, if it is one: what `sendfile` can take unread.
    #[doc(alias = "APR_BUCKET_IS_FILE")]
    pub fn as_file(&self) -> Option<FileSlice<'_>> {
        match self.boxed_ref()? {
            Boxed::Data(data) => data.as_file(),
            _ => None,
        }
    }

    /// The name of the kind, for people to read: "HEAP", "FILE", "EOS". Not for code to decide on.
    pub fn kind_name(&self) -> &str {
        match &self.0 {
            Repr::Transient(_) => "TRANSIENT",
            Repr::Immortal(_) => "IMMORTAL",
            Repr::Block(_) => "HEAP",
            Repr::Flush => "FLUSH",
            Repr::Eos => "EOS",
            Repr::Eoc => "EOC",
            Repr::Boxed(boxed) => match &**boxed {
                Boxed::Bytes(_) => "HEAP",
                Boxed::Data(data) => data.name(),
                Boxed::Metadata(mark) => mark.name(),
                Boxed::Eor(_) => "EOR",
                Boxed::Error(_) => "ERROR",
            },
        }
    }

    pub(super) fn boxed_ref(&self) -> Option<&Boxed> {
        match &self.0 {
            Repr::Boxed(boxed) => Some(boxed),
            _ => None,
        }
    }
}
