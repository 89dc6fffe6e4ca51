//! `brigade serve` as its users see it: what comes over the wire, and what the process holds.

mod error_pages;
mod files;
mod flow;
mod hostile;
mod many;
mod memory;
mod open_files;
mod places;
mod shortage;
mod signals;
mod status;
#[cfg(feature = "tls")]
mod tls;
