//! A filter pushes while it is called, and at no other time: what comes later waits by `next.waker()`.

use brigade::{Brigade, Next, OutputFilter, Result};

struct Later {
    next: Option<&'static mut Next<'static, 'static>>,
}

impl OutputFilter for Later {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        input.clear();
        self.next = Some(next);
        Ok(())
    }
}

fn main() {}
