//! The stock filters, by their public face.
#![allow(clippy::unwrap_used)] // They are tests; clippy takes helpers outside `#[test]` for none.

#[cfg(feature = "deflate")]
mod deflate;
#[cfg(feature = "spill")]
mod elastic;
#[cfg(feature = "deflate")]
mod gunzip;
#[cfg(feature = "deflate")]
mod inflate;
mod interim;
#[cfg(feature = "deflate")]
mod notes;
mod pass;
#[cfg(all(feature = "deflate", feature = "spill"))]
mod pressure;
#[cfg(feature = "deflate")]
mod recode;
mod registry;
mod substitute;
mod support;
