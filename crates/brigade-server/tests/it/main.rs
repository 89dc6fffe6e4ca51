//! The `brigade` command, as a user runs it.
#![forbid(unsafe_code)]

mod serve;
mod server;
mod stream;
