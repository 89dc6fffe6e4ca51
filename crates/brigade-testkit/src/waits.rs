//! A filter that waits before every bucket.

use brigade::{Error, OutputFilter, from_fn};

/// Makes a filter that hands everything on, unread, and answers
/// [`WouldBlock`](brigade::ErrorKind::WouldBlock) once before each bucket, having woken its chain.
///
/// Above a filter it cuts what that is given into calls of one bucket; below, it makes the chain hold
/// back whenever that filter reads.
pub fn waits_everywhere() -> impl OutputFilter {
    let mut has_waited = false;
    from_fn(move |input, next| {
        while !input.is_empty() {
            if !has_waited {
                has_waited = true;
                next.waker().wake_by_ref();
                return Err(Error::would_block());
            }
            has_waited = false;
            if let Some(bucket) = input.pop_front() {
                next.push(bucket)?;
            }
        }
        Ok(())
    })
}
