//! The core, through its public API. Each module is the specification of one part.

#![allow(clippy::unwrap_used)] // What helps tests is a test, though clippy knows only `#[test]`.

mod alloc;
mod brigade;
mod bucket;
mod chain;
mod contract;
mod cut;
mod error;
mod failure;
mod kit;
mod oracle;
mod reading;
mod registry;
mod request;
mod response;
mod stress;
mod waiting;
