//! The system's allocator, with a count of what each thread asks of it.
//!
//! Invariant: every call goes to [`System`] unchanged; the count is of one thread, so that tests can
//! run side by side.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

thread_local! {
    // Without a destructor and made without an allocation: it may be used inside the allocator.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread asked for memory while `run` ran: new, or more of the same.
pub(crate) fn allocations(run: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

fn count() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: every method hands its arguments to `System` as they came and returns what that returned, so
// that what `System` promises holds, and what the caller owes is owed to it. Counting allocates
// nothing and cannot unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise on `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise on `layout` is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on; `block` came from `System`, as all do.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on; `block` came from `System`, as all do.
        unsafe { System.dealloc(block, layout) }
    }
}
