//! The edge of a chain: the network writer and reader, and the transports under them.
#![forbid(unsafe_code)]

mod transport;

pub use transport::{Close, Interest, More, Transport};
