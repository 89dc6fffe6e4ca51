//! `brigade`'s blocks under loom. See `models.rs`; run with
//! `RUSTFLAGS="--cfg loom" cargo test --release` in this folder.
#![cfg(loom)]
#![allow(dead_code)] // The models use a part of what the allocator has.

use std::sync::OnceLock;

mod block {
    include!(concat!(env!("OUT_DIR"), "/block.rs"));
}

mod blocks {
    include!(concat!(env!("OUT_DIR"), "/blocks/mod.rs"));
}

mod budget {
    include!(concat!(env!("OUT_DIR"), "/budget.rs"));
}

mod cache {
    include!(concat!(env!("OUT_DIR"), "/cache.rs"));
}

#[path = "../../src/alloc/lending.rs"]
mod lending;

#[cfg(test)]
mod models;
#[path = "../../src/short_copy.rs"]
mod short_copy;
mod watch;

/// The environment variable that names a mutant.
const MUTANT: &str = "BRIGADE_MUTANT";

/// The mutant that this process is, if it is one.
fn mutant() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| std::env::var(MUTANT).unwrap_or_default())
}
