//! Taking a line out of a brigade.
//!
//! Invariant: a line is the same however it is cut into buckets, and never longer than its limit.

use super::{Brigade, Split};
use crate::{ReadCx, Result};

impl Brigade<'_> {
    /// Moves bytes, through the next LF, to the end of `into`, the line so far. `into` never holds
    /// more than `limit_bytes` bytes in memory, those of earlier calls included. No byte is copied.
    ///
    /// A mark ends the search and stays in front, since no line goes on past the end of a body:
    /// before EOS, what is in `into` is the last line, without a newline. A line ends with its LF,
    /// and a CR before it is the line's; empty data is dropped.
    ///
    /// Models `apr_brigade_split_line`, whose limit whole buckets exceed and which walks over EOS.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when the next data has to be read
    /// first, see [`split_line_read`](Self::split_line_read). What was moved stays in `into`.
    ///
    /// ```
    /// # use brigade::{Brigade, Bucket, Split};
    /// # fn main() -> brigade::Result<()> {
    /// let (mut input, mut line) = (Brigade::new(), Brigade::new());
    /// input.push_back(Bucket::immortal(b"GET / HT"));
    /// assert_eq!(input.split_line(&mut line, 8192)?, Split::More);
    /// input.push_back(Bucket::immortal(b"TP/1.1\r\nHost: "));
    /// assert_eq!(input.split_line(&mut line, 8192)?, Split::Found);
    /// assert_eq!(line.flatten(8192)?, b"GET / HTTP/1.1\r\n");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "apr_brigade_split_line")]
    pub fn split_line(&mut self, into: &mut Self, limit_bytes: u64) -> Result<Split> {
        match self.take_line(into, limit_bytes) {
            Some(split) => Ok(split),
            None => Err(self.unread("split a line", 0)),
        }
    }

    /// As [`split_line`](Self::split_line), with FILE and STREAM in the way: they are read piece by
    /// piece, as far as the LF or the limit and no piece further. It may wait.
    ///
    /// # Errors
    ///
    /// What a source answered, [`ErrorKind::WouldBlock`](crate::ErrorKind::WouldBlock) among it.
    /// What was moved stays in `into`, and another call goes on there.
    #[doc(alias = "apr_brigade_split_line")]
    pub fn split_line_read(
        &mut self,
        into: &mut Self,
        limit_bytes: u64,
        cx: &mut ReadCx<'_>,
    ) -> Result<Split> {
        loop {
            match self.take_line(into, limit_bytes) {
                Some(split) => return Ok(split),
                None => self.read_piece_at(0, cx)?,
            }
        }
    }

    /// `None`: the front must be read first.
    fn take_line(&mut self, into: &mut Self, limit_bytes: u64) -> Option<Split> {
        while let Some(front) = self.buckets.front() {
            // What a parser splits is borrowed, mostly: asked first, that is one comparison.
            let Some(bytes) = front.borrowed().or_else(|| front.ready_bytes()) else {
                return front.is_metadata().then_some(Split::Mark);
            };
            let len = bytes.len();
            let seen = len.min(into.room(limit_bytes));
            let found = find_newline(&bytes[..seen]);
            let taken = found.map_or(seen, |at| at + 1);
            self.move_front(into, taken, len);
            if found.is_some() {
                return Some(Split::Found);
            }
            if taken < len {
                return Some(Split::Limit);
            }
        }
        Some(Split::More)
    }
}

/// Where the first LF is. A search that is called and dispatched on what the machine has costs more
/// than most lines are long, so their length is looked through here.
#[inline]
fn find_newline(bytes: &[u8]) -> Option<usize> {
    const CHUNKS: usize = 4;
    let (chunks, _) = bytes.as_chunks::<CHUNK>();
    let chunks = &chunks[..chunks.len().min(CHUNKS)];
    for (index, chunk) in chunks.iter().enumerate() {
        if has_newline(chunk) {
            return Some(index * CHUNK + first_newline(chunk));
        }
    }
    let seen = chunks.as_flattened().len();
    memchr::memchr(b'\n', &bytes[seen..]).map(|at| seen + at)
}

/// Bytes that a few vector instructions look at.
const CHUNK: usize = 32;

#[inline]
fn has_newline(chunk: &[u8; CHUNK]) -> bool {
    // Every byte is looked at, so that all can be at once.
    chunk.iter().fold(0, |found, byte| found | u8::from(*byte == b'\n')) > 0
}

/// Where in `chunk`, which has one, the first LF is: eight bytes at a time, as a number.
#[inline]
fn first_newline(chunk: &[u8; CHUNK]) -> usize {
    const ONES: u64 = u64::MAX / 0xFF;
    let (words, _) = chunk.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let zero_at_newline = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'\n'));
        // The lowest bit that is set is the top one of the first byte that is zero.
        let zeros = zero_at_newline.wrapping_sub(ONES) & !zero_at_newline & (ONES << 7);
        if zeros != 0 {
            return index * 8 + zeros.trailing_zeros() as usize / 8;
        }
    }
    unreachable!("a newline was seen in {chunk:?}")
}

#[cfg(test)]
mod tests {
    use super::find_newline;

    #[track_caller]
    fn check(bytes: &[u8]) {
        let expected = bytes.iter().position(|byte| *byte == b'\n');
        assert_eq!(find_newline(bytes), expected, "in {bytes:?}");
    }

    #[test]
    fn newline_is_found_wherever_it_is_and_whatever_is_beside_it() {
        for beside in [b'x', b'\n' - 1, b'\n' + 1, b'\n' | 0x80, 0, 0xFF] {
            for len in 0..200 {
                let mut bytes = vec![beside; len];
                check(&bytes);
                for at in (0..len).rev() {
                    // Those from `at` on: the first counts.
                    bytes[at] = b'\n';
                    check(&bytes);
                }
            }
        }
    }
}
