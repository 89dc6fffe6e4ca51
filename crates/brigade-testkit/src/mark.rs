//! A mark that no filter knows.

use brigade::{Bucket, Metadata};

/// A mark of a kind that no filter can know, named `MARK-number`: it must be passed on in its place.
///
/// ```
/// let mark = brigade_testkit::unknown_mark(7);
/// assert!(mark.is_metadata());
/// assert_eq!(mark.kind_name(), "MARK-7");
/// ```
pub fn unknown_mark(number: usize) -> Bucket<'static> {
    Bucket::metadata(UnknownMark { name: format!("MARK-{number}") })
}

#[derive(Debug, Clone)]
struct UnknownMark {
    name: String,
}

impl Metadata for UnknownMark {
    fn name(&self) -> &str {
        &self.name
    }

    fn try_clone(&self) -> Option<Box<dyn Metadata>> {
        Some(Box::new(self.clone()))
    }
}
