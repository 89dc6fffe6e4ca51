//! How a request ends: the outcome, and the EOR bucket that carries whoever must be told.
//!
//! Invariant: an [`EndOfRequest`] is told exactly once, also when its bucket is dropped.

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Every byte was taken.
    Complete,
    /// The peer left before the end, or the bucket was dropped.
    ClientGone,
    /// The peer took nothing for too long.
    Timeout,
    /// The handler, a filter or a source failed after the head had been sent.
    Failed,
}

/// How a response ended, and how much of it there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// How.
    pub end: End,
    /// Bytes that entered at the top of the chain: what the handler produced.
    pub bytes_in: u64,
    /// Bytes that the terminal gave away for this response, heads and framing included.
    pub bytes_out: u64,
}

impl Outcome {
    /// An outcome as a terminal knows it. The chain that owns the EOR adds `bytes_in`.
    pub fn new(end: End, bytes_out: u64) -> Self {
        Self { end, bytes_in: 0, bytes_out }
    }

    /// Whether every byte was taken.
    pub fn is_complete(&self) -> bool {
        self.end == End::Complete
    }
}

/// What owns everything that must live until the last byte of a response has left.
///
/// Any `FnOnce(&Outcome)` is one.
pub trait EndOfRequest: Send + 'static {
    /// Is told how the request ended, once.
    fn end(self: Box<Self>, outcome: &Outcome);
}

impl<F: FnOnce(&Outcome) + Send + 'static> EndOfRequest for F {
    fn end(self: Box<Self>, outcome: &Outcome) {
        self(outcome);
    }
}

/// The content of an EOR bucket.
pub(crate) struct Eor(Option<Box<dyn EndOfRequest>>);

impl Eor {
    pub(crate) fn new(end: Box<dyn EndOfRequest>) -> Self {
        Self(Some(end))
    }

    pub(crate) fn complete(mut self, outcome: &Outcome) {
        if let Some(end) = self.0.take() {
            end.end(outcome);
        }
    }
}

impl Drop for Eor {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end.end(&Outcome::new(End::ClientGone, 0));
        }
    }
}
