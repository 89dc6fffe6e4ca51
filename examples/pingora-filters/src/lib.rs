//! brigade's filters in a Pingora proxy.
//!
//! Pingora pushes a response through hooks: its head, then its body piece by piece. A chain's body is
//! pulled. [`begin`] and [`Filtered`] are what lies between, and all that a proxy of one's own needs.
#![forbid(unsafe_code)]

mod feed;
mod filtered;
mod head;
mod proxy;
mod scan;
mod wait;

pub use filtered::Filtered;
pub use head::begin;
pub use proxy::FilterProxy;
pub use scan::scan;

/// The guide, whose Rust blocks are tests here.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/in-pingora.md")]
pub mod guide {}
