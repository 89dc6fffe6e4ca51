//! Programs of operations on brigades of every kind, beside the same on a list of bytes and marks.
//!
//! `cargo fuzz fmt brigade_ops FILE` shows the program in a file that failed.
#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;

// What runs a program is the core's own test: here it is led to where it has not been.
#[path = "../../../brigade/tests/it/program/mod.rs"]
mod program;

#[derive(Debug)]
struct Input(program::Program);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let len = bytes.len();
        Ok(Self(program::Program::from_bytes(bytes.bytes(len)?)))
    }
}

fuzz_target!(|input: Input| {
    input.0.run(|bytes| {
        let map = brigade_net::mmap::anonymous(bytes.len(), |to| to.copy_from_slice(bytes));
        map.expect("there is room for a page")
    });
});
