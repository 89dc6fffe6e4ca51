//! Nobody keeps the others from their turn, and no limit is taken for another.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use brigade::ErrorKind;
use brigade_http::driver::{Request, Response, Settings};
use tokio::sync::mpsc;

use super::{PATIENCE, Running, within_patience};

async fn hello(_: Request, mut response: Response) -> brigade::Result<()> {
    response.write(b"hello").await
}

#[test]
fn client_that_never_stops_asking_does_not_keep_others_waiting() {
    let running = Running::new(hello); // On one worker thread.
    let stop = Arc::new(AtomicBool::new(false));
    let greedy = running.client();
    let (mut reads, mut writes) =
        (greedy.stream().try_clone().unwrap(), greedy.stream().try_clone().unwrap());
    let stopped = stop.clone();
    let asking = std::thread::spawn(move || {
        let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(500);
        while !stopped.load(Ordering::Relaxed) {
            writes.write_all(requests.as_bytes()).unwrap();
        }
        writes.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let reading = std::thread::spawn(move || std::io::copy(&mut reads, &mut std::io::sink()));
    for _ in 0..5 {
        assert_eq!(running.client().ask("/").body, b"hello");
    }
    stop.store(true, Ordering::Relaxed);
    asking.join().unwrap();
    assert!(reading.join().unwrap().is_ok());
}

#[test]
fn writer_makes_its_handler_give_way() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let running = Running::new(move |_: Request, mut response: Response| {
        let tell = tell.clone();
        async move {
            let mut given = 0;
            let ended = {
                let mut writer = response.writer().await?;
                loop {
                    match writer.write(&[b'x'; 1024]) {
                        Ok(()) => given += 1024,
                        Err(error) => break error.kind(),
                    }
                }
            };
            tell.send((given, ended)).unwrap();
            response.write(b"the end").await
        }
    });
    let answer = running.client().ask("/");
    assert!(answer.is_complete && answer.body.ends_with(b"the end"));
    // Less than the system's buffers take: the client's pace has nothing to do with it.
    assert_eq!(within_patience(told.recv()), Some((256 * 1024, ErrorKind::WouldBlock)));
}

#[test]
fn write_that_is_given_up_has_given_all_or_nothing() {
    const PIECES: u32 = 200_000;
    let running = Running::new(|_: Request, mut response: Response| async move {
        let mut next: u32 = 0;
        while next < PIECES {
            let piece = next.to_be_bytes().repeat(25);
            tokio::select! {
                biased;
                given = response.write(&piece) => {
                    given?;
                    next += 1;
                }
                // The write waits: give it up, and let the driver have its turn.
                () = tokio::task::yield_now() => {}
            }
        }
        Ok(())
    });
    let mut client = running.client();
    client.get("/");
    // The client's buffers are full by the time it begins to read.
    std::thread::sleep(Duration::from_millis(200));
    let answer = client.answer();
    assert!(answer.is_complete);
    let pieces = answer.body.chunks(100).map(<[u8]>::to_vec);
    assert!(pieces.eq((0..PIECES).map(|n| n.to_be_bytes().repeat(25))));
}

#[test]
fn piece_leaves_though_the_call_before_the_wait_was_given_up() {
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let gone = Arc::new(tokio::sync::Mutex::new(Some(gone)));
    let running = Running::new(move |_: Request, mut response: Response| {
        let gone = gone.clone();
        async move {
            // It gives way once, and that call is given up.
            for _ in 0..260 {
                tokio::select! {
                    biased;
                    given = response.write(&[b'x'; 1024]) => given?,
                    () = std::future::ready(()) => break,
                }
            }
            let gone = gone.lock().await.take().unwrap();
            gone.await.unwrap();
            response.write(b"the end").await
        }
    });
    let mut client = running.client();
    client.get("/");
    client.head();
    let mut given = 0;
    while given < 256 * 1024 {
        given += client.chunk().expect("all that was given comes while the handler waits").len();
    }
    go.send(()).unwrap();
    assert_eq!(client.chunk(), Some(b"the end".to_vec()));
}

#[test]
fn time_limit_beyond_all_clocks_is_none() {
    let settings = Settings::default()
        .header_timeout(Duration::MAX)
        .keep_alive_timeout(Duration::MAX)
        .write_timeout(Duration::MAX);
    let running = Running::with(settings, |_: Request, mut response: Response| async move {
        for _ in 0..10_000 {
            response.write(&[b'x'; 1000]).await?;
        }
        Ok(())
    });
    let mut client = running.client();
    client.get("/");
    client.send("GET / HT");
    std::thread::sleep(Duration::from_millis(50)); // The writer waits for room meanwhile.
    assert!(client.answer().is_complete);
    client.send("TP/1.1\r\nHost: x\r\n\r\n");
    assert!(client.answer().is_complete);
}

#[test]
fn head_that_comes_byte_by_byte_has_its_time_in_all() {
    let limit = Duration::from_millis(200);
    let running = Running::with(Settings::default().header_timeout(limit), hello);
    let mut stream = running.client().stream().try_clone().unwrap();
    stream.set_read_timeout(Some(limit / 4)).unwrap();
    let begun = Instant::now();
    let mut answer = [0; 12];
    for byte in b"GET / HTTP/1.1\r\nHost: x\r\nA: ".iter().chain(std::iter::repeat(&b'a')) {
        // The server may have closed by now; its answer is there all the same.
        let _ = stream.write_all(&[*byte]);
        if stream.read_exact(&mut answer).is_ok() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "no answer");
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
}
