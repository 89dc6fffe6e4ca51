//! The kit, by its public face.

mod broken;
mod conformance;
mod every_cut;
mod journey;
mod parts;
mod tools;

/// With it the suite measures the memory of filters.
#[global_allocator]
static COUNTING: brigade_testkit::CountingAlloc = brigade_testkit::CountingAlloc;
