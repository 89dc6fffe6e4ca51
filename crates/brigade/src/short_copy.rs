//! Copies that need no call for the lengths that are frequent.
//!
//! Invariant: all of `from` is copied to `to`, which is as long. What is not copied in two halves of a
//! constant length, which may overlap in the middle, is copied as std does.

/// Copies what is written: small pieces, as those of a response that is generated.
#[inline]
pub(crate) fn copy_written(to: &mut [u8], from: &[u8]) {
    let len = from.len();
    if (16..=32).contains(&len) {
        copy_halves::<16>(to, from);
    } else {
        to.copy_from_slice(from);
    }
}

/// Copies the bytes of a bucket: pieces as a header's lines are.
#[inline]
pub(crate) fn copy_piece(to: &mut [u8], from: &[u8]) {
    match from.len() {
        64..=128 => copy_halves::<64>(to, from),
        32..=63 => copy_halves::<32>(to, from),
        16..=31 => copy_halves::<16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

#[inline]
fn copy_halves<const HALF: usize>(to: &mut [u8], from: &[u8]) {
    let second = from.len() - HALF;
    to[..HALF].copy_from_slice(&from[..HALF]);
    to[second..][..HALF].copy_from_slice(&from[second..][..HALF]);
}
