//! The body of a service behind the layer: filtered, or as it was.
//!
//! Invariant: a body that nobody filters is not boxed, and its frames, hints and trailers are its own.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::body::{BoxError, ChainBody, to_bytes};

pin_project! {
    /// The body of a [`FilterService`](super::FilterService)'s response.
    ///
    /// Its data are [`Bytes`]. Those of a body that nobody filters are handed on as they are; data of
    /// another type are copied.
    #[derive(Debug)]
    pub struct FilterBody<B> {
        #[pin]
        body: Either<B>,
    }
}

pin_project! {
    #[project = EitherProject]
    #[derive(Debug)]
    enum Either<B> {
        Untouched { #[pin] body: B },
        Filtered { body: ChainBody },
    }
}

impl<B> FilterBody<B> {
    pub(super) fn untouched(body: B) -> Self {
        Self { body: Either::Untouched { body } }
    }

    pub(super) fn filtered(body: ChainBody) -> Self {
        Self { body: Either::Filtered { body } }
    }

    /// Whether it goes through filters.
    pub fn is_filtered(&self) -> bool {
        matches!(self.body, Either::Filtered { .. })
    }
}

impl<B> Body for FilterBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().body.project() {
            EitherProject::Untouched { body } => body.poll_frame(cx).map(|frame| {
                frame.map(|frame| match frame {
                    Ok(frame) => Ok(frame.map_data(to_bytes)),
                    Err(error) => Err(error.into()),
                })
            }),
            EitherProject::Filtered { body } => {
                Pin::new(body).poll_frame(cx).map_err(BoxError::from)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Either::Untouched { body } => body.is_end_stream(),
            Either::Filtered { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Either::Untouched { body } => body.size_hint(),
            Either::Filtered { body } => body.size_hint(),
        }
    }
}
