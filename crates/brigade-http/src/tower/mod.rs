//! Chains around the responses of any [`tower_service::Service`]: axum's, tonic's, one of your own.
//!
//! ```
//! use brigade::{FilterKind, Member, from_fn};
//! use brigade_http::body::Filters;
//! use brigade_http::tower::FilterLayer;
//!
//! let own = || Member::new("own", FilterKind::RESOURCE, from_fn(|input, next| next.push_all(input)));
//! let (html, none) = (Filters::none().member(own), Filters::none());
//! let layer = FilterLayer::by_request(move |request| match request.uri.path() {
//!     path if path.ends_with(".html") => html.clone(),
//!     _ => none.clone(),
//! });
//! # let _ = layer;
//! ```

mod filter_body;
mod future;
mod layer;

pub use self::filter_body::FilterBody;
pub use self::future::FilterFuture;
pub use self::layer::{FilterLayer, FilterService, RequestRef};
