//! The commit: what fails before it is replaced whole, what fails after it never looks complete.

use brigade::{Error, ErrorKind, FilterKind};
use brigade_http::driver::{Request, Response, Settings};
use http::StatusCode;

use super::client::End;
use super::{Answer, Running};

/// Writes `/N` bytes; a path that begins with `/flush` flushes them; then it fails, but for `/ok`.
async fn fails(request: Request, mut response: Response) -> brigade::Result<()> {
    let path = request.path().to_owned();
    if path == "/ok" {
        return response.write(b"fine").await;
    }
    assert_ne!(path, "/panic", "on purpose");
    let bytes: usize = path.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
    response.write(&vec![b'x'; bytes]).await?;
    if path.starts_with("/flush") {
        response.flush().await?;
    }
    assert!(!path.starts_with("/panic"), "on purpose");
    Err(Error::other("on purpose"))
}

#[track_caller]
fn check_replaced(path: &str) {
    let running = Running::new(fails);
    let mut client = running.client();
    let answer = client.ask(path);
    assert_eq!((answer.status, answer.is_complete), (500, true), "{path}: {answer:?}");
    assert!(!answer.body.contains(&b'x'), "{path}: nothing of the first answer is left");
    assert!(client.lives_on("/ok"), "{path}: the connection lives on");
}

#[test]
fn failure_before_the_commit_gives_a_whole_500_and_the_connection_lives() {
    check_replaced("/write-0");
    check_replaced("/write-4096");
    check_replaced("/write-8192");
    check_replaced("/panic");
    check_replaced("/panic-4096");
}

#[track_caller]
fn check_incomplete(path: &str, bytes: usize) -> (Answer, End) {
    let running = Running::new(fails);
    let mut client = running.client();
    let answer = client.ask(path);
    assert_eq!((answer.status, answer.is_complete), (200, false), "{path}");
    assert_eq!(answer.body.len(), bytes, "{path}: what had been given arrives");
    (answer, client.end())
}

#[test]
fn failure_after_the_commit_ends_the_body_without_its_last_chunk() {
    assert_eq!(check_incomplete("/flush-4096", 4096).1, End::Closed);
    check_incomplete("/flush-0", 0);
}

#[test]
fn close_delimited_body_that_fails_ends_in_a_reset() {
    let running = Running::new(fails);
    let mut client = running.client();
    client.send("GET /flush-4096 HTTP/1.0\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.is_complete), (200, false), "{}", answer.head);
}

#[test]
fn close_delimited_body_that_is_complete_ends_in_order() {
    let running = Running::new(fails);
    let mut client = running.client();
    client.send("GET /ok HTTP/1.0\r\n\r\n");
    assert!(client.answer().is_complete);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn head_that_has_been_sent_cannot_be_changed() {
    let running = Running::new(|_: Request, mut response: Response| async move {
        response.flush().await?;
        let late = response.status(StatusCode::NOT_FOUND).map(|_| ()).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Committed);
        response.write(b"committed").await
    });
    let answer = running.client().ask("/");
    assert_eq!((answer.status, &*answer.body), (200, &b"committed"[..]));
}

/// A filter that fails with the first data it sees.
fn failing_filter() -> brigade::Prepared {
    let mut registry = brigade::Registry::new();
    registry.register(brigade::Entry::new("fragile", FilterKind::RESOURCE, |_| {
        Ok(|| {
            brigade::from_fn(|input, next| {
                while let Some(bucket) = next.read(input)? {
                    if bucket.is_data() {
                        return Err(Error::other("too fragile"));
                    }
                    next.push(bucket)?;
                }
                Ok(())
            })
        })
    }));
    registry.prepare("fragile").unwrap()
}

#[test]
fn filter_that_fails_before_the_commit_is_answered_500_and_named_in_the_report() {
    let (told, tells) = std::sync::mpsc::channel();
    let settings = Settings::default().filter(failing_filter()).report(move |error| {
        told.send(error.to_string()).unwrap();
    });
    let running = Running::with(settings, |_: Request, mut response: Response| async move {
        response.write(b"some bytes").await
    });
    let answer = running.client().ask("/");
    assert_eq!((answer.status, answer.is_complete), (500, true), "{answer:?}");
    let report = tells.recv_timeout(super::PATIENCE).unwrap();
    assert!(report.contains("fragile") && report.contains("too fragile"), "{report}");
}
