//! A budget and a cache that all connections share: who waits, that nobody is lost, what idle ones hold.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use brigade::{
    AllocOptions, BlockCache, Bucket, BucketAlloc, Budget, Entry, FilterKind, Prepared, Registry,
};
use brigade_http::driver::{Request, Response, Settings, blocking};
use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::{Client, PATIENCE, Running};

const BLOCK: usize = 8 * 1024;
const PIECE: usize = 64 * 1024;

/// Longer than the system keeps for one that reads slowly.
static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| (0..8_000_000_u32).map(to_byte).collect());
static FILE: LazyLock<Arc<File>> = LazyLock::new(|| {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&BODY).unwrap();
    Arc::new(file)
});

#[allow(clippy::cast_possible_truncation)] // The top byte of a hash.
fn to_byte(at: u32) -> u8 {
    (at.wrapping_mul(0x9E37_79B9) >> 24) as u8
}

/// A filter that has to see all bytes.
fn reads() -> Prepared {
    let mut registry = Registry::new();
    registry.register(Entry::new("reads", FilterKind::RESOURCE, |_| {
        Ok(|| {
            brigade::from_fn(|input, next| {
                while let Some(bucket) = next.read(input)? {
                    next.push(bucket)?;
                }
                Ok(())
            })
        })
    }));
    registry.prepare("reads").unwrap()
}

/// Storage in a budget of so many blocks.
fn within(blocks: usize) -> (Settings, Budget) {
    let budget = Budget::new(blocks * BLOCK);
    let storage = AllocOptions::default().budget(budget.clone());
    (Settings::default().storage(storage).filter(reads()), budget)
}

/// Holds a whole budget, whatever others hold of it.
struct Greedy {
    _alloc: BucketAlloc,
    _held: Vec<Bucket<'static>>,
}

impl Greedy {
    fn new(budget: &Budget) -> Self {
        let mut alloc = AllocOptions::default().budget(budget.clone()).build();
        let blocks = budget.limit_bytes() / BLOCK;
        let held = (0..blocks).map(|_| alloc.copy(&[0; BLOCK])).collect();
        Self { _alloc: alloc, _held: held }
    }
}

#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        thread::yield_now();
    }
}

async fn answer(request: Request, mut response: Response) -> brigade::Result<()> {
    match request.path() {
        "/file" => response.send_file(FILE.clone(), 0, BODY.len() as u64).await,
        path => response.write(path.as_bytes()).await,
    }
}

fn answer_blocking(
    request: &Request,
    response: &mut blocking::Response<'_>,
) -> brigade::Result<()> {
    match request.path() {
        "/file" => response.send_file(FILE.clone(), 0, BODY.len() as u64),
        path => response.write(path.as_bytes()),
    }
}

/// A server of either kind; the blocking one ends with the tests.
enum Serving {
    OnTokio(Running),
    OnThreads(SocketAddr),
}

impl Serving {
    /// One kind after the other: they share a budget.
    fn both(settings: &Settings) -> impl Iterator<Item = Self> {
        let on_tokio = || Self::OnTokio(Running::with(settings.clone(), answer));
        let on_threads = || Self::on_threads(settings.clone(), answer_blocking);
        std::iter::once_with(on_tokio).chain(std::iter::once_with(on_threads))
    }

    fn on_threads(
        settings: Settings,
        handler: impl blocking::Handler + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            loop {
                let stream = blocking::accept(&listener, &settings).unwrap();
                let (settings, handler) = (settings.clone(), handler.clone());
                thread::spawn(move || blocking::serve_connection(stream, &settings, &handler));
            }
        });
        Self::OnThreads(address)
    }

    fn client(&self) -> Client {
        match self {
            Self::OnTokio(running) => running.client(),
            Self::OnThreads(address) => Client::new(*address),
        }
    }
}

/// Asserts that the server says nothing, for now.
#[track_caller]
fn assert_silent(client: &Client) {
    client.stream().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let error = client.stream().read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error:?}");
    client.stream().set_read_timeout(Some(PATIENCE)).unwrap();
}

