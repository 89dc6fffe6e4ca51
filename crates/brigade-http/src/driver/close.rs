//! How a connection is closed so that its client still reads the whole last response (RFC 9112 §9.6).
//!
//! Invariant: a close takes no longer than [`LONGEST`], whatever the client sends.

use std::future::poll_fn;
use std::io::{ErrorKind, Read};
use std::net::TcpStream as StdStream;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use brigade_net::{Close, Interest, TokioSocket, Transport};
use tokio::time::timeout;

use super::conn::Shared;
use super::line::Socket;

/// How long a closed connection still takes, and throws away, what its client sends. To close while
/// bytes are unread resets the connection, and the client may lose the end of the response; a client
/// that sends a long body reads nothing before its end. Models `MAX_SECS_TO_LINGER`.
const LONGEST: Duration = Duration::from_secs(30);

/// How long a client may send nothing meanwhile. Models `SECONDS_TO_LINGER`.
const SILENCE: Duration = Duration::from_secs(2);

/// Closes in order: says that this is all, and throws away what the client sends until it closes its side
/// too, or the time is up.
pub(super) async fn close_in_order(socket: &Socket, shared: &Shared) {
    let closed = async {
        poll_fn(|cx| poll_end(socket, shared, cx)).await;
        // Running out of time is no error: the client had its chance.
        while let Ok(Ok(())) = timeout(SILENCE, socket.ready(Interest::Readable)).await {
            if !waste(socket) {
                return;
            }
        }
    };
    let _ = timeout(LONGEST, closed).await;
}

/// Says that this is all, to a client that may have no room for it yet: TLS has a last word.
fn poll_end(socket: &Socket, shared: &Shared, cx: &mut Context<'_>) -> Poll<()> {
    loop {
        let mut conn = shared.lock();
        let Some(writer) = conn.writer() else { return Poll::Ready(()) };
        let line = writer.transport_mut();
        match line.close(Close::Orderly) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // A connection that is gone cannot be closed any better.
            _ => return Poll::Ready(()),
        }
        if socket.poll_ready(line.waits_for(), cx).is_pending() {
            return Poll::Pending;
        }
    }
}

/// Throws away what is there; says whether more may come. The room for it must not be held across an
/// await: it would be part of every connection.
fn waste(socket: &Socket) -> bool {
    let room = &mut [0; 4096];
    match socket.try_io(Interest::Readable, || Ok(rustix::io::read(socket, room)?)) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

/// The same on a thread.
pub(super) fn linger_blocking(mut stream: &StdStream) {
    let end = Instant::now() + LONGEST;
    let mut waste = [0; 4096];
    loop {
        let left = end.saturating_duration_since(Instant::now()).min(SILENCE);
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match stream.read(&mut waste) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
