//! How a response flows: pieces arrive as they are made, slow readers cost a bound.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::server::{Answer, PATIENCE, Served, read_chunk};

fn demo(args: &[&str]) -> (tempfile::TempDir, Served) {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::new(dir.path(), args);
    (dir, served)
}

fn ask(served: &Served, path: &str, fields: &str) -> BufReader<TcpStream> {
    let mut stream = served.connect();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n").unwrap();
    BufReader::new(stream)
}

/// A body of `/-/stream`, as its first bytes must be: pieces of 40 bytes.
const PIECE: usize = 40;

#[track_caller]
fn check_pieces_arrive_as_they_are_made(args: &[&str], fields: &str, decode: fn(&[u8]) -> Vec<u8>) {
    let pause = Duration::from_millis(300);
    let (_dir, served) = demo(args);
    let path = format!("/-/stream?writes=4&size={PIECE}&every=0&pause=300");
    let mut stream = ask(&served, &path, fields);
    let begun = Instant::now();
    Answer::read(&mut stream, false);
    let mut coded = Vec::new();
    for n in 1..=4_u32 {
        while decode(&coded).len() < PIECE * n as usize {
            coded.extend(read_chunk(&mut stream).expect("the body goes on"));
        }
        // Piece n + 1 is made n pauses after the first; this one was here before.
        let late = begun.elapsed();
        assert!(late < pause * n, "piece {n} came after {late:?}");
    }
}

#[test]
fn idle_flush_lets_each_piece_arrive_before_the_next_is_made() {
    check_pieces_arrive_as_they_are_made(&[], "", <[u8]>::to_vec);
    check_pieces_arrive_as_they_are_made(
        &["--filter", "substitute s/Apache/httpd/"],
        "",
        <[u8]>::to_vec,
    );
}

fn gunzip_so_far(coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    // An end that has not come yet is not an error here.
    let _ = flate2::read::GzDecoder::new(coded).read_to_end(&mut plain);
    plain
}

#[test]
fn idle_flush_lets_a_client_decode_each_piece_as_it_comes() {
    let filters = ["--filter", "substitute s/Apache/httpd/", "--filter", "deflate"];
    check_pieces_arrive_as_they_are_made(&filters, "Accept-Encoding: gzip\r\n", gunzip_so_far);
}

#[test]
fn stream_without_pauses_goes_out_in_full_pieces() {
    let (_dir, served) = demo(&[]);
    let mut stream = ask(&served, "/-/stream?writes=10000&size=32", "");
    let answer = Answer::read(&mut stream, false);
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
    let mut chunks = Vec::new();
    while let Some(chunk) = read_chunk(&mut stream) {
        chunks.push(chunk.len());
    }
    assert_eq!(chunks.iter().sum::<usize>(), 320_000);
    // A flush that nobody asked for would leave a small chunk behind.
    assert!(chunks.len() <= 42, "{} chunks: {chunks:?}", chunks.len());
}

#[track_caller]
fn check_slow_reader(args: &[&str], fields: &str) {
    let (_dir, served) = demo(args);
    let stream = ask(&served, "/-/stream?writes=1000000&size=1000&every=0", fields);
    let mut stream = stream.into_inner();
    let mut bytes = vec![0; 10 * 1024 / 20];
    // What the kernel's buffers take is not the server's memory: it is full after a moment.
    let end = Instant::now() + Duration::from_secs(4);
    stream.read_exact(&mut bytes).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let before = served.status("VmRSS");
    while Instant::now() < end {
        stream.read_exact(&mut bytes).unwrap();
        std::thread::sleep(Duration::from_millis(50)); // 10 KiB a second
    }
    let grown = served.status("VmRSS").saturating_sub(before);
    assert!(grown < 1024, "the server grew by {grown} KiB");
}

#[test]
fn reader_at_10_kib_a_second_costs_less_than_1_mib() {
    check_slow_reader(&[], "");
    check_slow_reader(&["--filter", "deflate"], "Accept-Encoding: gzip\r\n");
}

#[test]
fn greedy_stream_does_not_delay_another_connection() {
    let (_dir, served) = demo(&["--threads", "1"]);
    let mut greedy = ask(&served, "/-/stream?writes=1000000000&size=1000", "").into_inner();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reader = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let mut waste = vec![0; 1 << 20];
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(greedy.read(&mut waste).unwrap() > 0, "it is endless");
            }
        }
    });
    for _ in 0..50 {
        let mut stream = ask(&served, "/-/stream?writes=1&size=10", "");
        let begun = Instant::now();
        assert_eq!(Answer::read(&mut stream, true).body.len(), 10);
        assert!(begun.elapsed() < PATIENCE / 4, "{:?}", begun.elapsed());
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    reader.join().unwrap();
}
