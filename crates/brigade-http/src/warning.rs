//! What an operator should know of a response that goes on all the same.

use brigade::{Bucket, Error, Metadata};

/// Something that an operator should know and no client can be told: a filter that had to step aside.
///
/// It travels as a mark. The header filter takes it out and keeps it in the
/// [`Exchange`](crate::Exchange::warnings); drivers report it when the response is over. Push it before
/// RESPONSE: behind the head nobody looks for it.
#[derive(Debug, Clone)]
pub struct Warning(Error);

impl Warning {
    /// Warns of what `error` says.
    pub fn new(error: Error) -> Self {
        Self(error)
    }

    /// What it warns of.
    pub fn error(&self) -> &Error {
        &self.0
    }

    /// The bucket that carries it.
    pub fn into_bucket(self) -> Bucket<'static> {
        Bucket::metadata(self)
    }
}

impl Metadata for Warning {
    fn name(&self) -> &'static str {
        "WARNING"
    }

    fn try_clone(&self) -> Option<Box<dyn Metadata>> {
        Some(Box::new(self.clone()))
    }
}
