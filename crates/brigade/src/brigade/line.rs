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
            let Some(bytes) = front.ready_bytes() else {
                return front.is_metadata().then_some(Split::Mark);
            };
            let len = bytes.len();
            let seen = len.min(into.room(limit_bytes));
            let found = memchr::memchr(b'\n', &bytes[..seen]);
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
