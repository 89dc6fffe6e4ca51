//! Random programs of operations on brigades of every kind, beside the same on a plain list of bytes
//! and marks. The fuzz target `brigade_ops` runs the same, led by what the code does.

use proptest::prelude::*;

use crate::program::Program;

fn program() -> impl Strategy<Value = Program> {
    prop::collection::vec(any::<u8>(), 1..120).prop_map(|bytes| Program::from_bytes(&bytes))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn brigade_equals_a_list_of_bytes_and_marks_after_every_step(program in program()) {
        program.run();
    }
}
