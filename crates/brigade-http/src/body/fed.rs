//! A body that comes out of a chain, which a brigade or another body has filled.
//!
//! Invariant: a poll that panicked is the last one, and fails the body for its filters.

use std::pin::Pin;
use std::task::{Context, Poll};

use brigade::{Brigade, Bucket, Chain, End, Error, ErrorKind, Result};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::Filters;
use super::feeds::{Feeds, panicked, poll_frame_by_item};
use super::pull::{Item, Pull, Ready, queue};
use super::source::{Passed, Source};
use crate::Exchange;

/// A body that has taken so much in without giving a frame lets other tasks have their turn.
const GIVE_WAY_BYTES: usize = 256 * 1024;

pub(super) struct Fed {
    chain: Chain,
    pull: Pull,
    source: Option<Pin<Box<dyn Source>>>,
    exchange: Option<Exchange>,
    filters: Filters,
    is_polled: bool, // Stays so when a poll panics.
}

impl Feeds for Fed {
    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Item> {
        let fed = self.get_mut();
        if fed.pull.is_over() {
            return Poll::Ready(Item::End);
        }
        if fed.is_polled {
            fed.pull.fail(&mut fed.chain);
            return Poll::Ready(Item::Failed(panicked()));
        }
        fed.is_polled = true;
        let polled = fed.poll_on(cx);
        fed.pull.note(&mut fed.chain);
        fed.is_polled = false;
        if fed.pull.is_over() {
            fed.source = None;
            if let Some(exchange) = &fed.exchange {
                fed.filters.report_of(exchange);
            }
        }
        polled
    }

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let fed = &mut *self;
        if !fed.is_polled
            && let Some(bytes) = fed.pull.next_of_many(queue(&mut fed.chain))
        {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        poll_frame_by_item(self, cx)
    }

    fn is_over(&self) -> bool {
        self.pull.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        self.pull.size_hint()
    }
}

impl Fed {
    pub(super) fn new(
        chain: Chain,
        filters: &Filters,
        source: Option<Pin<Box<dyn Source>>>,
        exchange: Option<Exchange>,
    ) -> Self {
        let filters = filters.clone();
        Self { chain, pull: Pull::default(), source, exchange, filters, is_polled: false }
    }

    /// A body of a brigade, which is passed at once.
    pub(super) fn of(filters: &Filters, mut brigade: Brigade<'static>) -> Self {
        let mut fed = Self::new(filters.chain(), filters, None, None);
        if !brigade.ends_body() {
            brigade.push_back(Bucket::eos());
        }
        if let Err(error) = fed.chain.pass(&mut brigade) {
            // The ERROR that the end has become is in the queue, if the chain still runs.
            fed.fail_chain(error);
        }
        fed.pull.note(&mut fed.chain);
        fed
    }

    fn poll_on(&mut self, cx: &mut Context<'_>) -> Poll<Item> {
        self.chain.set_waker(cx.waker());
        let mut taken_bytes = 0;
        loop {
            let stepped = match self.pull.ready(&mut self.chain, cx) {
                Ok(Ready::Item(item)) => return Poll::Ready(item),
                Ok(Ready::GiveWay) => return Poll::Pending,
                Ok(Ready::Waits) => self.rest(),
                Ok(Ready::Dry) => self.feed(cx, &mut taken_bytes),
                Err(error) => Err(error),
            };
            match stepped {
                Ok(true) if taken_bytes > GIVE_WAY_BYTES => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(true) => {}
                Ok(false) => {
                    self.pull.has_paused();
                    return Poll::Pending;
                }
                Err(error) => {
                    if let Some(error) = self.fail_chain(error) {
                        return Poll::Ready(Item::Failed(error));
                    }
                }
            }
        }
    }

    /// Passes what the source has; says whether there is something new to look at.
    fn feed(&mut self, cx: &mut Context<'_>, taken_bytes: &mut usize) -> Result<bool> {
        let Some(source) = &mut self.source else {
            return Err(Error::new(ErrorKind::Incomplete, "end a body whose end was lost"));
        };
        match source.as_mut().poll_pass(&mut self.chain, cx) {
            Poll::Pending => return self.rest(),
            Poll::Ready(passed) => match passed? {
                Passed::Bytes(bytes) => *taken_bytes += bytes,
                Passed::End => self.source = None,
            },
        }
        Ok(true)
    }

    /// Nothing comes now: what was given must not wait.
    fn rest(&mut self) -> Result<bool> {
        self.chain.idle()?;
        Ok(queue(&mut self.chain).can_go_on())
    }

    /// Ends the body in `error`, by way of the filters; answers it where they can do no more.
    fn fail_chain(&mut self, error: Error) -> Option<Error> {
        self.source = None;
        if let Some(exchange) = &self.exchange {
            exchange.record(&error);
        }
        let is_refused = self.chain.aborted().is_some();
        if is_refused || self.chain.pass_bucket(Bucket::error(error.clone())).is_err() {
            self.pull.fail(&mut self.chain);
            return Some(error);
        }
        None
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        if self.is_polled {
            self.chain.abort(End::Failed);
        } else if !self.pull.is_over() && self.pull.has_given_all() {
            self.pull.end(&mut self.chain);
        }
        // Else the chain tells its filters that the client is gone.
    }
}
