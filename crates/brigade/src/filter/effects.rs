//! What filters do to a body: how a protocol knows which of its promises still hold.

/// The most that a filter does to the bytes of a body.
///
/// A protocol's filters ask for the strongest of those above them, and drop what no longer holds:
/// lengths, digests, strong validators. Models the `AP_FILTER_PROTO_CHANGE` flags of mod_filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[doc(alias = "AP_FILTER_PROTO_CHANGE", alias = "AP_FILTER_PROTO_CHANGE_LENGTH")]
pub enum Effects {
    /// Every byte stays.
    #[default]
    Same,
    /// Bytes change, their number does not.
    SameLength,
    /// Bytes and their number change.
    Changes,
}
