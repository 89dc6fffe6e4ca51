//! A line may lie in the carrier, which uses its storage again: push a copy of it.

use brigade::{Brigade, Bucket, Line, LineCarry, Next, OutputFilter, Result};

struct Lines {
    lines: LineCarry,
}

impl OutputFilter for Lines {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            if let Some(bytes) = bucket.bytes() {
                self.lines.feed(bytes, |line| match line {
                    Line::Whole(bytes) | Line::Part(bytes) => next.push(Bucket::transient(bytes)),
                })?;
            }
        }
        Ok(())
    }
}

fn main() {}
