//! The core, through its public API. Each module is the specification of one part.

#![allow(clippy::unwrap_used)] // What helps tests is a test, though clippy knows only `#[test]`.

mod absorbing;
mod alloc;
mod apache_facts;
mod apache_testbuckets;
mod async_filter;
mod boundary;
mod brigade;
mod bucket;
mod budget;
mod cache;
mod carry;
mod chain;
mod clock;
mod closures;
mod contract;
mod cut;
mod disk;
mod edges;
mod error;
mod failure;
mod flat;
mod in_the_way;
mod kit;
mod lines;
mod observer;
mod oracle;
mod own_kinds;
mod owner;
mod pressure;
mod program;
mod reading;
mod registry;
mod request;
mod response;
mod sources;
mod stalls;
mod stress;
mod sub_chain;
mod terminal;
mod waiting;
