//! A filter on its way into a chain: its name, its place, and what stands for it in validators.

use std::borrow::Cow;
use std::fmt;

use super::{Effects, FilterKind, OutputFilter};

/// A filter on its way into a chain: with the name that errors and statistics give it, and its place.
pub struct Member {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: FilterKind,
    pub(super) fingerprint: u64,
    pub(super) most: Effects,
    pub(super) filter: Box<dyn OutputFilter>,
}

impl Member {
    /// A filter with its name and place.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        kind: FilterKind,
        filter: impl OutputFilter + 'static,
    ) -> Self {
        let name = name.into();
        let fingerprint = fingerprint_of(&name);
        Self { name, kind, fingerprint, most: Effects::Changes, filter: Box::new(filter) }
    }

    /// Says the most the filter does to a body, where it says more itself: a closure always says
    /// [`Effects::Changes`].
    ///
    /// ```
    /// use brigade::{Effects, FilterKind, Member, from_fn};
    ///
    /// let looks = from_fn(|input, next| next.push_all(input));
    /// let member = Member::new("looks", FilterKind::RESOURCE, looks).effects(Effects::Same);
    /// # drop(member);
    /// ```
    #[must_use]
    pub fn effects(mut self, effects: Effects) -> Self {
        self.most = self.most.min(effects);
        self
    }

    /// Says what stands for the filter and its options in validators such as an ETag: the whole SPEC,
    /// where there is one. The name alone unless it is said.
    #[must_use]
    pub fn described_by(mut self, spec: &str) -> Self {
        self.fingerprint = fingerprint_of(spec);
        self
    }

    pub(super) fn with_fingerprint(mut self, fingerprint: u64) -> Self {
        self.fingerprint = fingerprint;
        self
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// FNV-1a: the same on every machine and in every release, since caches keep what is made of it.
pub(super) fn fingerprint_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
