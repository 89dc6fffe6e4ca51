//! Clients that leave: the handler learns it, and nothing is held for them.

use std::sync::Arc;

use brigade::ErrorKind;
use brigade_http::driver::{Request, Response};
use rustix::net::sockopt::set_socket_linger;
use tokio::sync::{mpsc, oneshot};

use super::{PATIENCE, Running, within_patience};

#[test]
fn handler_that_sleeps_learns_of_a_reset_without_a_write() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = Running::new(move |_: Request, mut response: Response| {
        let tell = tell.clone();
        async move {
            response.write(b"hello").await?;
            response.closed().await;
            tell.send((response.is_closed(), response.storage().blocks_live)).unwrap();
            Ok(())
        }
    });
    let mut client = running.client();
    client.get("/");
    client.head();
    set_socket_linger(client.stream(), Some(std::time::Duration::ZERO)).unwrap();
    drop(client);
    let (is_closed, blocks) = within_patience(told.recv()).unwrap();
    assert_eq!((is_closed, blocks), (true, 0));
}

#[test]
fn endless_handler_learns_that_its_client_left() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = Running::new(move |_: Request, mut response: Response| {
        let tell = tell.clone();
        async move {
            loop {
                if let Err(error) = response.write(&[b'x'; 1000]).await {
                    tell.send((error.kind(), response.storage().blocks_live)).unwrap();
                    return Err(error);
                }
            }
        }
    });
    let mut client = running.client();
    client.get("/");
    client.head();
    drop(client);
    let (kind, blocks) = within_patience(told.recv()).unwrap();
    assert!(matches!(kind, ErrorKind::Aborted | ErrorKind::ClientGone), "{kind:?}");
    assert_eq!(blocks, 0);
}

#[test]
fn client_that_only_ends_its_side_still_gets_its_answer() {
    let (go, gone) = oneshot::channel::<()>();
    let gone = Arc::new(tokio::sync::Mutex::new(Some(gone)));
    let running = Running::new(move |_: Request, mut response: Response| {
        let gone = gone.clone();
        async move {
            let gone = gone.lock().await.take().unwrap();
            gone.await.unwrap();
            response.write(b"still here").await
        }
    });
    let mut client = running.client();
    client.get("/");
    client.stream().shutdown(std::net::Shutdown::Write).unwrap();
    go.send(()).unwrap();
    assert_eq!(client.answer().body, b"still here");
}

#[test]
fn response_that_outlives_its_handler_goes_on_in_its_task() {
    let running = Running::new(|_: Request, mut response: Response| async move {
        tokio::spawn(async move {
            for n in 0..100 {
                tokio::task::yield_now().await;
                response.print(format!("{n}\n")).await?;
            }
            response.finish().await
        });
        Ok(())
    });
    let mut client = running.client();
    let answer = client.ask("/");
    assert!(answer.is_complete && answer.body.ends_with(b"99\n"), "{answer:?}");
    assert!(client.lives_on("/"));
}

#[test]
fn response_dropped_by_its_task_without_finish_fails() {
    let running = Running::new(|_: Request, mut response: Response| async move {
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            response.flush().await
        });
        Ok(())
    });
    let answer = running.client().ask("/");
    assert!(!answer.is_complete, "{answer:?}");
}

#[test]
fn slow_reader_holds_the_handler_back_and_gets_every_byte() {
    let running = Running::new(|_: Request, mut response: Response| async move {
        for n in 0..200_000_u32 {
            response.write(&n.to_be_bytes()).await?;
        }
        Ok(())
    });
    let begun = std::time::Instant::now();
    let answer = running.client().ask("/");
    assert!(begun.elapsed() < PATIENCE);
    let expected: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
    assert!(answer.is_complete && answer.body == expected);
}
