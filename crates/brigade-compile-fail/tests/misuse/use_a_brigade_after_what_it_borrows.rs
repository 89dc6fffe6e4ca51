//! A brigade cannot be read once the bytes it borrows are gone.

use brigade::{Brigade, Bucket};

fn main() {
    let mut brigade = Brigade::new();
    {
        let line = String::from("gone with the block");
        brigade.push_back(Bucket::transient(line.as_bytes()));
    }
    println!("{:?}", brigade.len_bytes());
}
