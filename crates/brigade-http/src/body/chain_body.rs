//! A body at the end of a chain: what hyper, axum and their kin pull their responses out of.
//!
//! Invariants: a failed body never ends well. Every filter is told once how the body ended, also when
//! it is dropped, and when what feeds it panics.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use brigade::{Brigade, Bucket, Chain, End, Error, ErrorKind, Result};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::pull::{Item, Pull, Ready, queue};
use super::source::{Frames, Passed, Source};
use super::{BoxError, Filters};
use crate::{Exchange, RequestHead, ResponseHead};

/// A body that has taken so much in without giving a frame lets other tasks have their turn.
const GIVE_WAY_BYTES: usize = 256 * 1024;

/// An [`http_body::Body`] whose frames come out of a chain, one a bucket.
///
/// The server pulls: nothing is read, fed or filtered before it asks, so that the client's pace is the
/// chain's. Bytes in memory leave as they are, without a copy; a FILE is read in pieces of 64 KiB where
/// blocking is allowed (on tokio's threads for it, or in place without a runtime); HEADERS leave as
/// trailers. A FLUSH lets the server send what it has before it gets more. An ERROR is the error of
/// the body, never a clean end. Dropping it is [`End::ClientGone`] for every filter.
///
/// [`size_hint`](Body::size_hint) is exact where the length is known, and
/// [`is_end_stream`](Body::is_end_stream) true as soon as the last frame was given.
///
/// ```
/// use brigade::{Brigade, Bucket};
/// use brigade_http::body::{ChainBody, Filters};
/// use http_body::Body;
///
/// let page = Brigade::from_iter([Bucket::immortal(b"hello, "), Bucket::immortal(b"hyper\n")]);
/// let body = ChainBody::new(&Filters::none(), page);
/// assert_eq!(body.size_hint().exact(), Some(13));
/// let response = http::Response::new(body); // for hyper and axum
/// # let _ = response;
/// ```
pub struct ChainBody(Box<dyn Feeds>);

/// What a body comes out of: a chain, and whoever feeds it.
pub(crate) trait Feeds: Send {
    /// Gives what is next.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Item>;

    /// How far it has come.
    fn pull(&self) -> &Pull;
}

struct Fed {
    chain: Chain,
    pull: Pull,
    source: Option<Pin<Box<dyn Source>>>,
    exchange: Option<Exchange>,
    filters: Filters,
    is_polled: bool, // Stays so when a poll panics.
}

impl ChainBody {
    /// A body of what is in `brigade`, after the filters. It ends there, even if no EOS is in it.
    pub fn new(filters: &Filters, mut brigade: Brigade<'static>) -> Self {
        let mut fed = Fed::new(filters.chain(), filters, None, None);
        if !brigade.ends_body() {
            brigade.push_back(Bucket::eos());
        }
        if let Err(error) = fed.chain.pass(&mut brigade) {
            // The ERROR that the end has become is in the queue, if the chain still runs.
            fed.fail_chain(error);
        }
        fed.pull.note(&mut fed.chain);
        Self(Box::new(fed))
    }

    /// A body of the frames of another one, after the filters.
    pub fn around<B>(filters: &Filters, body: B) -> Self
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let exact = body.size_hint().exact().filter(|_| filters.is_empty());
        let source = Box::pin(Frames::new(body, None));
        let mut fed = Fed::new(filters.chain(), filters, Some(source), None);
        fed.pull.promise(exact);
        Self(Box::new(fed))
    }

    /// The body of a response whose head goes through the filters before it.
    pub(crate) fn of_response<B>(
        filters: &Filters,
        request: Arc<RequestHead>,
        head: ResponseHead,
        body: B,
    ) -> Self
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let exchange = Exchange::new(request);
        let source = Box::pin(Frames::new(body, Some(head)));
        let chain = filters.chain_for(&exchange);
        Self(Box::new(Fed::new(chain, filters, Some(source), Some(exchange))))
    }

    /// The body that a handler makes.
    #[cfg(feature = "driver")]
    pub(crate) fn of(feeds: impl Feeds + 'static) -> Self {
        Self(Box::new(feeds))
    }

    /// Pulls until the head is out.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead>> {
        match self.0.poll_item(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Item::Head(head)) => Poll::Ready(Ok(head)),
            Poll::Ready(Item::Failed(error)) => Poll::Ready(Err(error)),
            Poll::Ready(other) => {
                let context = format!("begin a response with {other:?}");
                Poll::Ready(Err(Error::new(ErrorKind::Contract, context)))
            }
        }
    }
}

impl Body for ChainBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        loop {
            match self.0.poll_item(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Item::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
                Poll::Ready(Item::Failed(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Item::End) => return Poll::Ready(None),
                Poll::Ready(Item::Head(_)) => {} // Nobody asked for it.
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.pull().is_over()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.pull().size_hint()
    }
}

impl Feeds for Fed {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Item> {
        if self.pull.is_over() {
            return Poll::Ready(Item::End);
        }
        if self.is_polled {
            self.pull.fail(&mut self.chain);
            let context = "go on with a body that panicked";
            return Poll::Ready(Item::Failed(Error::new(ErrorKind::Aborted, context)));
        }
        self.is_polled = true;
        let polled = self.poll_on(cx);
        self.pull.note(&mut self.chain);
        self.is_polled = false;
        if self.pull.is_over() {
            self.source = None;
            if let Some(exchange) = &self.exchange {
                self.filters.report_of(exchange);
            }
        }
        polled
    }

    fn pull(&self) -> &Pull {
        &self.pull
    }
}

impl Fed {
    fn new(
        chain: Chain,
        filters: &Filters,
        source: Option<Pin<Box<dyn Source>>>,
        exchange: Option<Exchange>,
    ) -> Self {
        let filters = filters.clone();
        Self { chain, pull: Pull::default(), source, exchange, filters, is_polled: false }
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

impl fmt::Debug for ChainBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainBody").field("pull", self.0.pull()).finish_non_exhaustive()
    }
}
