//! The kit, by its public face.

mod every_cut;
mod parts;
