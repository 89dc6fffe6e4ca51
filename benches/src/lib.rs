//! What the benches share.
#![forbid(unsafe_code)]

use brigade::{Brigade, ReadCx, Result, Terminal};

/// A terminal that takes everything and forgets it, but for how many bytes there were.
#[derive(Debug, Default)]
pub struct Sink(pub u64);

impl Terminal for Sink {
    fn write(&mut self, brigade: &mut Brigade<'_>, _cx: &mut ReadCx<'_>) -> Result<()> {
        self.0 += brigade.resident_bytes();
        brigade.clear();
        Ok(())
    }
}
