//! Chains inside hyper, axum and tower: tests of what is promised of them there, and examples.
//!
//! Nothing is here but what `tests/` and `examples/` do with `brigade_http::body` and
//! `brigade_http::tower`.
#![forbid(unsafe_code)]
