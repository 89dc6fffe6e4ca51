//! Where in a chain a filter sits.

use std::fmt;

/// A filter's place: small kinds come first, equal kinds in the order in which they joined.
///
/// Models `ap_filter_type`, with its values; [`offset`](Self::offset) makes the finer ones.
///
/// ```
/// use brigade::FilterKind;
///
/// let just_before = FilterKind::RESOURCE.offset(-1);
/// assert!(just_before < FilterKind::RESOURCE);
/// assert_eq!(just_before.to_string(), "Resource-1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[doc(alias = "ap_filter_type")]
pub struct FilterKind(u16);

impl FilterKind {
    /// Makes or rewrites content. Models `AP_FTYPE_RESOURCE`.
    #[doc(alias = "AP_FTYPE_RESOURCE")]
    pub const RESOURCE: Self = Self(10);
    /// Encodes content as a whole: compression. Models `AP_FTYPE_CONTENT_SET`.
    #[doc(alias = "AP_FTYPE_CONTENT_SET")]
    pub const CONTENT_SET: Self = Self(20);
    /// Speaks the protocol: conditions, lengths, heads. Models `AP_FTYPE_PROTOCOL`.
    #[doc(alias = "AP_FTYPE_PROTOCOL")]
    pub const PROTOCOL: Self = Self(30);
    /// Codes the transfer: chunks. Models `AP_FTYPE_TRANSCODE`.
    #[doc(alias = "AP_FTYPE_TRANSCODE")]
    pub const TRANSCODE: Self = Self(40);
    /// Belongs to the connection: rate limits. Models `AP_FTYPE_CONNECTION`.
    #[doc(alias = "AP_FTYPE_CONNECTION")]
    pub const CONNECTION: Self = Self(50);
    /// Last before the terminal: spill, collect. Models `AP_FTYPE_NETWORK`.
    #[doc(alias = "AP_FTYPE_NETWORK")]
    pub const NETWORK: Self = Self(60);

    const NAMED: [(Self, &'static str); 6] = [
        (Self::RESOURCE, "Resource"),
        (Self::CONTENT_SET, "ContentSet"),
        (Self::PROTOCOL, "Protocol"),
        (Self::TRANSCODE, "Transcode"),
        (Self::CONNECTION, "Connection"),
        (Self::NETWORK, "Network"),
    ];

    /// A place a little before (negative) or after this one.
    #[must_use]
    pub const fn offset(self, by: i16) -> Self {
        Self(self.0.saturating_add_signed(by))
    }

    pub(crate) const fn rank(self) -> u16 {
        self.0
    }
}

impl fmt::Display for FilterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let distance = |kind: Self| i32::from(self.0) - i32::from(kind.0);
        let nearest = Self::NAMED.iter().min_by_key(|(kind, _)| distance(*kind).abs());
        let (kind, name) = nearest.expect("there are named kinds");
        match distance(*kind) {
            0 => f.write_str(name),
            by => write!(f, "{name}{by:+}"),
        }
    }
}
