//! A transport that does what it is told: takes so many bytes, would block, fails.
//!
//! Invariant: a byte is received exactly when the call that took it answered so.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use brigade_net::{Close, More, Transport};

/// What a [`ScriptedTransport`] answers to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Takes at most so many bytes, at least one.
    Take(usize),
    /// Takes nothing now.
    WouldBlock,
    /// Was interrupted by a signal.
    Interrupted,
    /// The peer has reset the connection.
    Reset,
    /// A blocking line's time limit ran out.
    TimedOut,
    /// Cannot do this: for files.
    Unsupported,
}

/// A call that a [`ScriptedTransport`] answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// [`Transport::write`].
    Write {
        /// How many slices there were.
        slices: usize,
        /// Bytes in them.
        bytes: usize,
        /// Whether more was to follow at once.
        more: More,
        /// Bytes taken.
        taken: usize,
    },
    /// [`Transport::send_file`].
    SendFile {
        /// Where in the file.
        offset: u64,
        /// Bytes asked for.
        len: u64,
        /// Whether more was to follow at once.
        more: More,
        /// Bytes taken.
        taken: usize,
    },
}

impl Call {
    /// Bytes taken.
    pub fn taken(&self) -> usize {
        match *self {
            Self::Write { taken, .. } | Self::SendFile { taken, .. } => taken,
        }
    }
}

/// A line whose every answer is written down beforehand, for tests of terminals.
///
/// It panics when a call breaks the rules of [`Transport`]: an empty slice, or none.
///
/// ```
/// use brigade::{Bucket, Chain, Progress, ReadMode};
/// use brigade_net::NetworkWriter;
/// use brigade_testkit::{ScriptedTransport, Step};
///
/// # fn main() -> brigade::Result<()> {
/// let (transport, wire) = ScriptedTransport::new([Step::Take(3), Step::WouldBlock]);
/// let mut chain = Chain::new(NetworkWriter::new(transport)).mode(ReadMode::NonBlocking);
/// chain.pass_bucket(Bucket::immortal(b"hello"))?;
/// chain.flush()?;
/// assert_eq!(wire.received(), b"hel");
/// assert_eq!(chain.resume()?, Progress::Done); // the script is over: it takes all
/// assert_eq!(wire.received(), b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ScriptedTransport {
    wire: Wire,
    sends_files: bool,
}

/// The far end of a [`ScriptedTransport`]: what came, by which calls. Clones see the same.
#[derive(Debug, Clone)]
pub struct Wire(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    steps: VecDeque<Step>,
    repeats: bool,
    received: Vec<u8>,
    received_bytes: u64,
    calls: Vec<Call>,
    closed: Option<Close>,
}

impl ScriptedTransport {
    /// Makes a transport that answers one of `steps` to each call, and takes everything when they
    /// are used up; and its far end. Files it cannot send.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> (Self, Wire) {
        let steps = steps.into_iter().collect();
        let wire = Wire(Arc::new(Mutex::new(State { steps, ..State::default() })));
        (Self { wire: wire.clone(), sends_files: false }, wire)
    }

    /// Begins again with the first step after the last one.
    #[must_use]
    pub fn repeating(self) -> Self {
        self.wire.lock().repeats = true;
        self
    }

    /// Sends files too; the same steps answer those calls.
    #[must_use]
    pub fn sending_files(mut self) -> Self {
        self.sends_files = true;
        self
    }
}

impl Wire {
    /// All bytes received, but those [taken](Self::take_received).
    pub fn received(&self) -> Vec<u8> {
        self.lock().received.clone()
    }

    /// The bytes received since the last call: for more than should be kept.
    pub fn take_received(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().received)
    }

    /// How many bytes were received, those taken included.
    pub fn received_bytes(&self) -> u64 {
        self.lock().received_bytes
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How the connection was closed, if it was.
    pub fn closed(&self) -> Option<Close> {
        self.lock().closed
    }

    /// Adds steps after those that are left.
    pub fn then(&self, steps: impl IntoIterator<Item = Step>) {
        self.lock().steps.extend(steps);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many of `asked` bytes the next step takes.
    fn answer(&mut self, asked: usize) -> io::Result<usize> {
        let step = self.steps.pop_front();
        if self.repeats {
            self.steps.extend(step);
        }
        Err(match step {
            None => return Ok(asked),
            Some(Step::Take(limit)) => return Ok(asked.min(limit.max(1))),
            Some(Step::WouldBlock) => io::ErrorKind::WouldBlock,
            Some(Step::Interrupted) => io::ErrorKind::Interrupted,
            Some(Step::Reset) => io::ErrorKind::ConnectionReset,
            Some(Step::TimedOut) => io::ErrorKind::TimedOut,
            Some(Step::Unsupported) => io::ErrorKind::Unsupported,
        }
        .into())
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        self.received_bytes += bytes.len() as u64;
    }
}

impl Transport for ScriptedTransport {
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize> {
        assert!(!slices.is_empty(), "a write of no slices");
        assert!(slices.iter().all(|slice| !slice.is_empty()), "an empty slice among {slices:?}");
        let mut state = self.wire.lock();
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        let answer = state.answer(bytes);
        let taken = *answer.as_ref().unwrap_or(&0);
        let mut left = taken;
        for slice in slices {
            let here = slice.len().min(left);
            state.receive(&slice[..here]);
            left -= here;
        }
        state.calls.push(Call::Write { slices: slices.len(), bytes, more, taken });
        answer
    }

    fn sends_files(&self) -> bool {
        self.sends_files
    }

    fn send_file(&mut self, file: &File, offset: u64, len: u64, more: More) -> io::Result<usize> {
        let mut state = self.wire.lock();
        let asked = usize::try_from(len).unwrap_or(usize::MAX);
        let answer = state.answer(asked).and_then(|limit| {
            let mut bytes = vec![0; limit];
            let count = file.read_at(&mut bytes, offset)?;
            state.receive(&bytes[..count]);
            Ok(count)
        });
        let taken = *answer.as_ref().unwrap_or(&0);
        state.calls.push(Call::SendFile { offset, len, more, taken });
        answer
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        self.wire.lock().closed = Some(how);
        Ok(())
    }
}
