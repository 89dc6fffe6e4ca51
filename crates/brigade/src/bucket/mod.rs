//! A bucket: a run of bytes from anywhere, or one mark.
//!
//! Invariant: a bucket is 24 bytes. The kinds that pass by the million (borrowed, static and block
//! slices, FLUSH, EOS) need no box; every other kind is one box.

mod data;
mod end;
mod file;
mod metadata;
mod stream;

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use bytes::{Buf, Bytes};

pub use self::data::{Data, FileSlice, ReadCx, ReadMode};
use self::end::Eor;
pub use self::end::{End, EndOfRequest, Outcome};
pub use self::file::FileData;
pub use self::metadata::Metadata;
pub use self::stream::StreamData;
use crate::alloc::{BlockSlice, BucketAlloc};
use crate::{Error, ErrorKind, Result};

/// A run of bytes, or one mark, on its way through a chain.
///
/// Code asks whether a bucket is data or metadata, and whether its bytes are in memory; never which
/// kind it is, since kinds are added later, by users too. The lifetime is how long borrowed bytes
/// last: a bucket that must be kept is first [`set_aside`](Self::set_aside), or it does not compile.
///
/// Models `apr_bucket`.
#[doc(alias = "apr_bucket")]
pub struct Bucket<'a>(Repr<'a>);

enum Repr<'a> {
    Transient(&'a [u8]),
    Immortal(&'static [u8]),
    Block(BlockSlice),
    Flush,
    Eos,
    Eoc,
    Boxed(Box<Boxed>),
}

enum Boxed {
    Bytes(Bytes),
    Data(Box<dyn Data>),
    Metadata(Box<dyn Metadata>),
    Eor(Eor),
    Error(Error),
}

impl Bucket<'static> {
    /// Bytes that live as long as the program. Models `apr_bucket_immortal_create`.
    #[inline]
    #[doc(alias = "apr_bucket_immortal_create")]
    pub const fn immortal(bytes: &'static [u8]) -> Self {
        Self(Repr::Immortal(bytes))
    }

    /// Bytes on the heap that somebody else made; not copied. Costs one box. To copy bytes into the
    /// connection's own storage, use [`BucketAlloc::copy`].
    ///
    /// Models `apr_bucket_heap_create` with a free function.
    #[doc(alias = "apr_bucket_heap_create", alias = "apr_bucket_pool_create")]
    pub fn heap(bytes: impl Into<Bytes>) -> Self {
        Self::boxed(Boxed::Bytes(bytes.into()))
    }

    /// `len` bytes of `file` from `offset`, not read until someone needs them. Reading is
    /// positional: the file's own offset is neither used nor moved.
    ///
    /// The length is a promise: a file that turns out shorter is an error when it is read.
    ///
    /// Models `apr_bucket_file_create`.
    #[doc(alias = "apr_bucket_file_create")]
    pub fn file(file: impl Into<Arc<File>>, offset: u64, len: u64) -> Self {
        Self::of(FileData::new(file.into(), offset, len))
    }

    /// What `reader` gives until it ends: of unknown length, and read at most once.
    ///
    /// `reader` may block the thread that reads it, so a non-blocking chain refuses it; a source that
    /// answers [`WouldBlock`](std::io::ErrorKind::WouldBlock) is made with [`StreamData::ready`].
    ///
    /// Models `apr_bucket_pipe_create` and `apr_bucket_socket_create`.
    #[doc(alias = "apr_bucket_pipe_create", alias = "apr_bucket_socket_create")]
    pub fn stream(reader: impl Read + Send + 'static) -> Self {
        Self::of(StreamData::blocking(reader))
    }

    /// Data of a kind of your own.
    pub fn of(data: impl Data) -> Self {
        Self::of_boxed(Box::new(data))
    }

    pub(crate) fn of_boxed(data: Box<dyn Data>) -> Self {
        Self::boxed(Boxed::Data(data))
    }

    /// The body ends here. Models `apr_bucket_eos_create`.
    #[inline]
    #[doc(alias = "apr_bucket_eos_create")]
    pub const fn eos() -> Self {
        Self(Repr::Eos)
    }

    /// Let go of what you hold: all that came before goes to the peer. Models
    /// `apr_bucket_flush_create`.
    #[inline]
    #[doc(alias = "apr_bucket_flush_create")]
    pub const fn flush() -> Self {
        Self(Repr::Flush)
    }

    /// The connection ends after what came before. Models `ap_bucket_eoc_create`.
    #[doc(alias = "ap_bucket_eoc_create")]
    pub const fn eoc() -> Self {
        Self(Repr::Eoc)
    }

    /// The request ends here; `end` is told how, once, after the last byte before it has left or
    /// never will. A bucket that is dropped tells it [`End::ClientGone`].
    ///
    /// Models `ap_bucket_eor_create`, which owns the request's pool.
    #[doc(alias = "ap_bucket_eor_create")]
    pub fn eor(end: impl EndOfRequest) -> Self {
        Self::boxed(Boxed::Eor(Eor::new(Box::new(end))))
    }

    /// The body ends here, and it failed: a reader must not take it for complete. Models
    /// `ap_bucket_error_create`; what it means to the peer is for the protocol's filters to say.
    #[doc(alias = "ap_bucket_error_create")]
    pub fn error(error: Error) -> Self {
        Self::boxed(Boxed::Error(error))
    }

    /// A mark of a kind of your own. Every filter passes it on in its place.
    pub fn metadata(mark: impl Metadata) -> Self {
        Self::boxed(Boxed::Metadata(Box::new(mark)))
    }

    pub(crate) fn block(slice: BlockSlice) -> Self {
        Self(Repr::Block(slice))
    }

    fn boxed(boxed: Boxed) -> Self {
        Self(Repr::Boxed(Box::new(boxed)))
    }
}

