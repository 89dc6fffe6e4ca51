//! Swapping would keep what is borrowed, and give away storage that must outlive the caller's.

use brigade::{Brigade, Next, OutputFilter, Result};

struct Swaps {
    held: Brigade<'static>,
}

impl OutputFilter for Swaps {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, _next: &mut Next<'_, 'b>) -> Result<()> {
        std::mem::swap(input, &mut self.held);
        Ok(())
    }
}

fn main() {}
