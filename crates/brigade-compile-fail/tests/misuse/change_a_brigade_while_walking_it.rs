//! In Apache a place in a brigade outlives what reading or deleting does to the bucket there.

use brigade::{Brigade, Bucket};

fn main() {
    let mut brigade = Brigade::from(Bucket::immortal(b""));
    for bucket in &brigade {
        if bucket.is_empty() {
            brigade.pop_front();
        }
    }
}
