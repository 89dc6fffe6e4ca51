//! Lets loom see which bytes of a block are read and written, so that it finds accesses that nothing
//! orders.
//!
//! Invariant: `block.rs` says each access here before it makes a slice of those bytes.

use loom::cell::UnsafeCell;

/// One cell for each byte of a block.
pub(crate) struct Watch(Box<[UnsafeCell<()>]>);

// SAFETY: the cells hold nothing; loom reports the races this would allow.
unsafe impl Sync for Watch {}

impl Watch {
    pub(crate) fn new(len: usize) -> Self {
        Self((0..len).map(|_| UnsafeCell::new(())).collect())
    }

    pub(crate) fn read(&self, offset: u32, len: usize) {
        self.0[offset as usize..][..len].iter().for_each(|cell| cell.with(|_| ()));
    }

    pub(crate) fn write(&self, offset: u32, len: usize) {
        self.0[offset as usize..][..len].iter().for_each(|cell| cell.with_mut(|_| ()));
    }
}
