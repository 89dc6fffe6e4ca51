//! What a server does when the system has no more of something: descriptors, or the rest of a file.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::server::{Answer, PATIENCE, Served};

const REQUEST: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n";

fn dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), "there").unwrap();
    dir
}

#[test]
fn a_server_without_descriptors_goes_on_when_there_are_some() {
    let files = dir();
    let served = Served::with_descriptors(40, files.path(), &["--threads", "1"]);
    let open: Vec<TcpStream> = (0..100).map(|_| served.connect()).collect();
    for mut stream in &open {
        stream.write_all(REQUEST).unwrap();
    }
    // The first ones are connected; those beyond wait, and nobody is told that nothing is there.
    let first = Answer::read(&mut BufReader::new(&open[0]), true);
    assert!(first.head.starts_with("HTTP/1.1 200 ") || first.head.starts_with("HTTP/1.1 5"));
    let held = served.descriptors();
    assert!(held >= 35, "{held} descriptors");
    drop(open);
    let late = Instant::now() + PATIENCE;
    loop {
        let mut stream = served.connect();
        stream.write_all(REQUEST).unwrap();
        let answer = Answer::read(&mut BufReader::new(stream), true);
        if answer.head.starts_with("HTTP/1.1 200 ") {
            assert_eq!(answer.body, b"there");
            return;
        }
        assert!(Instant::now() < late, "no descriptor came back: {}", answer.head);
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_ends_in_a_reset() {
    const LEN: u64 = 64 << 20;
    let files = dir();
    let path = files.path().join("large");
    std::fs::File::create(&path).unwrap().set_len(LEN).unwrap();
    let served = Served::new(files.path(), &[]);
    let mut stream = served.connect();
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut received = vec![0; 1 << 20];
    stream.read_exact(&mut received).unwrap();
    assert!(received.starts_with(b"HTTP/1.1 200 "));
    std::fs::File::options().write(true).open(&path).unwrap().set_len(1 << 20).unwrap();
    let mut rest = Vec::new();
    let error = stream.read_to_end(&mut rest).expect_err("what is cut off must not look whole");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!((rest.len() as u64) < LEN - (1 << 20));
    // Only that connection is ended.
    assert!(served.ask(b"GET /a.txt HTTP/1.0\r\n\r\n").ends_with(b"there"));
}
