//! A brigade for code that writes to an [`io::Write`] or a [`fmt::Write`].
//!
//! Invariant: every byte is taken, and gathers as in [`Brigade::write`].

use std::fmt;
use std::io::{self, IoSlice};

use super::Brigade;
use crate::BucketAlloc;

/// Writes to the end of a brigade; made by [`Brigade::writer`].
///
/// Flushing it does nothing: what lets go of bytes is the FLUSH bucket that a chain is given.
#[derive(Debug)]
pub struct BrigadeWriter<'w, 'a> {
    brigade: &'w mut Brigade<'a>,
    alloc: &'w mut BucketAlloc,
}

impl<'a> Brigade<'a> {
    /// Lends the end of this brigade to code that writes: an encoder, a template, `write!`.
    ///
    /// It takes all it is given, so whoever bounds memory looks at
    /// [`resident_bytes`](Self::resident_bytes) between two writes, or writes to a chain, which
    /// hands on as it goes.
    ///
    /// Models `apr_brigade_writev`, `apr_brigade_putstrs` and, with `write!`, `apr_brigade_printf`.
    ///
    /// ```
    /// # use brigade::{Brigade, BucketAlloc};
    /// use std::io::{IoSlice, Write};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let mut alloc = BucketAlloc::new();
    /// let mut brigade = Brigade::new();
    /// let mut out = brigade.writer(&mut alloc);
    /// out.write_vectored(&[IoSlice::new(b"Content-Length"), IoSlice::new(b": ")])?;
    /// write!(out, "{}\r\n", 42)?;
    /// assert_eq!(brigade.flatten(64)?, b"Content-Length: 42\r\n");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(
        alias = "apr_brigade_writev",
        alias = "apr_brigade_putstrs",
        alias = "apr_brigade_vputstrs"
    )]
    pub fn writer<'w>(&'w mut self, alloc: &'w mut BucketAlloc) -> BrigadeWriter<'w, 'a> {
        BrigadeWriter { brigade: self, alloc }
    }
}

impl BrigadeWriter<'_, '_> {
    /// Takes all of `bytes`, which cannot fail.
    pub fn put(&mut self, bytes: &[u8]) {
        self.brigade.write(self.alloc, bytes);
    }
}

impl io::Write for BrigadeWriter<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        slices.iter().for_each(|slice| self.put(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for BrigadeWriter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
