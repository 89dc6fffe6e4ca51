//! The response that is on its way through a chain: what may still be passed.
//!
//! Invariant: a body ends once. After its end come only marks, and they go to the connection's
//! filters.

use super::node::leaves_unflushed;
use crate::{Brigade, Error, ErrorKind, Result};

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Response {
    pub(super) bytes_in: u64,
    pub(super) unflushed: bool, // Something went in since the last FLUSH.
    pub(super) ended: bool,
    pub(super) failed: bool, // The owner was told of an error.
}

impl Response {
    /// Whether `brigade` may be passed now.
    pub(super) fn admit(&self, brigade: &mut Brigade<'_>) -> Result<()> {
        if !self.ended && !brigade.ends_body() {
            return Ok(());
        }
        if self.ended && self.failed {
            // Its end became an ERROR; an owner that ends it with one of its own means the same.
            brigade.drop_data();
            brigade.drop_ends();
        }
        let mut ended = self.ended;
        for bucket in &*brigade {
            if ended && (bucket.is_data() || bucket.ends_body()) {
                let context = format!("pass {bucket:?} after the end of the body");
                return Err(Error::new(ErrorKind::Contract, context));
            }
            ended |= bucket.ends_body();
        }
        Ok(())
    }

    /// Counts what is passed.
    pub(super) fn given(&mut self, brigade: &Brigade<'_>) {
        self.bytes_in += brigade.tally().known_bytes();
        self.unflushed = brigade.tally().is_plain() && !brigade.is_empty()
            || leaves_unflushed(brigade, self.unflushed);
    }

    #[cold]
    pub(super) fn is_over(bytes: &[u8]) -> Error {
        let context = format!("write {} bytes after the end of the body", bytes.len());
        Error::new(ErrorKind::Contract, context)
    }
}
