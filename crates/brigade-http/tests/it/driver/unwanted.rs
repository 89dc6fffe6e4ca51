//! Responses without a body: they are over with their head, however much is given.

use brigade::ErrorKind;
use brigade_http::driver::{Request, Response};
use tokio::sync::mpsc;

use super::{Client, Running, within_patience};

fn head_of(client: &mut Client, path: &str) -> String {
    client.send(&format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    client.head()
}

#[test]
fn endless_handler_learns_that_head_wants_no_body() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = Running::new(move |_: Request, mut response: Response| {
        let tell = tell.clone();
        async move {
            loop {
                if let Err(error) = response.write(&[b'x'; 1000]).await {
                    tell.send((error.kind(), response.is_closed())).unwrap();
                    return Err(error);
                }
            }
        }
    });
    let mut client = running.client();
    assert!(head_of(&mut client, "/").starts_with("HTTP/1.1 200 "));
    assert_eq!(within_patience(told.recv()), Some((ErrorKind::Aborted, true)));
    // Its error is none: the connection lives on.
    assert!(head_of(&mut client, "/").starts_with("HTTP/1.1 200 "));
}

#[test]
fn handler_that_waits_for_the_end_learns_that_head_wants_no_body() {
    let running = Running::new(|_: Request, mut response: Response| async move {
        response.flush().await?;
        response.closed().await;
        Ok(())
    });
    let mut client = running.client();
    for _ in 0..2 {
        assert!(head_of(&mut client, "/").starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn response_without_a_body_can_still_be_finished() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = Running::new(move |_: Request, mut response: Response| {
        let tell = tell.clone();
        async move {
            response.write(&[b'x'; 10_000]).await?;
            tell.send(response.finish().await.is_ok()).unwrap();
            Ok(())
        }
    });
    let mut client = running.client();
    for _ in 0..2 {
        assert!(head_of(&mut client, "/").starts_with("HTTP/1.1 200 "));
        assert_eq!(within_patience(told.recv()), Some(true));
    }
}

#[test]
fn head_that_cannot_be_read_is_answered_without_a_body() {
    let running = Running::new(|_: Request, _: Response| async move { Ok(()) });
    for request in ["HEAD / HTTP/1.1\r\n\r\n", "\r\nHEAD /\n", "HEAD / HTTP/3.0\r\n\r\n"] {
        let mut client = running.client();
        client.send(request);
        client.head();
        assert_eq!(client.rest(), b"", "{request:?}");
    }
}
