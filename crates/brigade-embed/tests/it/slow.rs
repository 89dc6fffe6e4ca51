//! A client that reads nothing of a response without an end: what is held for it, in each server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brigade_http::driver::{Request, Response};
use http::Request as Ask;
use tokio::net::TcpSocket;
use tokio::time::sleep;

use crate::client::ask_over;
use crate::servers::{ALL, Kind, start};
use crate::within_patience;

/// The published formula: a piece for each filter, what the writer or the queue takes, two blocks, a
/// piece that gathers, and what the producer gives in one call.
const FORMULA_BYTES: u64 = (2 + 1 + 1) * 64 * 1024 + 2 * 8 * 1024 + 1000;

/// What hyper keeps beside: 16 frames or 408 KiB over HTTP/1.1, 400 KiB a stream over HTTP/2.
const HYPER_BYTES: u64 = 408 * 1024 + 64 * 1024;

/// The most that our storage held when the producer stood still.
async fn held_when_stalled(kind: Kind) -> u64 {
    let (given, blocks) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (count, high) = (given.clone(), blocks.clone());
    let endless = move |_: Request, mut response: Response| {
        let (count, high) = (count.clone(), high.clone());
        async move {
            response.header("content-type", "text/plain")?;
            loop {
                response.write(&[b'x'; 1000]).await?;
                count.fetch_add(1000, Ordering::Relaxed);
                high.store(response.storage().blocks_high_water as u64, Ordering::Relaxed);
            }
        }
    };
    let filters = ["substitute s/Apache/httpd/", "pass"];
    let address = start(kind, &filters, endless).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let response = ask_over(kind, address, stream, Ask::get("/")).await;
    // It stands still when the system has no more room, which is looked for, not waited for.
    let (mut before, mut still) = (0, 0);
    while still < 20 {
        sleep(Duration::from_millis(10)).await;
        let now = given.load(Ordering::Relaxed);
        still = if now == before && now > 0 { still + 1 } else { 0 };
        before = now;
    }
    drop(response);
    blocks.load(Ordering::Relaxed) * 8 * 1024
}

#[test]
fn client_that_reads_nothing_costs_what_the_formula_says() {
    within_patience(async {
        for kind in ALL {
            let held = held_when_stalled(kind).await;
            let server = if kind == Kind::Brigade { 0 } else { HYPER_BYTES };
            println!("{:16} {:4} KiB", kind.name(), held / 1024);
            assert!(held <= FORMULA_BYTES + server, "{} holds {held} bytes", kind.name());
        }
    });
}
