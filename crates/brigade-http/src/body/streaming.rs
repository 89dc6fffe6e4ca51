//! Handlers of this crate inside other servers: a response written piece by piece.
//!
//! Invariant: the handle is the same, and what it promises holds here too.

use std::future::Future;
use std::sync::Arc;

use brigade::Result;

use super::{ChainBody, Filters, Respond};
use crate::RequestHead;
use crate::driver::{Response, Streamed};

/// A response that `handler` writes, for hyper and axum: `req.write()`, at the client's pace and flat
/// in memory however long it goes on.
///
/// The handler runs inside the response: until its head is out in the future, then in the body, when
/// the server asks for more. What holds in [`driver`](crate::driver) holds here: the head leaves with
/// the first full block, FLUSH or end; a handler that awaits something else needs no flush; `Ok`
/// finishes the response, an error or a panic fails it. When the client leaves, the server drops the
/// body: the handler then goes on in a task of its own until it returns, and learns it by
/// [`closed`](Response::closed) or at its next call. (Outside a tokio runtime it is dropped.)
///
/// It is taken for the answer to a GET, through no filters: see [`Filters::stream`].
///
/// ```
/// use brigade_http::body::{ChainBody, streaming};
///
/// async fn events() -> http::Response<ChainBody> {
///     streaming(|mut response| async move {
///         response.header("content-type", "text/event-stream")?;
///         for n in 0..10 {
///             response.print(format!("data: {n}\n\n")).await?;
///             tokio::time::sleep(std::time::Duration::from_secs(1)).await; // what is written has left
///         }
///         Ok(())
///     })
///     .await
/// }
/// # let _ = events;
/// ```
pub fn streaming<H, F>(handler: H) -> Respond
where
    H: FnOnce(Response) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let request = RequestHead::get(http::Uri::from_static("/"));
    Filters::none().stream(request, handler)
}

impl Filters {
    /// As [`streaming`], through these filters; `request` is the head of the request that it answers,
    /// which decides whether the response has a body.
    pub fn stream<H, F>(&self, request: impl Into<Arc<RequestHead>>, handler: H) -> Respond
    where
        H: FnOnce(Response) -> F,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let body = ChainBody::of(Streamed::new(self, request.into(), handler));
        let (parts, ()) = http::Response::new(()).into_parts();
        Respond::new(parts, body)
    }
}
