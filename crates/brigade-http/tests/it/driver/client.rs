//! A client that shows what came, and how the connection ended.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::PATIENCE;

pub(crate) struct Client(BufReader<TcpStream>);

/// One response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as its head said that it would.
    pub(crate) is_complete: bool,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    /// Ends the client's side; it still reads.
    pub(crate) fn end_sending(&mut self) {
        self.stream().shutdown(Shutdown::Write).unwrap();
    }

    /// Leaves at once, by a reset.
    pub(crate) fn reset(self) {
        set_socket_linger(self.stream(), Some(Duration::ZERO)).unwrap();
    }

    pub(crate) fn send(&mut self, bytes: &str) {
        self.0.get_mut().write_all(bytes.as_bytes()).unwrap();
    }

    pub(crate) fn get(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    }

    /// Asks for `path` and reads the answer.
    pub(crate) fn ask(&mut self, path: &str) -> Answer {
        self.get(path);
        self.answer()
    }

    pub(crate) fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.0.read_line(&mut head).expect("a head");
            assert!(read > 0, "the connection ended in a head: {head:?}");
        }
        head
    }

    /// Reads a response to GET; an end that comes too early makes it incomplete.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.head();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let lower = head.to_ascii_lowercase();
        let len = lower.split("content-length: ").nth(1);
        let len = len.map(|rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        let (body, is_complete) = match len {
            Some(len) => self.read_up_to(len),
            None if lower.contains("transfer-encoding: chunked") => self.chunks(),
            None => {
                let mut body = Vec::new();
                let ended = self.0.read_to_end(&mut body).is_ok();
                (body, ended)
            }
        };
        Answer { status, head, body, is_complete }
    }

    pub(crate) fn read_up_to(&mut self, len: usize) -> (Vec<u8>, bool) {
        let mut body = vec![0; len];
        let mut read = 0;
        while read < len {
            match self.0.read(&mut body[read..]) {
                Ok(count) if count > 0 => read += count,
                _ => break,
            }
        }
        body.truncate(read);
        (body, read == len)
    }

    fn chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            let Some(chunk) = self.chunk() else { return (body, false) };
            if chunk.is_empty() {
                return (body, true);
            }
            body.extend(chunk);
        }
    }

    /// Reads one chunk; empty is the last, `None` an end that came too early.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok()?;
        let len = usize::from_str_radix(line.trim_end(), 16).ok()?;
        let (mut chunk, whole) = self.read_up_to(len + 2);
        chunk.truncate(len);
        whole.then_some(chunk)
    }

    /// Reads what comes until the connection ends in order.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Reads on to the end of the connection.
    pub(crate) fn end(&mut self) -> End {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => End::Closed,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
            Err(error) => panic!("the connection goes on: {error}"),
        }
    }

    /// Whether another request is answered on this connection.
    pub(crate) fn lives_on(&mut self, path: &str) -> bool {
        self.ask(path).is_complete
    }
}
