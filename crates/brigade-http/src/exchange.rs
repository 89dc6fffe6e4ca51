//! What the header filter and the owner of the connection tell each other about one exchange.
//!
//! Invariant: framing is written once, by the header filter, when it commits the response.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use brigade::Error;
use http::StatusCode;

use crate::RequestHead;

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
#[derive(Debug, Clone)]
pub struct Exchange(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    request: Arc<RequestHead>,
    must_close: AtomicBool,
    failed: AtomicBool,
    ended: AtomicBool,
    framing: AtomicU8, // 0: not committed.
    status: AtomicU16, // 0: not committed.
    error: OnceLock<Error>,
    warnings: Mutex<Vec<Error>>, // Invariant: at most `MAX_WARNINGS`.
}

/// Who warns more often than this of one response has been heard.
const MAX_WARNINGS: usize = 16;

impl Exchange {
    /// An exchange for `request`, which decides whether the answer has a body and how that may be
    /// framed, whatever request the RESPONSE names.
    ///
    /// The connection stays open after it if the client [wants that](RequestHead::wants_keep_alive)
    /// and nobody objects.
    pub fn new(request: Arc<RequestHead>) -> Self {
        let must_close = AtomicBool::new(!request.wants_keep_alive());
        Self(Arc::new(Inner {
            request,
            must_close,
            failed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            framing: AtomicU8::new(0),
            status: AtomicU16::new(0),
            error: OnceLock::new(),
            warnings: Mutex::default(),
        }))
    }

    /// The request, as the client sent it.
    pub fn request(&self) -> &Arc<RequestHead> {
        &self.0.request
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

    /// The end of the body has left the header filter: whoever still makes some of it was replaced.
    pub fn end(&self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }

    /// Whether the end of the body has left the header filter.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Relaxed)
    }

    /// Keeps why the response was replaced by an error page, or why it failed. The first error stays.
    pub fn record(&self, error: &Error) {
        self.0.error.get_or_init(|| error.clone());
    }

    /// Why the response was replaced by an error page, or why it failed: for a log, since the page
    /// does not say.
    pub fn error(&self) -> Option<&Error> {
        self.0.error.get()
    }

    /// Keeps what an operator should know of a response that goes on: the first 16 warnings.
    pub fn warn(&self, warning: &Error) {
        let mut warnings = self.0.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < MAX_WARNINGS {
            warnings.push(warning.clone());
        }
    }

    /// What an operator should know, in the order in which it was met.
    pub fn warnings(&self) -> Vec<Error> {
        self.0.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The head has been turned into bytes: what comes too late answers
    /// [`Committed`](brigade::ErrorKind::Committed).
    pub fn commit(&self, framing: Framing) {
        self.0.framing.store(1 + framing as u8, Ordering::Relaxed);
    }

    /// Notes with what status.
    pub(crate) fn commit_status(&self, status: StatusCode) {
        self.0.status.store(status.as_u16(), Ordering::Relaxed);
    }

    /// The status of the committed response, whoever chose it; `None` before the commit.
    pub fn status(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.0.status.load(Ordering::Relaxed)).ok()
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