impl<'a> Bucket<'a> {
    /// Bytes borrowed from the caller: nothing is copied or allocated. Models
    /// `apr_bucket_transient_create`, whose classic crash (a filter that keeps one) does not compile:
    ///
    /// ```compile_fail
    /// # use brigade::{Brigade, Bucket};
    /// fn keep<'b>(kept: &mut Brigade<'static>, bucket: Bucket<'b>) {
    ///     kept.push_back(bucket); // borrowed data escapes outside of function
    /// }
    /// ```
    #[inline]
    #[doc(alias = "apr_bucket_transient_create")]
    pub const fn transient(bytes: &'a [u8]) -> Self {
        Self(Repr::Transient(bytes))
    }

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

    /// Bytes in it: 0 for a mark, `None` when only reading would tell.
    #[inline]
    pub fn len(&self) -> Option<u64> {
        match &self.0 {
            Repr::Transient(bytes) => Some(bytes.len() as u64),
            Repr::Immortal(bytes) => Some(bytes.len() as u64),
            Repr::Block(slice) => Some(slice.len() as u64),
            Repr::Boxed(boxed) => match &**boxed {
                Boxed::Bytes(bytes) => Some(bytes.len() as u64),
                Boxed::Data(data) => data.len(),
                _ => Some(0),
            },
            Repr::Flush | Repr::Eos | Repr::Eoc => Some(0),
        }
    }

    /// Whether this is data of no bytes. Legal everywhere, and never the end.
    pub fn is_empty(&self) -> bool {
        self.is_data() && self.len() == Some(0)
    }

    /// Whether this is a mark. Models `APR_BUCKET_IS_METADATA`.
    #[inline]
    #[doc(alias = "APR_BUCKET_IS_METADATA")]
    pub fn is_metadata(&self) -> bool {
        match &self.0 {
            Repr::Transient(_) | Repr::Immortal(_) | Repr::Block(_) => false,
            Repr::Flush | Repr::Eos | Repr::Eoc => true,
            Repr::Boxed(boxed) => !matches!(**boxed, Boxed::Bytes(_) | Boxed::Data(_)),
        }
    }

    /// Whether this is a run of bytes, in memory or not, of known length or not.
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

