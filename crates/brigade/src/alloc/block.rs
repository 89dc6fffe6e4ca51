//! The one file of `unsafe`: reading the bytes of a block that others may hold slices of.
//!
//! Invariants, which every `unsafe` block below names:
//!
//! - **I1, in bounds.** A [`BlockSlice`] covers `offset..offset + len`, within its block.
//! - **I2, written once.** While a block is held by an [`Open`], the bytes below `filled` are not
//!   written; the bytes from `filled` on are in no slice, and only the `Open` touches them.
//!   `filled` goes back to 0 only when the `Open` holds the only `Arc`: there is no slice left.
//! - **I3, one writer.** An `Open` is made of a block that nobody else held, cannot be cloned, and
//!   writes through `&mut self`. A block outside an `Open` is never written.
//! - **I4, initialised.** A block is zeroed when it is made.
//! - **I5, held.** What is [`ByValue`] is taken out by its drop and by nothing before it.
//!
//! Counting is `Arc`'s: its drop releases, [`Arc::get_mut`] acquires, so that what a reader did to a
//! slice on any thread happened before the block is written again.

#[cfg(loom)]
use loom::sync::Arc;
use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
#[cfg(not(loom))]
use std::sync::Arc;
use std::{fmt, ptr, slice};

use super::budget::Charge;
use crate::short_copy::copy_written;
#[cfg(loom)]
use crate::watch::Watch;

/// A fixed run of bytes, shared by the slices in it.
pub(crate) struct Block {
    lines: Box<[UnsafeCell<Line>]>,
    capacity: u32,           // Bytes in use: all but the end of the last line.
    _charge: Option<Charge>, // Goes back with the block, wherever its last slice is dropped.
    #[cfg(loom)]
    watch: Watch,
}

/// A cache line. Where a block begins decides how fast it is copied to: from 16 bytes into a line it
/// takes half as long again.
#[repr(align(64))]
#[allow(dead_code)] // Its bytes are reached by pointer alone.
struct Line([u8; Line::BYTES]);

impl Line {
    const BYTES: usize = 64;
}

// SAFETY: by I2 and I3 a byte is written only while no slice covers it and by one `Open`; readers
// read bytes that are not written again before the last of them has dropped its `Arc`.
unsafe impl Sync for Block {}

impl Block {
    /// Makes a block of `capacity` zeroed bytes, ready to be written.
    ///
    /// # Panics
    ///
    /// When `capacity` does not fit in 32 bits; callers use foreign `Bytes` for such sizes.
    fn new(capacity: usize, charge: Option<Charge>) -> Self {
        assert!(u32::try_from(capacity).is_ok(), "a block of {capacity} bytes, limit {}", u32::MAX);
        Self {
            lines: (0..capacity.div_ceil(Line::BYTES))
                .map(|_| UnsafeCell::new(Line([0; Line::BYTES])))
                .collect(),
            capacity: narrow(capacity),
            _charge: charge,
            #[cfg(loom)]
            watch: Watch::new(capacity),
        }
    }

    #[inline]
    fn at(&self, offset: u32) -> *mut u8 {
        // Lines lie one after the other, with nothing in between.
        UnsafeCell::raw_get(self.lines.as_ptr()).cast::<u8>().wrapping_add(offset as usize)
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} bytes)", self.capacity)
    }
}

/// Whether `block` has no slice left, so that it may be written from its start again.
///
/// The count alone would not do: it is read without acquiring what the last readers did.
pub(crate) fn is_whole(block: &mut Arc<Block>) -> bool {
    Arc::strong_count(block) == 1 && Arc::get_mut(block).is_some()
}

/// How many slices of a lent block are alive: all `Arc`s but the register's own.
pub(crate) fn slices_of(block: &Arc<Block>) -> usize {
    Arc::strong_count(block) - 1
}

/// What tells a block from all others that are alive: where it is.
pub(crate) fn id_of(block: &Arc<Block>) -> usize {
    ptr::from_ref::<Block>(block).addr()
}

/// The block that is being filled: the right to write its bytes from `filled` on.
#[derive(Debug)]
pub(crate) struct Open {
    block: Arc<Block>,
    filled: u32,
    capacity: u32, // Of `block`: kept here, since every small write asks for it.
}

impl Open {
    /// Opens a new block of `capacity` bytes that counts as `charge` for as long as it lives.
    pub(crate) fn charged(capacity: usize, charge: Option<Charge>) -> Self {
        Self::over(Arc::new(Block::new(capacity, charge)))
    }

