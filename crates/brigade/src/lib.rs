//! Buckets, brigades and chains of filters: Apache httpd's model of streaming, without its traps.
//!
//! A [`Bucket`] is a run of bytes from anywhere, or a mark. A [`Brigade`] is an ordered run of
//! buckets. A [`Chain`] leads a brigade through [`OutputFilter`]s that never met, each changing it
//! and pushing it on, until a [`Terminal`] takes the bytes, usually to a network.
//!
//! What a chain holds depends on what is in flight, never on how often somebody wrote: the blocks
//! of a [`BucketAlloc`] are lent again as soon as the last bucket in them is dropped.
//!
//! ```
//! use brigade::{Brigade, Bucket, Chain, FilterKind, Member, OutputFilter, Next, Result};
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
//!                 None => bucket, // a mark: goes on in its place
//!             };
//!             next.push(out)?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! let (recorder, record) = brigade::recorder();
//! let mut chain = Chain::new(recorder);
//! chain.join(Member::new("upper", FilterKind::RESOURCE, Upper));
//! chain.write(b"every filter, every runtime")?;
//! chain.flush()?;
//! assert_eq!(record.bytes(), b"EVERY FILTER, EVERY RUNTIME");
//! # Ok(())
//! # }
//! ```
//!
//! This crate knows bytes and marks: no HTTP, no sockets, no clock, no async, no threads. Every
//! item that models one of Apache's says so and can be searched by its C name.

mod alloc;
mod brigade;
mod bucket;
mod error;
mod filter;
mod short_copy;

pub use alloc::{
    AllocOptions, AllocStats, BlockCache, BlockUse, BucketAlloc, Budget, CacheStats, Charge, Fill,
};
pub use brigade::{Brigade, BrigadeWriter, Copied, IntoIter, IoSlices, Iter, Split};
pub use bucket::{
    Bucket, Data, Disk, End, EndOfRequest, FileData, FileSlice, Metadata, Outcome, ReadCx,
    ReadMode, StreamData,
};
pub use error::{Error, ErrorKind, Result};
pub use filter::{
    Answer, AsyncBody, AsyncFilter, Carried, Chain, Effects, Entry, FilterKind, FilterStats, Form,
    Line, LineCarry, Member, Needle, NeedleCarry, Next, Note, Observer, OptionDoc, Outbox,
    OutputFilter, Over, Pass, Place, Prepared, Progress, Read, Record, Recorder, Registry,
    Returned, Sought, Spec, SubChain, Terminal, Text, Utf8Carry, WholeBody, from_fn, map_bytes,
    map_lines, recorder,
};
