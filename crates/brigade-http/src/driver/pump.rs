//! A source that can only block, made ready for an event loop: it is read on a thread of its own.
//!
//! Invariant: at most one piece is read ahead, so the pump keeps the pace of whoever takes.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use brigade::{Bucket, StreamData};

/// Bytes read at once; also the most that is read ahead.
const PIECE_BYTES: usize = 16 * 1024;

/// Makes a STREAM bucket of a reader that may block, for a non-blocking chain. The thread, one of the
/// runtime's for blocking work, begins with the first read and ends with the bucket.
///
/// # Panics
///
/// When it is read outside of a tokio runtime.
pub fn pump(reader: impl Read + Send + 'static) -> Bucket<'static> {
    let shared = Arc::new(Shared::default());
    let taker = Taker(shared.clone());
    let mut reader = Some(reader);
    Bucket::of(StreamData::ready(move |room, waker| {
        if let Some(reader) = reader.take() {
            let shared = shared.clone();
            tokio::task::spawn_blocking(move || fill(&shared, reader));
        }
        taker.take(room, waker)
    }))
}

#[derive(Debug, Default)]
struct Shared {
    piece: Mutex<Piece>,
    room: Condvar,
}

#[derive(Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    taken: usize,
    end: Option<io::Result<()>>,
    waker: Option<Waker>,
    abandoned: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Piece> {
        self.piece.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reading end, in the bucket; dropping it ends the pump at its next piece.
#[derive(Debug)]
struct Taker(Arc<Shared>);

impl Taker {
    fn take(&self, room: &mut [u8], waker: &Waker) -> io::Result<usize> {
        let mut piece = self.0.lock();
        let left = &piece.bytes[piece.taken..];
        let count = left.len().min(room.len());
        if count > 0 {
            room[..count].copy_from_slice(&left[..count]);
            piece.taken += count;
            if piece.taken == piece.bytes.len() {
                self.0.room.notify_one();
            }
            return Ok(count);
        }
        match piece.end.take() {
            Some(Ok(())) => {
                piece.end = Some(Ok(()));
                Ok(0)
            }
            Some(Err(error)) => Err(error),
            None => {
                piece.waker = Some(waker.clone());
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.0.lock().abandoned = true;
        self.0.room.notify_one();
    }
}

/// Reads piece by piece, each into the room the last one left.
fn fill(shared: &Shared, mut reader: impl Read) {
    let mut next = vec![0; PIECE_BYTES];
    loop {
        let answer = loop {
            match reader.read(&mut next) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => break answer,
            }
        };
        let mut piece = shared.lock();
        while piece.taken < piece.bytes.len() && !piece.abandoned {
            piece = shared.room.wait(piece).unwrap_or_else(PoisonError::into_inner);
        }
        if piece.abandoned {
            return;
        }
        match answer {
            Ok(0) => piece.end = Some(Ok(())),
            Err(error) => piece.end = Some(Err(error)),
            Ok(count) => {
                piece.taken = 0;
                piece.bytes.clear();
                piece.bytes.extend_from_slice(&next[..count.min(PIECE_BYTES)]);
            }
        }
        if let Some(waker) = piece.waker.take() {
            waker.wake();
        }
        if piece.end.is_some() {
            return;
        }
    }
}
