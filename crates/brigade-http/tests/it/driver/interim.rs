//! Interim responses and trailers, as a client sees them on the wire.

use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use brigade::ErrorKind;
use brigade_http::driver::{Request, Response, Settings, blocking};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::oneshot;

use super::{Client, Running};

fn hints() -> HeaderMap {
    let mut hints = HeaderMap::new();
    hints.insert("link", HeaderValue::from_static("</a.css>; rel=preload"));
    hints.insert("content-length", HeaderValue::from_static("9"));
    hints
}

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n";

#[test]
fn interim_response_is_there_before_the_handler_goes_on() {
    let (go, gone) = oneshot::channel::<()>();
    let gone = Arc::new(Mutex::new(Some(gone)));
    let running = Running::new(move |_: Request, mut response: Response| {
        let gone = gone.lock().unwrap().take();
        async move {
            response.interim(StatusCode::EARLY_HINTS, hints()).await?;
            if let Some(gone) = gone {
                gone.await.unwrap();
            }
            response.write(b"the page").await
        }
    });
    let mut client = running.client();
    client.get("/");
    assert_eq!(client.head(), HINTS);
    go.send(()).unwrap();
    assert_eq!(client.answer().body, b"the page");
    // And on the same connection once more.
    client.get("/");
    assert_eq!(client.head(), HINTS);
    assert_eq!(client.answer().body, b"the page");
}

fn on_a_thread(request: &Request, response: &mut blocking::Response<'_>) -> brigade::Result<()> {
    response.interim(StatusCode::EARLY_HINTS, hints())?;
    response.interim(StatusCode::PROCESSING, HeaderMap::new())?;
    if request.path() == "/fails" {
        return Err(brigade::Error::other("on purpose"));
    }
    response.write(b"the page")
}

/// Serves on a thread while `client` runs.
fn serve(client: impl FnOnce(Client)) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            blocking::serve_connection(stream, &Settings::default(), &on_a_thread).unwrap();
        });
        client(Client::new(address));
    });
}

#[test]
fn interim_responses_come_one_after_the_other_on_a_thread() {
    serve(|mut client| {
        client.get("/");
        assert_eq!(client.head(), HINTS);
        assert_eq!(client.head(), "HTTP/1.1 102 Processing\r\n\r\n");
        assert_eq!(client.answer().body, b"the page");
    });
}

#[test]
fn interim_response_commits_nothing() {
    serve(|mut client| {
        client.get("/fails");
        client.head();
        client.head();
        let answer = client.answer();
        assert_eq!((answer.status, answer.is_complete), (500, true));
        assert!(!answer.head.contains("link"), "{}", answer.head);
    });
}

#[test]
fn client_of_http_1_0_is_spared_interim_responses() {
    serve(|mut client| {
        client.send("GET / HTTP/1.0\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status, &*answer.body), (200, &b"the page"[..]));
    });
}

#[test]
fn status_that_is_no_interim_one_is_refused_as_is_one_that_comes_too_late() {
    let running = Running::new(|_: Request, mut response: Response| async move {
        for status in [200, 404, 100, 101] {
            let status = StatusCode::from_u16(status).unwrap();
            let refused = response.interim(status, HeaderMap::new()).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{status}");
        }
        response.flush().await?;
        let late = response.interim(StatusCode::EARLY_HINTS, hints()).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Committed);
        response.write(b"fine").await
    });
    assert_eq!(running.client().ask("/").body, b"fine");
}

#[test]
fn curl_shows_the_interim_response_and_then_the_answer() {
    let running = Running::new(|_: Request, mut response: Response| async move {
        response.interim(StatusCode::EARLY_HINTS, hints()).await?;
        response.write(b"the page").await
    });
    let url = format!("http://{}/", running.address);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--include", "--max-time", "20", &url]);
    let out = match curl.output() {
        Ok(out) => out,
        Err(error) => return println!("passed over: curl cannot be run: {error}"),
    };
    let printed = String::from_utf8(out.stdout).unwrap();
    assert!(printed.starts_with(HINTS), "{printed}");
    assert!(printed.contains("HTTP/1.1 200 OK\r\n") && printed.ends_with("the page"), "{printed}");
}

#[test]
fn trailers_follow_the_last_chunk() {
    let running = Running::new(|_: Request, mut response: Response| async move {
        response.write(b"the page").await?;
        response.trailer("x-sum", "23")?;
        Ok(())
    });
    let mut client = running.client();
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let head = client.head();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    assert_eq!(client.rest(), b"8\r\nthe page\r\n0\r\nx-sum: 23\r\n\r\n");
}
