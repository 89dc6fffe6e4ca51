//! Handlers: what makes a response, and which one is asked for a path.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use brigade::Result;

use super::Response;
use crate::RequestHead;

/// What a handler answers with: the future that makes the response.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A request, as a handler gets it; its head is what it derefs to.
#[derive(Debug, Clone)]
pub struct Request {
    head: Arc<RequestHead>,
    peer: Option<SocketAddr>,
}

impl Request {
    /// A request with this head, from `peer` if it is known.
    pub fn new(head: Arc<RequestHead>, peer: Option<SocketAddr>) -> Self {
        Self { head, peer }
    }

    /// The address it came from.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The path of the target, as it was sent: not decoded.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The query of the target, as it was sent: not decoded.
    pub fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }
}

impl Deref for Request {
    type Target = RequestHead;

    fn deref(&self) -> &RequestHead {
        &self.head
    }
}

/// Makes responses. `Ok` finishes the response; an error, or a panic, fails it.
///
/// Any `Fn(Request, Response) -> impl Future<Output = Result<()>> + Send` is one. Models a content
/// handler.
///
/// ```
/// use brigade_http::driver::{Handler, Request, Response};
///
/// async fn hello(request: Request, mut response: Response) -> brigade::Result<()> {
///     response.header("content-type", "text/plain")?;
///     response.print(format!("you asked for {}\n", request.path())).await
/// }
///
/// fn takes(handler: impl Handler) {}
/// takes(hello);
/// ```
#[doc(alias = "ap_hook_handler")]
pub trait Handler: Send + Sync + 'static {
    /// Begins a response.
    fn call(&self, request: Request, response: Response) -> HandlerFuture;
}

impl<F, Fut> Handler for F
where
    F: Fn(Request, Response) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    fn call(&self, request: Request, response: Response) -> HandlerFuture {
        Box::pin(self(request, response))
    }
}

/// Asks a handler by the path of the request.
pub struct Router {
    routes: Vec<(String, Box<dyn Handler>)>,
    fallback: Box<dyn Handler>,
}

impl Router {
    /// A router that asks `fallback` for every path without a route.
    pub fn new(fallback: impl Handler) -> Self {
        Self { routes: Vec::new(), fallback: Box::new(fallback) }
    }

    /// Asks `handler` for `path` exactly, or, if it ends in `/`, for all below it. The first route
    /// that fits is taken.
    #[must_use]
    pub fn route(mut self, path: impl Into<String>, handler: impl Handler) -> Self {
        self.routes.push((path.into(), Box::new(handler)));
        self
    }
}

impl Handler for Router {
    fn call(&self, request: Request, response: Response) -> HandlerFuture {
        let path = request.path();
        let fits = |route: &str| route == path || route.ends_with('/') && path.starts_with(route);
        let found = self.routes.iter().find(|(route, _)| fits(route));
        found.map_or(&self.fallback, |(_, handler)| handler).call(request, response)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes: Vec<&str> = self.routes.iter().map(|(route, _)| &**route).collect();
        f.debug_struct("Router").field("routes", &routes).finish_non_exhaustive()
    }
}
