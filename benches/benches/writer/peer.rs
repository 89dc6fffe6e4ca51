//! The far end: a thread that reads everything and compares it with what should come.
//!
//! Invariant: a count it tells is of bytes that were right. It ends when the socket does.

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::net::sockopt;

/// Both sides of a comparison send under this; any user may choose it. The system's own choice may be
/// BBR, which paces on loopback too.
const CONGESTION: &str = "reno";
const READ_BYTES: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it looks before it sleeps. The sender pays for waking its peer, so that with a peer that
/// sleeps the figures would tell which of the two is the faster.
const LOOKS: usize = 2000;

/// Who reads, and how far it is.
#[derive(Debug)]
pub(crate) struct Peer {
    right: Arc<AtomicU64>,
    thread: JoinHandle<io::Result<()>>,
}

/// A connection over loopback: who sends, and who reads.
pub(crate) fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let receiver = TcpStream::connect(listener.local_addr()?)?;
    let (sender, _) = listener.accept()?;
    sender.set_nodelay(true)?;
    sender.set_write_timeout(Some(PATIENCE))?;
    sockopt::set_tcp_congestion(&sender, CONGESTION)?;
    assert_eq!(sockopt::tcp_congestion(&sender)?, CONGESTION);
    Ok((sender, receiver))
}

impl Peer {
    /// Reads from `socket`, where `expected` comes again and again.
    pub(crate) fn new(socket: TcpStream, expected: &[u8]) -> Self {
        let right = Arc::new(AtomicU64::new(0));
        let expected = Expected { bytes: expected.to_vec(), at: 0 };
        let count = Arc::clone(&right);
        let thread = thread::spawn(move || read_all(socket, expected, &count));
        Self { right, thread }
    }

    /// Waits until so many bytes have come since it began, and says whether all were right.
    pub(crate) fn has_read(&self, bytes: u64) -> bool {
        let give_up = Instant::now() + PATIENCE;
        while self.right.load(Ordering::Acquire) < bytes {
            if self.thread.is_finished() || Instant::now() > give_up {
                return false;
            }
            thread::yield_now();
        }
        self.right.load(Ordering::Acquire) == bytes
    }

    /// Waits for the end, which the sender has said.
    pub(crate) fn join(self) -> io::Result<()> {
        self.thread.join().expect("the reader does not panic")
    }
}

fn read_all(mut socket: TcpStream, mut expected: Expected, right: &AtomicU64) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = read(&mut socket, &mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        expected.check(&buffer[..count])?;
        right.fetch_add(count as u64, Ordering::Release);
    }
}

fn read(socket: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    socket.set_nonblocking(true)?;
    for _ in 0..LOOKS {
        match socket.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
    socket.set_nonblocking(false)?;
    socket.read(buffer)
}

#[derive(Debug)]
struct Expected {
    bytes: Vec<u8>,
    at: usize,
}

impl Expected {
    fn check(&mut self, mut came: &[u8]) -> io::Result<()> {
        while !came.is_empty() {
            let len = came.len().min(self.bytes.len() - self.at);
            let (now, rest) = came.split_at(len);
            if now != &self.bytes[self.at..][..len] {
                return Err(io::Error::other("other bytes came than were sent"));
            }
            self.at = (self.at + len) % self.bytes.len();
            came = rest;
        }
        Ok(())
    }
}
