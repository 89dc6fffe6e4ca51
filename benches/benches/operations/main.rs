//! Every operation of buckets, brigades and the allocator, beside what a user would pick instead on the
//! same work, and what a chain adds.
//!
//! The others, and what each of them cannot be measured at:
//!
//! - **`VecDeque<Bytes>`**: what most servers have. It cannot borrow (its `Bytes` are static where ours
//!   borrow), has no marks, files or streams, and whatever cuts or joins is a loop here. The loops do
//!   the least that gives the same answer.
//! - **`buf-list`**: the same deque behind `bytes::Buf`. It can be read and advanced. It cannot gather
//!   (each write is a chunk), be cut, put in front of another, or emptied and used again.
//! - **`linkedbytes`**: made for one thing, gathering what a codec writes around large pieces for
//!   `writev`. It cannot be cut, cloned, consumed or joined.
//! - **a bump arena** (`bumpalo`): pieces are slices in an arena that is emptied at the end of a request,
//!   as Apache's pools are. Making them is as cheap as it gets; nothing is given back, or outlives the
//!   arena, and a list of slices is cut, cloned and walked as any list: those rows would measure a `Vec`.
//!
//! A row without one of them means that it has no such operation. [`support::Rows`] checks the answer of
//! each before it measures, so that `cargo bench -- --test` is a test.

mod chain;
mod cut;
mod gather;
mod join;
mod keep;
mod look;
mod make;
mod part;
mod read;
mod support;

use criterion::{Criterion, criterion_group, criterion_main};

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(support::CpuTime);
    targets =
    make::transient,
    make::heap_copy,
    make::change,
    gather::write,
    gather::writev,
    gather::print,
    cut::split,
    cut::split_off,
    cut::partition,
    cut::consume,
    join::append,
    join::prepend,
    join::push_and_pop,
    part::split_line,
    part::split_boundary,
    look::len_bytes,
    look::io_slices,
    look::flatten,
    look::flatten_bytes,
    look::flatten_into,
    keep::set_aside,
    keep::try_clone,
    keep::compact,
    keep::drop_data,
    read::file,
    read::stream,
    read::partition_read,
    chain::write,
    chain::pass,
}
criterion_main!(benches);
