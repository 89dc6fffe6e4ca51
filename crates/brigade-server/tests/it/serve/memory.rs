//! What the blocks of all connections hold together, with a limit.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::server::{PATIENCE, Served, curl};

const LIMIT: u64 = 512 * 1024;
const FILE: usize = 4 << 20;
const CLIENTS: usize = 40;

/// The last response's blocks come back a moment after its last byte.
pub(super) fn settles_at_nothing(mut held_bytes: impl FnMut() -> u64) -> bool {
    let late = Instant::now() + PATIENCE;
    while held_bytes() > 0 {
        if Instant::now() > late {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// A file that the filter must see and leaves as it is.
fn served(args: &[&str]) -> (tempfile::TempDir, Vec<u8>, Served) {
    let dir = tempfile::tempdir().unwrap();
    let letters = (b'a'..=b'z').cycle().flat_map(|letter| std::iter::repeat_n(letter, 977));
    let content: Vec<u8> = letters.take(FILE).collect();
    std::fs::write(dir.path().join("large.txt"), &content).unwrap();
    let filter: &[&str] = &["--filter", "substitute s/NOWHERE/x/", "--memory-budget", "512Ki"];
    let served = Served::new(dir.path(), &[filter, args].concat());
    (dir, content, served)
}

fn read_to_end(mut stream: TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("nobody is cut off");
    answer
}

#[test]
fn many_that_do_not_read_stay_within_the_budget_and_all_get_everything_when_they_do() {
    let (_dir, content, mut served) = served(&[]);
    let streams: Vec<TcpStream> = (0..CLIENTS).map(|_| served.connect()).collect();
    for mut stream in &streams {
        stream.write_all(b"GET /large.txt HTTP/1.0\r\n\r\n").unwrap();
    }
    // Until the first have filled what is between them and the server, and hold all that there is.
    let late = Instant::now() + PATIENCE;
    while served.memory()["held_bytes"].as_u64().unwrap() < LIMIT / 2 && Instant::now() < late {
        std::thread::sleep(Duration::from_millis(10));
    }
    let readers: Vec<_> =
        streams.into_iter().map(|stream| std::thread::spawn(|| read_to_end(stream))).collect();
    for reader in readers {
        let answer = reader.join().unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(&content));
    }
    let memory = served.memory();
    // A piece for the filter in whose hands one was, on each of two threads, and the heads.
    let most = memory["high_water_bytes"].as_u64().unwrap();
    let overshoot = 2 * 64 * 1024 + CLIENTS as u64 * 8 * 1024;
    assert!(most >= LIMIT / 2, "the limit was never near: {memory}");
    assert!(most <= LIMIT + overshoot, "{memory}");
    assert!(settles_at_nothing(|| served.memory()["held_bytes"].as_u64().unwrap()));
}

#[test]
fn stalled_clients_are_cut_off_and_do_not_keep_an_honest_one_out() {
    let (dir, content, served) = served(&["--write-timeout", "2s"]);
    let got = dir.path().join("got");
    // More than the budget has room for.
    let stalled: Vec<TcpStream> = (0..CLIENTS).map(|_| served.connect()).collect();
    for mut stream in &stalled {
        stream.write_all(b"GET /large.txt HTTP/1.0\r\n\r\n").unwrap();
    }
    let args = ["-o", got.to_str().unwrap(), &served.url("/large.txt")];
    let Some((code, _)) = curl(&args) else { return };
    assert_eq!(code, Some(0));
    assert_eq!(std::fs::read(&got).unwrap(), content);
}
