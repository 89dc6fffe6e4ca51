//! The protocol's filters, rule by rule.
#![allow(clippy::unwrap_used)] // They are tests; clippy takes helpers outside `#[test]` for none.

mod alone;
#[cfg(feature = "body")]
mod body;
mod choose;
mod chunk;
mod commit;
mod conditional;
mod cuts;
#[cfg(feature = "driver")]
mod driver;
mod effects;
mod exchange;
mod failures;
mod framing;
mod head;
mod hold;
#[cfg(feature = "driver")]
mod request_head;
mod support;
#[cfg(feature = "tower")]
mod tower;
mod waiting;
