//! Stock filters, one file each.
//!
//! | name | kind | does |
//! |---|---|---|
//! | [`inflate`] | Resource−1 | decodes gzip and deflate |
//! | [`pass`] | Resource | hands everything on |
//! | [`substitute`] | Resource | replaces one text by another |
//! | [`deflate`] | ContentSet | compresses with gzip, for clients that accept it |
//! | [`collect`] | Network−1 | keeps in memory what a slow client has not taken |
//! | [`spill`] | Network−1 | keeps it on disk |
//!
//! Each keeps the four promises of an [`OutputFilter`](brigade::OutputFilter), and knows the head of a
//! response if one goes by: a chain without HTTP works the same, on its bytes.
//!
//! ```
//! use brigade::{Chain, Registry, recorder};
//!
//! # fn main() -> brigade::Result<()> {
//! let mut registry = Registry::new();
//! brigade_filters::register_all(&mut registry);
//!
//! let (terminal, record) = recorder();
//! let mut chain = Chain::new(terminal);
//! chain.join_request(registry.prepare("substitute s/Apache/httpd/")?.member());
//! chain.write(b"Apache streams")?;
//! chain.flush()?;
//! assert_eq!(record.bytes(), b"httpd streams");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod collect;
#[cfg(feature = "deflate")]
pub mod deflate;
mod elastic;
mod fields;
#[cfg(feature = "deflate")]
pub mod inflate;
#[cfg(feature = "deflate")]
mod left_alone;
pub mod pass;
#[cfg(feature = "spill")]
pub mod spill;
pub mod substitute;
pub mod text;

use brigade::Registry;

/// Adds every filter of this crate to `registry`, under its own name.
pub fn register_all(registry: &mut Registry) {
    registry.register(pass::entry());
    registry.register(collect::entry());
    #[cfg(feature = "spill")]
    registry.register(spill::entry());
    registry.register(substitute::entry());
    #[cfg(feature = "deflate")]
    registry.register(deflate::entry());
    #[cfg(feature = "deflate")]
    registry.register(inflate::entry());
}
