//! Chains inside other servers: hyper, axum and all that takes an [`http_body::Body`].
//!
//! [`ChainBody`] is a body at the end of a chain, [`Filters`] say which filters it goes through. The
//! server writes heads, frames bodies and keeps connections, so the chain has no filter for those; it
//! judges conditional requests, below the filters, and makes whole answers of what fails early.
//!
//! ```
//! use brigade::{FilterKind, Member, from_fn};
//! use brigade_http::RequestHead;
//! use brigade_http::body::Filters;
//!
//! # async fn run(page: http_body_util::Full<bytes::Bytes>) {
//! let filters = Filters::none().member(|| {
//!     Member::new("own", FilterKind::RESOURCE, from_fn(|input, next| next.push_all(input)))
//! });
//! let request = RequestHead::get("/".parse().unwrap());
//! let response = filters.respond(request, http::Response::new(page)).await;
//! # let _: http::Response<brigade_http::body::ChainBody> = response;
//! # }
//! ```

mod chain_body;
mod fed;
mod feeds;
mod file;
mod filters;
mod plain;
mod pull;
mod queue;
mod respond;
mod source;
#[cfg(feature = "driver")]
mod streaming;

pub use self::chain_body::ChainBody;
#[cfg(feature = "driver")]
pub(crate) use self::feeds::Feeds;
pub use self::filters::Filters;
#[cfg(feature = "driver")]
pub(crate) use self::pull::{Item, Pull, Ready, queue};
pub use self::respond::Respond;
#[cfg(feature = "tower")]
pub(crate) use self::source::to_bytes;
#[cfg(feature = "driver")]
pub use self::streaming::streaming;

/// What the errors of bodies become on their way.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
