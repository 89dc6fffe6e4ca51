//! Chains move between threads, and their filters with them: share by `Arc`.

use std::cell::Cell;
use std::rc::Rc;

use brigade::from_fn;

fn main() {
    let count = Rc::new(Cell::new(0));
    let _ = from_fn(move |input, next| {
        count.set(count.get() + input.len());
        next.push_all(input)
    });
}
