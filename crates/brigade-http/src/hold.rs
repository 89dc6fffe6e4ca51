//! HOLD: keeps RESPONSE and the beginning of its body until somebody who looked at both has decided.
//!
//! Invariants: nothing of the response leaves before the verdict. At most the limit's bytes of the body
//! are kept, packed; what is behind them stays unread. After a replacement nothing of the first answer
//! goes on but the marks that belong to no response.

use std::fmt;
use std::mem;

use brigade::{Brigade, Bucket, Error, ErrorKind, Next, OutputFilter, Result};

use crate::ResponseHead;
use crate::filters::is_foreign_mark;

/// Marks are kept in their places up to so many buckets. Beyond, a FLUSH, which asks for nothing while
/// all is held, is dropped, and any other is as one byte too many.
const MAX_BUCKETS: usize = 1024;

/// What is decided of a response that is held.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing yet: the judge wants to see more. At the end of the body it is [`Commit`](Self::Commit).
    Wait,
    /// It goes on, with what the judge did to its head; the rest is not looked at.
    Commit,
    /// Another answer goes in its place, whole: this head and this body. A FILE goes unread.
    Replace(ResponseHead, Bucket<'static>),
    /// It fails, while it can still be answered whole: by the [error page](crate::ErrorPage) of the
    /// status that the error [says](crate::status_of).
    Fail(Error),
}

/// What becomes of a response that has more body than may be held and no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It goes on: what the judge has seen so far is enough.
    Commit,
    /// It fails with [`ErrorKind::TooLarge`]: nothing goes out that was not judged.
    Fail,
}

/// What a judge sees: the head, and the body as far as it is held.
#[derive(Debug)]
pub struct Held<'h> {
    head: &'h mut ResponseHead,
    body: &'h Brigade<'static>,
    piece: &'h [u8],
    is_whole: bool,
}

impl Held<'_> {
    /// The head, to be looked at and edited. Edits count if the response is committed.
    pub fn head(&mut self) -> &mut ResponseHead {
        self.head
    }

    /// All that is held of the body, in memory, its marks in their places.
    pub fn body(&self) -> &Brigade<'static> {
        self.body
    }

    /// What came since the judge was last asked: the end of [`body`](Self::body).
    pub fn piece(&self) -> &[u8] {
        self.piece
    }

    /// Whether the body ends here.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }
}

