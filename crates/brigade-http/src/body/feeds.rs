//! What a body comes out of: a chain that something feeds, or another body alone.

use std::pin::Pin;
use std::task::{Context, Poll};

use brigade::{Error, ErrorKind, Result};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::pull::Item;

/// Gives a body, item by item.
pub(crate) trait Feeds: Send {
    /// Gives what is next; a head, where there is one, before all else.
    fn poll_item(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Item>;

    /// Gives the next frame. A head that nobody asked for is passed over.
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        poll_frame_by_item(self, cx)
    }

    /// Whether nothing more is to come.
    fn is_over(&self) -> bool;

    /// How much is to come.
    fn size_hint(&self) -> SizeHint;
}

/// The next frame, of one that gives items alone.
pub(super) fn poll_frame_by_item<F: Feeds + ?Sized>(
    mut feeds: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>>>> {
    loop {
        match feeds.as_mut().poll_item(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Item::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Item::Failed(error)) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(Item::End) => return Poll::Ready(None),
            Poll::Ready(Item::Head(_)) => {} // Nobody asked for it.
        }
    }
}

/// What a body answers that is asked on after a panic.
pub(super) fn panicked() -> Error {
    Error::new(ErrorKind::Aborted, "go on with a body that panicked")
}
