//! For people who write brigade filters: what proves that a filter keeps its promises, and what
//! plays the parts around it that are hard to have when you need them.
//!
//! - [`conformance`]: everything a filter promises, tried on yours; what it breaks, in the smallest run
//!   that shows it, and how to mend it.
//! - [`check_every_cut`] and [`Case`]: the same bytes however the input is cut, handed over and
//!   waited for; marks in their place; the end once.
//! - [`brigade!`]: a brigade in a line.
//! - [`ScriptedTransport`]: a line to a peer whose every answer is written down beforehand;
//!   [`memory_line`]: one in memory, with both its ends.
//! - [`bucketeer`], [`RandomCut`], [`tap`]: filters for a real chain, that cut where the data says so or
//!   anywhere, or show what passes; [`register_tools`] gives them names.
//! - [`journey`]: what happened in a chain, written down; to be drawn, saved, and gone once more.
//! - [`CountingAlloc`]: what a filter allocates, counted.
//! - [`waits_everywhere`], [`SlowSink`], [`gated`], [`stuttering`], [`unknown_mark`]: a filter that
//!   waits before every bucket, a peer that takes a few bytes at a time, streams that give what they
//!   are told or stop before every piece, a mark that no filter knows.
//!
//! ```
//! use brigade::{Brigade, FilterKind, Member, Next, OutputFilter, Result};
//! use brigade_testkit::check_every_cut;
//!
//! struct Upper;
//!
//! impl OutputFilter for Upper {
//!     fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
//!         while let Some(bucket) = next.read(input)? {
//!             let out = match bucket.bytes() {
//!                 Some(data) => next.alloc().copy_with(data.len(), |to| {
//!                     to.copy_from_slice(data);
//!                     to.make_ascii_uppercase();
//!                 }),
//!                 None => bucket,
//!             };
//!             next.push(out)?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let upper = || Member::new("upper", FilterKind::RESOURCE, Upper);
//! check_every_cut(upper, "abc\r\ndef", "ABC\r\nDEF");
//! ```
#![deny(unsafe_code)]

mod bucketeer;
mod conformance;
#[allow(unsafe_code)] // The one file of it: there is no other way to be an allocator.
mod counting;
mod every_cut;
mod failure;
mod gated;
pub mod journey;
mod literal;
mod mark;
mod pair;
mod promise;
mod random;
mod random_cut;
mod scripted;
mod sink;
mod tap;
mod tools;
mod trial;
mod waits;

#[doc(hidden)] // For `brigade!`, whose user may have neither in scope.
pub use brigade::{Brigade, Bucket};
pub use bucketeer::bucketeer;
pub use conformance::{Conformance, conformance};
pub use counting::{Allocated, CountingAlloc};
pub use every_cut::{Case, check_every_cut};
pub use failure::Failure;
pub use gated::{Gate, gated, stuttering};
pub use literal::IntoBucket;
pub use mark::unknown_mark;
pub use pair::{MemoryLine, MemorySource, memory_line};
pub use promise::Promise;
pub use random_cut::RandomCut;
pub use scripted::{Call, ScriptedTransport, Step, Wire};
pub use sink::{SinkRecord, SlowSink};
pub use tap::{Tapped, tap};
pub use tools::register_tools;
pub use waits::waits_everywhere;
