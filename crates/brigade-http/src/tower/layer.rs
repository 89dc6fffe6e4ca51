//! The layer: which filters a response goes through, and the service that leads it there.
//!
//! Invariant: a response that nobody filters goes through untouched, and costs no allocation unless
//! its head had to be looked at to know.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{IF_RANGE, RANGE};
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{FilterBody, FilterFuture};
use crate::body::{BoxError, Filters, Respond};
use crate::{RequestHead, ResponseHead};

/// Leads the responses of a service through filters: their heads as RESPONSE, frames as buckets,
/// trailers as HEADERS.
///
/// Filters say in the head what they did to the body: length, validators, `Vary` and ranges are right
/// afterwards, and a conditional request is judged by what the client was given. A body that has
/// nothing is flushed through, so that a stream of events arrives as it is made. An error of the body,
/// or of a filter, is an error of the new body; before the head has left it is a whole error page.
///
/// A filter must see the whole body of what it changes. So Range is taken out of requests whose
/// responses are filtered: the service answers them whole, as it may (RFC 9110 §14.2). Responses to
/// CONNECT and with 101 are left alone: what follows is no HTTP.
///
/// ```
/// use brigade::{FilterKind, Member, from_fn};
/// use brigade_http::body::Filters;
/// use brigade_http::tower::FilterLayer;
/// use tower_layer::Layer;
///
/// # fn wrap<S>(service: S) {
/// let filters = Filters::none().member(|| {
///     Member::new("own", FilterKind::RESOURCE, from_fn(|input, next| next.push_all(input)))
/// });
/// let filtered = FilterLayer::new(filters).layer(service); // or axum's `Router::layer`
/// # let _ = filtered;
/// # }
/// ```
#[derive(Clone)]
pub struct FilterLayer(Choice);

#[derive(Clone)]
enum Choice {
    All(Filters),
    ByRequest(Arc<ChooseByRequest>),
    ByResponse(Arc<ChooseByResponse>),
}

type ChooseByRequest = dyn Fn(&RequestRef<'_>) -> Filters + Send + Sync;
type ChooseByResponse = dyn Fn(&ResponseHead) -> Filters + Send + Sync;

impl FilterLayer {
    /// The same filters for every response.
    pub fn new(filters: Filters) -> Self {
        Self(Choice::All(filters))
    }

    /// The filters that `choose` names for a request: by its path, its fields, its extensions.
    pub fn by_request(choose: impl Fn(&RequestRef<'_>) -> Filters + Send + Sync + 'static) -> Self {
        Self(Choice::ByRequest(Arc::new(choose)))
    }

    /// The filters that `choose` names for a response: by its content type, its status, and by
    /// [the request](ResponseHead::request) it answers.
    ///
    /// The choice comes after the service has answered. So each request's head is copied before, and
    /// each loses its Range.
    pub fn by_response(choose: impl Fn(&ResponseHead) -> Filters + Send + Sync + 'static) -> Self {
        Self(Choice::ByResponse(Arc::new(choose)))
    }
}

/// The head of a request on its way to a service, as [`FilterLayer::by_request`] shows it.
///
/// Borrowed: taking a request apart and putting it together again costs as much as all else that the
/// layer does to one that nobody filters.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RequestRef<'r> {
    /// How it asks.
    pub method: &'r Method,
    /// For what.
    pub uri: &'r Uri,
    /// In which version of HTTP.
    pub version: Version,
    /// Its fields.
    pub headers: &'r HeaderMap,
    /// What the layers before this one noted.
    pub extensions: &'r Extensions,
}

impl<'r, B> From<&'r Request<B>> for RequestRef<'r> {
    fn from(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<S> Layer<S> for FilterLayer {
    type Service = FilterService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FilterService { inner, choice: self.0.clone() }
    }
}

impl fmt::Debug for FilterLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FilterLayer").field(&self.0).finish()
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(filters) => filters.fmt(f),
            Self::ByRequest(_) => f.write_str("by request"),
            Self::ByResponse(_) => f.write_str("by response"),
        }
    }
}

/// A service whose responses go through filters: see [`FilterLayer`].
#[derive(Clone)]
pub struct FilterService<S> {
    inner: S,
    choice: Choice,
}

impl<S> FilterService<S> {
    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S: fmt::Debug> fmt::Debug for FilterService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilterService")
            .field("inner", &self.inner)
            .field("filters", &self.choice)
            .finish()
    }
}

/// What is kept of a request until its response is there.
pub(super) enum Plan {
    Nothing,
    Filter(Filters, Arc<RequestHead>),
    Choose(Arc<ChooseByResponse>, Arc<RequestHead>),
}

impl Plan {
    /// Leads a response through its filters, or answers it as it was: nobody filters it.
    #[inline(never)] // What is done to most responses, nothing, is not to be compiled around this.
    pub(super) fn lead<B>(self, mut response: Response<B>) -> Result<Respond, Response<B>>
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (filters, request) = match self {
            Self::Nothing => return Err(response),
            Self::Filter(filters, request) => (filters, request),
            Self::Choose(choose, request) => {
                let mut head = ResponseHead::new(response.status(), request.clone());
                std::mem::swap(&mut head.headers, response.headers_mut());
                let filters = choose(&head);
                std::mem::swap(&mut head.headers, response.headers_mut());
                (filters, request)
            }
        };
        if filters.is_empty() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(response);
        }
        Ok(filters.respond(request, response))
    }
}

impl Choice {
    /// Looks at a request, and takes from it what is not to reach the service.
    #[inline]
    fn plan<B>(&self, request: &mut Request<B>) -> Plan {
        if request.method() == Method::CONNECT {
            return Plan::Nothing;
        }
        let filters = match self {
            Self::All(filters) if filters.is_empty() => return Plan::Nothing,
            Self::All(filters) => filters.clone(),
            Self::ByRequest(choose) => choose(&RequestRef::from(&*request)),
            Self::ByResponse(choose) => return Plan::Choose(choose.clone(), copy_head(request)),
        };
        if filters.is_empty() {
            return Plan::Nothing;
        }
        Plan::Filter(filters, copy_head(request))
    }
}

/// The head that the filters see, whole; the request that goes on has lost its Range.
#[inline(never)]
fn copy_head<B>(request: &mut Request<B>) -> Arc<RequestHead> {
    let head = RequestHead::from(&*request);
    request.headers_mut().remove(RANGE);
    request.headers_mut().remove(IF_RANGE);
    Arc::new(head)
}

impl<S, Q, B> Service<Request<Q>> for FilterService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<FilterBody<B>>;
    type Error = S::Error;
    type Future = FilterFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let plan = self.choice.plan(&mut request);
        FilterFuture::new(self.inner.call(request), plan)
    }
}
