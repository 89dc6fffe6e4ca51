//! A needle that is found in one piece of a stream, or across the borders of many.
//!
//! Invariant: what has to be kept from piece to piece is one number, how many bytes of the needle the
//! stream ends in. The bytes themselves are the needle's own.

use bytes::Bytes;
use memchr::memmem::Finder;

/// What is looked for, prepared once for every response.
#[derive(Debug)]
pub(crate) struct Needle {
    bytes: Bytes, // Invariant: at least one.
    finder: Finder<'static>,
    /// For each number of bytes matched, how many still are if the next byte is another: the longest
    /// end of them that the needle begins with. This is what Knuth, Morris and Pratt found.
    fallback: Box<[usize]>,
}

impl Needle {
    /// `None` for no bytes: they would be found everywhere, without end.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let mut needle = Self {
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
        Some(needle)
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where the needle is whole for the first time.
    #[inline]
    pub(crate) fn find(&self, haystack: &[u8]) -> Option<usize> {
        self.finder.find(haystack)
    }

    /// How many bytes of the needle the stream ends in after `byte`, if it was `matched` before, less
    /// than all.
    #[inline]
    pub(crate) fn step(&self, mut matched: usize, byte: u8) -> usize {
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

    /// How many bytes of the needle `haystack` ends in. The needle is not whole in it.
    #[inline]
    pub(crate) fn begun_at_end(&self, haystack: &[u8]) -> usize {
        let tail = &haystack[haystack.len().saturating_sub(self.len() - 1)..];
        match memchr::memchr(self.bytes[0], tail) {
            Some(at) => tail[at..].iter().fold(0, |matched, byte| self.step(matched, *byte)),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ends(needle: &str, haystack: &str, begun: usize) {
        let needle = Needle::new(needle.as_bytes()).unwrap();
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
            let begun = &needle.bytes[..matched];
            let border = (0..matched).rev().find(|len| begun.ends_with(&begun[..*len]));
            assert_eq!(needle.fallback[matched], border.unwrap_or(0), "after {matched} bytes");
        }
    }

    #[test]
    fn no_bytes_are_no_needle() {
        assert!(Needle::new(b"").is_none());
    }
}
