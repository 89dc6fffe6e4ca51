//! Our side: the same loops as `loops.c`, over the published API of `brigade`.
//!
//! Invariant: nothing of an operation can be left out. Its bytes come out of a `black_box`, so that
//! neither their address nor their length is known when this is compiled, and what it made goes into one
//! each time.

use std::fs::File;
use std::hint::black_box;
use std::sync::Arc;

use brigade::{Brigade, Bucket, BucketAlloc, IoSlices, ReadCx, ReadMode, Result};

/// What both sides write: lines of 80 bytes.
pub(crate) static BYTES: Aligned = Aligned(lines());

/// Where a copy begins within a cache line decides its speed; the linker shall not.
#[repr(align(64))]
pub(crate) struct Aligned(pub(crate) [u8; 8192]);

/// Length of the file that both sides read, in bytes: `BYTES`, again and again.
pub(crate) const FILE_BYTES: u64 = 1 << 20;

/// A byte of each cache line of the file, added up.
pub(crate) const FILE_ANSWER: u64 = {
    let (mut sum, mut at) = (0, 0);
    while at < BYTES.0.len() {
        sum += BYTES.0[at] as u64;
        at += CACHE_LINE;
    }
    sum * (FILE_BYTES / BYTES.0.len() as u64)
};

const CACHE_LINE: usize = 64;

const fn lines() -> [u8; 8192] {
    const TEXT: &[u8; 23] = b"abcdefghijklmnopqrstuvw";
    let mut bytes = [0; 8192];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = if at % 80 == 79 { b'\n' } else { TEXT[at % TEXT.len()] };
        at += 1;
    }
    bytes
}

/// What the loops share. Each makes its fixture itself: some microseconds of at least two milliseconds.
pub(crate) struct Ours {
    alloc: BucketAlloc,
    file: Arc<File>,
}

impl Ours {
    pub(crate) fn new(file: Arc<File>) -> Self {
        Self { alloc: BucketAlloc::new(), file }
    }

    /// 64 pieces of 128 bytes. `gap_bytes` of 32 between them lay them out as APR's nodes do; without a
    /// gap they are neighbours.
    fn sixty_four(&mut self, gap_bytes: usize) -> Brigade<'static> {
        // Neighbours must fit in one block, which the loops before have begun to fill.
        self.alloc.trim();
        let mut brigade = Brigade::new();
        for _ in 0..64 {
            brigade.push_back(self.alloc.copy(piece(128)));
            drop(self.alloc.copy(piece(gap_bytes)));
        }
        brigade
    }
}

pub(crate) fn transient(_: &mut Ours, count: u32) -> Result<u64> {
    let (mut brigade, bytes) = (Brigade::new(), piece(32));
    add_up(count, || {
        brigade.push_back(Bucket::transient(bytes));
        black_box(&mut brigade);
        Ok(known_len(brigade.pop_front().as_ref()))
    })
}

pub(crate) fn transient_8(_: &mut Ours, count: u32) -> Result<u64> {
    let (mut brigade, bytes) = (Brigade::new(), piece(32));
    add_up(count, || {
        for _ in 0..8 {
            brigade.push_back(Bucket::transient(bytes));
        }
        black_box(&mut brigade);
        let len = known_len(brigade.back());
        brigade.clear();
        Ok(len)
    })
}

pub(crate) fn heap_copy_32(ours: &mut Ours, count: u32) -> Result<u64> {
    heap_copy(ours, count, 32)
}

pub(crate) fn heap_copy_8192(ours: &mut Ours, count: u32) -> Result<u64> {
    heap_copy(ours, count, 8192)
}

#[inline]
fn heap_copy(ours: &mut Ours, count: u32, len: usize) -> Result<u64> {
    let bytes = piece(len);
    add_up(count, || {
        let mut bucket = ours.alloc.copy(bytes);
        black_box(&mut bucket);
        Ok(known_len(Some(&bucket)))
    })
}

pub(crate) fn gather_32(ours: &mut Ours, count: u32) -> Result<u64> {
    let (mut brigade, bytes) = (Brigade::new(), piece(32));
    add_up(count, || {
        for _ in 0..250 {
            brigade.write(&mut ours.alloc, bytes);
        }
        black_box(&mut brigade);
        let len = brigade.resident_bytes();
        brigade.clear();
        Ok(len)
    })
}

