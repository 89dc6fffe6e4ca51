//! What is sent: the same bytes for all sides, in pieces, with a flush after so many of them.
//!
//! Invariant: the pieces of a shape, in order, are its bytes.

use std::ops::Range;

use bytes::Bytes;

/// So many bytes are sent at a time, in pieces of one length.
const TOTAL_BYTES: usize = 256 * 1024;

/// What goes out for a small page: its head, and its body after it.
const PAGE: (usize, usize) = (180, 1024);
const PAGES: usize = 64;

/// Bytes to send, and how they are cut.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) bytes: Bytes,
    cuts: Vec<Range<usize>>,
    /// A flush follows each so many pieces; the last piece is one of them.
    flush_every: usize,
}

impl Shape {
    fn new(name: &'static str, lens: impl Iterator<Item = usize>, flush_every: usize) -> Self {
        let mut end = 0;
        let cuts: Vec<_> = lens
            .map(|len| {
                end += len;
                end - len..end
            })
            .collect();
        assert_eq!(cuts.len() % flush_every, 0, "{name} ends with a flush");
        Self { name, bytes: noise(end), cuts, flush_every }
    }

    /// Pieces of `len` bytes, and a flush at the end.
    pub(crate) fn even(name: &'static str, len: usize) -> Self {
        let count = TOTAL_BYTES / len;
        Self::new(name, std::iter::repeat_n(len, count), count)
    }

    /// The pieces of each flush.
    pub(crate) fn flushes(&self) -> impl Iterator<Item = Vec<&[u8]>> {
        self.cuts
            .chunks(self.flush_every)
            .map(|cuts| cuts.iter().map(|cut| &self.bytes[cut.clone()]).collect())
    }

    /// The same as owned pieces, which share the bytes.
    #[allow(dead_code)] // The test that counts system calls needs none.
    pub(crate) fn shared_flushes(&self) -> Vec<Vec<Bytes>> {
        self.cuts
            .chunks(self.flush_every)
            .map(|cuts| cuts.iter().map(|cut| self.bytes.slice(cut.clone())).collect())
            .collect()
    }
}

/// All shapes that are measured.
pub(crate) fn shapes() -> [Shape; 7] {
    let (head, body) = PAGE;
    let page = [head, body].into_iter().cycle().take(2 * PAGES);
    [
        Shape::even("pieces of 32 B", 32),
        Shape::even("pieces of 512 B", 512),
        Shape::even("pieces of 4 KiB", 4096),
        Shape::even("pieces of 16 KiB", 16 * 1024),
        Shape::even("pieces of 64 KiB", 64 * 1024),
        Shape::new("a head and a body of 1 KiB, flushed", page, 2),
        Shape::new("32 B, flushed", std::iter::repeat_n(32, 1024), 1),
    ]
}

/// Bytes of which no two short runs are alike, so that a piece lost or sent twice is noticed.
fn noise(len: usize) -> Bytes {
    let mut state = 1_u32;
    let next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}
