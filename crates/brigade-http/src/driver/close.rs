//! How a connection is closed so that its client still reads the whole last response (RFC 9112 §9.6).
//!
//! Invariant: a close takes no longer than [`LINGER`], whatever the client sends.

use std::io::Read;
use std::net::TcpStream as StdStream;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

/// How long a closed connection still takes, and throws away, what its client sends. To close while
/// bytes are unread resets the connection, and the client may lose the end of the response.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// Throws away what the client sends until it closes its side, or the time is up.
pub(super) async fn linger(stream: &TcpStream) {
    let drained = async {
        let mut waste = [0; 4096];
        while stream.readable().await.is_ok() {
            match stream.try_read(&mut waste) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    // Running out of time is no error: the client had its chance.
    let _ = tokio::time::timeout(LINGER, drained).await;
}

/// The same on a thread.
pub(super) fn linger_blocking(mut stream: &StdStream) {
    let end = Instant::now() + LINGER;
    let mut waste = [0; 4096];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match stream.read(&mut waste) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
