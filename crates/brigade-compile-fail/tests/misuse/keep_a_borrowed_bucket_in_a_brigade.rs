//! A brigade of a filter's own outlives the call; setting aside makes the bytes do so too.

use brigade::{Brigade, Next, OutputFilter, Result};

struct Keeps {
    held: Brigade<'static>,
}

impl OutputFilter for Keeps {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            self.held.push_back(bucket);
        }
        Ok(())
    }
}

fn main() {}
