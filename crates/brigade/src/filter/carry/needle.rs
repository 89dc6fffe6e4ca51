//! A needle that is found in one piece of a stream, or across the borders of many.
//!
//! Invariant: what has to be kept from piece to piece is one number, how many bytes of the needle the
//! stream ends in. The bytes themselves are the needle's own.

use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem::Finder;

use crate::{Error, ErrorKind, Result};

/// What is looked for, prepared once for every response. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Needle(Arc<Prepared>);

#[derive(Debug)]
struct Prepared {
    bytes: Bytes, // Invariant: at least one.
    finder: Finder<'static>,
    /// For each number of bytes matched, how many still are if the next byte is another: the longest
    /// end of them that the needle begins with. This is what Knuth, Morris and Pratt found.
    fallback: Box<[usize]>,
}

#[allow(clippy::len_without_is_empty)] // It never is.
impl Needle {
    /// Prepares the search for `bytes`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for no bytes: they would be found everywhere, without end.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = bytes.as_ref();
        if bytes.is_empty() {
            let context = "look for no bytes: they would be found everywhere";
            return Err(Error::new(ErrorKind::InvalidInput, context));
        }
        let mut needle = Prepared {
            bytes: Bytes::copy_from_slice(bytes),
            finder: Finder::new(bytes).into_owned(),
            fallback: vec![0; bytes.len() + 1].into(),
        };
        // Every entry follows from those before it: the needle is looked for in itself.
        let mut matched = 0;
        for (at, &byte) in bytes.iter().enumerate().skip(1) {
            matched = needle.step(matched, byte);
            needle.fallback[at + 1] = matched;
        }
        Ok(Self(Arc::new(needle)))
    }

    /// The bytes looked for.
    pub fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// How many bytes are looked for, at least one.
    pub fn len(&self) -> usize {
        self.0.bytes.len()
    }

    /// Where in `haystack` the needle is whole for the first time.
    #[inline]
    pub fn find(&self, haystack: &[u8]) -> Option<usize> {
        self.0.finder.find(haystack)
    }

    /// Goes on with a needle of which the stream before `bytes` ended in `begun` bytes, more than none
    /// and less than all. It looks at no more of `bytes` than it takes for what began before them.
    ///
    /// # Panics
    ///
    /// When `begun` is the length of the needle or more.
    pub fn carry_on(&self, begun: usize, bytes: &[u8]) -> Carried {
        let (before, mut begun, mut taken) = (begun, begun, 0);
        // As long as what is begun began before these bytes.
        while begun > taken && taken < bytes.len() {
            begun = self.0.step(begun, bytes[taken]);
            taken += 1;
            if begun == self.len() {
                return Carried { given: before + taken - begun, taken, begun: 0, is_found: true };
            }
        }
        if begun > taken {
            Carried { given: before + taken - begun, taken, begun, is_found: false }
        } else {
            Carried { given: before, taken: 0, begun: 0, is_found: false }
        }
    }

    /// How many bytes of the needle `haystack` ends in. The needle is not whole in it.
    #[inline]
    pub fn begun_at_end(&self, haystack: &[u8]) -> usize {
        let tail = &haystack[haystack.len().saturating_sub(self.len() - 1)..];
        match memchr::memchr(self.0.bytes[0], tail) {
            Some(at) => tail[at..].iter().fold(0, |matched, byte| self.0.step(matched, *byte)),
            None => 0,
        }
    }
}

impl Prepared {
    #[inline]
    fn step(&self, mut matched: usize, byte: u8) -> usize {
        loop {
            if self.bytes[matched] == byte {
                return matched + 1;
            }
            if matched == 0 {
                return 0;
            }
            matched = self.fallback[matched];
        }
    }
}

/// What became of a needle that had begun where a bucket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// How many bytes from the beginning of the needle turned out to be none.
    pub given: usize,
    /// How many of the new bytes are dealt with.
    pub taken: usize,
    /// How many bytes of a needle are begun behind those.
    pub begun: usize,
    /// The needle is whole, behind what is given.
    pub is_found: bool,
}

/// What a search passes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought<'s> {
    /// Bytes in which the needle is not.
    Other(&'s [u8]),
    /// The needle, whole.
    Found,
}

