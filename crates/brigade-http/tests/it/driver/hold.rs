//! HOLD in a server: whatever is decided, and at whatever byte, the connection lives on.

use std::net::TcpListener;
use std::thread;

use brigade::{Bucket, Entry, ErrorKind, FilterKind, Registry};
use brigade_http::driver::{Request, Response, Settings, blocking};
use brigade_http::{Hold, Over, ResponseHead, StatusError, Verdict};
use http::StatusCode;
use tokio::sync::mpsc;

use super::{Answer, Client, Running, within_patience};
use crate::hold::at_byte;

fn settings(at: u64, over: Over, verdict: fn() -> Verdict) -> Settings {
    let mut registry = Registry::new();
    registry.register(Entry::new("hold", FilterKind::RESOURCE, move |_| {
        Ok(move || Hold::new(8, over, at_byte(at, verdict)))
    }));
    Settings::default().filter(registry.prepare("hold").unwrap())
}

fn replaced() -> Verdict {
    let request = brigade_http::RequestHead::get("/".parse().unwrap()).into();
    let head = ResponseHead::new(StatusCode::FORBIDDEN, request);
    Verdict::Replace(head, Bucket::immortal(b"no\n"))
}

fn failed() -> Verdict {
    Verdict::Fail(StatusError::new(StatusCode::BAD_GATEWAY).into())
}

/// Asks twice on one connection for 12 bytes, or for 5 flushed one by one.
fn ask_twice(mut client: Client) -> [Answer; 2] {
    ["/at-once", "/flushed"].map(|path| client.ask(path))
}

async fn handler(request: Request, mut response: Response) -> brigade::Result<()> {
    if request.path() == "/at-once" {
        return response.write(b"0123456789ab").await;
    }
    for byte in b"0123456789ab" {
        response.write(&[*byte]).await?;
        response.flush().await?;
    }
    Ok(())
}

fn blocking_handler(
    request: &Request,
    response: &mut blocking::Response<'_>,
) -> brigade::Result<()> {
    if request.path() == "/at-once" {
        return response.write(b"0123456789ab");
    }
    for byte in b"0123456789ab" {
        response.write(&[*byte])?;
        response.flush()?;
    }
    Ok(())
}

#[track_caller]
fn check(at: u64, over: Over, verdict: fn() -> Verdict, expected: (u16, &str)) {
    let running = Running::with(settings(at, over, verdict), handler);
    let on_tokio = ask_twice(running.client());

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(listener.local_addr().unwrap());
    let on_a_thread = thread::scope(|scope| {
        scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let settings = settings(at, over, verdict);
            blocking::serve_connection(stream, &settings, &blocking_handler).unwrap();
        });
        ask_twice(client)
    });
    for answer in on_tokio.into_iter().chain(on_a_thread) {
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!((answer.status, &*body, answer.is_complete), (expected.0, expected.1, true));
    }
}

const WHOLE: (u16, &str) = (200, "0123456789ab");

#[test]
fn commit_around_the_limit_keeps_the_connection() {
    for at in [0, 7, 8] {
        check(at, Over::Fail, || Verdict::Commit, WHOLE);
    }
    check(9, Over::Commit, || Verdict::Commit, WHOLE);
    check(9, Over::Fail, || Verdict::Commit, (500, "500 Internal Server Error\n"));
}

#[test]
fn replacement_around_the_limit_keeps_the_connection() {
    for at in [0, 7, 8] {
        check(at, Over::Fail, replaced, (403, "no\n"));
    }
    check(9, Over::Commit, replaced, WHOLE);
}

#[test]
fn failure_around_the_limit_keeps_the_connection() {
    for at in [0, 7, 8] {
        check(at, Over::Fail, failed, (502, "502 Bad Gateway\n"));
    }
    check(9, Over::Commit, failed, WHOLE);
}

#[test]
fn handler_whose_answer_was_replaced_learns_that_nobody_wants_it() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = Running::with(
        settings(4, Over::Fail, replaced),
        move |_: Request, mut response: Response| {
            let tell = tell.clone();
            async move {
                loop {
                    if let Err(error) = response.write(&[b'x'; 1000]).await {
                        tell.send(error.kind()).unwrap();
                        return Err(error);
                    }
                }
            }
        },
    );
    let mut client = running.client();
    for _ in 0..2 {
        let answer = client.ask("/");
        assert_eq!((answer.status, &*answer.body, answer.is_complete), (403, &b"no\n"[..], true));
        assert_eq!(within_patience(told.recv()), Some(ErrorKind::Aborted));
    }
}
