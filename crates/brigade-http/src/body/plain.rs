//! A body that goes through no filters: its frames are handed on, one by one.
//!
//! Invariant: no chain is made and nothing is held; what is said of the body is what it says itself.

use std::pin::Pin;
use std::task::{Context, Poll};

use brigade::Result;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::BoxError;
use super::feeds::{Feeds, panicked};
use super::pull::Item;
use super::source::{to_bytes, to_error};

pin_project! {
    pub(super) struct Plain<B> {
        #[pin]
        body: B,
        is_over: bool,
        is_polled: bool, // Stays so when a poll panics.
    }
}

impl<B> Plain<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, is_over: false, is_polled: false }
    }
}

impl<B> Feeds for Plain<B>
where
    B: Body + Send,
    B::Error: Into<BoxError>,
{
    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Item> {
        self.poll_frame(cx).map(|polled| match polled {
            None => Item::End,
            Some(Ok(frame)) => Item::Frame(frame),
            Some(Err(error)) => Item::Failed(error),
        })
    }

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = self.project();
        if *this.is_over {
            return Poll::Ready(None);
        }
        if std::mem::replace(this.is_polled, true) {
            *this.is_over = true;
            return Poll::Ready(Some(Err(panicked())));
        }
        let polled = this.body.poll_frame(cx);
        *this.is_polled = false;
        *this.is_over = matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled.map(|end| {
            end.map(|frame| match frame {
                Ok(frame) => Ok(frame.map_data(to_bytes)),
                Err(cause) => Err(to_error(cause.into())),
            })
        })
    }

    fn is_over(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_over { SizeHint::with_exact(0) } else { self.body.size_hint() }
    }
}
