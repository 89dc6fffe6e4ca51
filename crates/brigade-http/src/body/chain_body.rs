//! A body at the end of a chain: what hyper, axum and their kin pull their responses out of.
//!
//! Invariants: a failed body never ends well. Every filter is told once how the body ended, also when
//! it is dropped, and when what feeds it panics.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use brigade::{Brigade, Error, ErrorKind, Result};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::fed::Fed;
use super::feeds::Feeds;
use super::plain::Plain;
use super::pull::Item;
use super::source::Frames;
use super::{BoxError, Filters};
use crate::{Exchange, RequestHead, ResponseHead};

/// An [`http_body::Body`] whose frames come out of a chain, one a bucket.
///
/// The server pulls: nothing is read, fed or filtered before it asks, so that the client's pace is the
/// chain's. Bytes in memory leave as they are, without a copy; a FILE is read in pieces of 64 KiB where
/// blocking is allowed (on tokio's threads for it, or in place without a runtime); HEADERS leave as
/// trailers. A FLUSH lets the server send what it has before it gets more. An ERROR is the error of
/// the body, never a clean end. Dropping it is [`End::ClientGone`](brigade::End::ClientGone) for every filter.
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
pub struct ChainBody(Pin<Box<dyn Feeds>>);

impl ChainBody {
    /// A body of what is in `brigade`, after the filters. It ends there, even if no EOS is in it.
    pub fn new(filters: &Filters, brigade: Brigade<'static>) -> Self {
        Self(Box::pin(Fed::of(filters, brigade)))
    }

    /// A body of the frames of another one, after the filters. Where there are none, its frames are
    /// handed on as they come, and no chain is made.
    pub fn around<B>(filters: &Filters, body: B) -> Self
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if filters.is_empty() {
            return Self(Box::pin(Plain::new(body)));
        }
        let source = Box::pin(Frames::new(body, None));
        Self(Box::pin(Fed::new(filters.chain(), filters, Some(source), None)))
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
        Self(Box::pin(Fed::new(chain, filters, Some(source), Some(exchange))))
    }

    /// The body that a handler makes.
    #[cfg(feature = "driver")]
    pub(crate) fn of(feeds: impl Feeds + 'static) -> Self {
        Self(Box::pin(feeds))
    }

    /// Pulls until the head is out.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead>> {
        match self.0.as_mut().poll_item(cx) {
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
        self.0.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for ChainBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainBody")
            .field("is_over", &self.0.is_over())
            .field("size_hint", &self.0.size_hint())
            .finish_non_exhaustive()
    }
}
