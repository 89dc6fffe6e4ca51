//! The layer around a service made by hand: what it filters, what it leaves alone, what it costs.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use brigade_http::body::Filters;
use brigade_http::tower::{FilterBody, FilterLayer};
use brigade_testkit::{Allocated, CountingAlloc};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tower_layer::Layer;
use tower_service::Service;

use super::body::Step::{Data, Fail, Trailer};
use super::body::{Script, script, transcript, upper};

#[global_allocator]
static COUNTING: CountingAlloc = CountingAlloc;

/// Answers each request by what `answer` makes of it.
#[derive(Clone)]
struct Answers<F>(F);

impl<F, B> Service<Request<()>> for Answers<F>
where
    F: FnMut(Request<()>) -> Response<B>,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        ready(Ok((self.0)(request)))
    }
}

fn answer<B>(
    layer: &FilterLayer,
    request: Request<()>,
    service: impl FnMut(Request<()>) -> Response<B>,
) -> Response<FilterBody<B>>
where
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let called = pin!(layer.layer(Answers(service)).call(request));
    match called.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response,
        Poll::Pending => panic!("no head"),
    }
}

fn get(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

/// Whether a response of this type and path is filtered.
#[track_caller]
fn check(layer: &FilterLayer, path: &str, content_type: &str, expected: &str) {
    let service = |_| {
        let response = Response::builder().header("content-type", content_type);
        response.body(script([Data("abc"), Trailer("x")])).unwrap()
    };
    let response = answer(layer, get(path), service);
    assert_eq!(response.body().is_filtered(), expected.starts_with('A'));
    assert_eq!(transcript(response.into_body()), expected);
}

#[test]
fn layer_leads_every_response_through_its_filters() {
    check(&FilterLayer::new(upper()), "/", "text/plain", "ABC +x .");
    check(&FilterLayer::new(Filters::none()), "/", "text/plain", "abc +x .");
}

#[test]
fn filters_are_chosen_by_the_request() {
    let (text, none) = (upper(), Filters::none());
    let layer = FilterLayer::by_request(move |request| match request.uri.path() {
        "/text" => text.clone(),
        _ => none.clone(),
    });
    check(&layer, "/text", "text/plain", "ABC +x .");
    check(&layer, "/other", "text/plain", "abc +x .");
}

#[test]
fn filters_are_chosen_by_the_response_and_the_request_it_answers() {
    let (text, none) = (upper(), Filters::none());
    let layer = FilterLayer::by_response(move |head| {
        let content_type = head.headers["content-type"].as_bytes();
        match (head.request.uri.path(), content_type) {
            ("/text", b"text/plain") => text.clone(),
            _ => none.clone(),
        }
    });
    check(&layer, "/text", "text/plain", "ABC +x .");
    check(&layer, "/text", "image/png", "abc +x .");
    check(&layer, "/other", "text/plain", "abc +x .");
}

#[test]
fn service_sees_no_range_when_its_response_is_filtered() {
    let range = |layer: &FilterLayer| {
        let mut seen = None;
        let request =
            Request::get("/").header("range", "bytes=0-").header("if-range", "\"v\"").body(());
        let _ = answer(layer, request.unwrap(), |request| {
            seen = Some(request.headers().len());
            Response::new(script([]))
        });
        seen
    };
    assert_eq!(range(&FilterLayer::new(upper())), Some(0));
    assert_eq!(range(&FilterLayer::by_response(|_| Filters::none())), Some(0));
    assert_eq!(range(&FilterLayer::new(Filters::none())), Some(2));
    assert_eq!(range(&FilterLayer::by_request(|_| Filters::none())), Some(2));
}

#[test]
fn filters_see_the_whole_request_though_the_service_does_not() {
    let seen = Arc::new(Mutex::new(0));
    let note = seen.clone();
    let layer = FilterLayer::by_response(move |head| {
        *note.lock().unwrap() = head.request.headers.len();
        Filters::none()
    });
    let request = Request::get("/").header("range", "bytes=0-").body(()).unwrap();
    let _ = answer(&layer, request, |_| Response::new(script([])));
    assert_eq!(*seen.lock().unwrap(), 1);
}

#[test]
fn what_becomes_of_a_tunnel_is_left_alone() {
    let layer = FilterLayer::new(upper());
    let connect = Request::builder().method(Method::CONNECT).uri("a:1").body(()).unwrap();
    let response = answer(&layer, connect, |_| Response::new(script([Data("abc")])));
    assert!(!response.body().is_filtered());
    let switch = |_| {
        let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        response.body(script([Data("abc")])).unwrap()
    };
    assert!(!answer(&layer, get("/"), switch).body().is_filtered());
}

#[test]
fn version_and_extensions_of_a_response_stay_with_it() {
    let layer = FilterLayer::new(upper());
    let response = answer(&layer, get("/"), |_| {
        let response = Response::builder().version(http::Version::HTTP_2).extension(7_u32);
        response.body(script([])).unwrap()
    });
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(response.extensions().get(), Some(&7_u32));
}

#[test]
fn error_of_a_body_goes_through_the_layer_filtered_or_not() {
    let service = |_| Response::new(script([Data("abc"), Fail("gone")]));
    let whole = answer(&FilterLayer::new(Filters::none()), get("/"), service);
    assert_eq!(transcript(whole.into_body()), "abc !gone");
    // Here the head has not left: it is a page.
    let page = answer(&FilterLayer::new(upper()), get("/"), service);
    assert_eq!(page.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

/// Data of another kind than [`Bytes`].
struct Other(Script);

impl Body for Other {
    type Data = bytes::buf::Chain<Bytes, Bytes>;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        let twice = |data: Bytes| bytes::Buf::chain(data.clone(), data);
        Pin::new(&mut self.0).poll_frame(cx).map_ok(|frame| frame.map_data(twice))
    }
}

#[test]
fn data_of_any_type_come_out_whole_as_bytes() {
    let service = |_| Response::new(Other(script([Data("ab"), Trailer("x")])));
    let layer = FilterLayer::new(Filters::none());
    assert_eq!(transcript(answer(&layer, get("/"), service).into_body()), "abab +x .");
    let layer = FilterLayer::new(upper());
    assert_eq!(transcript(answer(&layer, get("/"), service).into_body()), "ABAB +x .");
}

#[test]
fn response_that_nobody_filters_costs_no_allocation() {
    assert!(CountingAlloc::is_counting());
    let page = Bytes::from_static(b"a page");
    let layers = [
        FilterLayer::new(Filters::none()),
        FilterLayer::by_request(|request| match request.uri.path() {
            "/" => Filters::none(),
            _ => upper(),
        }),
    ];
    for layer in layers {
        let mut service = layer.layer(Answers(|_| Response::new(Full::new(page.clone()))));
        let request = get("/");
        let (count, ()) = Allocated::during(|| {
            let called = pin!(service.call(request));
            let mut cx = Context::from_waker(Waker::noop());
            let Poll::Ready(Ok(response)) = called.poll(&mut cx) else { panic!("no head") };
            let mut body = pin!(response.into_body());
            assert!(body.as_mut().poll_frame(&mut cx).is_ready());
            assert!(body.is_end_stream());
        });
        assert_eq!(count.calls, 0, "{layer:?}");
    }
}
