//! The body of the service under the layer: an input, cut, in frames or out of a chain of its own.
//!
//! Invariant: what it gives after a pause it gives only when it is asked again; what the reader had by
//! then is noted.

use std::collections::VecDeque;
use std::fs::File;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use brigade::{Brigade, Bucket};
use brigade_http::Trailers;
use brigade_http::body::{BoxError, ChainBody, Filters};
use brigade_testkit::stuttering;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};

/// Where the bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Frames, that are there at once.
    Frames,
    /// A chain of its own: parts of a FILE.
    File,
    /// A chain of its own: a STREAM that has nothing before each piece.
    Stream,
}

/// What is at each cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    Nothing,
    Empty,
    /// Nothing now; out of a chain, a FLUSH.
    Pause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Whole,
    Trailers,
    Fails,
}

/// All there is to a run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) source: Source,
    pub(crate) places: Vec<usize>,
    pub(crate) between: Between,
    pub(crate) ending: Ending,
}

/// What the body's error says.
pub(crate) const FAULT: &str = "the service's body breaks";

/// What the client has, and had whenever the body went on after a pause.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader(Arc<Mutex<Arrived>>);

#[derive(Debug, Clone, Default)]
pub(crate) struct Arrived {
    pub(crate) bytes: Vec<u8>,
    /// How many bytes the body had given, and how many had arrived, each time.
    pub(crate) at_pauses: Vec<(usize, usize)>,
}

impl Reader {
    pub(crate) fn take_in(&self, bytes: &[u8]) {
        self.0.lock().unwrap().bytes.extend_from_slice(bytes);
    }

    pub(crate) fn arrived(&self) -> Arrived {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, given_bytes: usize) {
        let arrived = &mut *self.0.lock().unwrap();
        arrived.at_pauses.push((given_bytes, arrived.bytes.len()));
    }
}

/// A body that gives an input as a plan says.
pub(crate) struct Given {
    inner: Inner,
    fails: bool,
    sent_bytes: usize,
    is_paused: bool,
    reader: Reader,
}

enum Inner {
    /// `None`: nothing now.
    Frames(VecDeque<Option<Frame<Bytes>>>),
    Chain(ChainBody),
}

impl Given {
    pub(crate) fn new(plan: &Plan, input: &[u8], file: &Arc<File>, reader: &Reader) -> Self {
        let inner = match plan.source {
            Source::Frames => Inner::Frames(frames(plan, input)),
            Source::File | Source::Stream => {
                Inner::Chain(ChainBody::new(&Filters::none(), buckets(plan, input, file)))
            }
        };
        let fails = plan.ending == Ending::Fails;
        Self { inner, fails, sent_bytes: 0, is_paused: false, reader: reader.clone() }
    }
}

/// The pieces of `len` bytes between the places of `plan`; the last has no cut behind it.
fn pieces(plan: &Plan, len: usize) -> impl Iterator<Item = (std::ops::Range<usize>, bool)> {
    let ends = plan.places.iter().copied().map(|place| (place, true));
    let mut start = 0;
    ends.chain([(len, false)]).map(move |(end, is_cut)| {
        let piece = start..end;
        start = end;
        (piece, is_cut)
    })
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(http::header::ETAG, HeaderValue::from_static("\"sum\""))])
}

fn frames(plan: &Plan, input: &[u8]) -> VecDeque<Option<Frame<Bytes>>> {
    let mut frames = VecDeque::new();
    for (piece, is_cut) in pieces(plan, input.len()) {
        frames.push_back(Some(Frame::data(Bytes::copy_from_slice(&input[piece]))));
        match plan.between {
            Between::Empty if is_cut => frames.push_back(Some(Frame::data(Bytes::new()))),
            Between::Pause if is_cut => frames.push_back(None),
            _ => {}
        }
    }
    if plan.ending == Ending::Trailers {
        frames.push_back(Some(Frame::trailers(trailers())));
    }
    frames
}

fn buckets(plan: &Plan, input: &[u8], file: &Arc<File>) -> Brigade<'static> {
    let mut brigade = Brigade::new();
    for (piece, is_cut) in pieces(plan, input.len()) {
        brigade.push_back(match plan.source {
            Source::File => Bucket::file(file.clone(), piece.start as u64, piece.len() as u64),
            _ => stuttering([&input[piece]]),
        });
        match plan.between {
            Between::Empty if is_cut => brigade.push_back(Bucket::immortal(b"")),
            Between::Pause if is_cut => brigade.push_back(Bucket::flush()),
            _ => {}
        }
    }
    if plan.ending == Ending::Trailers {
        brigade.push_back(Trailers(trailers()).into_bucket());
    }
    brigade
}

impl Body for Given {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if std::mem::take(&mut self.is_paused) {
            self.reader.note(self.sent_bytes);
        }
        let polled = match &mut self.inner {
            Inner::Frames(frames) => match frames.pop_front() {
                None => Poll::Ready(None),
                Some(Some(frame)) => Poll::Ready(Some(Ok(frame))),
                Some(None) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            },
            Inner::Chain(body) => Pin::new(body).poll_frame(cx).map_err(BoxError::from),
        };
        match &polled {
            Poll::Pending => self.is_paused = true,
            Poll::Ready(Some(Ok(frame))) => {
                self.sent_bytes += frame.data_ref().map_or(0, Bytes::len);
            }
            Poll::Ready(None) if self.fails => return Poll::Ready(Some(Err(FAULT.into()))),
            Poll::Ready(_) => {}
        }
        polled
    }
}
