//! Accepting connections: what must not end a server, and when it waits.
//!
//! Invariant: nobody is accepted while the budget is used up. Who waits meanwhile waits in the system's
//! queue, where a connection costs no memory of ours and is not lost.

use std::future::poll_fn;
use std::io;
use std::net::{TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use brigade::{Budget, Error, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::{Line, Listeners};

/// How long accepting pauses when the system has no descriptor left.
const PAUSE: Duration = Duration::from_millis(20);

/// Accepts the next connection, once there is room in the budget.
pub(super) async fn accept(places: &mut Listeners, budget: Option<&Budget>) -> Result<Line> {
    loop {
        let accepted = poll_fn(|cx| {
            let room = budget.map_or(Poll::Ready(()), |budget| budget.poll_room(cx.waker()));
            // Asked again whenever somebody connects: the room may have gone meanwhile.
            if room.is_ready() { places.poll_accept(cx) } else { Poll::Pending }
        });
        match accepted.await {
            Ok(line) => return Ok(line),
            Err(error) if is_broken(&error) => return Err(Error::from(error)),
            Err(error) if is_short(&error) => tokio::time::sleep(PAUSE).await,
            // A peer's failure, told here before it is a connection: the next one may be sound.
            Err(_) => {}
        }
    }
}

/// The same on a thread.
pub(super) fn accept_blocking(
    listener: &StdListener,
    budget: Option<&Budget>,
) -> Result<StdStream> {
    let waker = unpark_this_thread();
    loop {
        if budget.is_some_and(|budget| budget.poll_room(&waker).is_pending()) {
            std::thread::park();
            continue;
        }
        // Who connects is waited for outside of `accept`, so that the budget is asked again.
        match poll(&mut [PollFd::new(listener, PollFlags::IN)], None) {
            Ok(_) if budget.is_some_and(Budget::is_exhausted) => continue,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::from(io::Error::from(errno))),
        }
        match listener.accept() {
            Ok((stream, _)) => return Ok(stream),
            Err(error) if is_broken(&error) => return Err(Error::from(error)),
            Err(error) if is_short(&error) => std::thread::sleep(PAUSE),
            Err(_) => {}
        }
    }
}

/// A waker that ends the next, or the running, `park` of this thread.
pub(super) fn unpark_this_thread() -> Waker {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    Waker::from(Arc::new(Unpark(std::thread::current())))
}

/// Whether the listener is none any more.
fn is_broken(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::BADF, Errno::INVAL, Errno::NOTSOCK])
}

/// Whether descriptors or memory ran out: accepting works again when others have ended.
fn is_short(error: &io::Error) -> bool {
    is_one_of(error, &[Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM])
}

fn is_one_of(error: &io::Error, errnos: &[Errno]) -> bool {
    error.raw_os_error().is_some_and(|raw| errnos.contains(&Errno::from_raw_os_error(raw)))
}
