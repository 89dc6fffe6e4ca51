//! What reads, in the brigade's place or out of it, and what the oracle learns by it.

use brigade::{Bucket, Error, ErrorKind, ReadCx, ReadMode, Result};

use super::World;
use super::item::{Item, bytes_of, items, items_of};
use super::op::Read;

impl World {
    pub(super) fn read(&mut self, read: &Read) {
        match *read {
            Read::Pop(mode) => _ = self.pop_read(mode),
            Read::All(limit) => self.read_all(limit),
            Read::Len(limit) => self.read_len(limit),
        }
    }

    /// Takes a piece out, and compares it.
    pub(super) fn pop_read(&mut self, mode: ReadMode) -> Result<bool> {
        let answer = self.brigade.pop_read(&mut ReadCx::new(&mut self.alloc, mode));
        let piece = match &answer {
            Ok(piece) => piece.as_ref(),
            Err(error) => {
                check_source_error(error, mode);
                assert!(self.brigade.front().is_some_and(|front| items_of(front)[0].is_source()));
                None
            }
        };
        let gone = piece.map_or(Vec::new(), items_of);
        self.learn(gone.iter().cloned().chain(items(&self.brigade)).collect());
        self.oracle.drain(..gone.len());
        answer.map(|piece| piece.is_some())
    }

    fn read_all(&mut self, limit: u64) {
        let mut cx = ReadCx::new(&mut self.alloc, ReadMode::Blocking);
        let answer = self.brigade.read_all(limit, &mut cx);
        self.learn_brigade();
        match answer {
            Ok(()) => {
                assert!(!self.brigade.iter().any(Bucket::is_deferred));
                assert!(self.brigade.resident_bytes() <= limit);
            }
            // Whether it is too large can be told before all of it is there.
            Err(error) if error.kind() == ErrorKind::TooLarge => {
                assert!(bytes_of(&self.oracle).len() as u64 > limit);
            }
            Err(error) => check_source_error(&error, ReadMode::Blocking),
        }
    }

    fn read_len(&mut self, limit: u64) {
        let mut cx = ReadCx::new(&mut self.alloc, ReadMode::Blocking);
        let answer = self.brigade.len_bytes_read(limit, &mut cx);
        self.learn_brigade();
        match answer {
            Ok(len) => assert_eq!(len, bytes_of(&self.oracle).len() as u64),
            Err(error) if error.kind() == ErrorKind::TooLarge => {
                assert!(self.brigade.resident_bytes() > limit);
            }
            Err(error) => check_source_error(&error, ReadMode::Blocking),
        }
    }

    /// The brigade was read: it is `now` what the oracle is when bytes come out of sources, in their
    /// place, and sources that have ended are gone.
    pub(super) fn learn(&mut self, now: Vec<Item>) {
        let sources = |items: &[Item]| items.iter().filter(|item| item.is_source()).count();
        // Reading goes from the front on, so that these are the first that have ended.
        let mut ended = sources(&self.oracle) - sources(&now);
        let mut now = now.into_iter().peekable();
        let mut oracle = Vec::new();
        for item in self.oracle.drain(..) {
            let Item::Source(mut rest) = item else {
                assert_eq!(now.next().as_ref(), Some(&item));
                oracle.push(item);
                continue;
            };
            while let Some(byte) = now.next_if(|next| !next.is_source() && !rest.is_empty()) {
                assert_eq!(byte.byte(), rest.pop_front());
                oracle.push(byte);
            }
            if ended > 0 {
                ended -= 1;
                assert!(rest.is_empty(), "a STREAM went with {rest:?} in it");
            } else {
                assert!(now.next_if(Item::is_source).is_some(), "a STREAM is gone");
                oracle.push(Item::Source(rest));
            }
        }
        assert_eq!(now.next(), None);
        self.oracle = oracle;
    }

    pub(super) fn learn_brigade(&mut self) {
        self.learn(items(&self.brigade));
    }
}

/// A source that has nothing yet, or fails; or one that may block where that is not allowed.
#[track_caller]
pub(super) fn check_source_error(error: &Error, mode: ReadMode) {
    let is_source = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    let is_refusal = error.kind() == ErrorKind::Unsupported && mode == ReadMode::NonBlocking;
    assert!(is_source || is_refusal, "{error}");
}
