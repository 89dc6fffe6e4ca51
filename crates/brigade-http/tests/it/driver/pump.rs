//! Sources that can only block, in a server that must not.

use std::io::{self, Read};
use std::sync::mpsc;
use std::task::Poll;

use brigade::{BucketAlloc, ReadCx, ReadMode};
use brigade_http::driver::{Request, Response, pump};

use super::client::End;
use super::{PATIENCE, Running};

/// Gives what the channel gives; blocks while it has nothing.
struct FromChannel(mpsc::Receiver<Vec<u8>>, Vec<u8>);

impl Read for FromChannel {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            match self.0.recv() {
                Ok(piece) if piece == b"panic" => panic!("on purpose"),
                Ok(piece) if piece == b"fail" => return Err(io::Error::other("on purpose")),
                Ok(piece) => self.1 = piece,
                Err(_) => return Ok(0),
            }
        }
        let count = self.1.len().min(room.len());
        room[..count].copy_from_slice(&self.1[..count]);
        self.1.drain(..count);
        Ok(count)
    }
}

fn running() -> (mpsc::Sender<Vec<u8>>, Running) {
    let (send, receive) = mpsc::channel();
    let source = std::sync::Mutex::new(Some(FromChannel(receive, Vec::new())));
    let running = Running::new(move |_: Request, mut response: Response| {
        let source = source.lock().unwrap().take();
        async move {
            match source {
                Some(source) => response.send_stream(source).await,
                None => response.write(b"another").await,
            }
        }
    });
    (send, running)
}

#[test]
fn piece_of_a_blocking_source_arrives_while_the_source_blocks() {
    let (send, running) = running();
    let mut client = running.client();
    client.get("/");
    send.send(b"first".to_vec()).unwrap();
    client.head();
    assert_eq!(client.chunk(), Some(b"first".to_vec()));
    // The one worker thread serves others meanwhile.
    assert_eq!(running.client().ask("/").body, b"another");
    let large = vec![b'x'; 100_000];
    send.send(large.clone()).unwrap();
    drop(send);
    let mut rest = Vec::new();
    while let Some(chunk) = client.chunk().filter(|chunk| !chunk.is_empty()) {
        rest.extend(chunk);
    }
    assert_eq!(rest, large);
}

#[track_caller]
fn check_never_looks_complete(end: &[u8]) {
    let (send, running) = running();
    let mut client = running.client();
    client.get("/");
    send.send(b"first".to_vec()).unwrap();
    client.head();
    assert_eq!(client.chunk(), Some(b"first".to_vec()));
    send.send(end.to_vec()).unwrap();
    assert_eq!((client.chunk(), client.end()), (None, End::Closed));
}

#[test]
fn blocking_source_that_fails_or_panics_never_looks_complete() {
    check_never_looks_complete(b"fail");
    check_never_looks_complete(b"panic");
}

#[test]
fn pump_that_nobody_takes_from_holds_no_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut alloc = BucketAlloc::new();
        let mut endless = pump(io::repeat(b'x'));
        let first = std::future::poll_fn(|task| {
            let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking).with_waker(task.waker());
            match endless.read(&mut cx) {
                Err(error) if error.is_would_block() => Poll::Pending,
                read => Poll::Ready(read),
            }
        });
        assert!(first.await.unwrap().is_some());
        let other = tokio::task::spawn_blocking(|| "has its turn");
        assert_eq!(tokio::time::timeout(PATIENCE, other).await.unwrap().unwrap(), "has its turn");
    });
}
