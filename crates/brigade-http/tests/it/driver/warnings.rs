//! Warnings of filters reach the operator, and no client.

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use brigade::{Entry, Error, ErrorKind, FilterKind, Registry, from_fn};
use brigade_http::driver::{Request, Response, Settings, blocking};
use brigade_http::{ResponseHead, Warning};

use super::{Client, PATIENCE, Running};

/// Warns twice of each response, and tells what is reported.
fn settings() -> (Settings, mpsc::Receiver<String>) {
    let mut registry = Registry::new();
    registry.register(Entry::new("warns", FilterKind::RESOURCE, |_| {
        Ok(|| {
            from_fn(|input, next| {
                while let Some(bucket) = next.read(input)? {
                    if bucket.as_metadata::<ResponseHead>().is_some() {
                        for what in ["one", "two"] {
                            let error = Error::new(ErrorKind::Unsupported, what);
                            next.push(Warning::new(error).into_bucket())?;
                        }
                    }
                    next.push(bucket)?;
                }
                Ok(())
            })
        })
    }));
    let (tell, told) = mpsc::channel();
    let report = move |error: &Error| tell.send(error.to_string()).unwrap();
    let warns = registry.prepare("warns").unwrap();
    (Settings::default().filter(warns).report(report), told)
}

#[track_caller]
fn check(mut client: Client, told: &mpsc::Receiver<String>) {
    for _ in 0..2 {
        let answer = client.ask("/");
        assert_eq!((answer.status, &*answer.body, answer.is_complete), (200, &b"fine"[..], true));
        let warnings = [(); 2].map(|()| told.recv_timeout(PATIENCE).unwrap());
        assert_eq!(warnings, ["one", "two"]);
    }
    assert!(told.try_recv().is_err(), "each is reported once");
}

#[test]
fn warnings_of_a_response_that_goes_on_are_reported_once() {
    let (settings, told) = settings();
    let running = Running::with(settings, |_: Request, mut response: Response| async move {
        response.write(b"fine").await
    });
    check(running.client(), &told);
}

#[test]
fn warnings_are_reported_on_a_thread_too() {
    let (settings, told) = settings();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(listener.local_addr().unwrap());
    thread::scope(|scope| {
        scope.spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let handler =
                |_: &Request, response: &mut blocking::Response<'_>| response.write(b"fine");
            blocking::serve_connection(stream, &settings, &handler).unwrap();
        });
        check(client, &told);
    });
}
