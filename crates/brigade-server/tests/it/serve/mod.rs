//! `brigade serve` as its users see it: what comes over the wire, and what the process holds.

mod files;
mod flow;
mod hostile;
mod many;
mod signals;
