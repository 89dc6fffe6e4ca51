//! A socket behind a 64 KiB buffer: what `bare` and `pool` write through.
//!
//! Invariant: nothing is written before the buffer is full or a flush asks for it, and every
//! `write` system call is counted.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// How many body bytes are gathered for one system call.
pub(crate) const CAPACITY: usize = 64 * 1024;

/// Room before the body for a chunk's size line; `10000\r\n` is the longest that is needed.
const SIZE_LINE: usize = 8;

/// How the end of the body is told to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By a Content-Length of so many bytes: the body is sent as it is.
    Length(u64),
    /// By chunked coding: each buffer goes out as one chunk.
    Chunked,
}

/// A socket behind a buffer, for one response.
#[derive(Debug)]
pub(crate) struct Buffered<S> {
    socket: S,
    // Invariant: SIZE_LINE bytes that are no body, then the body that is held.
    buffer: Vec<u8>,
    framing: Framing,
    syscalls: u64,
}

impl Buffered<TcpStream> {
    /// Reads the request's head from `socket` and answers with the response's.
    ///
    /// # Errors
    ///
    /// The socket's, or that what came is no request's head.
    pub(crate) fn answer(mut socket: TcpStream, framing: Framing) -> io::Result<Self> {
        read_head(&mut socket)?;
        let mut buffered = Self::new(socket, framing);
        buffered.write_head()?;
        Ok(buffered)
    }
}

impl<S: Write> Buffered<S> {
    fn new(socket: S, framing: Framing) -> Self {
        // All of it is touched now, so that none of it is counted as growth.
        let mut buffer = vec![b'0'; SIZE_LINE + CAPACITY + b"\r\n0\r\n\r\n".len()];
        buffer.truncate(SIZE_LINE);
        Self { socket, buffer, framing, syscalls: 0 }
    }

    fn write_head(&mut self) -> io::Result<()> {
        let framing = match self.framing {
            Framing::Length(bytes) => format!("Content-Length: {bytes}"),
            Framing::Chunked => "Transfer-Encoding: chunked".to_owned(),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n{framing}\r\n\r\n"
        );
        write_counted(&mut self.socket, head.as_bytes(), &mut self.syscalls)
    }

    /// Takes `piece`, and writes whenever 64 KiB are held.
    ///
    /// # Errors
    ///
    /// The socket's.
    #[inline]
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.len() < self.room() {
            self.buffer.extend_from_slice(piece);
            return Ok(());
        }
        self.write_full(piece)
    }

    /// Writes what is held.
    ///
    /// # Errors
    ///
    /// The socket's.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.send(b"")
    }

    /// Writes what is held and the end of the body, in one call.
    ///
    /// # Errors
    ///
    /// The socket's.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self.framing {
            Framing::Length(_) => self.send(b""),
            Framing::Chunked => self.send(b"0\r\n\r\n"),
        }
    }

    /// How many `write` system calls were made, the head's included.
    pub(crate) fn syscalls(&self) -> u64 {
        self.syscalls
    }

    fn room(&self) -> usize {
        SIZE_LINE + CAPACITY - self.buffer.len()
    }

    /// Writes what is held, framed, and `end` after it.
    fn send(&mut self, end: &[u8]) -> io::Result<()> {
        let held = self.buffer.len() - SIZE_LINE;
        let mut from = SIZE_LINE;
        if held > 0 && self.framing == Framing::Chunked {
            let line = format!("{held:x}\r\n");
            from -= line.len();
            self.buffer[from..SIZE_LINE].copy_from_slice(line.as_bytes());
            self.buffer.extend_from_slice(b"\r\n");
        }
        self.buffer.extend_from_slice(end);
        write_counted(&mut self.socket, &self.buffer[from..], &mut self.syscalls)?;
        self.buffer.truncate(SIZE_LINE);
        Ok(())
    }

    #[inline(never)]
    fn write_full(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while piece.len() >= self.room() {
            let (fits, rest) = piece.split_at(self.room());
            self.buffer.extend_from_slice(fits);
            self.flush()?;
            piece = rest;
        }
        self.buffer.extend_from_slice(piece);
        Ok(())
    }
}

