//! The far end: a thread that reads everything and compares it with what should come.
//!
//! Invariant: a count it tells is of bytes that were right. It ends when the socket does.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv, sockopt};

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

/// What the bytes are read from.
pub(crate) struct Receiver(Box<dyn Read + Send>);

impl Receiver {
    pub(crate) fn new(reader: impl Read + Send + 'static) -> Self {
        Self(Box::new(reader))
    }
}

impl From<TcpStream> for Receiver {
    fn from(socket: TcpStream) -> Self {
        Self::new(Looks(socket))
    }
}

impl Peer {
    /// Reads from `receiver`, where `expected` comes again and again.
    pub(crate) fn new(receiver: Receiver, expected: &[u8]) -> Self {
        let right = Arc::new(AtomicU64::new(0));
        let expected = Expected { bytes: expected.to_vec(), at: 0 };
        let count = Arc::clone(&right);
        let thread = thread::spawn(move || read_all(receiver, expected, &count));
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
}

fn read_all(mut receiver: Receiver, mut expected: Expected, right: &AtomicU64) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = receiver.0.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        expected.check(&buffer[..count])?;
        right.fetch_add(count as u64, Ordering::Release);
    }
}

/// Looks for bytes a while before it sleeps.
#[derive(Debug)]
pub(crate) struct Looks(pub(crate) TcpStream);

impl Read for Looks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..LOOKS {
            match recv(&self.0, &mut *buffer, RecvFlags::DONTWAIT) {
                Err(Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
                Ok((count, _)) => return Ok(count),
            }
        }
        self.0.read(buffer)
    }
}

impl Write for Looks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
