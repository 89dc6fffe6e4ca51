//! The guide, as documentation whose Rust blocks are tests.
#![forbid(unsafe_code)]

#[doc = include_str!("../README.md")]
pub mod readme {}

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("apache-map.md")]
pub mod apache_map {}

#[doc = include_str!("founding-story.md")]
pub mod founding_story {}

#[doc = include_str!("guide/writing-a-filter.md")]
pub mod writing_a_filter {}

#[doc = include_str!("guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/configuration.md")]
pub mod configuration {}

#[doc = include_str!("guide/from-httpd-and-nginx.md")]
pub mod from_httpd_and_nginx {}

#[doc = include_str!("guide/another-protocol.md")]
pub mod another_protocol {}

#[doc = include_str!("guide/in-axum.md")]
pub mod in_axum {}

#[doc = include_str!("guide/in-hyper.md")]
pub mod in_hyper {}

#[doc = include_str!("guide/embedding.md")]
pub mod embedding {}

// `guide/in-pingora.md` is tested by `examples/pingora-filters`, which has Pingora.