    /// Keeps the first `at_bytes` bytes and returns the rest; no byte is copied or read. Either half
    /// may be empty. Models `apr_bucket_split`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`] past the end, [`ErrorKind::Unsupported`] for marks and for data that
    /// has to be read first to be cut. The bucket is unchanged then.
    #[doc(alias = "apr_bucket_split")]
    pub fn split_at(&mut self, at_bytes: u64) -> Result<Self> {
        if let Some(len) = self.len()
            && at_bytes > len
            && self.is_data()
        {
            let context = format!("split a bucket of {len} bytes at {at_bytes}");
            return Err(Error::new(ErrorKind::Incomplete, context));
        }
        let at = usize::try_from(at_bytes).unwrap_or(usize::MAX);
        Ok(match &mut self.0 {
            Repr::Transient(bytes) => Self(Repr::Transient(take_tail(bytes, at))),
            Repr::Immortal(bytes) => Self(Repr::Immortal(take_tail(bytes, at))),
            Repr::Block(slice) => Self(Repr::Block(slice.split_off(at))),
            Repr::Boxed(boxed) => match &mut **boxed {
                Boxed::Bytes(bytes) => Bucket::heap(bytes.split_off(at)),
                Boxed::Data(data) => Bucket::of_boxed(data.split_at(at_bytes)?),
                _ => return Err(self.cannot("split")),
            },
            _ => return Err(self.cannot("split")),
        })
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
            Repr::Block(slice) if count <= slice.len() => slice.advance(count),
            Repr::Boxed(boxed) => match &mut **boxed {
                Boxed::Bytes(bytes) if count <= bytes.len() => bytes.advance(count),
                _ => *self = self.split_at(count_bytes)?,
            },
            _ => *self = self.split_at(count_bytes)?,
        }
        Ok(())
    }

    /// Makes the bytes outlive this call: borrowed bytes are copied into a block, all else stays as
    /// it is, a FILE unread. A whole brigade is packed better by
    /// [`Brigade::set_aside`](crate::Brigade::set_aside).
    ///
    /// Models `apr_bucket_setaside`.
    #[doc(alias = "apr_bucket_setaside", alias = "apr_bucket_heap_make")]
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
    #[doc(alias = "apr_bucket_copy")]
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self(match &self.0 {
            Repr::Transient(bytes) => Repr::Transient(bytes),
            Repr::Immortal(bytes) => Repr::Immortal(bytes),
            Repr::Block(slice) => Repr::Block(slice.clone()),
            Repr::Flush => Repr::Flush,
            Repr::Eos => Repr::Eos,
            Repr::Eoc => Repr::Eoc,
            Repr::Boxed(boxed) => Repr::Boxed(Box::new(match &**boxed {
                Boxed::Bytes(bytes) => Boxed::Bytes(bytes.clone()),
                Boxed::Data(data) => Boxed::Data(data.try_clone()?),
                Boxed::Metadata(mark) => Boxed::Metadata(mark.try_clone()?),
                Boxed::Error(error) => Boxed::Error(error.clone()),
                Boxed::Eor(_) => return None,
            })),
        }))
    }

    /// Reads the next piece: the bucket becomes what is left. `None`: nothing is left. Data that is
    /// in memory comes whole. Models `apr_bucket_read` and what it calls morphing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`] when nothing is there yet (the waker of `cx` is called when it is);
    /// [`ErrorKind::Incomplete`] for a FILE shorter than promised; what the source answered. The
    /// bucket keeps what was not read.
    #[doc(alias = "apr_bucket_read")]
    pub fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'a>>> {
        if let Repr::Boxed(boxed) = &mut self.0
            && let Boxed::Data(data) = &mut **boxed
        {
            return data::read_checked(&mut **data, cx);
        }
        if self.is_metadata() || self.is_empty() {
            return Ok(None);
        }
        Ok(Some(std::mem::replace(self, Self(Repr::Immortal(b"")))))
    }

    /// The bytes as [`Bytes`], for code that speaks it: no copy unless they are borrowed. `None` for
    /// a mark and for data that has to be read first.
    pub fn into_bytes(self) -> Option<Bytes> {
        match self.0 {
            Repr::Transient(bytes) => Some(Bytes::copy_from_slice(bytes)),
            Repr::Immortal(bytes) => Some(Bytes::from_static(bytes)),
            Repr::Block(slice) => Some(Bytes::from_owner(slice)),
            Repr::Boxed(boxed) => match *boxed {
                Boxed::Bytes(bytes) => Some(bytes),
                _ => None,
            },
            Repr::Flush | Repr::Eos | Repr::Eoc => None,
        }
    }

    /// Tells the owner of an EOR bucket how its request ended; anything else is only dropped. For
    /// terminals.
    pub fn complete(self, outcome: &Outcome) {
        if let Repr::Boxed(boxed) = self.0
            && let Boxed::Eor(eor) = *boxed
        {
            eor.complete(outcome);
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
    pub(crate) fn borrowed(&self) -> Option<&'a [u8]> {
        match self.0 {
            Repr::Transient(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn boxed_ref(&self) -> Option<&Boxed> {
        match &self.0 {
            Repr::Boxed(boxed) => Some(boxed),
            _ => None,
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

impl fmt::Debug for Bucket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind_name())?;
        let Some(boxed) = self.boxed_ref() else {
            return match self.bytes() {
                Some(bytes) => write!(f, " {} {:?}", bytes.len(), excerpt(bytes)),
                None => Ok(()),
            };
        };
        match boxed {
            Boxed::Bytes(bytes) => write!(f, " {} {:?}", bytes.len(), excerpt(bytes)),
            Boxed::Data(data) => match data.len() {
                Some(len) => write!(f, " {len}"),
                None => f.write_str(" ?"),
            },
            Boxed::Metadata(mark) => write!(f, " {mark:?}"),
            Boxed::Error(error) => write!(f, " {error}"),
            Boxed::Eor(_) => Ok(()),
        }
    }
}

/// The first bytes, for people.
fn excerpt(bytes: &[u8]) -> Cow<'_, str> {
    const SHOWN: usize = 32;
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)])
}
