//! One request to a service under the layer, led to its end by hand.

use std::convert::Infallible;
use std::fs::File;
use std::future::{Future, Ready, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use brigade::{Brigade, Effects, End, FilterKind, Member, Next, Outcome, OutputFilter, Prepared};
use brigade_http::body::{BoxError, Filters};
use brigade_http::tower::{FilterFuture, FilterLayer};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::{Arrived, Given, Plan, Reader};

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    /// The error that the body ended in, with its causes.
    pub(crate) error: Option<String>,
    /// How much of the input was given, and of the output had come, when the service went on.
    pub(crate) pauses: Vec<(usize, usize)>,
    /// What the filters were told of the end.
    pub(crate) told: Vec<End>,
}

/// A filter, the head of what it is given, and that itself.
pub(crate) struct Subject {
    pub(crate) filter: Prepared,
    pub(crate) fields: &'static [(&'static str, &'static str)],
    pub(crate) file: Arc<File>,
}

impl Subject {
    /// Leads `input` through, as `plan` says; an error says what is wrong with the body itself.
    pub(crate) fn run(&self, plan: &Plan, input: &[u8]) -> Result<Came, String> {
        let reader = Reader::default();
        let body = Given::new(plan, input, &self.file, &reader);
        let told = Told::default();
        let came = self.pull(body, &reader, &told)?;
        let Arrived { bytes, at_pauses: pauses } = reader.arrived();
        let told = told.ends();
        Ok(Came { bytes, pauses, told, ..came })
    }

    fn pull(&self, body: Given, reader: &Reader, told: &Told) -> Result<Came, String> {
        let woken = Arc::new(Wakes::default());
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let response = self.response(body, told);
        let mut response = pin!(response);
        let response = loop {
            match response.as_mut().poll(&mut cx) {
                Poll::Ready(Ok(response)) => break response,
                Poll::Pending => woken.check("the response")?,
            }
        };
        let (head, body) = response.into_parts();
        let mut came = Came {
            status: head.status,
            fields: head.headers,
            bytes: Vec::new(),
            trailers: None,
            error: None,
            pauses: Vec::new(),
            told: Vec::new(),
        };
        let mut body = pin!(body);
        loop {
            match body.as_mut().poll_frame(&mut cx) {
                Poll::Pending => woken.check("the body")?,
                Poll::Ready(None) => break,
                Poll::Ready(Some(_)) if came.error.is_some() => {
                    return Err("it goes on after an error".into());
                }
                Poll::Ready(Some(Err(error))) => came.error = Some(words(&*error)),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(_) if came.trailers.is_some() => {
                        return Err("data follow the trailers".into());
                    }
                    Ok(data) => reader.take_in(&data),
                    Err(frame) => came.trailers = frame.into_trailers().ok(),
                },
            }
        }
        if !body.is_end_stream() || body.size_hint().exact() != Some(0) {
            return Err("it is at its end, and says that there is more".into());
        }
        Ok(came)
    }

    /// What the service under the layer answers to a GET that takes gzip.
    pub(crate) fn response<B>(&self, body: B, told: &Told) -> Answer<B>
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let watch = told.clone();
        let filters = Filters::none()
            .prepared(self.filter.clone())
            .member(move || Member::new("watch", FilterKind::RESOURCE, watch.clone()));
        let request = Request::get("/").header("accept-encoding", "gzip").body(());
        let mut service =
            FilterLayer::new(filters).layer(Once { body: Some(body), fields: self.fields });
        service.call(request.expect("it is a request"))
    }
}

/// The layer's answer, to come.
pub(crate) type Answer<B> = FilterFuture<Ready<Result<Response<B>, Infallible>>>;

/// Answers once, with `body`.
struct Once<B> {
    body: Option<B>,
    fields: &'static [(&'static str, &'static str)],
}

impl<B> Service<Request<()>> for Once<B> {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let fields = self.fields.iter().chain(&[("etag", "\"v1\""), ("accept-ranges", "bytes")]);
        let head =
            fields.fold(Response::builder(), |head, (name, value)| head.header(*name, *value));
        ready(Ok(head.body(self.body.take().expect("asked once")).expect("they are fields")))
    }
}

/// A filter that changes nothing, and notes what it is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<End>>>);

impl Told {
    pub(crate) fn ends(&self) -> Vec<End> {
        self.0.lock().unwrap().clone()
    }
}

impl OutputFilter for Told {
    fn filter<'b>(
        &mut self,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> brigade::Result<()> {
        next.push_all(input)
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }

    fn on_end(&mut self, outcome: &Outcome) {
        self.0.lock().unwrap().push(outcome.end);
    }
}

/// Whether who waits was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    fn check(&self, what: &str) -> Result<(), String> {
        match self.0.swap(0, Ordering::Relaxed) {
            0 => Err(format!("{what} waits, and nobody was woken")),
            _ => Ok(()),
        }
    }
}

fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Pulls a body to its end; what it gives goes nowhere.
pub(crate) fn drain(body: impl Body<Data = bytes::Bytes, Error = BoxError>) -> u64 {
    let mut body = pin!(body);
    let mut cx = Context::from_waker(Waker::noop());
    let mut bytes = 0;
    loop {
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Poll::Ready(Some(Err(_)) | None) => return bytes,
        }
    }
}
