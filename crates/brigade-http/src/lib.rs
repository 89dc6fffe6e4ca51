//! HTTP/1.1 for brigade: the protocol's filters, the `Response` handle and connection drivers.
#![forbid(unsafe_code)]

mod exchange;
mod head;

pub use exchange::{Exchange, Framing};
pub use head::{RequestHead, ResponseHead, Trailers, status_is_bodiless};
