//! Apache's concatenation of a brigade with itself loses every bucket.

use brigade::{Brigade, Bucket};

fn main() {
    let mut brigade = Brigade::from(Bucket::eos());
    brigade.append(&mut brigade);
}
