//! The classic crash of a filter: what it was given is gone at its next call.

use brigade::{Brigade, Bucket, Next, OutputFilter, Result};

struct Keeps {
    kept: Vec<Bucket<'static>>,
}

impl OutputFilter for Keeps {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            self.kept.push(bucket);
        }
        Ok(())
    }
}

fn main() {}