    /// Opens a block again, from its start.
    ///
    /// # Panics
    ///
    /// When a slice of it is alive.
    pub(crate) fn again(mut block: Arc<Block>) -> Self {
        assert!(is_whole(&mut block), "a block is opened again while slices of it are alive");
        Self::over(block)
    }

    fn over(block: Arc<Block>) -> Self {
        let capacity = block.capacity;
        Self { block, filled: 0, capacity }
    }

    /// How many more bytes fit.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        (self.capacity - self.filled) as usize
    }

    /// Which block it is.
    pub(crate) fn id(&self) -> usize {
        id_of(&self.block)
    }

    /// How many slices of it are alive.
    pub(crate) fn slices(&self) -> usize {
        slices_of(&self.block)
    }

    /// Starts at the front again if every slice has been dropped; says whether it could.
    pub(crate) fn restart(&mut self) -> bool {
        let whole = is_whole(&mut self.block);
        if whole {
            self.filled = 0;
        }
        whole
    }

    /// Gives the block up, with the slices that are alive.
    pub(crate) fn close(self) -> Arc<Block> {
        self.block
    }

    /// Lets `slice` grow by `bytes`, if they fit and it ends where this block is filled to; says
    /// whether it did.
    #[inline]
    pub(crate) fn extend_whole(&mut self, slice: &mut BlockSlice, bytes: &[u8]) -> bool {
        // Subtracted, and `len` not counted up, so that nothing here but the comparison waits for the
        // `len` that the write before stored. Of another block, the difference may wrap.
        let ends_here = slice.len == self.filled.wrapping_sub(slice.offset)
            && Arc::ptr_eq(&slice.block.0, &self.block);
        let takes = ends_here && self.fill(bytes);
        if takes {
            slice.len = self.filled - slice.offset;
        }
        takes
    }

    /// Copies `bytes` to the end, if they fit; says whether they did. Nobody is lent them yet.
    #[inline]
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> bool {
        let fits = bytes.len() <= self.room();
        if fits {
            copy_written(&mut self.tail()[..bytes.len()], bytes);
            self.filled += narrow(bytes.len());
        }
        fits
    }

    /// How many bytes are filled.
    #[inline]
    pub(crate) fn filled(&self) -> usize {
        self.filled as usize
    }

    /// Lends the bytes filled from `start` on, if there are any.
    pub(crate) fn lend(&self, start: usize) -> Option<BlockSlice> {
        let len = self.filled().checked_sub(start).filter(|len| *len > 0)?;
        Some(BlockSlice::new(&self.block, narrow(start), narrow(len)))
    }

    /// The bytes not filled yet. They may hold what an earlier request left: show them to the
    /// kernel, or zero them first.
    #[inline]
    pub(crate) fn tail(&mut self) -> &mut [u8] {
        let room = self.room();
        #[cfg(loom)]
        self.block.watch.write(self.filled, room);
        // SAFETY: `filled <= capacity` keeps the range in bounds; the bytes are initialised (I4);
        // no slice covers them (I2), and `&mut self` is the only way to them (I3).
        unsafe { slice::from_raw_parts_mut(self.block.at(self.filled), room) }
    }

    /// Lends the first `len` bytes of the tail.
    ///
    /// # Panics
    ///
    /// When the tail is shorter.
    pub(crate) fn publish(&mut self, len: usize) -> BlockSlice {
        assert!(len <= self.room(), "publish {len} bytes where {} are left", self.room());
        let offset = self.filled;
        let len = narrow(len);
        self.filled += len;
        BlockSlice::new(&self.block, offset, len)
    }
}

/// Bytes of a block, lent: it keeps the block from being written again.
#[derive(Clone)]
pub(crate) struct BlockSlice {
    block: ByValue<Arc<Block>>,
    offset: u32, // Invariant I1.
    len: u32,
}

impl BlockSlice {
    #[inline]
    fn new(block: &Arc<Block>, offset: u32, len: u32) -> Self {
        Self { block: ByValue::new(Arc::clone(block)), offset, len }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        #[cfg(loom)]
        self.block.watch.read(self.offset, self.len());
        // SAFETY: in bounds (I1) and initialised (I4); nobody writes them while this slice holds its
        // `Arc` (I2, I3), which is longer than the borrow of `self`.
        unsafe { slice::from_raw_parts(self.block.at(self.offset), self.len()) }
    }

