//! A response of another server, led through filters: its head is there when the future is.
//!
//! Invariant: what the filters do not know of a response (its version, its extensions) stays with it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body;

use super::{BoxError, ChainBody, Filters};
use crate::{RequestHead, ResponseHead};

impl Filters {
    /// Leads a response through these filters, its head and its body; `request` is the head of the
    /// request that it answers.
    ///
    /// The future is ready when the head has left the filters: at once, unless one of them holds it
    /// back. The body's first frames are pulled for that as far as they are there. A response that
    /// fails before is answered by a whole page of its own.
    pub fn respond<B>(&self, request: impl Into<Arc<RequestHead>>, response: Response<B>) -> Respond
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let request = request.into();
        let (mut parts, body) = response.into_parts();
        let mut head = ResponseHead::new(parts.status, request.clone());
        head.headers = std::mem::take(&mut parts.headers);
        let is_told = head.is_bodiless() || head.request.method == Method::CONNECT;
        // The server would say it itself, of this body; the filters must know.
        if let Some(length) = body.size_hint().exact().filter(|_| !is_told) {
            head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
        }
        let body = ChainBody::of_response(self, request, head, body);
        Respond::new(parts, body)
    }
}

/// A response on its way through filters: see [`Filters::respond`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Respond {
    response: Option<(Parts, ChainBody)>, // `None`: done.
}

impl Respond {
    /// The response whose head comes out of `body`.
    pub(super) fn new(parts: Parts, body: ChainBody) -> Self {
        Self { response: Some((parts, body)) }
    }
}

impl Future for Respond {
    type Output = Response<ChainBody>;

    /// # Panics
    ///
    /// When it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (_, body) = self.response.as_mut().expect("polled after it was ready");
        let head = match body.poll_head(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(head) => head,
        };
        let (mut parts, body) = self.response.take().expect("it was there a line ago");
        match head {
            Ok(head) => (parts.status, parts.headers) = (head.status, head.headers),
            // Not even a page came out: a filter below the protocol's failed.
            Err(_) => parts.status = StatusCode::INTERNAL_SERVER_ERROR,
        }
        Poll::Ready(Response::from_parts(parts, body))
    }
}
