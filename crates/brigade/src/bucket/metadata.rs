//! Marks of a user's own kind.

use std::any::Any;
use std::fmt;

/// A mark that travels with the bytes, such as the head of a response.
///
/// Filters that do not know it pass it on in its place. Models the `is_metadata` bucket types.
///
/// ```
/// use brigade::{Bucket, Metadata};
///
/// #[derive(Debug, PartialEq)]
/// struct Timestamp(u64);
///
/// impl Metadata for Timestamp {
///     fn name(&self) -> &str {
///         "TIMESTAMP"
///     }
/// }
///
/// let mark = Bucket::metadata(Timestamp(7));
/// assert!(mark.is_metadata());
/// assert_eq!(mark.as_metadata(), Some(&Timestamp(7)));
/// ```
pub trait Metadata: Any + Send + fmt::Debug {
    /// The kind's name, for people: capitals by custom.
    fn name(&self) -> &str;

    /// The same mark once more; `None`, as here, where there can be only one.
    fn try_clone(&self) -> Option<Box<dyn Metadata>> {
        None
    }
}
