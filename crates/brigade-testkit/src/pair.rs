//! A line in memory, with both its ends: two pipes with as much room as the test says.
//!
//! Invariant: a byte is received once, in order; what is on its way is never more than the room.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use brigade_net::{Close, Duplex, Interest, More, Source, Transport};

/// Makes the two ends of a line that holds at most `room_bytes` each way. Neither waits, until
/// [told to](MemoryLine::waiting).
///
/// Behaves as a socket does: a peer that reads nothing stops the writer, an orderly end is read after
/// the last byte, a reset throws away what is on its way, and so does an end that is dropped with bytes
/// unread. There are no files. Nothing of the system is involved, so that a test of waiting is exact
/// and takes no time.
///
/// ```
/// use brigade::{Bucket, Chain, Progress, ReadMode};
/// use brigade_net::{Duplex, NetworkWriter, Source};
/// use brigade_testkit::memory_line;
///
/// # fn main() -> brigade::Result<()> {
/// let (near, far) = memory_line(3);
/// let mut peer = far.source();
/// let mut chain = Chain::new(NetworkWriter::new(near)).mode(ReadMode::NonBlocking);
/// chain.pass_bucket(Bucket::immortal(b"hello"))?;
/// chain.flush()?;
///
/// let mut room = [0; 10];
/// assert_eq!((peer.read(&mut room)?, chain.progress()), (3, Progress::Pending));
/// assert_eq!(chain.resume()?, Progress::Done);
/// assert_eq!((peer.read(&mut room)?, &room[..2]), (2, &b"lo"[..]));
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// When there is no room at all: such a line could never take anything.
pub fn memory_line(room_bytes: usize) -> (MemoryLine, MemoryLine) {
    assert!(room_bytes > 0, "a line without room");
    let shared = Arc::new(Shared { room_bytes, ways: Mutex::default(), changed: Condvar::new() });
    let end = |number| {
        let end = End { shared: Arc::clone(&shared), number, patience: None };
        MemoryLine(Arc::new(OwnedEnd(end)))
    };
    (end(0), end(1))
}

/// One end of a line in memory, written to: see [`memory_line`].
#[derive(Debug)]
pub struct MemoryLine(Arc<OwnedEnd>);

/// One end of a line in memory, read from; the end is dropped with the last of both.
#[derive(Debug)]
pub struct MemorySource(Arc<OwnedEnd>);

/// An end that tells its peer when it is dropped.
#[derive(Debug)]
struct OwnedEnd(End);

#[derive(Debug, Clone)]
struct End {
    shared: Arc<Shared>,
    number: usize,
    patience: Option<Duration>,
}

#[derive(Debug)]
struct Shared {
    room_bytes: usize,
    // What end 0 writes, and what end 1 writes.
    ways: Mutex<[Way; 2]>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Way {
    bytes: VecDeque<u8>,
    has_ended: bool,
    is_reset: bool,
}

impl MemoryLine {
    /// Makes this end wait, for so long at most; then it answers [`io::ErrorKind::TimedOut`].
    ///
    /// # Panics
    ///
    /// When its source was taken already: what waits is said before.
    #[must_use]
    pub fn waiting(self, patience: Duration) -> Self {
        let mut owned = self.0;
        let end = Arc::get_mut(&mut owned).expect("a line is told to wait before it is shared");
        end.0.patience = Some(patience);
        Self(owned)
    }

    /// Waits until this end is ready, or the time is up; says whether it is. What a loop does.
    pub fn wait(&self, interest: Interest, patience: Duration) -> bool {
        let end = &self.0.0;
        let until = Instant::now() + patience;
        let mut ways = end.shared.lock();
        loop {
            if end.is_ready(&ways, interest) {
                return true;
            }
            match end.shared.wait(ways, until) {
                Some(changed) => ways = changed,
                None => return false,
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, [Way; 2]> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change; `None`: the time is up.
    fn wait<'s>(
        &'s self,
        ways: MutexGuard<'s, [Way; 2]>,
        until: Instant,
    ) -> Option<MutexGuard<'s, [Way; 2]>> {
        let left = until.checked_duration_since(Instant::now())?;
        let waited = self.changed.wait_timeout(ways, left);
        Some(waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

impl End {
    fn is_ready(&self, ways: &[Way; 2], interest: Interest) -> bool {
        let way = match interest {
            Interest::Writable => &ways[self.number],
            Interest::Readable => &ways[1 - self.number],
        };
        let is_ready = match interest {
            Interest::Writable => way.bytes.len() < self.shared.room_bytes,
            Interest::Readable => !way.bytes.is_empty(),
        };
        is_ready || way.has_ended || way.is_reset
    }

    /// Does something to the ways, when the end is ready for it.
    fn when_ready<R>(
        &self,
        interest: Interest,
        act: impl FnOnce(&mut [Way; 2]) -> io::Result<R>,
    ) -> io::Result<R> {
        let until = self.patience.map(|patience| Instant::now() + patience);
        let mut ways = self.shared.lock();
        while !self.is_ready(&ways, interest) {
            let until = until.ok_or(io::ErrorKind::WouldBlock)?;
            ways = self.shared.wait(ways, until).ok_or(io::ErrorKind::TimedOut)?;
        }
        let answer = act(&mut ways);
        drop(ways);
        self.shared.changed.notify_all();
        answer
    }

    fn close(&self, how: Close) {
        let mut ways = self.shared.lock();
        match how {
            Close::Orderly => {
                let way = &mut ways[self.number];
                way.has_ended = !way.is_reset;
            }
            Close::Reset => {
                for way in &mut *ways {
                    way.bytes.clear();
                    way.is_reset = true;
                    way.has_ended = false;
                }
            }
        }
        drop(ways);
        self.shared.changed.notify_all();
    }
}

impl Drop for OwnedEnd {
    fn drop(&mut self) {
        let is_unread = !self.0.shared.lock()[1 - self.0.number].bytes.is_empty();
        self.0.close(if is_unread { Close::Reset } else { Close::Orderly });
        // Nobody will read what comes.
        let mut ways = self.0.shared.lock();
        ways[1 - self.0.number].is_reset = true;
        drop(ways);
        self.0.shared.changed.notify_all();
    }
}

impl Transport for MemoryLine {
    fn write(&mut self, slices: &[IoSlice<'_>], _more: More) -> io::Result<usize> {
        assert!(slices.iter().any(|slice| !slice.is_empty()), "a write of nothing");
        let end = &self.0.0;
        end.when_ready(Interest::Writable, |ways| {
            let way = &mut ways[end.number];
            if way.is_reset {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            if way.has_ended {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let before = way.bytes.len();
            for slice in slices {
                let here = slice.len().min(end.shared.room_bytes - way.bytes.len());
                way.bytes.extend(&slice[..here]);
            }
            Ok(way.bytes.len() - before)
        })
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        self.0.0.close(how);
        Ok(())
    }
}

impl Duplex for MemoryLine {
    type Source = MemorySource;

    fn source(&self) -> MemorySource {
        MemorySource(Arc::clone(&self.0))
    }
}

impl Source for MemorySource {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let end = &self.0.0;
        end.when_ready(Interest::Readable, |ways| {
            let way = &mut ways[1 - end.number];
            if way.is_reset && !way.has_ended {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let count = room.len().min(way.bytes.len());
            for (to, byte) in room.iter_mut().zip(way.bytes.drain(..count)) {
                *to = byte;
            }
            Ok(count)
        })
    }
}
