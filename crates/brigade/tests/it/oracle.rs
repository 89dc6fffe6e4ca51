//! Random programs of operations on brigades of every kind, beside the same on a plain list of bytes
//! and marks. The fuzz target `brigade_ops` runs the same, led by what the code does.

use brigade::Bucket;
use bytes::Bytes;
use proptest::prelude::*;

use crate::program::Program;

fn program() -> impl Strategy<Value = Program> {
    prop::collection::vec(any::<u8>(), 1..200).prop_map(|bytes| Program::from_bytes(&bytes))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn brigade_equals_a_list_of_bytes_and_marks_after_every_step(program in program()) {
        // What a mapping is to the core: bytes with an owner of their own.
        program.run(|bytes| Bucket::heap(Bytes::from_owner(bytes.to_vec())));
    }
}
