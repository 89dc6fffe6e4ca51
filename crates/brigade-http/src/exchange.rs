//! What the header filter and the owner of the connection tell each other about one exchange.
//!
//! Invariant: framing is written once, by the header filter, when it commits the response.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// How the end of a body is known to the peer (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// By Content-Length.
    Length,
    /// By the last chunk.
    Chunked,
    /// By the end of the connection: a body that fails must end in a reset.
    Close,
}

/// One request and its answer, seen by the connection's owner and by the header filter. Clones share.
#[derive(Debug, Clone, Default)]
pub struct Exchange(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    must_close: AtomicBool,
    failed: AtomicBool,
    framing: AtomicU8, // 0: not committed.
}

impl Exchange {
    /// A new exchange; the connection stays open after it unless somebody objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// The connection closes after this response: the header filter says so to the peer if the head
    /// has not been sent.
    pub fn close_after(&self) {
        self.0.must_close.store(true, Ordering::Relaxed);
    }

    /// Whether the connection closes after this response.
    pub fn closes(&self) -> bool {
        self.0.must_close.load(Ordering::Relaxed)
    }

    /// The body ended in an error after the head was sent: the peer must not take it for complete.
    pub fn fail(&self) {
        self.0.failed.store(true, Ordering::Relaxed);
        self.close_after();
    }

    /// Whether the body failed after the head was sent.
    pub fn has_failed(&self) -> bool {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// The head has been turned into bytes: what comes too late answers
    /// [`Committed`](brigade::ErrorKind::Committed).
    pub fn commit(&self, framing: Framing) {
        self.0.framing.store(1 + framing as u8, Ordering::Relaxed);
    }

    /// How the committed response is framed; `None` before the commit.
    pub fn framing(&self) -> Option<Framing> {
        [Framing::None, Framing::Length, Framing::Chunked, Framing::Close]
            .into_iter()
            .find(|framing| self.0.framing.load(Ordering::Relaxed) == 1 + *framing as u8)
    }

    /// Whether the head has been turned into bytes.
    pub fn is_committed(&self) -> bool {
        self.framing().is_some()
    }
}
