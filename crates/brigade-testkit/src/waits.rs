//! A filter that waits before every bucket.

use brigade::{Brigade, Effects, Error, Next, OutputFilter, Result};

/// Makes a filter that hands everything on, unread, and answers
/// [`WouldBlock`](brigade::ErrorKind::WouldBlock) once before each bucket, having woken its chain.
///
/// Above a filter it cuts what that is given into calls of one bucket; below, it makes the chain hold
/// back whenever that filter reads.
pub fn waits_everywhere() -> impl OutputFilter {
    Waits { has_waited: false }
}

struct Waits {
    has_waited: bool, // Before the bucket in front.
}

impl OutputFilter for Waits {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while !input.is_empty() {
            self.has_waited = !self.has_waited;
            if self.has_waited {
                next.waker().wake_by_ref();
                return Err(Error::would_block());
            }
            if let Some(bucket) = input.pop_front() {
                next.push(bucket)?;
            }
        }
        Ok(())
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }
}
