//! Handlers inside the bodies of other servers.

use std::future::Future;
use std::io::Write;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use brigade::{End, Error, Result};
use brigade_http::RequestHead;
use brigade_http::body::{ChainBody, Filters, streaming};
use brigade_http::driver::Response;
use http::{Method, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::oneshot;

use super::{hoards, look, note_pause, pause, transcript, upper, watched};

fn get() -> RequestHead {
    RequestHead::get("/".parse().unwrap())
}

/// The response whose head comes out, and how often it did not.
fn respond<F, H>(filters: &Filters, handler: H) -> (http::Response<ChainBody>, usize)
where
    H: FnOnce(Response) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut response = pin!(filters.stream(get(), handler));
    for pauses in 0..20 {
        let polled = response.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(response) = polled {
            return (response, pauses);
        }
        note_pause();
    }
    panic!("no head");
}

#[track_caller]
fn check<F, H>(filters: &Filters, handler: H, status: u16, expected: &str)
where
    H: FnOnce(Response) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (response, _) = respond(filters, handler);
    assert_eq!(response.status(), status);
    assert_eq!(transcript(response.into_body()), expected);
}

#[test]
fn handler_writes_a_head_and_a_body() {
    let (response, _) = respond(&Filters::none(), |mut response| async move {
        response.status(StatusCode::CREATED)?.header("x-own", "here")?;
        response.write(b"hello, ").await?;
        response.print(format!("{}\n", "hyper")).await
    });
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-own"]),
        (201, &"here".parse().unwrap())
    );
    assert_eq!(response.body().size_hint().exact(), Some(13));
    assert_eq!(transcript(response.into_body()), "hello, hyper\n .");
}

#[test]
fn what_was_written_leaves_when_the_handler_waits() {
    for filters in [Filters::none(), hoards()] {
        let handler = |mut response: Response| async move {
            response.write(b"a").await?;
            pause().await;
            response.write(b"b").await?;
            response.write(b"c").await?;
            pause().await;
            Ok(())
        };
        check(&filters, handler, 200, "a | bc | .");
    }
}

#[test]
fn head_is_held_until_something_is_given() {
    let (response, pauses) = respond(&Filters::none(), |mut response| async move {
        pause().await;
        response.status(StatusCode::NOT_FOUND)?;
        pause().await;
        response.flush().await?;
        pause().await;
        Ok(())
    });
    assert_eq!((response.status().as_u16(), pauses), (404, 2));
    assert_eq!(transcript(response.into_body()), "| .");
}

#[test]
fn trailers_of_a_handler_are_a_frame() {
    let handler = |mut response: Response| async move {
        response.trailer("t", "x")?;
        response.write(b"a").await
    };
    check(&upper(), handler, 200, "A +x .");
}

#[test]
fn file_of_a_handler_goes_through_filters_or_unread() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"abc").unwrap();
    let file = Arc::new(file);
    for (filters, expected) in [(Filters::none(), "<abc>"), (upper(), "<ABC>")] {
        let file = file.clone();
        let handler = move |mut response: Response| async move {
            response.write(b"<").await?;
            response.send_file(file, 0, 3).await?;
            response.write(b">").await
        };
        let (response, _) = respond(&filters, handler);
        // What has to be read for a filter has no length yet.
        let exact = response.body().size_hint().exact();
        assert_eq!(exact, filters.is_empty().then_some(5));
        assert_eq!(transcript(response.into_body()).replace(' ', ""), format!("{expected}."));
    }
}

#[test]
fn file_of_a_handler_that_waits_behind_it_leaves() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"abc").unwrap();
    let handler = |mut response: Response| async move {
        response.send_file(file, 0, 3).await?;
        std::future::pending().await
    };
    let (response, _) = respond(&Filters::none(), handler);
    let mut body = response.into_body();
    assert_eq!((look(&mut body).0, look(&mut body).0), ("abc".into(), "|".into()));
}

