//! Ten thousand connections that stay open.

use std::io::{BufReader, Write};

use super::memory::settles_at_nothing;
use crate::server::{Answer, Served};

const CONNECTIONS: usize = 10_000;

#[test]
fn ten_thousand_open_connections_each_get_a_right_answer_twice() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    if limit.maximum.is_some_and(|most| most < 2 * CONNECTIONS as u64) {
        println!("passed over: only {:?} descriptors are allowed here", limit.maximum);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for n in 0..100 {
        std::fs::write(dir.path().join(format!("{n}.txt")), format!("file {n}")).unwrap();
    }
    let mut served = Served::new(dir.path(), &["--threads", "2", "--keep-alive-timeout", "10m"]);
    let mut open: Vec<_> = (0..CONNECTIONS).map(|_| BufReader::new(served.connect())).collect();
    for round in 0..2 {
        for (n, stream) in open.iter_mut().enumerate() {
            let file = (n + round) % 100;
            write!(stream.get_mut(), "GET /{file}.txt HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        }
        for (n, stream) in open.iter_mut().enumerate() {
            let answer = Answer::read(stream, true);
            let expected = format!("file {}", (n + round) % 100);
            assert_eq!(answer.body, expected.as_bytes(), "connection {n}, round {round}");
        }
    }
    // All are open still, and idle; each gave its blocks to the next.
    let held = || served.memory()["held_bytes"].as_u64().unwrap();
    assert!(settles_at_nothing(held), "an idle connection holds a block");
}