pub(crate) fn split(ours: &mut Ours, count: u32) -> Result<u64> {
    let bytes = piece(32);
    add_up(count, || {
        let mut head = ours.alloc.copy(bytes);
        let mut rest = head.split_at(20)?;
        black_box((&mut head, &mut rest));
        Ok(known_len(Some(&rest)))
    })
}

pub(crate) fn io_slices_64(ours: &mut Ours, count: u32) -> Result<u64> {
    let (brigade, mut slices) = (ours.sixty_four(32), IoSlices::new());
    add_up(count, || {
        black_box(&brigade).io_slices_into(64, &mut slices);
        Ok(black_box(&slices[..]).len() as u64)
    })
}

pub(crate) fn flatten_64x128(ours: &mut Ours, count: u32) -> Result<u64> {
    let (brigade, mut to) = (ours.sixty_four(32), [0; 8192]);
    add_up(count, || {
        let copied = black_box(&brigade).flatten_into(&mut to);
        black_box(&mut to);
        Ok(copied.count_bytes as u64)
    })
}

pub(crate) fn flatten_neighbours(ours: &mut Ours, count: u32) -> Result<u64> {
    let brigade = ours.sixty_four(0);
    add_up(count, || {
        let bytes = black_box(&brigade).flatten_bytes(8192)?;
        Ok(black_box(&bytes[..]).len() as u64)
    })
}

pub(crate) fn partition_4000(ours: &mut Ours, count: u32) -> Result<u64> {
    let mut brigade = ours.sixty_four(32);
    add_up(count, || {
        let mut rest = black_box(&mut brigade).partition(4000)?;
        black_box(&mut rest);
        // The first round splits a piece, of which 96 bytes lie behind the cut.
        let len = known_len(rest.front());
        brigade.append(&mut rest);
        Ok(len)
    })
}

pub(crate) fn split_line_80(_: &mut Ours, count: u32) -> Result<u64> {
    let (mut brigade, mut line, bytes) = (Brigade::new(), Brigade::new(), piece(8000));
    add_up(count, || {
        let mut lines = 0;
        brigade.push_back(Bucket::transient(bytes));
        while brigade.split_line(&mut line, 8192)?.is_found() {
            black_box(&mut line);
            lines += u64::from(known_len(line.front()) == 80);
            line.clear();
        }
        Ok(lines)
    })
}

pub(crate) fn set_aside_16x100(ours: &mut Ours, count: u32) -> Result<u64> {
    let (mut brigade, mut kept, bytes) = (Brigade::new(), Brigade::new(), piece(1600));
    add_up(count, || {
        for bytes in bytes.chunks_exact(100) {
            brigade.push_back(Bucket::transient(bytes));
        }
        brigade.set_aside(&mut kept, &mut ours.alloc);
        black_box(&mut kept);
        let len = kept.resident_bytes();
        kept.clear();
        Ok(len)
    })
}

pub(crate) fn file(ours: &mut Ours, count: u32) -> Result<u64> {
    let mut brigade = Brigade::new();
    add_up(count, || {
        brigade.insert_file(Arc::clone(&ours.file), 0, FILE_BYTES);
        let mut cx = ReadCx::new(&mut ours.alloc, ReadMode::Blocking);
        let (mut seen, mut at) = (0, 0);
        while let Some(piece) = brigade.pop_read(&mut cx)? {
            seen += look(piece.bytes().unwrap_or_default(), &mut at);
        }
        Ok(seen)
    })
}

/// Does `operation` so many times; its answers, added up.
#[inline]
fn add_up(count: u32, mut operation: impl FnMut() -> Result<u64>) -> Result<u64> {
    let mut sum = 0;
    for _ in 0..count {
        sum += operation()?;
    }
    Ok(sum)
}

/// The first `len` of the bytes; the optimizer knows neither where they are nor how many.
#[inline]
fn piece(len: usize) -> &'static [u8] {
    black_box(&BYTES.0[..len])
}

#[inline]
fn known_len(bucket: Option<&Bucket<'_>>) -> u64 {
    bucket.and_then(Bucket::len).unwrap_or(0)
}

/// Adds a byte of each cache line; `at` is where the next line begins, and then by how much it lies
/// beyond these bytes.
fn look(bytes: &[u8], at: &mut usize) -> u64 {
    let mut seen = 0;
    let mut line = *at;
    while let Some(byte) = bytes.get(line) {
        seen += u64::from(*byte);
        line += CACHE_LINE;
    }
    *at = line - bytes.len();
    seen
}