/// Looks for a needle in a body, and keeps how much of one has begun where a bucket ends.
///
/// Needles are found as `str::replace` finds them, from the front and none inside another. It keeps
/// less than a needle, as a number, so there is no limit to pass.
///
/// ```
/// use brigade::{Needle, NeedleCarry, Sought};
///
/// # fn main() -> brigade::Result<()> {
/// let (mut carry, mut out) = (NeedleCarry::new(Needle::new("secret")?), Vec::new());
/// let mut each = |sought: Sought<'_>| {
///     out.extend_from_slice(match sought {
///         Sought::Other(bytes) => bytes,
///         Sought::Found => b"***",
///     });
///     Ok(())
/// };
/// carry.feed(b"a sec", &mut each)?;
/// carry.feed(b"ret, a sec", &mut each)?;
/// carry.finish(&mut each)?;
/// assert_eq!(out, b"a ***, a sec");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct NeedleCarry {
    needle: Needle,
    begun: usize, // How many bytes of the needle were taken and not given on.
}

impl NeedleCarry {
    /// Looks for `needle`.
    pub fn new(needle: Needle) -> Self {
        Self { needle, begun: 0 }
    }

    /// Takes the next bytes of the body and gives to `each`, in order, what can be told of it.
    ///
    /// # Errors
    ///
    /// What `each` answered.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(Sought<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.begun > 0 {
            let taken = self.go_on(bytes, &mut each)?;
            bytes = &bytes[taken..];
        }
        if bytes.is_empty() {
            return Ok(());
        }
        while let Some(at) = self.needle.find(bytes) {
            give(&bytes[..at], &mut each)?;
            each(Sought::Found)?;
            bytes = &bytes[at + self.needle.len()..];
        }
        self.begun = self.needle.begun_at_end(bytes);
        give(&bytes[..bytes.len() - self.begun], &mut each)
    }

    /// The body has ended: what has begun is no needle. Ready for another body.
    ///
    /// # Errors
    ///
    /// What `each` answered.
    pub fn finish(&mut self, mut each: impl FnMut(Sought<'_>) -> Result<()>) -> Result<()> {
        let begun = std::mem::take(&mut self.begun);
        give(&self.needle.bytes()[..begun], &mut each)
    }

    /// Bytes taken and not given on: less than a needle.
    pub fn held_bytes(&self) -> usize {
        self.begun
    }

    /// Goes on with the needle that the bytes before ended in; answers how many of `bytes` are dealt
    /// with. If not all of them are, none is begun.
    fn go_on(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(Sought<'_>) -> Result<()>,
    ) -> Result<usize> {
        let Carried { given, taken, begun, is_found } = self.needle.carry_on(self.begun, bytes);
        self.begun = begun;
        give(&self.needle.bytes()[..given], each)?;
        if is_found {
            each(Sought::Found)?;
        }
        Ok(taken)
    }
}

fn give(bytes: &[u8], each: &mut impl FnMut(Sought<'_>) -> Result<()>) -> Result<()> {
    if bytes.is_empty() { Ok(()) } else { each(Sought::Other(bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ends(needle: &str, haystack: &str, begun: usize) {
        let needle = Needle::new(needle).unwrap();
        assert_eq!(needle.begun_at_end(haystack.as_bytes()), begun);
    }

    #[test]
    fn end_of_a_piece_counts_the_longest_beginning_of_the_needle() {
        check_ends("abc", "xxab", 2);
        check_ends("abc", "xxabd", 0);
        check_ends("abc", "ab", 2);
        check_ends("abc", "", 0);
        check_ends("aab", "xaaa", 2);
        check_ends("abab", "aba", 3);
        check_ends("ababac", "xabababa", 5);
        check_ends("a", "bbb", 0);
    }

    #[test]
    fn fallback_is_the_longest_border_of_each_beginning() {
        let needle = Needle::new(b"abacabab").unwrap();
        for matched in 0..needle.len() {
            let begun = &needle.bytes()[..matched];
            let border = (0..matched).rev().find(|len| begun.ends_with(&begun[..*len]));
            assert_eq!(needle.0.fallback[matched], border.unwrap_or(0), "after {matched} bytes");
        }
    }

    #[test]
    fn no_bytes_are_no_needle() {
        assert!(Needle::new("").is_err());
    }
}
