//! What a connection at rest waits for beside its client: the time, and the end of the server.
//!
//! Invariant: what is registered stays so from request to request. A busy client's deadline moves with
//! each, so a timer that comes too early is set anew when it comes, not each time it could be.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::Drain;

/// What ends a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Late,
    Drains,
}

/// One of a connection, for all its rests.
pub(super) struct Rest {
    timer: Option<Pin<Box<Sleep>>>, // Invariant: set to no later than the deadline last asked for.
    drain: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Rest {
    pub(super) fn new(drain: Drain) -> Self {
        Self { timer: None, drain: Box::pin(async move { drain.begun().await }) }
    }

    /// Waits for `deadline` and, if that matters, for the server's being asked to stop. Not to be asked
    /// again when it was.
    pub(super) fn poll_end(
        &mut self,
        deadline: Option<Instant>,
        drains: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Ended> {
        if deadline.is_some_and(|at| self.poll_late(at, cx).is_ready()) {
            return Poll::Ready(Ended::Late);
        }
        if drains && self.drain.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ended::Drains);
        }
        Poll::Pending
    }

    fn poll_late(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if at < timer.deadline() {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if at <= timer.deadline() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("timer", &self.timer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::time::Duration;

    use super::*;

    fn poll(rest: &mut Rest, at: Instant) -> Poll<Ended> {
        rest.poll_end(Some(at), true, &mut Context::from_waker(Waker::noop()))
    }

    /// Lets the clock, which stands still, go on.
    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn deadline_that_moved_on_is_the_one_that_counts() {
        let (mut rest, start) = (Rest::new(Drain::never()), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(poll(&mut rest, at(10)), Poll::Pending);
        pass(8).await;
        assert_eq!(poll(&mut rest, at(18)), Poll::Pending);
        pass(9).await;
        assert_eq!(poll(&mut rest, at(18)), Poll::Pending, "the timer was early");
        pass(1).await;
        assert_eq!(poll(&mut rest, at(18)), Poll::Ready(Ended::Late));
    }

    #[tokio::test(start_paused = true)]
    async fn deadline_that_came_nearer_is_the_one_that_counts() {
        let (mut rest, start) = (Rest::new(Drain::never()), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(poll(&mut rest, at(60)), Poll::Pending);
        assert_eq!(poll(&mut rest, at(2)), Poll::Pending);
        pass(2).await;
        assert_eq!(poll(&mut rest, at(2)), Poll::Ready(Ended::Late));
        assert_eq!(poll(&mut rest, at(5)), Poll::Pending, "another rest");
    }
}
