//! A thread may outlive the call; only a bucket that was set aside may go there.

use brigade::{Brigade, Bucket};

fn send<'b>(input: &mut Brigade<'b>) {
    let bucket: Option<Bucket<'b>> = input.pop_front();
    std::thread::spawn(move || drop(bucket));
}

fn main() {
    send(&mut Brigade::new());
}
