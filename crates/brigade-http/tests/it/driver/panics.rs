//! Panics: they end their connection, never look like a whole response, and leave nothing hanging.
// A method is not general enough in its bucket's lifetime where a closure is.
#![allow(clippy::redundant_closure_for_method_calls)]

use brigade::{Entry, FilterKind, Prepared, Registry};
use brigade_http::driver::{Request, Response, Settings};
use tokio::sync::mpsc;

use super::{Running, within_patience};

/// A filter that panics when `is_it` says so of a bucket.
fn panics_at(is_it: fn(&brigade::Bucket<'_>) -> bool) -> Prepared {
    let mut registry = Registry::new();
    registry.register(Entry::new("nervous", FilterKind::RESOURCE, move |_| {
        Ok(move || {
            brigade::from_fn(move |input, next| {
                while let Some(bucket) = next.read(input)? {
                    assert!(!is_it(&bucket), "on purpose");
                    next.push(bucket)?;
                }
                Ok(())
            })
        })
    }));
    registry.prepare("nervous").unwrap()
}

async fn flushes(_: Request, mut response: Response) -> brigade::Result<()> {
    response.write(b"some bytes").await?;
    response.flush().await
}

#[test]
fn panic_of_a_filter_at_the_end_never_looks_complete_and_the_server_lives() {
    let settings = Settings::default().filter(panics_at(|bucket| bucket.is_eos()));
    let running = Running::with(settings, flushes);
    for _ in 0..3 {
        let mut client = running.client();
        client.send("GET / HTTP/1.0\r\n\r\n");
        assert!(!client.answer().is_complete, "its end is a reset");
        let mut client = running.client();
        assert!(!client.ask("/").is_complete, "its last chunk is missing");
    }
}

#[test]
fn task_with_a_response_learns_that_a_filter_panicked_in_the_driver() {
    let (tell, mut told) = mpsc::unbounded_channel();
    // Only the driver flushes here, when the handler is done.
    let settings = Settings::default().filter(panics_at(|bucket| bucket.is_flush()));
    let running = Running::with(settings, move |_: Request, mut response: Response| {
        let tell = tell.clone();
        async move {
            response.write(b"some bytes").await?;
            tokio::spawn(async move {
                response.closed().await;
                tell.send(()).unwrap();
            });
            Ok(())
        }
    });
    let mut client = running.client();
    client.get("/");
    assert_eq!(within_patience(told.recv()), Some(()));
    assert_eq!(client.end(), super::client::End::Reset);
}

#[test]
fn panic_of_a_task_with_a_response_runs_no_filter_and_ends_the_response() {
    // A filter that panics again, while the first panic drops the response, would end the process.
    let settings = Settings::default().filter(panics_at(|bucket| bucket.as_error().is_some()));
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = Running::with(settings, move |_: Request, mut response: Response| {
        let tell = tell.clone();
        async move {
            response.flush().await?;
            let task = tokio::spawn(async move {
                tokio::task::yield_now().await;
                let _response = response;
                panic!("on purpose");
            });
            tell.send(task).unwrap();
            Ok(())
        }
    });
    let mut client = running.client();
    assert!(!client.ask("/").is_complete);
    let task = within_patience(told.recv()).unwrap();
    assert!(within_patience(task).unwrap_err().is_panic());
}