type Judge = dyn FnMut(&mut Held<'_>) -> Verdict + Send;

/// Holds a response back until a judge has decided what becomes of it: a virus scanner, a sniffer of
/// types, a rule that needs the first kilobytes.
///
/// The judge is asked when the head comes by, with no byte of the body; after each piece; and at the
/// end. Its first verdict but [`Verdict::Wait`] stands. How a body is cut into pieces is chance: judge
/// bytes, never pieces. While it waits, nothing leaves, a FLUSH included, and the connection is not
/// committed; so a replacement, or the page of a failure, is a whole answer, and the connection lives
/// on. Whoever makes the first answer learns that nobody wants it: it is dropped at the top of the
/// chain, a FILE unread, a STREAM unstarted.
///
/// Interim heads go by. A chain without heads has nothing to hold: it steps aside. It is a filter of
/// requests, and a judge is of one request: make one for each.
///
/// ```
/// use brigade::{Bucket, Chain, FilterKind, Member, recorder};
/// use brigade_http::{Hold, Over, RequestHead, ResponseHead, Verdict};
/// use http::StatusCode;
///
/// # fn main() -> brigade::Result<()> {
/// let request = std::sync::Arc::new(RequestHead::get("/".parse().unwrap()));
/// let refused = ResponseHead::new(StatusCode::FORBIDDEN, request.clone());
/// let hold = Hold::new(1024, Over::Commit, move |held| {
///     let begins = held.body().flatten(4).unwrap_or_default();
///     match begins.starts_with(b"MZ") {
///         true => Verdict::Replace(refused.clone(), Bucket::immortal(b"no programs\n")),
///         false if begins.len() < 2 => Verdict::Wait,
///         false => Verdict::Commit,
///     }
/// });
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join_request(Member::new("no-programs", FilterKind::RESOURCE, hold));
/// chain.pass_bucket(ResponseHead::new(StatusCode::OK, request).into_bucket())?;
/// chain.pass_bucket(Bucket::transient(b"M"))?;
/// assert_eq!(record.marks(), []); // not even the head
/// chain.pass_bucket(Bucket::transient(b"Z\x90"))?;
/// assert_eq!(record.bytes(), b"no programs\n");
/// # Ok(())
/// # }
/// ```
pub struct Hold {
    limit_bytes: usize,
    over: Over,
    judge: Box<Judge>,
    state: State,
    body: Brigade<'static>, // Invariant: at most `limit_bytes` bytes, all in memory.
}

#[derive(Debug)]
enum State {
    /// No final head has come.
    Before,
    /// This is the RESPONSE.
    Holding(Bucket<'static>),
    /// Another answer has gone in its place.
    Replaced,
}

impl Hold {
    /// Holds at most `limit_bytes` bytes of a body for `judge`; a response that has more and no verdict
    /// goes the way of `over`.
    pub fn new(
        limit_bytes: usize,
        over: Over,
        judge: impl FnMut(&mut Held<'_>) -> Verdict + Send + 'static,
    ) -> Self {
        let judge = Box::new(judge);
        Self { limit_bytes, over, judge, state: State::Before, body: Brigade::new() }
    }

    /// Asks the judge about what is held, `piece` of which is new.
    fn ask(&mut self, piece: &[u8], is_whole: bool) -> Verdict {
        let Self { judge, state: State::Holding(response), body, .. } = self else {
            return Verdict::Wait;
        };
        let Some(head) = response.as_metadata_mut::<ResponseHead>() else {
            return Verdict::Commit;
        };
        judge(&mut Held { head, body, piece, is_whole })
    }

    fn held(&self) -> usize {
        usize::try_from(self.body.resident_bytes()).unwrap_or(usize::MAX)
    }

    /// What becomes of a response that has more than may be held.
    fn over(&self) -> Verdict {
        match self.over {
            Over::Commit => Verdict::Commit,
            Over::Fail => {
                let limit = self.limit_bytes;
                let context = format!("hold a body for a verdict, limit {limit} bytes");
                Verdict::Fail(Error::new(ErrorKind::TooLarge, context))
            }
        }
    }

    /// Takes one bucket in; the verdict is on all before `input`.
    fn take<'b>(
        &mut self,
        mut bucket: Bucket<'b>,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Result<Verdict> {
        let Some(data) = bucket.bytes() else { return Ok(self.mark(bucket, input, next)) };
        let room = self.limit_bytes - self.held();
        let piece = &data[..data.len().min(room)];
        self.body.write(next.alloc(), piece);
        let verdict = if piece.is_empty() { Verdict::Wait } else { self.ask(piece, false) };
        let (taken, has_rest) = (piece.len() as u64, piece.len() < data.len());
        bucket.advance(taken)?;
        if has_rest {
            input.push_front(bucket);
        }
        Ok(match verdict {
            Verdict::Wait if has_rest => self.over(),
            verdict => verdict,
        })
    }

    fn mark<'b>(
        &mut self,
        mark: Bucket<'b>,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Verdict {
        if mark.is_eos() {
            let verdict = self.ask(&[], true);
            input.push_front(mark);
            return if let Verdict::Wait = verdict { Verdict::Commit } else { verdict };
        }
        let has_failed = mark.ends_body();
        if has_failed || mark.is_eor() || mark.is_eoc() {
            // It will never be whole: what failed can be answered by its page.
            if has_failed || self.over == Over::Fail {
                self.body.drop_data();
            }
            input.push_front(mark);
            return Verdict::Commit;
        }
        if self.body.len() < MAX_BUCKETS {
            self.body.push_back(mark.set_aside(next.alloc()));
        } else if !mark.is_flush() {
            input.push_front(mark);
            return self.over();
        }
        Verdict::Wait
    }

    /// Does what was decided; `input` is what was not taken in.
    fn settle<'b>(
        &mut self,
        verdict: Verdict,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Result<()> {
        let State::Holding(response) = mem::replace(&mut self.state, State::Replaced) else {
            return Ok(());
        };
        let (head, instead) = match verdict {
            Verdict::Wait | Verdict::Commit => {
                // Together with what came with it, so that a length can be known, or a failure
                // answered whole.
                input.prepend(&mut mem::take(&mut self.body));
                input.push_front(response);
                next.step_aside();
                return Ok(());
            }
            Verdict::Replace(head, body) => (head.into_bucket(), [body, Bucket::eos()]),
            // The header filter keeps what of the head says nothing of its body.
            Verdict::Fail(error) => (response, [Bucket::immortal(b""), Bucket::error(error)]),
        };
        next.discard_body();
        let marks = mem::take(&mut self.body).into_iter().filter(is_foreign_mark);
        marks.into_iter().try_for_each(|mark| next.push(mark))?;
        next.push(head)?;
        instead.into_iter().try_for_each(|bucket| next.push(bucket))?;
        after_replacement(input, next)
    }
}

/// What is still made of a response that was replaced goes nowhere.
fn after_replacement<'b>(input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
    while let Some(bucket) = input.pop_front() {
        if is_foreign_mark(&bucket) {
            next.push(bucket)?;
        }
    }
    Ok(())
}

impl OutputFilter for Hold {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if let State::Replaced = self.state {
            return after_replacement(input, next);
        }
        while let Some(bucket) = next.read(input)? {
            let verdict = if let State::Holding(_) = self.state {
                self.take(bucket, input, next)?
            } else if bucket.as_metadata().is_some_and(|head: &ResponseHead| !head.is_interim()) {
                self.state = State::Holding(bucket.set_aside(next.alloc()));
                self.ask(&[], false)
            } else if bucket.ends_body() || bucket.is_data() && !bucket.is_empty() {
                input.push_front(bucket);
                next.step_aside();
                return Ok(());
            } else {
                next.push(bucket)?;
                continue;
            };
            match verdict {
                Verdict::Wait => {}
                verdict => return self.settle(verdict, input, next),
            }
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        self.held()
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("limit_bytes", &self.limit_bytes)
            .field("over", &self.over)
            .field("state", &self.state)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
