//! Clients that leave: the handler learns it, and nothing is held for them.

use std::sync::Arc;

use brigade::{Bucket, ErrorKind, StreamData};
use brigade_http::driver::{Request, Response, Settings};
use tokio::sync::{mpsc, oneshot};

use super::{PATIENCE, Running, serve_one, within_patience};

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
    client.reset();
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

/// The client resets while its response waits for a source that never has anything: the source goes.
#[track_caller]
fn check_source_is_dropped(length: Option<u64>) {
    struct Dropped(mpsc::UnboundedSender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = Running::new(move |_: Request, mut response: Response| {
        let held = Dropped(tell.clone());
        async move {
            if let Some(length) = length {
                response.header("content-length", length)?;
            }
            let never = StreamData::ready(move |_, _| {
                let _ = &held;
                Err(std::io::ErrorKind::WouldBlock.into())
            });
            response.send(Bucket::of(never)).await?;
            response.finish().await
        }
    });
    let mut client = running.client();
    client.get("/");
    client.head();
    client.reset();
    within_patience(told.recv()).unwrap();
}

#[test]
fn source_that_never_has_anything_goes_with_its_client() {
    check_source_is_dropped(None);
    check_source_is_dropped(Some(10)); // Framed by its length, it is the writer that waits.
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
    client.end_sending();
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

#[test]
fn client_that_leaves_between_two_requests_is_no_error() {
    let hello = |_: Request, mut response: Response| async move { response.write(b"hello").await };
    let leaves = |mut client: super::Client| {
        assert_eq!(client.ask("/").body, b"hello");
        client.reset();
    };
    let served = serve_one(Settings::default(), hello, leaves);
    assert!(served.is_ok(), "{served:?}");
}

#[test]
fn task_with_a_response_that_its_handler_failed_learns_that_it_is_over() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = Running::new(move |_: Request, response: Response| {
        let tell = tell.clone();
        async move {
            tokio::spawn(async move {
                response.closed().await;
                tell.send(response.is_closed()).unwrap();
            });
            tokio::task::yield_now().await;
            Err(brigade::Error::other("on purpose"))
        }
    });
    let mut client = running.client();
    assert_eq!(client.ask("/").status, 500);
    // The connection is open, and idle.
    assert_eq!(within_patience(told.recv()), Some(true));
    assert!(client.lives_on("/"));
}

/// What a task that waits for room, or for the end, is told when its connection is given up.
#[track_caller]
fn check_given_up_connection_is_told(waits_for_room: bool) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = move |_: Request, mut response: Response| {
        let tell = tell.clone();
        async move {
            tokio::spawn(async move {
                tell.send(Ok(())).unwrap();
                if waits_for_room {
                    while response.write(&[b'x'; 1000]).await.is_ok() {}
                }
                response.closed().await;
                tell.send(response.write(b"late").await.map_err(|error| error.kind())).unwrap();
            });
            Ok(())
        }
    };
    let running = Running::new(handler);
    let mut client = running.client();
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(within_patience(told.recv()), Some(Ok(())));
    running.give_up();
    assert_eq!(within_patience(told.recv()), Some(Err(ErrorKind::Aborted)));
    assert_eq!(client.end(), super::client::End::Reset, "nothing looks complete");
}

#[test]
fn task_with_a_response_learns_that_its_connection_was_given_up() {
    check_given_up_connection_is_told(false);
    check_given_up_connection_is_told(true);
}
