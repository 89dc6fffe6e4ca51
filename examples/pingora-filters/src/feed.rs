//! The body of the upstream, pushed by Pingora's hooks and pulled by a chain.
//!
//! Invariant: at most one piece is in it, since a hook has all taken before it gives the next.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

/// One end is given pieces, the other pulled. Clones are both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Feed(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    piece: Option<Bytes>,
    has_ended: bool,
    is_asked: bool, // Since `poll_dry` last looked.
}

impl Feed {
    /// Gives what has come of the body, and says whether that is all.
    pub(crate) fn give(&self, piece: Option<Bytes>, ends: bool) {
        let mut state = self.lock();
        state.piece = piece.filter(|piece| !piece.is_empty());
        state.has_ended |= ends;
    }

    /// Polls what pulls from here. `Ready(None)`: it is dry, it could go on with more of the body only;
    /// `Pending`: something else is waited for, and wakes.
    ///
    /// A poll that took the last piece asks for another one before it has looked what that piece comes
    /// to. So the second one tells: it asks again, or it does not.
    pub(crate) fn poll_dry<T>(&self, mut poll: impl FnMut() -> Poll<T>) -> Poll<Option<T>> {
        if let Poll::Ready(item) = poll() {
            return Poll::Ready(Some(item));
        }
        self.lock().is_asked = false;
        match poll() {
            Poll::Ready(item) => Poll::Ready(Some(item)),
            Poll::Pending if self.lock().is_asked => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Feed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut state = self.lock();
        match state.piece.take() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if state.has_ended => Poll::Ready(None),
            None => {
                // Nobody is woken: the hook that gives a piece polls, too.
                state.is_asked = true;
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let state = self.lock();
        state.has_ended && state.piece.is_none()
    }
}
