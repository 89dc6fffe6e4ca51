//! Responses that have been made and still leave, at the pace of a slow client.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brigade_http::driver::{Request, Response, Settings};
use tokio::sync::Semaphore;

use super::client::End;
use super::{Client, Running};

/// More than the system's buffers take.
const LEN: usize = 32 << 20;

fn sends_a_file() -> impl Fn(Request, Response) -> brigade_http::driver::HandlerFuture {
    let file = tempfile::tempfile().unwrap();
    file.set_len(LEN as u64).unwrap();
    let file: Arc<File> = Arc::new(file);
    move |_, mut response: Response| {
        let file = file.clone();
        Box::pin(async move { response.send_file(file, 0, LEN as u64).await })
    }
}

#[track_caller]
fn check_arrives(client: &mut Client) {
    let answer = client.answer();
    assert_eq!((answer.body.len(), answer.is_complete), (LEN, true));
}

#[test]
fn file_that_leaves_slowly_is_no_idleness() {
    let limit = Duration::from_millis(100);
    let running = Running::with(Settings::default().keep_alive_timeout(limit), sends_a_file());
    let mut client = running.client();
    client.get("/");
    std::thread::sleep(4 * limit);
    check_arrives(&mut client);
    assert_eq!(client.end(), End::Closed, "idle from then on");
}

#[test]
fn client_that_ends_its_side_gets_the_whole_file() {
    let running = Running::new(sends_a_file());
    let mut client = running.client();
    client.get("/");
    client.end_sending();
    check_arrives(&mut client);
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn server_that_is_asked_to_stop_lets_a_file_leave() {
    let mut running = Running::new(sends_a_file());
    let mut client = running.client();
    client.get("/");
    client.head();
    running.stop();
    // Nobody listens any more: the server has seen it.
    while std::net::TcpStream::connect(running.address).is_ok() {
        std::thread::yield_now();
    }
    let (body, is_complete) = client.read_up_to(LEN);
    assert_eq!((body.len(), is_complete), (LEN, true));
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn responses_that_nobody_reads_do_not_pile_up() {
    const REQUESTS: usize = 10_000;
    let (asked, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (asks, blocks) = (asked.clone(), most.clone());
    let running = Running::new(move |_: Request, mut response: Response| {
        // Nothing is given: only the head and the end, which wait for no room.
        asks.fetch_add(1, Ordering::Relaxed);
        blocks.fetch_max(response.storage().blocks_live, Ordering::Relaxed);
        let set = response.header("x-long", "x".repeat(4000)).map(|_| ());
        async move { set }
    });
    let mut client = running.client();
    client.send(&"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(REQUESTS));
    // Until the server goes on no more: what it holds by then, it holds for as long as nobody reads.
    let mut before = 0;
    while std::mem::replace(&mut before, asked.load(Ordering::Relaxed)) != before || before == 0 {
        std::thread::sleep(Duration::from_millis(200));
    }
    let most = most.load(Ordering::Relaxed);
    assert!(most <= 16, "{most} blocks were live at once, for {before} answers of 4 KB");
    for n in 0..REQUESTS {
        assert_eq!(client.answer().status, 200, "answer {n}");
    }
}

#[test]
fn finished_response_does_not_wait_for_the_handler_of_the_next() {
    let gate = Arc::new(Semaphore::new(0));
    let passes = gate.clone();
    let running = Running::new(move |request: Request, mut response: Response| {
        let passes = passes.clone();
        async move {
            if request.path() == "/slow" {
                passes.acquire().await.unwrap().forget();
            }
            response.write(b"done").await
        }
    });
    let mut client = running.client();
    let quick = "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3);
    client.send(&format!("{quick}GET /slow HTTP/1.1\r\nHost: x\r\n\r\n{quick}"));
    for _ in 0..3 {
        assert_eq!(client.answer().body, b"done");
    }
    gate.add_permits(1);
    for _ in 0..4 {
        assert_eq!(client.answer().body, b"done");
    }
}
