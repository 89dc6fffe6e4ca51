//! Idle flush: what a handler gave is on its way before it waits for something else.

use std::sync::Arc;

use brigade_http::driver::{Request, Response, Settings};
use tokio::sync::Semaphore;

use super::Running;

/// Writes a piece whenever the gate lets it, and waits at the gate in between.
#[track_caller]
fn check_each_piece_comes_before_the_next_is_made(settings: Settings) {
    let gate = Arc::new(Semaphore::new(0));
    let passes = gate.clone();
    let running = Running::with(settings, move |_: Request, mut response: Response| {
        let passes = passes.clone();
        async move {
            for n in 0..3 {
                passes.acquire().await.unwrap().forget();
                response.print(format!("piece {n}\n")).await?;
            }
            passes.acquire().await.unwrap().forget();
            Ok(())
        }
    });
    let mut client = running.client();
    client.get("/");
    gate.add_permits(1);
    client.head();
    for n in 0..3 {
        // Nothing but the handler's waiting can have sent it.
        assert_eq!(client.chunk(), Some(format!("piece {n}\n").into_bytes()));
        gate.add_permits(1);
    }
    assert_eq!(client.chunk(), Some(Vec::new()));
}

#[test]
fn piece_arrives_while_its_handler_waits_for_the_next() {
    check_each_piece_comes_before_the_next_is_made(Settings::default());
}

#[test]
fn head_is_not_sent_while_a_handler_that_gave_nothing_waits() {
    let gate = Arc::new(Semaphore::new(0));
    let passes = gate.clone();
    let running = Running::new(move |_: Request, mut response: Response| {
        let passes = passes.clone();
        async move {
            passes.acquire().await.unwrap().forget();
            response.status(http::StatusCode::NOT_FOUND)?;
            response.write(b"decided late").await
        }
    });
    let mut client = running.client();
    client.get("/");
    gate.add_permits(1);
    let answer = client.answer();
    assert_eq!((answer.status, &*answer.body), (404, &b"decided late"[..]));
}

#[test]
fn handler_that_never_waits_sends_no_flush_of_its_own() {
    let running = Running::new(|_: Request, mut response: Response| async move {
        for _ in 0..10_000 {
            response.write(&[b'x'; 32]).await?;
        }
        Ok(())
    });
    let mut client = running.client();
    client.get("/");
    client.head();
    let mut chunks = Vec::new();
    while let Some(chunk) = client.chunk().filter(|chunk| !chunk.is_empty()) {
        chunks.push(chunk.len());
    }
    assert_eq!(chunks.iter().sum::<usize>(), 320_000);
    assert!(chunks.len() <= 42, "full blocks, but for the last: {chunks:?}");
}