#[test]
fn accepting_pauses_while_the_budget_is_used_up_and_nobody_is_lost() {
    let (settings, budget) = within(4);
    for serving in Serving::both(&settings) {
        // One that was accepted before shows that the server runs.
        assert_eq!(serving.client().ask("/before").body, b"/before");
        let greedy = Greedy::new(&budget);
        let mut clients: Vec<_> = (0..10).map(|_| serving.client()).collect();
        clients.iter_mut().for_each(|client| client.get("/waits"));
        eventually("accepting waits for room", || budget.waiting() == 1);
        assert_silent(&clients[0]);
        assert_silent(&clients[9]);
        assert_eq!(budget.waiting(), 1, "nobody was accepted, to wait elsewhere");
        drop(greedy);
        for client in &mut clients {
            assert_eq!(client.answer().body, b"/waits");
        }
    }
}

#[test]
fn request_on_an_open_connection_waits_for_room_and_is_answered() {
    let (settings, budget) = within(4);
    for serving in Serving::both(&settings) {
        let mut clients: Vec<_> = (0..10).map(|_| serving.client()).collect();
        clients.iter_mut().for_each(|client| assert_eq!(client.ask("/1").body, b"/1"));
        eventually("idle connections hold nothing", || budget.held_bytes() == 0);
        let greedy = Greedy::new(&budget);
        clients.iter_mut().for_each(|client| client.get("/2"));
        eventually("all wait for room", || budget.waiting() >= 10);
        // Each head was read over the budget, and waits in no block.
        eventually("heads hold nothing", || budget.held_bytes() == budget.limit_bytes());
        assert_silent(&clients[9]);
        drop(greedy);
        clients.iter_mut().for_each(|client| assert_eq!(client.answer().body, b"/2"));
    }
}

#[test]
fn beginnings_of_heads_hold_nothing_and_keep_nobody_from_an_answer() {
    let (settings, budget) = within(4);
    for serving in Serving::both(&settings) {
        let mut clients: Vec<_> = (0..50).map(|_| serving.client()).collect();
        clients.iter_mut().for_each(|client| client.send("GET /late HTT"));
        assert_eq!(serving.client().ask("/other").body, b"/other");
        eventually("they hold nothing", || budget.held_bytes() == 0);
        let greedy = Greedy::new(&budget);
        clients.iter_mut().for_each(|client| client.send("P/1.1\r\nHost: x\r\n"));
        drop(greedy);
        clients.iter_mut().for_each(|client| client.send("\r\n"));
        clients.iter_mut().for_each(|client| assert_eq!(client.answer().body, b"/late"));
    }
}

#[test]
fn handlers_that_hold_the_whole_budget_in_what_has_not_left_all_go_on() {
    const HANDLERS: usize = 4;
    let (settings, budget) = within(HANDLERS);
    let barrier = Arc::new(tokio::sync::Barrier::new(HANDLERS));
    let on_tokio = Running::with(settings.clone(), move |_: Request, mut response: Response| {
        let barrier = barrier.clone();
        async move {
            response.write(b"first, ").await?;
            barrier.wait().await;
            response.write(b"second").await
        }
    });
    let barrier = Arc::new(std::sync::Barrier::new(HANDLERS));
    let handler = move |_: &Request, response: &mut blocking::Response<'_>| {
        response.write(b"first, ")?;
        barrier.wait();
        response.write(b"second")
    };
    for serving in [Serving::OnTokio(on_tokio), Serving::on_threads(settings, handler)] {
        let mut clients: Vec<_> = (0..HANDLERS).map(|_| serving.client()).collect();
        clients.iter_mut().for_each(|client| client.get("/"));
        clients.iter_mut().for_each(|client| assert_eq!(client.answer().body, b"first, second"));
        eventually("nothing is left", || budget.held_bytes() == 0);
    }
}

