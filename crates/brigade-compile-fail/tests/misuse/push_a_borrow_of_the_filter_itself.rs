//! What a filter pushes outlives its call: a borrow of its own buffer does not.

use brigade::{Brigade, Bucket, Next, OutputFilter, Result};

struct Banner {
    text: Vec<u8>,
}

impl OutputFilter for Banner {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        next.push(Bucket::transient(&self.text))?;
        next.push_all(input)
    }
}

fn main() {}
