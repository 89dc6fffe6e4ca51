//! One response on its way through filters, for a server that pushes: its head first, then its body
//! piece by piece.
//!
//! Invariant: what a piece comes to leaves with it. Nothing lies in the chain for want of a call but
//! what a filter must keep to see more.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use brigade::{Error, ErrorKind, Result};
use brigade_http::RequestHead;
use brigade_http::body::{ChainBody, Filters};
use bytes::{Bytes, BytesMut};
use http::Response;
use http::response::Parts;
use http_body::Body;
use pingora_core::{ErrorType, OrErr};

use crate::feed::Feed;
use crate::wait::wait;

/// A response whose head has left the filters.
#[derive(Debug)]
pub struct Filtered {
    feed: Feed,
    body: Mutex<ChainBody>, // Never locked: Pingora wants its contexts `Sync`, and a chain is not.
}

impl Filtered {
    /// Leads a head through `filters`; waits as long as one of them does, and blocks no thread. A
    /// response `without_body` ends with it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] when a filter holds the head until it has seen some of the body:
    /// Pingora sends the head before it has any.
    pub(crate) async fn begin(
        filters: &Filters,
        request: RequestHead,
        head: Parts,
        without_body: bool,
    ) -> Result<(Parts, Self)> {
        let feed = Feed::default();
        feed.give(None, without_body);
        let mut respond = filters.respond(request, Response::from_parts(head, feed.clone()));
        let response = poll_fn(|cx| feed.poll_dry(|| Pin::new(&mut respond).poll(cx)))
            .await
            .ok_or_else(|| {
                let context = "hold a head back until there is a body, in Pingora";
                Error::new(ErrorKind::Unsupported, context)
            })?;
        let (head, body) = response.into_parts();
        Ok((head, Self { feed, body: Mutex::new(body) }))
    }

    /// Leads a piece of the body through, for `response_body_filter`, and gives what it comes to; `None`
    /// when that is nothing.
    ///
    /// Where a filter waits, the call does: its thread serves nobody else meanwhile, and tokio has
    /// another one in its place, up to its limit on threads for blocking work (512).
    ///
    /// # Errors
    ///
    /// What a filter answered: the body must not end well.
    pub fn go_on(
        &mut self,
        piece: Option<Bytes>,
        ends: bool,
    ) -> pingora_core::Result<Option<Bytes>> {
        self.lead(piece, ends).or_err(ErrorType::InternalError, "lead a body through filters")
    }

    fn lead(&mut self, piece: Option<Bytes>, ends: bool) -> Result<Option<Bytes>> {
        self.feed.give(piece, ends);
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut out = Bytes::new();
        while !body.is_end_stream() {
            let mut body = Pin::new(&mut *body);
            let polled = wait(|cx| self.feed.poll_dry(|| body.as_mut().poll_frame(cx)));
            let Some(frame) = polled?.flatten() else { break };
            if let Ok(data) = frame?.into_data() {
                out = join(out, data);
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }
}

/// One piece of two, since Pingora takes one; most are alone and not copied.
fn join(first: Bytes, then: Bytes) -> Bytes {
    if first.is_empty() {
        return then;
    }
    let mut both = first.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    both.extend_from_slice(&then);
    both.freeze()
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use brigade::{FilterKind, Member};
    use brigade_http::{Hold, Over, Verdict};

    use super::*;
    use crate::scan;

    /// Leads the head of a page through; what cannot be done without a runtime would wait for ever.
    fn begin(filters: &Filters) -> Result<Filtered> {
        let request = RequestHead::get("/".parse().expect("a path"));
        let (head, ()) = Response::new(()).into_parts();
        let begun = std::pin::pin!(Filtered::begin(filters, request, head, false));
        match begun.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(begun) => begun.map(|(_, filtered)| filtered),
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn a_head_that_is_held_back_for_the_body_is_an_error() {
        let filters = Filters::none().member(|| {
            let hold = Hold::new(4096, Over::Commit, |_| Verdict::Wait);
            Member::new("hold", FilterKind::RESOURCE, hold)
        });
        let error = begin(&filters).expect_err("it is held back");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn waiting_in_a_runtime_of_one_thread_is_an_error() {
        let mut registry = brigade::Registry::new();
        registry.register(scan());
        let filters = Filters::from_specs(&registry, ["scan"]).expect("a filter");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let waited = runtime
            .expect("a runtime")
            .block_on(async { begin(&filters)?.lead(Some(Bytes::from_static(b"a piece")), false) });
        let error = waited.expect_err("it would stop everybody");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
