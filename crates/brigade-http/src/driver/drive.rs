//! Drives a connection's chain: gives away what the peer takes, runs the handler in between, and cuts
//! off a peer that takes nothing.
//!
//! Invariant: whenever the driver sleeps, everything that may go on has a waker: the socket, the
//! handler, a filter or source that waits, the write timeout.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use brigade::{Chain, End, Error, ErrorKind, Result};
use brigade_net::Close;
use tokio::time::{Sleep, sleep_until};

use super::HandlerFuture;
use super::conn::{Conn, Shared};
use super::line::Socket;

/// The timer of a response of which nothing leaves; it exists only while nothing does.
#[derive(Default)]
struct Stalled(Option<Pin<Box<Sleep>>>);

impl Stalled {
    /// Writes what can be written; ends the connection when nothing has left for too long, unless its
    /// handler can still answer.
    fn poll_write(&mut self, conn: &mut Conn, socket: &Socket, cx: &mut Context<'_>) -> Result<()> {
        if let Err(error) = conn.poll_write(socket, cx) {
            if conn.chain.aborted().is_some() {
                conn.end(End::ClientGone, Close::Reset); // Whoever waits learns it.
            }
            return Err(error);
        }
        let Some(at) = conn.stalls_at() else {
            self.0 = None;
            return Ok(());
        };
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        if timer.as_mut().poll(cx).is_ready() {
            if conn.gives_room_up() {
                self.0 = None;
                return Ok(());
            }
            let error = conn.stalled();
            conn.end(End::Timeout, Close::Reset);
            return Err(error);
        }
        Ok(())
    }
}

/// Drives what is pending until the chain is as far as `reached` says.
pub(super) async fn drive_until(
    socket: &Socket,
    shared: &Shared,
    reached: impl Fn(&Chain) -> bool,
) -> Result<()> {
    let mut stalled = Stalled::default();
    poll_fn(|cx| {
        let mut conn = shared.lock();
        stalled.poll_write(&mut conn, socket, cx)?;
        if reached(&conn.chain) { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// Runs a handler, if there is one, and drives the chain until the response has left the request's
/// filters. The handler of a client that is gone goes on until it returns: it learns it at its next
/// call, or by [`closed`](super::Response::closed).
pub(super) async fn run_handler(
    socket: &Socket,
    shared: &Arc<Shared>,
    mut handler: Option<HandlerFuture>,
) -> Result<()> {
    let mut stalled = Stalled::default();
    let mut gone = pin!(socket.gone());
    let mut watch = true;
    let mut failed = None;
    poll_fn(|cx| {
        let mut conn = shared.lock();
        if let Err(error) = stalled.poll_write(&mut conn, socket, cx) {
            conn.fail(error.clone());
            failed.get_or_insert(error);
        }
        drop(conn);
        if let Some(answer) = poll_handler(&mut handler, shared, cx) {
            shared.lock().handled(answer);
        }
        let mut conn = shared.lock();
        // Nobody is left to learn it of a response that is made: whether it arrives, writing it tells.
        if watch && !conn.is_done() && gone.as_mut().poll(cx).is_ready() {
            watch = false;
            failed.get_or_insert_with(hung_up);
            conn.end(End::ClientGone, Close::Reset);
        }
        conn.fail_if_dropped();
        let after = conn.after_handler();
        if let Err(error) = after.and_then(|()| stalled.poll_write(&mut conn, socket, cx)) {
            conn.fail(error.clone());
            failed.get_or_insert(error);
        }
        if !conn.is_done() {
            return Poll::Pending;
        }
        match (conn.chain.aborted(), failed.take()) {
            (None, _) => Poll::Ready(Ok(())),
            (Some(_), Some(error)) => Poll::Ready(Err(error)),
            (Some(end), None) => {
                let context = format!("the connection ended: {end:?}");
                Poll::Ready(Err(Error::new(ErrorKind::Aborted, context)))
            }
        }
    })
    .await
}

/// Polls the handler, if it is not done; a panic of its is an error.
pub(super) fn poll_handler(
    handler: &mut Option<HandlerFuture>,
    shared: &Shared,
    cx: &mut Context<'_>,
) -> Option<Result<()>> {
    let future = handler.as_mut()?;
    shared.lock().before_handler();
    let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
    let answer = match polled {
        Ok(Poll::Pending) => return None,
        Ok(Poll::Ready(answer)) => answer,
        Err(_) => Err(panicked()),
    };
    *handler = None;
    Some(answer)
}

/// What a client's leaving in the middle becomes.
pub(super) fn hung_up() -> Error {
    Error::new(ErrorKind::ClientGone, "the client hung up")
}

/// What a handler's panic becomes. The panic hook has printed what and where.
pub(super) fn panicked() -> Error {
    Error::other("the handler panicked")
}
