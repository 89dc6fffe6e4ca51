//! The line over anything that tokio can write to: a pipe, a tunnel, TLS of another crate.
//!
//! Invariant: nothing here waits, and no wake-up is lost. What is written to keeps one waker, which is
//! this transport's own; it remembers that it was called until somebody waits for it.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::AsyncWrite;

use crate::{Close, More, Transport};

/// Anything that tokio can write to, as a transport for a chain in non-blocking mode.
///
/// For lines that are no plain sockets; those go faster by [`TokioTransport`](crate::TokioTransport),
/// which sends files unread and can reset. What is written is flushed at once, through buffers in between.
///
/// An orderly close shuts it down. A reset is not something that `AsyncWrite` knows: it is dropped, and
/// [`on_reset`](Self::on_reset) says what is better.
///
/// ```
/// use brigade::{Chain, Progress, ReadMode};
/// use brigade_net::{AsyncWriteTransport, NetworkWriter};
/// use tokio::io::AsyncReadExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (near, mut far) = tokio::io::duplex(4);
/// let transport = AsyncWriteTransport::new(near);
/// let readiness = transport.readiness();
/// let mut chain = Chain::new(NetworkWriter::new(transport)).mode(ReadMode::NonBlocking);
///
/// # let reads = tokio::spawn(async move { let mut all = String::new(); far.read_to_string(&mut all).await.map(|_| all) });
/// chain.write(b"more than four bytes")?;
/// chain.flush()?;
/// while chain.progress() == Progress::Pending {
///     readiness.ready().await;
///     let _ = chain.resume()?;
/// }
/// # drop(chain);
/// # assert_eq!(reads.await??, "more than four bytes");
/// # Ok(())
/// # }
/// ```
pub struct AsyncWriteTransport<W> {
    to: Option<W>, // None: it was reset.
    readiness: Readiness,
    waker: Waker, // Of `readiness`.
    cut: fn(W),
}

/// Says when an [`AsyncWriteTransport`] that answered `WouldBlock` is worth another try. Clones say the
/// same; one task at a time waits.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<Relay>);

#[derive(Debug)]
struct Relay(Mutex<State>);

#[derive(Debug)]
struct State {
    is_ready: bool,
    waits: Option<Waker>,
}

impl<W: AsyncWrite + Unpin + Send + 'static> AsyncWriteTransport<W> {
    /// Makes a transport.
    pub fn new(to: W) -> Self {
        let relay = Arc::new(Relay(Mutex::new(State { is_ready: true, waits: None })));
        let waker = Waker::from(Arc::clone(&relay));
        Self { to: Some(to), readiness: Readiness(relay), waker, cut: drop }
    }

    /// Sets how it is cut off, so that its peer learns that what it read is not whole.
    #[must_use]
    pub fn on_reset(mut self, cut: fn(W)) -> Self {
        self.cut = cut;
        self
    }

    /// What a driver waits for.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Polls it, with a waker that remembers.
    fn poll<R>(
        &mut self,
        operation: impl FnOnce(Pin<&mut W>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> io::Result<R> {
        let to = self.to.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        // Before the poll: a call of the waker after it must not be forgotten.
        self.readiness.0.lock().is_ready = false;
        match operation(Pin::new(to), &mut Context::from_waker(&self.waker)) {
            Poll::Ready(answer) => {
                self.readiness.0.lock().is_ready = true;
                answer
            }
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<W: AsyncWrite + Unpin + Send + 'static> Transport for AsyncWriteTransport<W> {
    fn write(&mut self, slices: &[IoSlice<'_>], _more: More) -> io::Result<usize> {
        self.poll(|to, cx| match slices {
            [slice] => to.poll_write(cx, slice),
            _ => to.poll_write_vectored(cx, slices),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.poll(AsyncWrite::poll_flush)
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        match how {
            Close::Orderly => self.poll(AsyncWrite::poll_shutdown),
            Close::Reset => {
                self.to.take().map(self.cut);
                Ok(())
            }
        }
    }
}

impl<W> fmt::Debug for AsyncWriteTransport<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncWriteTransport")
            .field("readiness", &self.readiness)
            .finish_non_exhaustive()
    }
}

impl Readiness {
    /// Whether another try is worth it; if not, the task is woken when it is.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.is_ready {
            return Poll::Ready(());
        }
        match &mut state.waits {
            Some(waits) => waits.clone_from(cx.waker()),
            waits => *waits = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Waits until another try is worth it. Giving up waiting loses nothing.
    pub async fn ready(&self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }
}

impl Relay {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        let waits = {
            let mut state = self.lock();
            state.is_ready = true;
            state.waits.take()
        };
        if let Some(waits) = waits {
            waits.wake();
        }
    }
}
