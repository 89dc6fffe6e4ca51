//! How a connection is closed so that its client still reads the whole last response (RFC 9112 §9.6).
//!
//! Invariant: a close takes no longer than [`LONGEST`], whatever the client sends.

use std::io::Read;
use std::net::TcpStream as StdStream;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a closed connection still takes, and throws away, what its client sends. To close while
/// bytes are unread resets the connection, and the client may lose the end of the response; a client
/// that sends a long body reads nothing before its end. Models `MAX_SECS_TO_LINGER`.
const LONGEST: Duration = Duration::from_secs(30);

/// How long a client may send nothing meanwhile. Models `SECONDS_TO_LINGER`.
const SILENCE: Duration = Duration::from_secs(2);

/// Throws away what the client sends until it closes its side, or the time is up.
pub(super) async fn linger(stream: &TcpStream) {
    let drained = async {
        // Running out of time is no error: the client had its chance.
        while let Ok(Ok(())) = timeout(SILENCE, stream.readable()).await {
            if !waste(stream) {
                return;
            }
        }
    };
    let _ = timeout(LONGEST, drained).await;
}

/// Throws away what is there; says whether more may come. The room for it must not be held across an
/// await: it would be part of every connection.
fn waste(stream: &TcpStream) -> bool {
    match stream.try_read(&mut [0; 4096]) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
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
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
