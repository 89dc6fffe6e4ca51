//! One read that a connection waits for while another thread does it.
//!
//! Invariant: whatever becomes of the job, run, dropped or panicking, the reading is over then, and who
//! waits for it is woken.

use std::fs::File;
use std::io;
use std::mem;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use brigade::FileSlice;

/// Bytes read by one call. What is read is thrown away: it is the system that keeps it.
const READ_BYTES: u64 = 64 * 1024;

/// Part of a file, which may have been closed and opened again meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    device: u64,
    inode: u64,
    begin: u64,
    end: u64,
}

impl Place {
    pub(super) fn of(part: FileSlice<'_>) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let file = part.file.metadata()?;
        let end = part.offset.saturating_add(part.len);
        Ok(Self { device: file.dev(), inode: file.ino(), begin: part.offset, end })
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
            && self.begin <= other.begin
            && other.end <= self.end
    }
}

#[derive(Debug)]
pub(super) struct Reading {
    place: Place,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// With whom to wake.
    Going(Waker),
    Over(io::Result<()>),
}

impl Reading {
    /// A reading, and what must be run for it.
    pub(super) fn begin(file: Arc<File>, place: Place, waker: Waker) -> (Arc<Self>, Job) {
        let reading = Arc::new(Self { place, state: Mutex::new(State::Going(waker)) });
        let job = Job { file, reading: Arc::clone(&reading), answer: Ok(()) };
        (reading, job)
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What came of it; told once.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<io::Result<()>> {
        match &mut *self.lock() {
            State::Going(who) => {
                who.clone_from(waker);
                Poll::Pending
            }
            State::Over(answer) => Poll::Ready(mem::replace(answer, Ok(()))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The read itself, to be run where a thread may wait.
pub(super) struct Job {
    file: Arc<File>,
    reading: Arc<Reading>,
    answer: io::Result<()>,
}

impl Job {
    pub(super) fn run(mut self) {
        let Place { begin, end, .. } = self.reading.place;
        self.answer = read_through(&self.file, begin, end);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let over = State::Over(mem::replace(&mut self.answer, Ok(())));
        let was = mem::replace(&mut *self.reading.lock(), over);
        // Outside of the lock: who is woken may ask at once.
        if let State::Going(waker) = was {
            waker.wake();
        }
    }
}

/// Reads `file` from `begin` to `end`, or to where it ends.
fn read_through(file: &File, mut begin: u64, end: u64) -> io::Result<()> {
    let mut room = vec![0; usize::try_from((end - begin).min(READ_BYTES)).unwrap_or(0)];
    while begin < end {
        match file.read_at(&mut room, begin) {
            Ok(0) => break,
            Ok(count) => begin += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
