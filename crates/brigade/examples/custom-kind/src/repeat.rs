//! REPEAT: a pattern so many times over, stored once.
//!
//! Invariant: `start..end` are places in the endless repetition of `pattern`, which is not empty.

use std::ops::Range;
use std::sync::Arc;

use brigade::{Bucket, Data, Error, ErrorKind, ReadCx, Result};

/// The data of [`Repeat::bucket`].
#[derive(Debug, Clone)]
pub struct Repeat {
    pattern: Arc<[u8]>,
    at: Range<u64>,
}

impl Repeat {
    /// A bucket of `pattern`, `count` times over.
    ///
    /// # Panics
    ///
    /// When `pattern` is empty, or the bytes are more than `u64::MAX`.
    pub fn bucket(pattern: &[u8], count: u64) -> Bucket<'static> {
        assert!(!pattern.is_empty(), "nothing cannot be repeated");
        let len = count.checked_mul(pattern.len() as u64).expect("a length fits in 64 bits");
        Bucket::of(Self { pattern: pattern.into(), at: 0..len })
    }

    fn left(&self) -> u64 {
        self.at.end - self.at.start
    }
}

impl Data for Repeat {
    fn name(&self) -> &str {
        "REPEAT"
    }

    fn len(&self) -> Option<u64> {
        Some(self.left())
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        // A piece is at most a block, so that it shares one with what comes before and after it.
        let block = cx.alloc().block_size();
        let len = usize::try_from(self.left()).map_or(block, |left| left.min(block));
        if len == 0 {
            return Ok(None);
        }
        // It is below the length of the pattern, which is in memory.
        let first = (self.at.start % self.pattern.len() as u64) as usize;
        let piece = cx.alloc().copy_with(len, |to| {
            let bytes = self.pattern.iter().cycle().skip(first);
            to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
        });
        self.at.start += len as u64;
        Ok(Some(piece))
    }

    fn split_at(&mut self, at_bytes: u64) -> Result<Box<dyn Data>> {
        if at_bytes > self.left() {
            let context = format!("split a REPEAT of {} bytes at {at_bytes}", self.left());
            return Err(Error::new(ErrorKind::Incomplete, context));
        }
        let cut = self.at.start + at_bytes;
        let rest = Self { pattern: self.pattern.clone(), at: cut..self.at.end };
        self.at.end = cut;
        Ok(Box::new(rest))
    }

    fn try_clone(&self) -> Option<Box<dyn Data>> {
        Some(Box::new(self.clone()))
    }
}
