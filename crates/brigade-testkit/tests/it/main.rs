//! The kit, by its public face.

mod conformance;
mod every_cut;
mod parts;
