//! The system's allocator, with a count of what each thread asks of it.
//!
//! Invariant: every call goes to [`System`] unchanged; the counts are of one thread, so that tests can
//! run side by side. What one thread allocates and another frees counts for the one and against the
//! other.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

/// Counts what is allocated, in a program that makes it its allocator.
///
/// ```
/// use brigade_testkit::{Allocated, CountingAlloc};
///
/// #[global_allocator]
/// static COUNTING: CountingAlloc = CountingAlloc;
///
/// let (allocated, kept) = Allocated::during(|| {
///     drop(vec![0; 5000]);
///     vec![0_u8; 1000]
/// });
/// assert_eq!((allocated.calls, allocated.left_bytes), (2, 1000));
/// # drop(kept);
/// ```
///
/// With it, [`conformance`](crate::conformance) measures a filter's memory; without, it can only ask
/// the filter and the chain.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAlloc;

/// What one thread allocated while something ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allocated {
    /// How often it asked for memory: new, or more of the same.
    pub calls: u64,
    /// Bytes that were not freed; negative where more was freed than allocated.
    pub left_bytes: i64,
    /// The most bytes that were allocated at once, beside what was allocated before.
    pub peak_bytes: i64,
}

impl Allocated {
    /// What this thread allocates while `run` runs; all zero where [`CountingAlloc`] is not the
    /// program's allocator.
    pub fn during<T>(run: impl FnOnce() -> T) -> (Self, T) {
        let now =
            || COUNTS.with(|now| (now.calls.get(), now.live_bytes.get(), now.peak_bytes.get()));
        let set_peak = |bytes| COUNTS.with(|now| now.peak_bytes.set(bytes));
        let (calls, before, peak_outside) = now();
        set_peak(before);
        let made = run();
        let (calls_after, after, peak) = now();
        // A measurement around this one goes on.
        set_peak(peak.max(peak_outside));
        let allocated = Self {
            calls: calls_after - calls,
            left_bytes: after - before,
            peak_bytes: peak - before,
        };
        (allocated, made)
    }
}

impl CountingAlloc {
    /// Whether it is the allocator of this program.
    pub fn is_counting() -> bool {
        // The optimiser may leave out an allocation that nobody looks at.
        let (allocated, _) = Allocated::during(|| black_box(Box::new(black_box(0_u64))));
        allocated.calls > 0
    }
}

struct Counts {
    calls: Cell<u64>,
    live_bytes: Cell<i64>,
    peak_bytes: Cell<i64>,
}

thread_local! {
    // Without a destructor and made without an allocation: it may be used inside the allocator.
    static COUNTS: Counts = const {
        Counts { calls: Cell::new(0), live_bytes: Cell::new(0), peak_bytes: Cell::new(0) }
    };
}

/// Counts a call that makes `after` bytes of `before`.
fn count(before: usize, after: usize) {
    // No layout is larger than `isize::MAX`.
    let bytes = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    COUNTS.with(|counts| {
        if after > 0 {
            counts.calls.set(counts.calls.get() + 1);
        }
        let live = counts.live_bytes.get().wrapping_add(bytes(after)).wrapping_sub(bytes(before));
        counts.live_bytes.set(live);
        counts.peak_bytes.set(counts.peak_bytes.get().max(live));
    });
}

// SAFETY: every method hands its arguments to `System` as they came and returns what that returned, so
// that what `System` promises holds, and what the caller owes is owed to it. Counting allocates
// nothing and cannot unwind.
unsafe impl GlobalAlloc for CountingAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: the caller's promise on `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: the caller's promise on `layout` is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(layout.size(), new_size);
        // SAFETY: the caller's promises are passed on; `block` came from `System`, as all do.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout.size(), 0);
        // SAFETY: the caller's promises are passed on; `block` came from `System`, as all do.
        unsafe { System.dealloc(block, layout) }
    }
}
