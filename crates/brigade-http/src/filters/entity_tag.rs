//! Entity tags (RFC 9110 §8.8.3): parsed and compared.
//!
//! Invariant: what is not an entity tag compares equal to nothing.

use http::HeaderValue;

/// An entity tag: `"abc"`, or `W/"abc"`, which is weak.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntityTag<'v> {
    is_weak: bool,
    opaque: &'v [u8], // What is between the quotes.
}

impl<'v> EntityTag<'v> {
    /// The tag that `value` is; `None` when it is anything else.
    pub(super) fn parse(value: &'v [u8]) -> Option<Self> {
        let (tag, rest) = Self::take(value)?;
        rest.is_empty().then_some(tag)
    }

    /// The tag at the front of `value`, and what follows it.
    fn take(value: &'v [u8]) -> Option<(Self, &'v [u8])> {
        let (is_weak, quoted) = match value.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, value),
        };
        let rest = quoted.strip_prefix(b"\"")?;
        let end = rest.iter().position(|byte| *byte == b'"')?;
        let (opaque, rest) = (&rest[..end], &rest[end + 1..]);
        // A quote is the one visible character that cannot be within.
        let is_tag = opaque.iter().all(|byte| matches!(byte, 0x21..=0x7e | 0x80..));
        is_tag.then_some((Self { is_weak, opaque }, rest))
    }

    /// The same tag, weak, of the bytes that filters with this fingerprint make of its bytes.
    pub(super) fn weak_with(&self, fingerprint: u64) -> HeaderValue {
        let mut value = b"W/\"".to_vec();
        value.extend_from_slice(self.opaque);
        value.extend_from_slice(format!("-{fingerprint:x}\"").as_bytes());
        HeaderValue::from_bytes(&value).expect("a tag holds visible characters only")
    }

    /// Whether both are the same tag (RFC 9110 §8.8.3.2).
    pub(super) fn is(&self, other: &EntityTag<'_>, by: Comparison) -> bool {
        let is_allowed = by == Comparison::Weak || !self.is_weak && !other.is_weak;
        is_allowed && self.opaque == other.opaque
    }
}

/// What two tags must have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// They stand for the same bytes: neither is weak.
    Strong,
    /// They stand for what may be used for each other.
    Weak,
}

/// The tags in a list, up to its end or to what is no tag.
pub(super) struct EntityTags<'v>(&'v [u8]);

impl<'v> EntityTags<'v> {
    pub(super) fn new(list: &'v [u8]) -> Self {
        Self(list)
    }
}

impl<'v> Iterator for EntityTags<'v> {
    type Item = EntityTag<'v>;

    fn next(&mut self) -> Option<EntityTag<'v>> {
        // Commas are allowed in tags, and empty items in lists.
        while let [b',' | b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
        let (tag, rest) = EntityTag::take(self.0)?;
        let ends = matches!(rest.trim_ascii_start(), [] | [b',', ..]);
        self.0 = if ends { rest } else { b"" };
        ends.then_some(tag)
    }
}