#[test]
fn idle_connections_hold_no_block_before_their_first_byte_and_between_requests() {
    const CONNECTIONS: usize = 200;
    let cache = BlockCache::new(BLOCK, 64);
    let budget = Budget::new(usize::MAX);
    let storage = AllocOptions::default().cache(cache.clone()).budget(budget.clone());
    for serving in Serving::both(&Settings::default().storage(storage)) {
        let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| serving.client()).collect();
        for path in ["/1", "/2", "/3"] {
            for client in &mut clients {
                assert_eq!(client.ask(path).body, path.as_bytes());
            }
            eventually("all are idle", || budget.held_bytes() == 0);
        }
    }
    let (most, stats) = (budget.high_water_bytes(), cache.stats());
    assert!(most < CONNECTIONS * BLOCK / 2, "{most} bytes held");
    assert!(stats.missed < CONNECTIONS as u64 / 2 && stats.blocks <= 64, "{stats:?}");
    assert!(stats.taken >= 6 * CONNECTIONS as u64 - stats.missed, "{stats:?}");
}

#[test]
fn request_that_waits_too_long_for_room_is_answered_503() {
    let (settings, budget) = within(4);
    let settings = settings.room_timeout(Duration::from_millis(100));
    for serving in Serving::both(&settings) {
        let mut client = serving.client();
        assert_eq!(client.ask("/").status, 200);
        let _greedy = Greedy::new(&budget);
        let answer = client.ask("/");
        assert_eq!((answer.status, answer.is_complete), (503, true), "{answer:?}");
        assert_eq!(client.rest(), b"", "the connection is closed");
    }
}

#[test]
fn handler_that_waits_too_long_for_room_before_its_head_is_answered_503() {
    let (settings, budget) = within(4);
    let settings = settings.room_timeout(Duration::from_millis(100));
    let room = budget.clone();
    let on_tokio = Running::with(settings.clone(), move |_: Request, mut response: Response| {
        let room = room.clone();
        async move {
            let _greedy = Greedy::new(&room); // For as long as the handler runs.
            response.send_file(FILE.clone(), 0, 1000).await
        }
    });
    let room = budget.clone();
    let handler = move |_: &Request, response: &mut blocking::Response<'_>| {
        let _greedy = Greedy::new(&room);
        response.send_file(FILE.clone(), 0, 1000)
    };
    for serving in [Serving::OnTokio(on_tokio), Serving::on_threads(settings, handler)] {
        let answer = serving.client().ask("/");
        assert_eq!((answer.status, answer.is_complete), (503, true), "{answer:?}");
        eventually("nothing is left", || budget.held_bytes() == 0);
    }
}

#[test]
fn response_that_waits_too_long_for_room_is_cut_off_and_never_looks_complete() {
    let (settings, budget) = within(4);
    let settings = settings.room_timeout(Duration::from_millis(100));
    for serving in Serving::both(&settings) {
        let mut client = serving.client();
        set_socket_recv_buffer_size(client.stream(), 64 * 1024).unwrap();
        client.get("/file");
        let (begun, _) = client.read_up_to(1000);
        // The client has stopped to read: the response is in the middle of its file.
        let _greedy = Greedy::new(&budget);
        let (rest, _) = client.read_up_to(2 * BODY.len());
        assert!(begun.len() == 1000 && rest.len() < BODY.len(), "{} bytes came", rest.len());
    }
}

#[test]
fn slow_readers_in_a_small_budget_all_get_all_bytes_within_the_published_overshoot() {
    const READERS: usize = 12;
    let (settings, budget) = within(16);
    for serving in Serving::both(&settings) {
        let readers = (0..READERS).map(|_| {
            let mut client = serving.client();
            set_socket_recv_buffer_size(client.stream(), 64 * 1024).unwrap();
            thread::spawn(move || {
                client.get("/file");
                assert!(client.answer().body == *BODY);
            })
        });
        readers.collect::<Vec<_>>().into_iter().for_each(|reader| reader.join().unwrap());
        eventually("nothing is left", || budget.held_bytes() == 0);
    }
    // A piece for the filter of each, and what one is reading a head into.
    let most = budget.high_water_bytes();
    assert!(most <= budget.limit_bytes() + READERS * (PIECE + BLOCK), "{most} bytes held");
}