/// `write_all` that counts its system calls.
fn write_counted<S: Write>(socket: &mut S, mut bytes: &[u8], calls: &mut u64) -> io::Result<()> {
    while !bytes.is_empty() {
        *calls += 1;
        match socket.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What a blocking socket answers when its timeout is over.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads up to and with the blank line that ends a request's head.
fn read_head(socket: &mut impl Read) -> io::Result<()> {
    const LONGEST: usize = 8 * 1024;
    let mut head = Vec::with_capacity(512);
    let mut piece = [0; 512];
    while !head.ends_with(b"\r\n\r\n") {
        let len = match socket.read(&mut piece) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        head.extend_from_slice(&piece[..len]);
        if head.len() > LONGEST {
            return Err(io::Error::other(format!("the request's head is over {LONGEST} bytes")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes at most `limit` bytes a call, after one interruption, and keeps them.
    struct Scripted {
        taken: Vec<u8>,
        limit: usize,
        interruptions: u32,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.interruptions > 0 {
                self.interruptions -= 1;
                return Err(io::ErrorKind::Interrupted.into());
            }
            let len = bytes.len().min(self.limit);
            self.taken.extend_from_slice(&bytes[..len]);
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn buffered(framing: Framing, limit: usize) -> Buffered<Scripted> {
        Buffered::new(Scripted { taken: Vec::new(), limit, interruptions: 0 }, framing)
    }

    #[track_caller]
    fn check_sent(framing: Framing, pieces: &[&[u8]], expected: &[u8], syscalls: u64) {
        let mut to = buffered(framing, usize::MAX);
        for piece in pieces {
            to.write(piece).expect("takes everything");
        }
        to.finish().expect("takes everything");
        assert_eq!(to.socket.taken, expected);
        assert_eq!(to.syscalls(), syscalls);
    }

    #[test]
    fn body_with_a_length_is_sent_as_it_is() {
        check_sent(Framing::Length(0), &[], b"", 0);
        check_sent(Framing::Length(5), &[b"ab", b"", b"cde"], b"abcde", 1);
    }

    #[test]
    fn chunked_body_is_one_chunk_a_buffer_and_the_last_chunk() {
        check_sent(Framing::Chunked, &[], b"0\r\n\r\n", 1);
        check_sent(Framing::Chunked, &[b"ab", b"cde"], b"5\r\nabcde\r\n0\r\n\r\n", 1);
        let long = vec![b'x'; CAPACITY + 26];
        let expected =
            [b"10000\r\n", &long[..CAPACITY], b"\r\n1a\r\n", &long[..26], b"\r\n0\r\n\r\n"]
                .concat();
        check_sent(Framing::Chunked, &[&long[..10], &long[10..]], &expected, 2);
    }

    #[test]
    fn full_buffer_is_written_at_64_kib_however_the_pieces_are_cut() {
        for size in [1, 32, 1000, CAPACITY - 1, CAPACITY, 3 * CAPACITY] {
            let mut to = buffered(Framing::Length(0), usize::MAX);
            let body = vec![b'x'; 3 * CAPACITY];
            for piece in body.chunks(size) {
                to.write(piece).expect("takes everything");
            }
            assert_eq!((to.syscalls(), to.socket.taken.len()), (3, body.len()), "{size}");
        }
    }

    #[test]
    fn flush_writes_what_is_held_and_nothing_when_nothing_is() {
        let mut to = buffered(Framing::Length(0), usize::MAX);
        to.flush().expect("takes everything");
        to.write(b"ab").expect("takes everything");
        assert_eq!(to.syscalls(), 0);
        to.flush().expect("takes everything");
        to.flush().expect("takes everything");
        assert_eq!((to.syscalls(), &to.socket.taken[..]), (1, &b"ab"[..]));
    }

    #[test]
    fn partial_and_interrupted_writes_lose_nothing_and_are_counted() {
        let mut to = buffered(Framing::Length(0), 2);
        to.socket.interruptions = 1;
        to.write(b"abcde").expect("takes everything");
        to.finish().expect("takes everything");
        assert_eq!((to.syscalls(), &to.socket.taken[..]), (4, &b"abcde"[..]));
    }

    #[test]
    fn head_is_read_to_its_blank_line_and_refused_when_cut_or_endless() {
        let mut whole = &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..];
        read_head(&mut whole).expect("a whole head");
        let error = read_head(&mut &b"GET / HTTP/1.1\r\n"[..]).expect_err("a cut head");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let error = read_head(&mut io::repeat(b'x')).expect_err("an endless head");
        assert!(error.to_string().contains("8192 bytes"), "{error}");
    }
}
