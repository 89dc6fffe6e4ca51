//! Each file in `misuse` must fail to compile, with the words beside it: they are what somebody who
//! makes the mistake reads. The words are those of the toolchain in use; to write them anew after a
//! change of it: `TRYBUILD=overwrite cargo test -p brigade-compile-fail`.

#[test]
fn misuse_does_not_compile_and_the_compiler_says_why() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
