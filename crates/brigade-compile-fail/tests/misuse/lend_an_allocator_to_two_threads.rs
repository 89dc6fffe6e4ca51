//! Storage belongs to one connection at a time; what it gave out may go anywhere.

use brigade::BucketAlloc;

fn main() {
    let mut alloc = BucketAlloc::new();
    std::thread::scope(|scope| {
        scope.spawn(|| drop(alloc.copy(b"one")));
        scope.spawn(|| drop(alloc.copy(b"two")));
    });
}