    /// The bytes from the start of `first` to the end of `last`, a later slice of the same block.
    ///
    /// # Panics
    ///
    /// When they are not in one block, in this order.
    pub(crate) fn through<'s>(first: &'s Self, last: &'s Self) -> &'s [u8] {
        let end = last.offset + last.len;
        assert!(
            first.offset <= last.offset && first.shares_block(last),
            "a run from {first:?} to {last:?}"
        );
        let len = (end - first.offset) as usize;
        #[cfg(loom)]
        first.block.watch.read(first.offset, len);
        // SAFETY: both ends are in bounds of one block (I1), `first` begins no later than `last` does,
        // and all of it is initialised (I4). What lies before the end of a slice was filled before the
        // slice was made, and is not written while either slice holds its `Arc` (I2, I3).
        unsafe { slice::from_raw_parts(first.block.at(first.offset), len) }
    }

    /// The run that [`through`](Self::through) shows, as a slice of its own.
    ///
    /// # Panics
    ///
    /// When they are not in one block, in this order.
    pub(crate) fn spanning(first: &Self, last: &Self) -> Self {
        let len = narrow(Self::through(first, last).len());
        Self::new(&first.block.0, first.offset, len)
    }

    /// How many bytes the block has that this slice keeps.
    pub(crate) fn block_len(&self) -> usize {
        self.block.capacity as usize
    }

    /// Keeps the first `at` bytes and returns the rest; no byte moves.
    ///
    /// # Panics
    ///
    /// When `at` is past the end.
    pub(crate) fn split_off(&mut self, at: usize) -> Self {
        assert!(at <= self.len(), "split {} bytes at {at}", self.len());
        let at = narrow(at);
        let rest = Self::new(&self.block.0, self.offset + at, self.len - at);
        self.len = at;
        rest
    }

    /// Drops the first `count` bytes.
    ///
    /// # Panics
    ///
    /// When there are fewer.
    pub(crate) fn advance(&mut self, count: usize) {
        assert!(count <= self.len(), "advance {} bytes by {count}", self.len());
        let count = narrow(count);
        self.offset += count;
        self.len -= count;
    }

    /// Which block it is in.
    pub(crate) fn block_id(&self) -> usize {
        id_of(&self.block.0)
    }

    /// Whether `other` is in the same block.
    #[inline]
    pub(crate) fn shares_block(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.block.0, &other.block.0)
    }

    /// Whether `other` is in the same block and begins where this one ends.
    #[inline]
    pub(crate) fn touches(&self, other: &Self) -> bool {
        self.offset + self.len == other.offset && self.shares_block(other)
    }

    /// Takes `other` in, if it [`touches`](Self::touches) this one.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), Self> {
        if !self.touches(&other) {
            return Err(other);
        }
        self.len += other.len;
        Ok(())
    }
}

/// A pointer that is dropped by value, not in its place.
///
/// In its place, as the compiler drops a field, its address goes to the call that frees what it points
/// to. A bucket is one of several things, of which only some own anything; with one of those dropped in
/// its place every bucket would have to be in memory wherever it might be dropped, and moving one of
/// borrowed bytes would cost as much as freeing one that is not.
#[derive(Clone)]
pub(crate) struct ByValue<P: Release>(ManuallyDrop<P>); // Invariant I5.

/// How a [`ByValue`] lets go of its pointer: in place, or where that is much code, in a call.
pub(crate) trait Release {
    fn release(self);
}

impl Release for Arc<Block> {
    #[inline]
    fn release(self) {} // Dropped here.
}

impl<P: Release> ByValue<P> {
    #[inline]
    pub(crate) const fn new(pointer: P) -> Self {
        Self(ManuallyDrop::new(pointer))
    }
}

impl<P: Release + Deref> Deref for ByValue<P> {
    type Target = P::Target;

    #[inline]
    fn deref(&self) -> &P::Target {
        &self.0
    }
}

impl<P: Release + DerefMut> DerefMut for ByValue<P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut P::Target {
        &mut self.0
    }
}

impl<P: Release> Drop for ByValue<P> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it is there (I5), and it is not used again: a value is dropped once, and what sees
        // its fields afterwards is the compiler's drop of a `ManuallyDrop`, which does nothing.
        let pointer = unsafe { ManuallyDrop::take(&mut self.0) };
        pointer.release();
    }
}

impl fmt::Debug for BlockSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockSlice({}..{})", self.offset, self.offset + self.len)
    }
}

/// A length within a block, whose capacity fits in 32 bits.
#[inline]
#[allow(clippy::cast_possible_truncation)] // `Block::new` refuses what does not fit.
fn narrow(len: usize) -> u32 {
    debug_assert!(u32::try_from(len).is_ok(), "{len} bytes within a block");
    len as u32
}
