//! Taking what lies before a boundary, such as the one between the parts of a multipart body.
//!
//! Invariant: a part is the same however it is cut into buckets. What may be the beginning of a
//! boundary is not given out before it is decided.

use memchr::memmem::Finder;

use super::{Brigade, Split};
use crate::{Error, ErrorKind, ReadCx, Result};

/// Whether a boundary is at some place.
enum Match {
    Yes,
    No,
    /// So far, and then comes the bucket with this index, whose bytes are not to be had.
    Cut(usize),
}

impl Brigade<'_> {
    /// Moves the bytes before the next `boundary` to the end of `into`, the part so far, and drops
    /// the boundary. `into` never holds more than `limit_bytes` bytes in memory, those of earlier
    /// calls included. No byte is copied.
    ///
    /// What may be the beginning of a boundary is held back: it stays in front until the bytes
    /// behind it decide, or EOS or ERROR does, before which all moves. A mark ends the search and is
    /// in front afterwards: so that it is passed on in time, it goes before the bytes that are held
    /// back, which are fewer than the boundary has. Once it is taken out, a boundary that lay across
    /// it is found.
    ///
    /// Costs a search for each bucket, and in the worst case the length of the boundary for each
    /// byte.
    ///
    /// Models `apr_brigade_split_boundary`, which gives out the beginning of a boundary that is cut
    /// between two calls, deletes the marks inside one, and finds it past its limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for an empty boundary. [`ErrorKind::Unsupported`] when the next
    /// data has to be read first, see [`split_boundary_read`](Self::split_boundary_read); what was
    /// moved stays in `into`.
    ///
    /// ```
    /// # use brigade::{Brigade, Bucket, Split};
    /// # fn main() -> brigade::Result<()> {
    /// let (mut body, mut part) = (Brigade::new(), Brigade::new());
    /// body.push_back(Bucket::immortal(b"one\r\n--bound"));
    /// assert_eq!(body.split_boundary(&mut part, b"\r\n--boundary", 1024)?, Split::More);
    /// assert_eq!(part.flatten(1024)?, b"one");
    /// body.push_back(Bucket::immortal(b"ary\r\ntwo"));
    /// assert_eq!(body.split_boundary(&mut part, b"\r\n--boundary", 1024)?, Split::Found);
    /// assert_eq!(part.flatten(1024)?, b"one");
    /// assert_eq!(body.flatten(1024)?, b"\r\ntwo");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "apr_brigade_split_boundary")]
    pub fn split_boundary(
        &mut self,
        into: &mut Self,
        boundary: &[u8],
        limit_bytes: u64,
    ) -> Result<Split> {
        match self.take_part(into, &finder(boundary)?, limit_bytes) {
            Ok(split) => Ok(split),
            Err(index) => Err(self.unread("split at a boundary", index)),
        }
    }

    /// As [`split_boundary`](Self::split_boundary), with FILE and STREAM in the way: they are read
    /// piece by piece, as far as the boundary or the limit and no piece further. It may wait.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for an empty boundary. What a source answered,
    /// [`ErrorKind::WouldBlock`] among it: what was moved stays in `into`, and another call goes on
    /// there.
    #[doc(alias = "apr_brigade_split_boundary")]
    pub fn split_boundary_read(
        &mut self,
        into: &mut Self,
        boundary: &[u8],
        limit_bytes: u64,
        cx: &mut ReadCx<'_>,
    ) -> Result<Split> {
        let finder = finder(boundary)?;
        loop {
            match self.take_part(into, &finder, limit_bytes) {
                Ok(split) => return Ok(split),
                Err(index) => self.read_piece_at(index, cx)?,
            }
        }
    }

    /// `Err`: the bucket with this index must be read first.
    fn take_part(
        &mut self,
        into: &mut Self,
        finder: &Finder<'_>,
        limit_bytes: u64,
    ) -> Result<Split, usize> {
        let boundary = finder.needle();
        loop {
            let Some(front) = self.buckets.front() else { return Ok(Split::More) };
            let Some(bytes) = front.ready_bytes() else {
                return if front.is_metadata() { Ok(Split::Mark) } else { Err(0) };
            };
            let len = bytes.len();
            // A boundary begins after so many bytes at most.
            let room = into.room(limit_bytes);
            let seen = len.min(room.saturating_add(boundary.len()));
            if let Some(at) = finder.find(&bytes[..seen]) {
                self.move_front(into, at, len);
                self.drop_bytes(boundary.len());
                return Ok(Split::Found);
            }
            match self.boundary_at_end(len, room, boundary) {
                Some((at, Match::Yes)) => {
                    self.move_front(into, at, len);
                    self.drop_bytes(boundary.len());
                    return Ok(Split::Found);
                }
                Some((at, Match::Cut(index))) => {
                    self.move_front(into, at, len);
                    return self.held_back_before(index);
                }
                _ => {
                    self.move_front(into, len.min(room), len);
                    if len > room {
                        return Ok(Split::Limit);
                    }
                }
            }
        }
    }

    /// Where in the front bucket, of `len` bytes, a boundary may begin that ends behind it.
    fn boundary_at_end(&self, len: usize, room: usize, boundary: &[u8]) -> Option<(usize, Match)> {
        // The search has ruled out that all of one is at `first`.
        let first = len.saturating_sub(boundary.len());
        let end = len.min(room.saturating_add(1));
        (first..end).find_map(|at| match self.boundary_at(at, boundary) {
            Match::No => None,
            found => Some((at, found)),
        })
    }

    /// Whether the boundary is in the bytes from `offset` in the front bucket on.
    fn boundary_at(&self, offset: usize, boundary: &[u8]) -> Match {
        let mut skip = offset;
        let mut rest = boundary;
        for (index, bucket) in self.iter().enumerate() {
            let Some(bytes) = bucket.ready_bytes() else {
                // No boundary goes on past the end of a body.
                return if bucket.ends_body() { Match::No } else { Match::Cut(index) };
            };
            let bytes = &bytes[std::mem::take(&mut skip)..];
            let (seen, next) = rest.split_at(bytes.len().min(rest.len()));
            if &bytes[..seen.len()] != seen {
                return Match::No;
            }
            if next.is_empty() {
                return Match::Yes;
            }
            rest = next;
        }
        Match::Cut(self.len())
    }

    /// The answer when the data before bucket `index` is held back.
    fn held_back_before(&mut self, index: usize) -> Result<Split, usize> {
        match self.buckets.as_mut_slice().get_mut(..=index) {
            None => Ok(Split::More),
            Some(held) if held[index].is_metadata() => {
                held.rotate_right(1);
                Ok(Split::Mark)
            }
            Some(_) => Err(index),
        }
    }

    /// Drops bytes in which there is no mark.
    fn drop_bytes(&mut self, count: usize) {
        self.consume(count, |mark| unreachable!("{mark:?} inside a boundary"));
    }
}

fn finder(boundary: &[u8]) -> Result<Finder<'_>> {
    if boundary.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "split at a boundary of 0 bytes"));
    }
    Ok(Finder::new(boundary))
}
