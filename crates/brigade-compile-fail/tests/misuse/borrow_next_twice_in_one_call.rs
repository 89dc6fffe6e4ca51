//! `next` is lent once at a time: what is pushed is made first, in a line of its own.

use brigade::{Brigade, Next, OutputFilter, Result};

struct Banner;

impl OutputFilter for Banner {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        next.push(next.alloc().copy(b"banner"))?;
        next.push_all(input)
    }
}

fn main() {}
