//! Setting aside answers the bucket that lives on; it changes nothing in place.
#![deny(unused_must_use)]

use brigade::{Bucket, BucketAlloc};

fn main() {
    let mut alloc = BucketAlloc::new();
    Bucket::transient(b"kept, one would think").set_aside(&mut alloc);
}
