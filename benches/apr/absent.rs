//! APR's side where APR is not installed: the same interface as `binding.rs`, of which no value exists.
//!
//! Invariant: everything else compiles and is checked alike on every machine.

use std::ffi::CStr;
use std::fs::File;
use std::sync::Arc;

/// APR's loops, which are not here.
#[derive(Debug)]
pub(crate) enum Apr {}

impl Apr {
    /// Says what was not found when this was built.
    pub(crate) fn new(_bytes: &'static [u8; 8192], _file: Arc<File>) -> Result<Self, &'static str> {
        Err(env!("APR_MISSING"))
    }

    /// Never runs.
    pub(crate) fn version(&self) -> &str {
        match *self {}
    }

    /// Never runs.
    pub(crate) fn run(&mut self, _op: &CStr, _count: u32) -> u64 {
        match *self {}
    }
}
