//! The end of a chain inside another server: what left the filters, until the server asks for it.
//!
//! Invariant: whatever is queued counts as full, so that the filters above wait; and nothing is read
//! before it is asked for.

use brigade::{Brigade, Bucket, End, Error, Outcome, ReadCx, Result, Terminal};
use bytes::Bytes;
use http::HeaderMap;

use super::file::FileReader;
use crate::{ResponseHead, Trailers};

/// What is next in a queue.
#[derive(Debug)]
pub(crate) enum Taken {
    Head(ResponseHead),
    /// At least one byte.
    Data(Bytes),
    Trailers(HeaderMap),
    Flush,
    Failed(Error),
    End,
}

/// The terminal of a body's chain.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    held: Brigade<'static>,
    files: FileReader, // Reads the front of a FILE that has been taken out of `held`.
    waits: bool,       // What is in front has nothing now, and its waker is called.
    trailers: HeaderMap, // Met so far. Filters may let go of data behind them, so they wait for EOS.
    has_trailers: bool,  // Some were met, taken or not.
    bytes_out: u64,
    ended: Option<End>, // How the body ended, once its end was taken.
}

impl Queue {
    /// Takes what is next. `None`: nothing is here, or it has to be read first.
    pub(crate) fn take(&mut self) -> Option<Taken> {
        while self.has_front() {
            let taken = self.held.pop_front().and_then(|bucket| self.open(bucket));
            if taken.is_some() {
                return taken;
            }
        }
        None
    }

    /// Takes data in memory that more of the same follow.
    #[inline]
    pub(crate) fn take_of_many(&mut self) -> Option<Bytes> {
        let mut first = self.held.iter();
        let mut is_next_data = || first.next()?.bytes().map(|bytes| !bytes.is_empty());
        if self.files.is_reading() || is_next_data() != Some(true) || is_next_data() != Some(true) {
            return None;
        }
        let bytes = self.held.pop_front()?.into_bytes()?;
        self.bytes_out += bytes.len() as u64;
        Some(bytes)
    }

    /// What a bucket means to the server; `None` for what means nothing to it.
    fn open(&mut self, mut bucket: Bucket<'static>) -> Option<Taken> {
        if bucket.is_data() {
            let bytes = bucket.into_bytes().filter(|bytes| !bytes.is_empty())?;
            self.bytes_out += bytes.len() as u64;
            return Some(Taken::Data(bytes));
        }
        if let Some(head) = bucket.as_metadata_mut::<ResponseHead>() {
            return Some(Taken::Head(head.take()));
        }
        if let Some(Trailers(fields)) = bucket.as_metadata_mut() {
            self.trailers.extend(std::mem::take(fields));
            self.has_trailers = true;
            return None;
        }
        if bucket.is_flush() {
            return Some(Taken::Flush);
        }
        if bucket.is_eos() && !self.trailers.is_empty() {
            self.held.push_front(bucket);
            return Some(Taken::Trailers(std::mem::take(&mut self.trailers)));
        }
        if bucket.ends_body() {
            let failed = bucket.as_error().cloned();
            self.ended = Some(if failed.is_some() { End::Failed } else { End::Complete });
            return Some(failed.map_or(Taken::End, Taken::Failed));
        }
        bucket.complete(&Outcome::new(self.ended.unwrap_or(End::ClientGone), self.bytes_out));
        None
    }

    /// Whether what is next needs no reading.
    fn has_front(&self) -> bool {
        !self.files.is_reading() && self.held.front().is_some_and(|front| !front.is_deferred())
    }

    /// Whether something is there to be taken, or to be read without a wait that is known of.
    pub(crate) fn can_go_on(&self) -> bool {
        !self.held.is_empty() && !self.waits
    }

    /// Whether nothing is to be taken, or to be read first.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty() && !self.files.is_reading()
    }

    /// Whether nothing but a good end, and marks that mean nothing to the server, is to be taken.
    pub(crate) fn only_ends(&self) -> bool {
        let means_nothing = |bucket: &Bucket<'_>| {
            bucket.is_empty()
                || bucket.is_metadata()
                    && bucket.as_error().is_none()
                    && bucket.as_metadata::<ResponseHead>().is_none()
                    && bucket.as_metadata::<Trailers>().is_none()
        };
        self.held.ends_body()
            && self.trailers.is_empty()
            && !self.files.is_reading()
            && self.held.iter().all(means_nothing)
    }

    /// How many bytes are to come, if the end is here and every length known. Not where there are
    /// trailers: a server of HTTP/1.1 that knows the length has no place for them.
    pub(crate) fn rest_bytes(&mut self) -> Option<u64> {
        // It is asked for every frame, and a queue may be long: its end tells.
        let mut marks = self.held.iter().rev().take_while(|bucket| bucket.is_metadata());
        if self.has_trailers || !marks.any(Bucket::is_eos) {
            return None;
        }
        let rest_bytes = self.held.len_bytes()?.checked_add(self.files.bytes())?;
        // Only now are all looked at, and not again.
        self.has_trailers =
            self.held.iter().any(|bucket| bucket.as_metadata::<Trailers>().is_some());
        Some(rest_bytes).filter(|_| !self.has_trailers)
    }
}

impl Terminal for Queue {
    fn name(&self) -> &'static str {
        "body"
    }

    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        brigade.set_aside(&mut self.held, cx.alloc());
        Ok(())
    }

    /// Reads one piece of what is in front, if that has to be read.
    fn resume(&mut self, cx: &mut ReadCx<'_>) -> Result<()> {
        let is_file = self.held.front().is_some_and(|front| front.as_file().is_some());
        let read = if self.files.is_reading() || is_file {
            self.files.read(&mut self.held, cx)
        } else if self.held.front().is_some_and(Bucket::is_deferred) {
            self.held.pop_read(cx).map(|piece| {
                if let Some(piece) = piece {
                    self.held.push_front(piece);
                }
            })
        } else {
            Ok(())
        };
        self.waits = matches!(&read, Err(error) if error.is_would_block());
        if self.waits { Ok(()) } else { read }
    }

    fn is_pending(&self) -> bool {
        !self.is_empty()
    }

    fn held_bytes(&self) -> usize {
        let bytes = self.held.resident_bytes() + self.files.bytes();
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    fn abort(&mut self, end: End) {
        self.files = FileReader::default();
        let outcome = Outcome::new(end, self.bytes_out);
        std::mem::take(&mut self.held).complete_all(&outcome);
        self.ended = Some(end);
    }
}
