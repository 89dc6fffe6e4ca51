//! One thread, one loop of mio, any number of clients: each gets a file, at its own pace.
//!
//! What an event loop of one's own has to do for a chain: resume it when its socket is ready, and when its
//! waker was called. Everything else, partial writes, files by `sendfile`, a client that stops in the
//! middle, is the writer's.
//!
//! Run it: `cargo run -p brigade-net --example mio_loop -- README.md`, and ask it:
//! `curl http://127.0.0.1:8080/`

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

use brigade::{Brigade, Bucket, Chain, Progress, ReadCx, ReadMode};
use brigade_net::{Duplex, NetworkReader, NetworkWriter, NonBlockingSource, NonBlockingTransport};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);

/// The most bytes that the head of a request may have.
const HEAD_LIMIT: usize = 16 * 1024;

fn main() -> brigade::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "README.md".to_owned());
    let file = Arc::new(File::open(&path)?);
    let listener = std::net::TcpListener::bind("127.0.0.1:8080")?;
    println!("serving {path} on http://{}/", listener.local_addr()?);
    serve(listener, &file)
}

/// Answers every request with the file, for ever.
pub(crate) fn serve(listener: std::net::TcpListener, file: &Arc<File>) -> brigade::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let turns = Arc::new(Turns {
        waker: mio::Waker::new(poll.registry(), WAKER)?,
        tokens: Mutex::default(),
    });
    let mut connections = HashMap::new();
    let mut next = WAKER.0;
    let mut events = Events::with_capacity(256);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        let mut ready: Vec<Token> = events.iter().map(mio::event::Event::token).collect();
        if ready.contains(&WAKER) {
            ready.append(&mut turns.take());
        }
        if ready.contains(&LISTENER) {
            // The loop is told once of any number of clients.
            while let Some(mut stream) = accept(&listener)? {
                next += 1;
                let token = Token(next);
                let both = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut stream, token, both)?;
                connections.insert(token, Connection::new(stream, token, &turns));
            }
        }
        for token in ready {
            let Some(connection) = connections.get_mut(&token) else { continue };
            // A client that is gone is no reason to stop; its chain is dropped with all it holds.
            if connection.drive(file).is_ok_and(|is_open| is_open) {
                continue;
            }
            connections.remove(&token);
        }
    }
}

fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// The chains whose wakers were called.
struct Turns {
    waker: mio::Waker,
    tokens: Mutex<Vec<Token>>,
}

impl Turns {
    fn take(&self) -> Vec<Token> {
        std::mem::take(&mut *self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The waker of one chain: a large file lets others have their turn, a STREAM has something again.
struct Turn(Token, Arc<Turns>);

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        let Self(token, turns) = &*self;
        turns.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(*token);
        // A loop that cannot be woken will be by the next event.
        let _ = turns.waker.wake();
    }
}

struct Connection {
    chain: Chain,
    reader: NetworkReader,
    source: NonBlockingSource<TcpStream>,
}

impl Connection {
    fn new(stream: TcpStream, token: Token, turns: &Arc<Turns>) -> Self {
        let transport = NonBlockingTransport::new(Arc::new(stream));
        let source = transport.source();
        let mut chain = Chain::new(NetworkWriter::new(transport)).mode(ReadMode::NonBlocking);
        chain.set_waker(&Arc::new(Turn(token, Arc::clone(turns))).into());
        Self { chain, reader: NetworkReader::new(HEAD_LIMIT), source }
    }

    /// Does what can be done without waiting; says whether the connection is still open.
    fn drive(&mut self, file: &Arc<File>) -> brigade::Result<bool> {
        loop {
            // No request is read while a response is leaving: so a client that reads nothing is not
            // answered either, and what is held for it stays small.
            if self.chain.progress() == Progress::Pending
                && self.chain.resume()? == Progress::Pending
            {
                return Ok(true); // until the socket or the waker says more
            }
            if let Some(end) = end_of_head(self.reader.bytes()) {
                self.reader.consume(end);
                self.answer(file)?;
                continue;
            }
            let mut cx = ReadCx::new(self.chain.alloc(), ReadMode::NonBlocking);
            match self.reader.fill(&mut cx, &self.source) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) if error.is_would_block() => {
                    // Nothing comes now: a connection at rest holds no block.
                    self.chain.trim();
                    return Ok(true);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn answer(&mut self, file: &Arc<File>) -> brigade::Result<()> {
        let len = file.metadata()?.len();
        let mut response = Brigade::new();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n");
        response.push_back(Bucket::heap(head));
        response.insert_file(Arc::clone(file), 0, len);
        response.push_back(Bucket::flush());
        self.chain.pass(&mut response)
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    Some(bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4)
}
