//! Misuse of `brigade` that must not compile: see `tests/misuse`, where each file is one mistake and
//! what the compiler says of it. A package of its own, so that the compiler is given few crates.
