//! The bytes of a bucket live as long as the bucket: push the bucket, or a copy of them.

use brigade::{Brigade, Bucket, Next, OutputFilter, Result};

struct Trim;

impl OutputFilter for Trim {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            match bucket.bytes() {
                Some(bytes) => next.push(Bucket::transient(bytes.trim_ascii()))?,
                None => next.push(bucket)?,
            }
        }
        Ok(())
    }
}

fn main() {}
