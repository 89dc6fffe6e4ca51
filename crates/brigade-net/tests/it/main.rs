//! What the network writer, the reader and the transports promise.
#![allow(clippy::unwrap_used)] // They are tests; clippy takes helpers outside `#[test]` for none.

#[cfg(feature = "tokio")]
mod async_write;
mod budget;
#[cfg(target_os = "linux")]
mod cold;
mod faults;
mod files;
mod kit;
mod mio_loop;
#[cfg(all(feature = "mmap", target_os = "linux"))]
mod mmap;
mod pressure;
// What runs a program is the core's own test: here mappings are in it.
#[cfg(all(feature = "mmap", target_os = "linux"))]
#[path = "../../../brigade/tests/it/program/mod.rs"]
mod program;
mod random;
mod reader;
mod real_faults;
mod rules;
mod std_line;
mod streams;
mod suite;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tokio")]
mod tokio_line;