#[test]
fn handler_that_fails_before_its_head_has_left_makes_a_page_and_later_an_error() {
    let page = "500 Internal Server Error\n .";
    let early = |mut response: Response| async move {
        response.write(b"taken back").await?;
        Err(Error::other("no"))
    };
    check(&Filters::none(), early, 500, page);
    check(&Filters::none(), |_| async { panic!("no") }, 500, page);
    let late = |mut response: Response| async move {
        response.write(b"a").await?;
        response.flush().await?;
        Err(Error::other("no"))
    };
    check(&Filters::none(), late, 200, "a | !no");
    let late = |mut response: Response| async move {
        response.write(b"a").await?;
        response.flush().await?;
        panic!("no")
    };
    check(&Filters::none(), late, 200, "a | !the handler panicked");
}

#[test]
fn answer_to_head_is_over_with_its_head_and_the_handler_learns_it() {
    let (filters, ends) = watched();
    let request = RequestHead { method: Method::HEAD, ..get() };
    let learned = Arc::new(AtomicUsize::new(0));
    let note = learned.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let response = filters
            .stream(request, move |mut response| async move {
                response.header("x-own", "here")?;
                response.flush().await?;
                response.closed().await;
                note.fetch_add(1, Ordering::Relaxed);
                response.write(b"for nobody").await
            })
            .await;
        assert!(response.body().is_end_stream());
        drop(response);
        tokio::task::yield_now().await;
    });
    assert_eq!((learned.load(Ordering::Relaxed), ends.take()), (1, vec![End::Complete]));
}

#[test]
fn handler_learns_that_the_body_was_dropped_and_goes_on_to_its_end() {
    let (filters, ends) = watched();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (told, hears) = oneshot::channel();
        let response = filters
            .stream(get(), |mut response| async move {
                response.write(b"a").await?;
                response.flush().await?;
                tokio::select! {
                    () = response.closed() => {}
                    () = tokio::time::sleep(Duration::from_secs(60)) => panic!("it was not told"),
                }
                let late = response.write(b"late").await.map_err(|error| error.kind());
                told.send((response.is_closed(), late)).unwrap();
                Ok(())
            })
            .await;
        let mut body = response.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
        assert!(poll_once(&mut body).await.is_pending());
        drop(body);
        let (is_closed, late) = hears.await.unwrap();
        assert_eq!((is_closed, late), (true, Err(brigade::ErrorKind::Aborted)));
    });
    assert_eq!(ends.take(), [End::ClientGone]);
}

async fn poll_once(body: &mut ChainBody) -> Poll<()> {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *body).poll_frame(cx).map(|_| ()))).await
}

#[test]
fn handle_that_went_to_another_task_wakes_the_body() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let text = runtime.block_on(async {
        let response = streaming(|mut response| async move {
            tokio::spawn(async move {
                response.write(b"from another task").await?;
                tokio::task::yield_now().await;
                response.finish().await
            });
            Ok(())
        })
        .await;
        response.into_body().collect().await.unwrap().to_bytes()
    });
    assert_eq!(text, "from another task");
}

#[test]
fn million_writes_need_a_few_blocks() {
    let (response, _) = respond(&Filters::none(), |mut response| async move {
        for _ in 0..1_000_000 {
            response.write(b"thirty-two bytes, over and over\n").await?;
        }
        let stats = response.storage();
        assert!(stats.blocks_high_water < 30, "{stats:?}");
        Ok(())
    });
    let mut body = response.into_body();
    let mut bytes = 0;
    loop {
        match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {}
            Poll::Ready(None) => break,
            Poll::Ready(Some(frame)) => bytes += frame.unwrap().into_data().unwrap().len(),
        }
    }
    assert_eq!(bytes, 32_000_000);
}

#[test]
fn reader_that_takes_nothing_stops_the_handler() {
    let given = Arc::new(AtomicUsize::new(0));
    let count = given.clone();
    let (response, _) = respond(&upper(), move |mut response| async move {
        loop {
            response.write(&[b'x'; 1000]).await?;
            count.fetch_add(1000, Ordering::Relaxed);
        }
    });
    let mut body = response.into_body();
    (0..3).for_each(|_| drop(look(&mut body)));
    // A piece that gathers, a piece in the queue, a block before the head.
    let most = 2 * 64 * 1024 + 3 * 8 * 1024;
    let ahead = given.load(Ordering::Relaxed);
    assert!(ahead <= most, "{ahead} bytes were taken for three frames");
}
