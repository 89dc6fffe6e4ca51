//! Waiting in Pingora's hook for bodies, which is no async function.
//!
//! Invariant: a thread that waits serves nobody, so its other connections go on elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use brigade::{Error, ErrorKind, Result};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Polls until it is ready. What is ready at once costs no wait; else the thread is given to waiting,
/// and tokio has another one in its place, up to its limit on threads for blocking work.
///
/// # Errors
///
/// When it has to wait and the runtime has no other thread: `work_stealing` is off.
pub(crate) fn wait<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Result<T> {
    let parked = Arc::new(Parked { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&parked));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(item) = poll(&mut cx) {
            return Ok(item);
        }
        // A body that lets the server write first has woken already.
        if parked.woken.swap(false, Ordering::Acquire) {
            continue;
        }
        if Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
            let context = "wait in a runtime of one thread: set work_stealing";
            return Err(Error::new(ErrorKind::Unsupported, context));
        }
        tokio::task::block_in_place(|| parked.park());
    }
}

struct Parked {
    thread: Thread,
    woken: AtomicBool,
}

impl Parked {
    fn park(&self) {
        while !self.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
