//! The response of a filtered service, until its head has left the filters.
//!
//! Invariant: the service's own error is handed on as it is; what goes wrong in filters is a response.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::FilterBody;
use super::layer::Plan;
use crate::body::{BoxError, Respond};

pin_project! {
    /// The future of a [`FilterService`](super::FilterService).
    pub struct FilterFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProject]
    enum State<F> {
        Inner { #[pin] future: F, plan: Plan },
        Head { respond: Respond },
    }
}

impl<F> FilterFuture<F> {
    pub(super) fn new(future: F, plan: Plan) -> Self {
        Self { state: State::Inner { future, plan } }
    }
}

impl<F, B, E> Future for FilterFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<FilterBody<B>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProject::Inner { future, plan } => {
                    let response = ready!(future.poll(cx))?;
                    // Looked at first, so that what is left of this is short where nothing is filtered.
                    let led = match std::mem::replace(plan, Plan::Nothing) {
                        Plan::Nothing => Err(response),
                        plan => plan.lead(response),
                    };
                    match led {
                        Ok(respond) => this.state.set(State::Head { respond }),
                        Err(response) => {
                            return Poll::Ready(Ok(response.map(FilterBody::untouched)));
                        }
                    }
                }
                StateProject::Head { respond } => {
                    let response = ready!(Pin::new(respond).poll(cx));
                    return Poll::Ready(Ok(response.map(FilterBody::filtered)));
                }
            }
        }
    }
}

impl<F> std::fmt::Debug for FilterFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilterFuture").finish_non_exhaustive()
    }
}
