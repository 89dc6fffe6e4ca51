//! Text, however its characters are cut into buckets.
//!
//! Invariant: at most three bytes are kept, the beginning of one character. They are in a field, so an
//! endless incomplete character has nowhere to grow.

use std::str;

use crate::Result;

/// Text, or bytes that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'t> {
    /// Whole characters.
    Valid(&'t str),
    /// One to three bytes that are no UTF-8: what `String::from_utf8_lossy` makes one U+FFFD of.
    Invalid(&'t [u8]),
}

/// Gives the text of a body to a filter, and keeps the beginning of a character that is cut.
///
/// ```
/// use brigade::{Text, Utf8Carry};
///
/// # fn main() -> brigade::Result<()> {
/// let (mut carry, mut seen) = (Utf8Carry::new(), String::new());
/// let mut each = |text: Text<'_>| {
///     match text {
///         Text::Valid(text) => seen.push_str(&text.to_uppercase()),
///         Text::Invalid(_) => seen.push(char::REPLACEMENT_CHARACTER),
///     }
///     Ok(())
/// };
/// carry.feed(b"gr\xc3", &mut each)?;
/// carry.feed(b"\xbcn\xff", &mut each)?;
/// carry.finish(&mut each)?;
/// assert_eq!(seen, "GRÜN\u{fffd}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Utf8Carry {
    held: [u8; 4],
    len: usize, // Invariant: at most 3 between calls, and then they begin a character.
}

impl Utf8Carry {
    /// Keeps nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the body and gives every character that they complete to `each`, as
    /// many at once as there are.
    ///
    /// # Errors
    ///
    /// What `each` answered.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(Text<'_>) -> Result<()>,
    ) -> Result<()> {
        while self.len > 0 {
            let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
            self.held[self.len] = byte;
            match str::from_utf8(&self.held[..=self.len]) {
                Ok(text) => {
                    self.len = 0;
                    each(Text::Valid(text))?;
                    bytes = rest;
                }
                Err(error) if error.error_len().is_none() => {
                    self.len += 1;
                    bytes = rest;
                }
                // The byte belongs to what comes next.
                Err(_) => {
                    let len = std::mem::take(&mut self.len);
                    each(Text::Invalid(&self.held[..len]))?;
                }
            }
        }
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            if !chunk.valid().is_empty() {
                each(Text::Valid(chunk.valid()))?;
            }
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && is_begun(invalid) {
                self.held[..invalid.len()].copy_from_slice(invalid);
                self.len = invalid.len();
            } else if !invalid.is_empty() {
                each(Text::Invalid(invalid))?;
            }
        }
        Ok(())
    }

    /// The body has ended: gives what is kept, which is no character, and is ready for another body.
    ///
    /// # Errors
    ///
    /// What `each` answered.
    pub fn finish(&mut self, mut each: impl FnMut(Text<'_>) -> Result<()>) -> Result<()> {
        match std::mem::take(&mut self.len) {
            0 => Ok(()),
            len => each(Text::Invalid(&self.held[..len])),
        }
    }

    /// Bytes kept of a character that is not complete.
    pub fn held_bytes(&self) -> usize {
        self.len
    }
}

/// Whether more bytes could make a character of these.
fn is_begun(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
