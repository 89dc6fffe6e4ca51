//! CHECKPOINT: a name for a place in a body.
//!
//! Invariant: it carries no bytes, and says nothing to who does not know it.

use brigade::{Bucket, Metadata};

/// A named place between two bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// What the place is called.
    pub name: String,
}

impl Checkpoint {
    /// A bucket with this mark in it.
    pub fn bucket(name: impl Into<String>) -> Bucket<'static> {
        Bucket::metadata(Self { name: name.into() })
    }
}

impl Metadata for Checkpoint {
    fn name(&self) -> &str {
        "CHECKPOINT"
    }

    fn try_clone(&self) -> Option<Box<dyn Metadata>> {
        Some(Box::new(self.clone()))
    }
}
