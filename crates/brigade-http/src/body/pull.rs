//! Taking out of a chain what a server asks for: the same whoever feeds the chain.
//!
//! Invariant: the end of a body is told once, and what the filters are told of it is what the server
//! was: complete when the last byte was taken, failed when an error was given.

use std::task::Context;

use brigade::{Bucket, Chain, End, Error, Progress, Result};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http_body::{Frame, SizeHint};

use super::queue::{Queue, Taken};
use crate::ResponseHead;

/// What a server is given.
#[derive(Debug)]
pub(crate) enum Item {
    Head(ResponseHead),
    Frame(Frame<Bytes>),
    /// The body ends here, and not well.
    Failed(Error),
    End,
}

/// What a look at the chain comes to.
#[derive(Debug)]
pub(crate) enum Ready {
    Item(Item),
    /// What was given before a FLUSH has to leave first: the waker has been called.
    GiveWay,
    /// Nothing is there, and nothing waits: it takes more.
    Dry,
    /// Something in it waits.
    Waits,
}

/// How far a body has come.
#[derive(Debug, Default)]
pub(crate) struct Pull {
    unflushed: bool, // Frames were given since the server last had time to send them.
    flushes: bool,   // A FLUSH was met after them.
    given_bytes: u64,
    promised_bytes: Option<u64>, // By the head.
    rest_bytes: Option<u64>,     // By what is queued.
    is_over: bool,
}

impl Pull {
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether a server that counts bytes has all it waits for.
    pub(crate) fn has_given_all(&self) -> bool {
        self.promised_bytes == Some(self.given_bytes)
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let rest = match self.promised_bytes {
            _ if self.is_over => Some(0),
            Some(promised) => promised.checked_sub(self.given_bytes),
            None => self.rest_bytes,
        };
        rest.map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    /// Takes what is next, going on with what waits in the chain as far as it can.
    pub(crate) fn ready(&mut self, chain: &mut Chain, cx: &mut Context<'_>) -> Result<Ready> {
        loop {
            let queued = queue(chain);
            if self.flushes && self.unflushed && !queued.is_empty() && !queued.only_ends() {
                // A server sends what it has when its body has nothing; here there would be more.
                self.has_paused();
                cx.waker().wake_by_ref();
                return Ok(Ready::GiveWay);
            }
            if let Some(taken) = queue(chain).take() {
                match self.give(taken, chain) {
                    Some(item) => return Ok(Ready::Item(item)),
                    None => continue,
                }
            }
            if chain.progress() == Progress::Done {
                // Over its budget, it takes no more either.
                return Ok(if chain.should_yield() { Ready::Waits } else { Ready::Dry });
            }
            // What a filter kept and let go of just now may have to be read: then it goes on.
            if chain.resume()? == Progress::Pending && !queue(chain).can_go_on() {
                return Ok(Ready::Waits);
            }
        }
    }

    /// Takes data that more data follow. Nothing else can have changed by that, so that a long queue is
    /// given away at little cost a frame.
    #[inline]
    pub(crate) fn next_of_many(&mut self, queue: &mut Queue) -> Option<Bytes> {
        if self.is_over || self.flushes && self.unflushed {
            return None;
        }
        queue.take_of_many().inspect(|bytes| self.count(bytes))
    }

    /// Counts what the server is given.
    fn count(&mut self, bytes: &Bytes) {
        let len = bytes.len() as u64;
        self.given_bytes += len;
        self.rest_bytes = self.rest_bytes.map(|rest| rest.saturating_sub(len));
        self.unflushed = true;
    }

    /// The server has time: its body has nothing now.
    pub(crate) fn has_paused(&mut self) {
        (self.unflushed, self.flushes) = (false, false);
    }

    fn give(&mut self, taken: Taken, chain: &mut Chain) -> Option<Item> {
        Some(match taken {
            Taken::Head(head) => {
                self.promised_bytes = content_length(&head);
                if head.is_bodiless() {
                    self.end(chain); // Whoever still makes a body makes it for nobody.
                } else {
                    self.end_with_last(chain);
                }
                Item::Head(head)
            }
            Taken::Data(bytes) => {
                self.count(&bytes);
                self.end_with_last(chain);
                Item::Frame(Frame::data(bytes))
            }
            Taken::Trailers(fields) => {
                self.end_with_last(chain);
                Item::Frame(Frame::trailers(fields))
            }
            Taken::Flush => {
                self.flushes = true;
                return None;
            }
            Taken::Failed(error) => {
                self.fail(chain);
                Item::Failed(error)
            }
            Taken::End => {
                self.end(chain);
                Item::End
            }
        })
    }

    /// A server that knows from the length, or from [`is_end_stream`](http_body::Body::is_end_stream),
    /// that this was the last frame asks for no other.
    fn end_with_last(&mut self, chain: &mut Chain) {
        if queue(chain).only_ends() {
            while queue(chain).take().is_some() {}
            self.end(chain);
        }
    }

    /// Notes how much is to come, after whatever was done to the chain.
    pub(crate) fn note(&mut self, chain: &mut Chain) {
        if self.promised_bytes.is_some() || self.rest_bytes.is_some() || self.is_over {
            return;
        }
        self.rest_bytes = queue(chain).rest_bytes();
        if self.rest_bytes == Some(0) {
            self.end_with_last(chain);
        }
    }

    /// The server has all, whatever else the chain is given or waits for: the filters are told so.
    pub(crate) fn end(&mut self, chain: &mut Chain) {
        self.is_over = true;
        // Who made a body that nobody wanted may not have ended it.
        let _ = chain.pass_bucket(Bucket::eos());
        let _ = chain.end_request(None);
        chain.abort(End::Complete);
    }

    pub(crate) fn fail(&mut self, chain: &mut Chain) {
        self.is_over = true;
        chain.abort(End::Failed);
    }
}

/// The queue at the end of a body's chain.
pub(crate) fn queue(chain: &mut Chain) -> &mut Queue {
    chain.terminal().expect("a body's chain is made with a queue at its end")
}

fn content_length(head: &ResponseHead) -> Option<u64> {
    head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
