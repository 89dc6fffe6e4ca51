//! A source that can only block, made ready for an event loop: each piece is read on a thread for
//! blocking work.
//!
//! Invariant: at most one piece is read ahead, and a thread is taken only while the source is read: a
//! pump whose piece nobody takes holds none.

use std::future::Future;
use std::io::{self, Read};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use brigade::{Bucket, StreamData};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes read at once; also the most that is read ahead.
const PIECE_BYTES: usize = 16 * 1024;

/// Makes a STREAM bucket of a reader that may block, for a non-blocking chain. It is read on a thread
/// of the runtime's for blocking work, from the first read of the bucket on.
///
/// Dropping the bucket drops the reader, after the read that is going on, if one is.
///
/// # Panics
///
/// When it is read outside of a tokio runtime. A reader that panics is one that failed.
pub fn pump(reader: impl Read + Send + 'static) -> Bucket<'static> {
    let mut pump = Pump { piece: Vec::new(), taken: 0, source: Source::Resting(reader) };
    Bucket::of(StreamData::ready(move |room, waker| pump.take(room, waker)))
}

struct Pump<R> {
    piece: Vec<u8>, // What was read. Invariant: the first `taken` bytes have been taken.
    taken: usize,
    source: Source<R>,
}

enum Source<R> {
    Resting(R),
    Reading(JoinHandle<(R, io::Result<Vec<u8>>)>),
    Ended,
    Failed,
}

impl<R: Read + Send + 'static> Pump<R> {
    fn take(&mut self, room: &mut [u8], waker: &Waker) -> io::Result<usize> {
        while self.taken == self.piece.len() {
            match mem::replace(&mut self.source, Source::Failed) {
                Source::Resting(reader) => self.read_ahead(reader),
                Source::Reading(mut reading) => {
                    match Pin::new(&mut reading).poll(&mut Context::from_waker(waker)) {
                        Poll::Pending => {
                            self.source = Source::Reading(reading);
                            return Err(io::ErrorKind::WouldBlock.into());
                        }
                        Poll::Ready(read) => {
                            let (reader, piece) = read?;
                            self.arrived(reader, piece?);
                        }
                    }
                }
                Source::Ended => {
                    self.source = Source::Ended;
                    return Ok(0);
                }
                Source::Failed => return Err(io::Error::other("read on after a failure")),
            }
        }
        let left = &self.piece[self.taken..];
        let count = left.len().min(room.len());
        room[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }

    /// Takes a piece in, and has the next one read meanwhile.
    fn arrived(&mut self, reader: R, piece: Vec<u8>) {
        if piece.is_empty() {
            self.source = Source::Ended;
        } else {
            self.read_ahead(reader);
            self.piece = piece;
        }
    }

    /// Has a piece read on another thread, into the room of the one that has been taken.
    fn read_ahead(&mut self, mut reader: R) {
        let mut piece = mem::take(&mut self.piece);
        self.taken = 0;
        self.source = Source::Reading(spawn_blocking(move || {
            piece.resize(PIECE_BYTES, 0);
            let read = loop {
                match reader.read(&mut piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    answer => break answer,
                }
            };
            let piece = read.map(|count| {
                piece.truncate(count);
                piece
            });
            (reader, piece)
        }));
    }
}
