//! The asking side: reads the response and checks every byte of its body.
//!
//! Invariant: it never waits for ever. Between two reads at most the timeout passes, and the
//! planned length is the most it takes.

use super::decode::Decoder;
use super::failure::Failure;
use super::pattern::{Checker, Mismatch};
use super::server::PATIENCE;
use super::units::grouped;
use socket2::{Domain, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

/// What one read takes at most, and what the kernel is asked to hold until then.
///
/// A receive buffer left to itself grows to megabytes; the bytes are out of the cache when they
/// are read, and the client, not the server, decides the speed: 13.4 ns a write against 10.0.
/// Smaller reads cost as much in system calls.
const READ_BYTES: usize = 256 * 1024;

/// How often the client looks before it sleeps: about a tenth of a millisecond.
const LOOKS: usize = 200;

/// Asks the server on `port` for its response and checks that its body is the pattern,
/// `total_bytes` long; `progress` is told how many bytes were found right so far.
///
/// # Errors
///
/// The server cannot be reached, goes quiet or away; or the response is not the one planned: then
/// the first wrong byte, with its place, what was expected and what came.
pub(crate) fn fetch(port: u16, total_bytes: u64, progress: impl Fn(u64)) -> Result<(), Failure> {
    let mut socket = connect(port)?;
    let mut decoder = Decoder::new();
    let mut checker = Checker::new();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let len = read(&mut socket, &mut buffer).map_err(|error| {
            let read = grouped(checker.offset());
            Failure::new(format!("read the response after {read} bytes of body")).because(error)
        })?;
        if len == 0 {
            return ended(&decoder, checker.offset(), total_bytes);
        }
        decoder.feed(&buffer[..len], |body| {
            checker.check(body).map_err(wrong_byte)?;
            if checker.offset() > total_bytes { Err(too_long(total_bytes)) } else { Ok(()) }
        })?;
        progress(checker.offset());
    }
}

fn connect(port: u16) -> Result<TcpStream, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let request =
        format!("GET / HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    let asked = || -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_recv_buffer_size(READ_BYTES)?;
        socket.connect_timeout(&address.into(), PATIENCE)?;
        let mut socket = TcpStream::from(socket);
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.write_all(request.as_bytes())?;
        Ok(socket)
    };
    asked().map_err(|e| Failure::new(format!("ask the server on {address}")).because(e))
}

/// Reads what there is, looking for it a while before it sleeps.
///
/// On loopback the sender pays for waking its peer, some microseconds a time. A client that is just
/// faster than the server would sleep and be woken for each write, one that is just slower never: the
/// figures would tell which, and not what a write costs.
fn read(socket: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    socket.set_nonblocking(true)?;
    let looked = (0..LOOKS).find_map(|_| match socket.read(buffer) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        other => Some(other),
    });
    socket.set_nonblocking(false)?;
    looked.unwrap_or_else(|| read_or_sleep(socket, buffer))
}

fn read_or_sleep(socket: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match socket.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What a blocking socket answers when its timeout is over.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let what = format!("nothing came for {} seconds", PATIENCE.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, what));
            }
            other => return other,
        }
    }
}

fn ended(decoder: &Decoder, got: u64, expected: u64) -> Result<(), Failure> {
    let whole = decoder.is_whole();
    if whole && got == expected {
        return Ok(());
    }
    let (got, expected) = (grouped(got), grouped(expected));
    let end = if whole { "the response ended" } else { "the connection broke off" };
    Err(Failure::new(format!("{end} after {got} of {expected} bytes of body")))
}

#[cold]
fn too_long(expected: u64) -> Failure {
    Failure::new(format!("the body is longer than the planned {} bytes", grouped(expected)))
}

#[cold]
fn wrong_byte(Mismatch { offset, expected, got }: Mismatch) -> Failure {
    let (expected_char, got_char) = (expected.escape_ascii(), got.escape_ascii());
    Failure::new(format!(
        "byte {offset} of the body should be {expected:#04x} ('{expected_char}') \
         and is {got:#04x} ('{got_char}')"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Pattern;
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers one request with a chunked head and `tail`, and closes.
    fn serve(tail: Vec<u8>) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let port = listener.local_addr().expect("a bound address").port();
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().expect("the client asks");
            let mut request = [0; 1024];
            let asked = socket.read(&mut request).expect("the client writes one small segment");
            assert!(request[..asked].ends_with(b"\r\n\r\n"));
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            // The client may hang up at the first wrong byte.
            let _ = socket.write_all(head).and_then(|()| socket.write_all(&tail));
        });
        port
    }

    fn chunk(data: &[u8]) -> Vec<u8> {
        [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
    }

    #[track_caller]
    fn check_failure(tail: &[u8], total_bytes: u64, expected: &str) {
        let failure = fetch(serve(tail.to_vec()), total_bytes, |_| {}).expect_err(expected);
        assert_eq!(failure.to_string(), expected);
    }

    #[test]
    fn right_body_is_accepted_and_its_progress_told() {
        let body = Pattern::new(1000).take(1000).to_vec();
        let tail = [chunk(&body[..300]), chunk(&body[300..]), b"0\r\n\r\n".to_vec()].concat();
        let told = std::cell::Cell::new(0);
        fetch(serve(tail), 1000, |bytes| told.set(bytes)).expect("the planned body");
        assert_eq!(told.get(), 1000);
    }

    #[test]
    fn wrong_byte_is_named_with_its_place_and_both_values() {
        let mut body = Pattern::new(1000).take(1000).to_vec();
        let right = std::mem::replace(&mut body[700], b'!');
        let shown = right.escape_ascii();
        let expected =
            format!("byte 700 of the body should be {right:#04x} ('{shown}') and is 0x21 ('!')");
        check_failure(&chunk(&body), 1000, &expected);
    }

    #[test]
    fn body_of_another_length_is_refused() {
        let body = Pattern::new(1000).take(1000).to_vec();
        let whole = [chunk(&body), b"0\r\n\r\n".to_vec()].concat();
        check_failure(&whole, 1001, "the response ended after 1,000 of 1,001 bytes of body");
        check_failure(&whole, 999, "the body is longer than the planned 999 bytes");
    }

    #[test]
    fn response_without_its_last_chunk_is_refused() {
        let body = Pattern::new(1000).take(1000).to_vec();
        let expected = "the connection broke off after 1,000 of 1,000 bytes of body";
        check_failure(&chunk(&body), 1000, expected);
    }

    #[test]
    fn port_nobody_listens_on_is_named() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let address = listener.local_addr().expect("a bound address");
        drop(listener);
        let failure = fetch(address.port(), 1, |_| {}).expect_err("nobody listens");
        assert_eq!(failure.to_string(), format!("ask the server on {address}"));
    }
}
