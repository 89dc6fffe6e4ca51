//! Server-sent events through a compressor in axum: each arrives before the next is made.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use brigade::Budget;
use brigade_http::body::{Filters, streaming};
use brigade_http::tower::FilterLayer;
use brigade_testkit::{Allocated, CountingAlloc};
use http::Request;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tower_http::compression::{CompressionLayer, Predicate};

use crate::client::{Decoded, ask};
use crate::servers::{Kind, registry};
use crate::within_patience;

/// Serves events, each made when the client has decoded the one before.
async fn serve<L>(count: usize, gate: Arc<Semaphore>, layer: L) -> SocketAddr
where
    L: Fn(Router) -> Router,
{
    let events = move || {
        let gate = gate.clone();
        streaming(move |mut response| async move {
            response.header("content-type", "text/event-stream")?;
            for n in 0..count {
                response.print(format!("data: event {n}\n\n")).await?;
                let permit = gate.acquire().await.map_err(|_| brigade::Error::other("wait"))?;
                permit.forget();
                let blocks = response.storage().blocks_high_water;
                assert!(blocks <= 8, "{blocks} blocks after {n} events");
            }
            Ok(())
        })
    };
    let router = layer(Router::new().route("/events", get(events)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn deflated(router: Router) -> Router {
    let filters = Filters::from_specs(&registry(), ["deflate"]).unwrap();
    // Were it not flat, it would stand still.
    let filters = filters.budget(Budget::new(16 * 8 * 1024));
    router.layer(FilterLayer::new(filters))
}

/// tower-http leaves events alone unless it is told not to.
fn compressed(router: Router) -> Router {
    #[derive(Clone)]
    struct Always;
    impl Predicate for Always {
        fn should_compress<B: http_body::Body>(&self, _: &http::Response<B>) -> bool {
            true
        }
    }
    router.layer(CompressionLayer::new().compress_when(Always))
}

/// How many of `count` events could be decoded before the next was made, each within a time that is
/// long for a loopback.
async fn decoded(count: usize, layer: impl Fn(Router) -> Router) -> usize {
    let gate = Arc::new(Semaphore::new(0));
    let address = serve(count, gate.clone(), layer).await;
    let request = Request::get("/events").header("accept-encoding", "gzip");
    let Ok(response) = timeout(WAIT, ask(Kind::Axum, address, request)).await else { return 0 };
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let mut body = Decoded::new(response);
    let mut bytes = 0;
    for n in 0..count {
        bytes += format!("data: event {n}\n\n").len();
        if timeout(WAIT, body.until(bytes)).await.is_err() {
            return n;
        }
        gate.add_permits(1);
    }
    assert_eq!(body.finish().await.bytes().len(), bytes);
    count
}

const WAIT: Duration = Duration::from_secs(5);

/// Client and server are one thread here, so that all they allocate is counted.
#[test]
fn each_of_ten_thousand_events_is_decoded_before_the_next_is_made_in_flat_memory() {
    assert!(CountingAlloc::is_counting());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let mut body = runtime.block_on(async {
        let address = serve(10_000, gate.clone(), deflated).await;
        let request = Request::get("/events").header("accept-encoding", "gzip");
        Decoded::new(ask(Kind::Axum, address, request).await)
    });
    let mut decode = |events: std::ops::Range<usize>| {
        let (allocated, ()) = Allocated::during(|| {
            runtime.block_on(async {
                for n in events {
                    let event = format!("data: event {n}\n\n");
                    body.forget();
                    timeout(WAIT, body.until(event.len())).await.unwrap();
                    assert_eq!(body.bytes(), event.as_bytes());
                    gate.add_permits(1);
                }
            });
        });
        allocated
    };
    let (few, many) = (decode(0..100), decode(100..10_000));
    assert!(few.peak_bytes < 1 << 20, "{few:?}");
    // Small change: a buffer that has grown to its size.
    assert!(many.peak_bytes < 64 * 1024 && many.left_bytes < 16 * 1024, "{many:?}");
}

/// What theirs does is printed and not promised: it changes with their releases.
#[test]
fn events_are_decoded_in_time_beside_those_of_tower_http() {
    within_patience(async {
        let (ours, theirs) = (decoded(20, deflated).await, decoded(20, compressed).await);
        println!("events decoded in time, of 20: {ours} by deflate, {theirs} by tower-http");
        assert_eq!(ours, 20);
    });
}

#[test]
fn client_that_leaves_is_noticed_while_the_producer_sleeps() {
    within_patience(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let sleeps = move || {
            let tell = tell.clone();
            streaming(move |mut response| async move {
                response.header("content-type", "text/event-stream")?;
                response.write(b"data: only\n\n").await?;
                let (_never, sleeps) = oneshot::channel::<()>();
                tokio::select! {
                    () = response.closed() => tell.send("left").map_err(|_| brigade::Error::other("tell")),
                    _ = sleeps => Ok(()),
                }
            })
        };
        let router = deflated(Router::new().route("/events", get(sleeps)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let request = Request::get("/events").header("accept-encoding", "gzip");
        let mut body = Decoded::new(ask(Kind::Axum, address, request).await);
        body.until(12).await;
        drop(body); // The connection goes with it.
        assert_eq!(timeout(WAIT, told.recv()).await.unwrap(), Some("left"));
    });
}
