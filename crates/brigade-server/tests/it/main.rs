//! The `brigade` command, as a user runs it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // They are tests; clippy takes helpers outside `#[test]` for none.

mod chromium;
mod cli;
mod config;
mod explain;
mod journey;
mod serve;
mod server;
mod stream;
