//! HTTP/1.1 for brigade: the protocol's filters, the `Response` handle and connection drivers.
#![forbid(unsafe_code)]

#[cfg(feature = "body")]
pub mod body;
mod choose;
#[cfg(feature = "driver")]
pub mod driver;
mod exchange;
mod filters;
mod head;
mod head_text;
mod hold;
#[cfg(feature = "tower")]
pub mod tower;
mod warning;

pub use choose::{Choices, Choose, Condition, choose_entry};
pub use exchange::{Exchange, Framing};
pub use filters::{
    Chunk, Conditional, ContentLength, ErrorPage, Header, HeaderOptions, StatusError,
    apply_effects, join_protocol, status_of, with_status,
};
pub use head::{RequestHead, ResponseHead, Trailers, status_is_bodiless};
pub use head_text::{describe_mark, make_mark};
pub use hold::{Held, Hold, Over, Verdict};
pub use warning::Warning;
