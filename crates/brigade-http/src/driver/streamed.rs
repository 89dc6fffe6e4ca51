//! A handler inside the body of another server: it has its turn when the server asks for more and
//! nothing is there.
//!
//! Invariant: the handle is told when the body is dropped, and its handler is not cancelled for that.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use brigade::{End, Error, ErrorKind, Result};
use brigade_net::Close;
use http_body::SizeHint;
use tokio::runtime::Handle;

use super::conn::{Conn, Shared};
use super::drive::poll_handler;
use super::{HandlerFuture, Response};
use crate::body::{Feeds, Filters, Item, Pull, Ready, queue};
use crate::{Exchange, RequestHead};

/// What feeds the body of a handler's response.
pub(crate) struct Streamed {
    shared: Arc<Shared>,
    handler: Option<HandlerFuture>, // `None`: it has returned.
    pull: Pull,
    exchange: Exchange,
    filters: Filters,
    is_polled: bool, // Stays so when a poll panics.
}

impl Streamed {
    pub(crate) fn new<H, F>(filters: &Filters, request: Arc<RequestHead>, handler: H) -> Self
    where
        H: FnOnce(Response) -> F,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let exchange = Exchange::new(request);
        // The server has its own patience with its clients.
        let shared = Shared::new(filters.chain_for(&exchange), Duration::MAX, Duration::MAX);
        let serial = shared.lock().begin(exchange.clone());
        let serial = serial.expect("a chain that was just made has not ended");
        let handler = handler(Response::new(shared.clone(), serial));
        Self {
            shared,
            handler: Some(Box::pin(handler)),
            pull: Pull::default(),
            exchange,
            filters: filters.clone(),
            is_polled: false,
        }
    }

    fn poll_on(&mut self, cx: &mut Context<'_>) -> Poll<Item> {
        loop {
            if let Some(polled) = self.poll_chain(cx) {
                return polled;
            }
            let answer = poll_handler(&mut self.handler, &self.shared, cx);
            let mut conn = self.shared.lock();
            if let Some(answer) = answer {
                conn.handled(answer);
            }
            conn.fail_if_dropped();
            conn.after_turn();
            if !is_here(&mut conn)
                && let Err(error) = conn.after_handler()
            {
                conn.fail(error);
            }
            if !is_here(&mut conn) && conn.chain.aborted().is_none() {
                self.pull.has_paused();
                return Poll::Pending;
            }
        }
    }

    /// Takes what the chain has. `None`: the handler has its turn.
    fn poll_chain(&mut self, cx: &mut Context<'_>) -> Option<Poll<Item>> {
        let mut conn = self.shared.lock();
        conn.drive_by(cx.waker());
        if conn.chain.aborted().is_some() {
            self.pull.fail(&mut conn.chain);
            let ended = || Error::new(ErrorKind::Aborted, "the response was broken off");
            return Some(Poll::Ready(Item::Failed(
                self.exchange.error().cloned().unwrap_or_else(ended),
            )));
        }
        let ready = self.pull.ready(&mut conn.chain, cx);
        conn.wake_for_room();
        match ready {
            Ok(Ready::Item(item)) => Some(Poll::Ready(item)),
            Ok(Ready::GiveWay) => Some(Poll::Pending),
            Ok(Ready::Dry | Ready::Waits) => None,
            Err(error) => {
                conn.fail(error);
                drop(conn);
                self.poll_chain(cx)
            }
        }
    }
}

/// Whether there is something to be taken or read.
fn is_here(conn: &mut Conn) -> bool {
    queue(&mut conn.chain).can_go_on()
}

impl Feeds for Streamed {
    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Item> {
        let this = self.get_mut();
        if this.pull.is_over() {
            return Poll::Ready(Item::End);
        }
        this.is_polled = true;
        let polled = this.poll_on(cx);
        this.is_polled = false;
        let mut conn = this.shared.lock();
        this.pull.note(&mut conn.chain);
        if this.pull.is_over() {
            conn.end(End::Complete, Close::Orderly); // The chain knows better, if it failed.
            drop(conn);
            this.filters.report_of(&this.exchange);
        }
        polled
    }

    fn is_over(&self) -> bool {
        self.pull.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        self.pull.size_hint()
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        let mut conn = self.shared.lock();
        if !self.is_polled && !self.pull.is_over() && self.pull.has_given_all() {
            self.pull.end(&mut conn.chain);
        }
        let end = if self.is_polled { End::Failed } else { End::ClientGone };
        conn.end(end, Close::Reset);
        drop(conn);
        if let (Some(handler), Ok(runtime)) = (self.handler.take(), Handle::try_current()) {
            runtime.spawn(handler);
        }
    }
}
