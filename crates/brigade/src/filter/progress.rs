//! What the owner of a chain does between passes: go on with what waits, begin and end responses.
//!
//! Invariants: what a waiting filter had pushed never waits with it. A request's filters leave only
//! when the end of the body has left the last of them.

use super::Chain;
use super::node::{Above, Absorbs, Link, State, renew, takes_no_more, waits, wants_call};
use super::request::FinishedRequest;
use super::response::Response;
use super::run::{call_again, hand_down};
use super::shared::Shared;
use crate::{Brigade, Bucket, End, EndOfRequest, Error, ErrorKind, Outcome, Result};

/// Whether a chain can take more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// Nothing waits and nothing is pending.
    Done,
    /// A filter waits, or the terminal has something to give away: [`Chain::resume`] when woken.
    Pending,
}

impl Chain {
    /// Begins the next response: what holds for one response only is forgotten, bytes that were
    /// written and never passed among it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Aborted`] when the connection has ended.
    pub fn begin_response(&mut self) -> Result<()> {
        self.at.check_open()?;
        self.take_back();
        self.behind |= self.response.unflushed;
        self.response = Response::default();
        self.at.discard = 0;
        self.for_each(|node| {
            if !node.me.is_request {
                node.begin_response();
            }
        });
        renew(&mut self.head, Above::default());
        Ok(())
    }

    /// Lets everything that went in reach the peer, if anything did since the last FLUSH: for an
    /// owner whose source has nothing now, or that waits. Calling it again sends nothing. Where a
    /// [budget](crate::Budget) is reached, blocks that no bucket is in are given back.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    pub fn idle(&mut self) -> Result<()> {
        self.at.check_open()?;
        let is_unflushed = self.response.unflushed || self.gathered_bytes() > 0;
        // The end of a body makes filters finish. While it waits in one of them, a FLUSH behind it
        // would overtake it.
        if is_unflushed && (!self.response.ended || self.has_left_request()) {
            self.flush()?;
        }
        if std::mem::take(&mut self.behind) {
            // This response's filters have nothing of the one before it.
            self.flush_connection()?;
        }
        let answer = flush_below_waiting(&mut self.head, &mut self.at);
        self.settle(answer)?;
        self.relieve();
        Ok(())
    }

    /// Where a budget is reached, gives back what is not needed while this waits: others may wait for
    /// just that. If it was turned away itself, the room wakes it in its turn.
    fn relieve(&mut self) {
        if self.at.alloc.is_pressed() {
            self.trim();
        }
    }

    /// Goes on with what had to wait: the terminal first, then the filters that wait, the one nearest
    /// to the terminal first.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass).
    pub fn resume(&mut self) -> Result<Progress> {
        self.at.check_open()?;
        self.at.sees_owner();
        let answer = self.at.resume().and_then(|()| resume_link(&mut self.head, &mut self.at));
        self.settle(answer)?;
        self.relieve();
        Ok(self.progress())
    }

    /// Whether anything waits or is pending.
    pub fn progress(&self) -> Progress {
        if waits(&self.head) || wants_call(&self.head) || self.at.terminal.is_pending() {
            Progress::Pending
        } else {
            Progress::Done
        }
    }

    /// Whether the owner should wait before it passes more: the terminal is full, a filter waits, or
    /// the storage is over its [budget](crate::Budget). The chain's waker is called when there is
    /// room in the budget again.
    pub fn should_yield(&self) -> bool {
        takes_no_more(&self.head, &*self.at.terminal) || self.at.is_over_budget()
    }

    /// Whether the end of the body has left the last of the request's filters.
    pub fn has_left_request(&self) -> bool {
        let mut link = &self.head;
        let mut is_held = false; // By a filter so far.
        while let Some(node) = link {
            is_held |= node.me.state == State::Waiting || node.me.absorbs == Absorbs::AndKeeps;
            if node.me.is_request && is_held {
                return false;
            }
            link = &node.next;
        }
        self.response.ended
    }

    /// Ends the request whose body has ended: its filters leave the chain inside an EOR bucket, which
    /// the terminal completes after the last byte; `and_then` is told the outcome after them, or
    /// [`End::Failed`] at once when this answers an error.
    ///
    /// # Errors
    ///
    /// As [`pass`](Self::pass); [`ErrorKind::Contract`] while a filter of the request
    /// [still has some of it](Self::has_left_request).
    pub fn end_request(&mut self, and_then: Option<Box<dyn EndOfRequest>>) -> Result<()> {
        let open = self.check_request_ended();
        let filters = if open.is_ok() { self.take_request() } else { None };
        let finished = FinishedRequest { filters, bytes_in: self.response.bytes_in, and_then };
        if open.is_err() {
            let end = self.at.refused.unwrap_or(End::Failed);
            Box::new(finished).end(&Outcome::new(end, 0));
            return open;
        }
        self.lead_own_and(Bucket::eor(finished))
    }

    fn check_request_ended(&self) -> Result<()> {
        self.at.check_open()?;
        if self.has_left_request() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Contract, "end a request whose body has not ended"))
    }

    /// Ends the connection now: what is held is dropped, every filter of a request is told `end`, and
    /// every later pass answers [`ErrorKind::Aborted`].
    pub fn abort(&mut self, end: End) {
        self.at.refuse(end);
        self.drop_held();
    }

    /// How the connection was ended, if it was: by a hard error of the terminal, or by
    /// [`abort`](Self::abort).
    pub fn aborted(&self) -> Option<End> {
        self.at.refused
    }
}

/// Calls the filters below `link` that wait, and then the one at `link` if it waits and may go on.
fn resume_link(link: &mut Link, at: &mut Shared) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    resume_link(&mut node.next, at)?;
    let is_asked = node.me.state == State::Waiting || node.me.absorbs == Absorbs::AndKeeps;
    if is_asked && !takes_no_more(&node.next, &*at.terminal) {
        call_again(link, at)
    } else {
        Ok(())
    }
}

/// What a waiting filter had pushed must not wait with it.
fn flush_below_waiting(link: &mut Link, at: &mut Shared) -> Result<()> {
    let Some(node) = link else { return Ok(()) };
    if node.me.state == State::Waiting && node.me.unflushed {
        node.me.unflushed = false;
        let mut flush = Brigade::from(Bucket::flush());
        hand_down(&mut node.next, &mut flush, &mut Brigade::new(), at)?;
    }
    flush_below_waiting(&mut node.next, at)
}
