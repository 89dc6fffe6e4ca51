//! The head of a response and its trailers, as the metadata buckets RESPONSE and HEADERS; and the
//! head of the request, which travels with them.
//!
//! Invariant: a head is data like any other on its way through a chain. A filter that changes headers
//! edits the RESPONSE bucket as it goes by; nothing else carries them.

use std::sync::Arc;

use brigade::{Bucket, Metadata};
use http::header::CONNECTION;
use http::{HeaderMap, Method, StatusCode, Uri, Version};

/// The head of a request. Models the parsed part of a `request_rec`, and trunk's REQUEST bucket.
#[derive(Debug, Clone)]
#[doc(alias = "request_rec", alias = "ap_bucket_request")]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target: path and query. An absolute-form target has lost scheme and authority to `Host`.
    pub uri: Uri,
    /// `HTTP_10` or `HTTP_11`; another where another server speaks it.
    pub version: Version,
    /// The fields.
    pub headers: HeaderMap,
}

impl RequestHead {
    /// A GET of `uri` over HTTP/1.1 without fields: for tests and for chains without a client.
    pub fn get(uri: Uri) -> Self {
        Self { method: Method::GET, uri, version: Version::HTTP_11, headers: HeaderMap::new() }
    }

    /// Whether the client would use the connection again: HTTP/1.1 unless it says `close`, HTTP/1.0
    /// only if it says `keep-alive` (RFC 9112 §9.3).
    pub fn wants_keep_alive(&self) -> bool {
        let is_persistent =
            self.version >= Version::HTTP_11 || has_connection_option(&self.headers, "keep-alive");
        is_persistent && !has_connection_option(&self.headers, "close")
    }
}

/// A copy of the head, from a server that has parsed it.
///
/// ```
/// use brigade_http::RequestHead;
///
/// let request = http::Request::get("/page").header("accept", "text/html").body(()).unwrap();
/// assert_eq!(RequestHead::from(&request).uri.path(), "/page");
/// ```
impl<B> From<&http::Request<B>> for RequestHead {
    fn from(request: &http::Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers: request.headers().clone(),
        }
    }
}

/// Whether `Connection` lists `option`.
pub(crate) fn has_connection_option(headers: &HeaderMap, option: &str) -> bool {
    let option = option.as_bytes();
    headers.get_all(CONNECTION).iter().any(|value| {
        let mut options = value.as_bytes().split(|byte| *byte == b',');
        options.any(|listed| listed.trim_ascii().eq_ignore_ascii_case(option))
    })
}

/// The head of a response, in its RESPONSE bucket. Models trunk's `ap_bucket_response`.
///
/// ```
/// use brigade::Bucket;
/// use brigade_http::{RequestHead, ResponseHead};
/// use http::{StatusCode, header};
///
/// let request = RequestHead::get("/".parse().unwrap()).into();
/// let mut bucket = Bucket::metadata(ResponseHead::new(StatusCode::OK, request));
/// if let Some(head) = bucket.as_metadata_mut::<ResponseHead>() {
///     head.headers.insert(header::VARY, http::HeaderValue::from_static("accept-encoding"));
/// }
/// ```
#[derive(Debug, Clone)]
#[doc(alias = "ap_bucket_response")]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The fields. Framing (Content-Length, Transfer-Encoding, Connection) is the header filter's.
    pub headers: HeaderMap,
    /// The head of the request that is answered.
    pub request: Arc<RequestHead>,
    /// Whether the effects of the filters above have been applied to the fields: see
    /// [`apply_effects`](crate::apply_effects).
    pub(crate) effects_applied: bool,
}

impl ResponseHead {
    /// A head without fields.
    pub fn new(status: StatusCode, request: Arc<RequestHead>) -> Self {
        Self { status, headers: HeaderMap::new(), request, effects_applied: false }
    }

    /// The bucket that carries it.
    pub fn into_bucket(self) -> Bucket<'static> {
        Bucket::metadata(self)
    }

    /// Takes the head out of a bucket that goes no further.
    pub(crate) fn take(&mut self) -> Self {
        let rest = Self::new(self.status, self.request.clone());
        std::mem::replace(self, rest)
    }

    /// Whether another head follows this one: 1xx but 101, after which HTTP ends (RFC 9110 §15.2).
    pub fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }

    /// Whether a response with this head has no body, whatever else is in it: 1xx, 204, 304, and any
    /// answer to HEAD (RFC 9112 §6.3).
    pub fn is_bodiless(&self) -> bool {
        self.request.method == Method::HEAD || status_is_bodiless(self.status)
    }
}

/// Whether `status` never has a body: 1xx, 204, 304.
pub fn status_is_bodiless(status: StatusCode) -> bool {
    status.is_informational() || matches!(status.as_u16(), 204 | 304)
}

impl Metadata for ResponseHead {
    fn name(&self) -> &'static str {
        "RESPONSE"
    }

    fn try_clone(&self) -> Option<Box<dyn Metadata>> {
        Some(Box::new(self.clone()))
    }
}

/// The trailers of a response, in its HEADERS bucket before EOS. Models trunk's `ap_bucket_headers`.
///
/// They reach clients of HTTP/1.1, whose bodies are chunked for them unless somebody said their
/// length; elsewhere they are left out.
#[derive(Debug, Clone, Default)]
#[doc(alias = "ap_bucket_headers")]
pub struct Trailers(pub HeaderMap);

impl Trailers {
    /// The bucket that carries them.
    pub fn into_bucket(self) -> Bucket<'static> {
        Bucket::metadata(self)
    }
}

impl Metadata for Trailers {
    fn name(&self) -> &'static str {
        "HEADERS"
    }

    fn try_clone(&self) -> Option<Box<dyn Metadata>> {
        Some(Box::new(self.clone()))
    }
}
