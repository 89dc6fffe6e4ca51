//! What feeds the chain of a body: the body of another service, frame by frame.
//!
//! Invariant: no frame is copied on its way in, unless its data are no [`Bytes`]; and the frames that
//! are there together go through the chain together, up to a block.

use std::pin::Pin;
use std::task::{Context, Poll};

use brigade::{Brigade, Bucket, Chain, Error, Result};
use bytes::{Buf, Bytes};
use http_body::{Body, Frame};
use pin_project_lite::pin_project;

use super::BoxError;
use crate::{ResponseHead, Trailers};

/// Frames are passed when they are as many bytes together.
const BLOCK_BYTES: usize = 8 * 1024;
/// Or as many frames: each takes room, too.
const MAX_FRAMES: usize = 32;

/// Gives to a chain what goes in at its top.
pub(super) trait Source: Send {
    /// Passes what is there. `Pending`: nothing is, and the waker is called.
    fn poll_pass(
        self: Pin<&mut Self>,
        chain: &mut Chain,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Passed>>;
}

/// What was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    /// So many bytes, and there may be more.
    Bytes(usize),
    /// The end of the body among it.
    End,
}

pin_project! {
    /// A body's frames, after the head of its response.
    pub(super) struct Frames<B> {
        #[pin]
        body: B,
        head: Option<ResponseHead>,
        brigade: Brigade<'static>, // Empty between calls: its storage is used again.
    }
}

impl<B> Frames<B> {
    pub(super) fn new(body: B, head: Option<ResponseHead>) -> Self {
        Self { body, head, brigade: Brigade::new() }
    }
}

impl<B> Source for Frames<B>
where
    B: Body + Send,
    B::Error: Into<BoxError>,
{
    fn poll_pass(
        self: Pin<&mut Self>,
        chain: &mut Chain,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Passed>> {
        let mut this = self.project();
        let brigade = this.brigade;
        let mut bytes = 0;
        let mut ends = this.body.is_end_stream();
        // The head leaves with what is there of the body, so that a short one has a length, and one
        // that fails at once is answered by a whole page. A body that nobody may see is not asked.
        if let Some(head) = this.head.take() {
            ends |= head.is_bodiless();
            brigade.push_back(head.into_bucket());
        }
        while !ends && bytes < BLOCK_BYTES && brigade.len() < MAX_FRAMES {
            match this.body.as_mut().poll_frame(cx) {
                Poll::Pending => {
                    // What was given must not wait for what is not there.
                    brigade.extend((bytes > 0).then(Bucket::flush));
                    break;
                }
                Poll::Ready(Some(Ok(frame))) => {
                    brigade.extend(to_bucket(frame).inspect(|bucket| {
                        bytes += bucket.bytes().map_or(0, <[u8]>::len);
                    }));
                    ends = this.body.is_end_stream();
                }
                Poll::Ready(Some(Err(cause))) => {
                    brigade.push_back(Bucket::error(to_error(cause.into())));
                    chain.pass(brigade)?;
                    return Poll::Ready(Ok(Passed::End));
                }
                Poll::Ready(None) => ends = true,
            }
        }
        if ends {
            brigade.push_back(Bucket::eos());
        }
        if brigade.is_empty() {
            return Poll::Pending;
        }
        chain.pass(brigade)?;
        Poll::Ready(Ok(if ends { Passed::End } else { Passed::Bytes(bytes) }))
    }
}

/// The bucket that carries what a frame does; `None` for a kind of frame made later.
fn to_bucket<D: Buf>(frame: Frame<D>) -> Option<Bucket<'static>> {
    match frame.into_data() {
        Ok(data) => Some(Bucket::heap(to_bytes(data))),
        Err(frame) => Some(Trailers(frame.into_trailers().ok()?).into_bucket()),
    }
}

/// The bytes of a frame; [`Bytes`] give themselves.
#[inline]
pub(crate) fn to_bytes(mut data: impl Buf) -> Bytes {
    data.copy_to_bytes(data.remaining())
}

/// An error of ours that went through a body comes back as it was.
pub(super) fn to_error(cause: BoxError) -> Error {
    match cause.downcast::<Error>() {
        Ok(error) => *error,
        Err(cause) => Error::other("take the body of a service").because(cause),
    }
}
