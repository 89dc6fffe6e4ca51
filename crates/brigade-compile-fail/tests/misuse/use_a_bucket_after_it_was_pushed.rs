//! A bucket is in one place: pushed, it belongs to the filters below.

use brigade::{Brigade, Next, OutputFilter, Result};

struct Twice;

impl OutputFilter for Twice {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            next.push(bucket)?;
            next.push(bucket)?;
        }
        Ok(())
    }
}

fn main() {}
