//! Chains inside other servers, without one: bodies are polled by hand, so that every answer shows.

mod chain_body;
mod faults;
mod files;
mod respond;
#[cfg(feature = "driver")]
mod streaming;

use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::{fmt, io};

use brigade::{
    Brigade, Effects, End, FilterKind, Member, Next, Outcome, OutputFilter, Result, from_fn,
};
use brigade_http::body::Filters;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};

/// What an inner body does when it is polled.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Data(&'static str),
    Trailer(&'static str),
    /// Nothing, until whoever polls has been told so.
    Wait,
    Fail(&'static str),
    Panic,
}

thread_local! {
    /// How often a body or a response had nothing for who polled it.
    static PAUSES: Cell<usize> = const { Cell::new(0) };
}

pub(crate) fn note_pause() {
    PAUSES.set(PAUSES.get() + 1);
}

/// Waits until whoever polls has been told that there is nothing.
#[cfg(feature = "driver")]
pub(crate) async fn pause() {
    let since = PAUSES.get();
    std::future::poll_fn(|_| if PAUSES.get() > since { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// A body that does what it is told, then ends.
#[derive(Debug)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    waits_since: Option<usize>,
    hint: SizeHint,
}

pub(crate) fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    Script { steps: steps.into_iter().collect(), waits_since: None, hint: SizeHint::default() }
}

impl Script {
    pub(crate) fn hinting(mut self, bytes: u64) -> Self {
        self.hint = SizeHint::with_exact(bytes);
        self
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(Step::Wait) = self.steps.front() {
            if PAUSES.get() <= *self.waits_since.get_or_insert(PAUSES.get()) {
                return Poll::Pending;
            }
            self.waits_since = None;
            self.steps.pop_front();
        }
        Poll::Ready(Some(Ok(match self.steps.pop_front() {
            None => return Poll::Ready(None),
            Some(Step::Wait) => return Poll::Pending, // A second pause.
            Some(Step::Fail(why)) => return Poll::Ready(Some(Err(io::Error::other(why)))),
            Some(Step::Panic) => panic!("the script says so"),
            Some(Step::Data(data)) => Frame::data(Bytes::from_static(data.as_bytes())),
            Some(Step::Trailer(value)) => {
                let mut fields = HeaderMap::new();
                fields.insert("t", HeaderValue::from_static(value));
                Frame::trailers(fields)
            }
        })))
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// Polls `body` to its end, or until it has answered that it has nothing ten times: each frame as its
/// text, `|` for nothing now, `+` before trailers, `!` before an error, `.` for the end.
pub(crate) fn transcript<B>(body: B) -> String
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let mut body = body;
    let mut words = Vec::new();
    let mut pauses = 0;
    while pauses < 10 {
        let (word, is_end) = look(&mut body);
        pauses += usize::from(word == "|");
        words.push(word);
        if is_end {
            break;
        }
    }
    words.join(" ")
}

/// One poll, as a word of a transcript; whether it was the last.
pub(crate) fn look<B>(body: &mut B) -> (String, bool)
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(body).poll_frame(&mut cx) {
        Poll::Pending => {
            note_pause();
            ("|".into(), false)
        }
        Poll::Ready(None) => (".".into(), true),
        Poll::Ready(Some(Err(error))) => (format!("!{error}"), true),
        Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
            Ok(data) => (String::from_utf8_lossy(&data).into_owned(), false),
            Err(frame) => {
                let fields = frame.into_trailers().unwrap();
                (format!("+{}", fields["t"].to_str().unwrap()), false)
            }
        },
    }
}

/// A filter that changes nothing, and notes how its response ended.
struct Ending(Ends);

/// How responses ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ends(Arc<Mutex<Vec<Outcome>>>);

impl Ends {
    pub(crate) fn take(&self) -> Vec<End> {
        self.outcomes().iter().map(|outcome| outcome.end).collect()
    }

    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl OutputFilter for Ending {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        next.push_all(input)
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }

    fn on_end(&mut self, outcome: &Outcome) {
        self.0.0.lock().unwrap().push(*outcome);
    }
}

/// One filter that changes nothing, and how its responses ended.
pub(crate) fn watched() -> (Filters, Ends) {
    watched_with(Filters::none())
}

/// The same, below others.
pub(crate) fn watched_with(filters: Filters) -> (Filters, Ends) {
    let ends = Ends::default();
    let told = ends.clone();
    let make = move || Member::new("ending", FilterKind::RESOURCE, Ending(told.clone()));
    (filters.member(make), ends)
}

/// A filter that makes upper case.
pub(crate) fn upper() -> Filters {
    let make = || {
        let filter = from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                let out = match bucket.bytes() {
                    Some(data) => next.alloc().copy(&data.to_ascii_uppercase()),
                    None => bucket,
                };
                next.push(out)?;
            }
            Ok(())
        });
        Member::new("upper", FilterKind::RESOURCE, filter)
    };
    Filters::none().member(make)
}

/// A filter that lets go of nothing before a FLUSH or the end.
pub(crate) fn hoards() -> Filters {
    let make = || {
        let mut held = Brigade::new();
        let filter = from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                let lets_go = bucket.is_flush() || bucket.ends_body();
                if bucket.is_data() {
                    held.push_back(bucket.set_aside(next.alloc()));
                    continue;
                }
                if lets_go {
                    next.push_all(&mut std::mem::take(&mut held))?;
                }
                next.push(bucket)?;
            }
            Ok(())
        });
        Member::new("hoards", FilterKind::RESOURCE, filter)
    };
    Filters::none().member(make)
}

/// A filter that fails when it sees this byte.
pub(crate) fn fails_at(byte: u8) -> Filters {
    let make = move || {
        let filter = from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.bytes().is_some_and(|data| data.contains(&byte)) {
                    return Err(brigade::Error::other("look at a byte"));
                }
                next.push(bucket)?;
            }
            Ok(())
        });
        Member::new("fails", FilterKind::RESOURCE, filter)
    };
    Filters::none().member(make)
}
