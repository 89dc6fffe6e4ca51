//! A bucket: a run of bytes from anywhere, or one mark.
//!
//! Invariant: a bucket is 24 bytes. The kinds that pass by the million (borrowed, static and block
//! slices, FLUSH, EOS) need no box; every other kind is one box.

mod data;
mod disk;
mod end;
mod file;
mod metadata;
mod ops;
mod stream;
mod view;

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;

pub use self::data::{Data, FileSlice, ReadCx, ReadMode};
pub use self::disk::Disk;
use self::end::Eor;
pub use self::end::{End, EndOfRequest, Outcome};
pub use self::file::FileData;
pub use self::metadata::Metadata;
pub use self::stream::StreamData;
use crate::Error;
use crate::alloc::{BlockSlice, ByValue, Release};

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
    Boxed(ByValue<Box<Boxed>>),
}

enum Boxed {
    Bytes(Bytes),
    Data(Box<dyn Data>),
    Metadata(Box<dyn Metadata>),
    Eor(Eor),
    Error(Error),
}

impl Repr<'_> {
    fn boxed(boxed: Boxed) -> Self {
        Self::Boxed(ByValue::new(Box::new(boxed)))
    }
}

impl Release for Box<Boxed> {
    #[cold]
    #[inline(never)]
    fn release(self) {
        drop(self);
    }
}

impl Boxed {
    /// Takes it out of its box.
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Bytes(Bytes::new()))
    }
}

impl Bucket<'static> {
    /// Bytes that live as long as the program. Models `apr_bucket_immortal_create`.
    #[inline]
    #[doc(alias = "apr_bucket_immortal_create", alias = "apr_bucket_immortal_make")]
    pub const fn immortal(bytes: &'static [u8]) -> Self {
        Self(Repr::Immortal(bytes))
    }

    /// Bytes on the heap that somebody else made; not copied. Costs one box. To copy bytes into the
    /// connection's own storage, use [`BucketAlloc::copy`](crate::BucketAlloc::copy).
    ///
    /// Models `apr_bucket_heap_create` with a free function.
    #[doc(alias = "apr_bucket_heap_create", alias = "apr_bucket_pool_create")]
    #[doc(alias = "apr_bucket_pool_make")]
    pub fn heap(bytes: impl Into<Bytes>) -> Self {
        Self::boxed(Boxed::Bytes(bytes.into()))
    }

    /// `len` bytes of `file` from `offset`, not read until someone needs them. Reading is
    /// positional: the file's own offset is neither used nor moved.
    ///
    /// The length is a promise: a file that turns out shorter is an error when it is read. How much one
    /// read takes is set with [`FileData::read_size`].
    ///
    /// Models `apr_bucket_file_create`.
    #[doc(alias = "apr_bucket_file_create", alias = "apr_bucket_file_make")]
    pub fn file(file: impl Into<Arc<File>>, offset: u64, len: u64) -> Self {
        Self::of(FileData::new(file, offset, len))
    }

    /// What `reader` gives until it ends: of unknown length, and read at most once.
    ///
    /// `reader` may block the thread that reads it, so a non-blocking chain refuses it; a source that
    /// answers [`WouldBlock`](std::io::ErrorKind::WouldBlock) is made with [`StreamData::ready`].
    ///
    /// Models `apr_bucket_pipe_create` and `apr_bucket_socket_create`.
    #[doc(alias = "apr_bucket_pipe_create", alias = "apr_bucket_socket_create")]
    #[doc(alias = "apr_bucket_pipe_make", alias = "apr_bucket_socket_make")]
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
    #[doc(alias = "apr_bucket_eos_create", alias = "apr_bucket_eos_make")]
    pub const fn eos() -> Self {
        Self(Repr::Eos)
    }

    /// Let go of what you hold: all that came before goes to the peer. Models
    /// `apr_bucket_flush_create`.
    #[inline]
    #[doc(alias = "apr_bucket_flush_create", alias = "apr_bucket_flush_make")]
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

    /// A slice of a block, of at least one byte: no bytes need no storage.
    pub(crate) fn block(slice: BlockSlice) -> Self {
        debug_assert!(slice.len() > 0, "an empty slice keeps a block");
        Self(Repr::Block(slice))
    }

    fn boxed(boxed: Boxed) -> Self {
        Self(Repr::boxed(boxed))
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
    #[doc(alias = "apr_bucket_transient_create", alias = "apr_bucket_transient_make")]
    pub const fn transient(bytes: &'a [u8]) -> Self {
        Self(Repr::Transient(bytes))
    }
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
