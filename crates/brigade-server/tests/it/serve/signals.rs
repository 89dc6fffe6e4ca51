//! How the server ends: in order, within its grace, or at once when asked twice.

use std::io::{BufReader, Read, Write};
use std::process::Command;
use std::time::Instant;

use crate::server::{Answer, PATIENCE, Served, read_chunk};

fn served(args: &[&str]) -> (tempfile::TempDir, Served) {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::new(dir.path(), args);
    (dir, served)
}

#[track_caller]
fn check_running_response_finishes(signal: &str) {
    let (_dir, served) = served(&[]);
    let mut idle = served.connect();
    let mut stream = BufReader::new(served.connect());
    let ask = b"GET /-/stream?writes=8&size=10&pause=100 HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.get_mut().write_all(ask).unwrap();
    Answer::read(&mut stream, false);
    let mut body = read_chunk(&mut stream).expect("the first piece");
    served.signal(signal);
    while let Some(chunk) = read_chunk(&mut stream) {
        body.extend(chunk);
    }
    assert_eq!(body.len(), 80, "the running response is whole");
    assert_eq!(idle.read(&mut [0; 1]).expect("closed in order"), 0, "idle connections are closed");
    assert!(served.wait().success());
}

#[test]
fn signal_lets_running_responses_finish_and_closes_idle_connections() {
    check_running_response_finishes("TERM");
    check_running_response_finishes("INT");
}

#[test]
fn second_signal_ends_the_server_at_once() {
    let (_dir, served) = served(&["--grace", "10m"]);
    let mut stream = BufReader::new(served.connect());
    let ask = b"GET /-/stream?writes=1000&size=10&pause=1000 HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.get_mut().write_all(ask).unwrap();
    Answer::read(&mut stream, false);
    served.signal("TERM");
    let mut idle = served.connect_while_it_listens();
    while idle.is_some() {
        idle = served.connect_while_it_listens();
    }
    served.signal("TERM");
    let begun = Instant::now();
    assert!(served.wait().success());
    assert!(begun.elapsed() < PATIENCE);
}

#[test]
fn grace_that_runs_out_ends_running_responses() {
    let (_dir, served) = served(&["--grace", "300ms"]);
    let mut stream = BufReader::new(served.connect());
    let ask = b"GET /-/stream?writes=1000&size=10&pause=1000 HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.get_mut().write_all(ask).unwrap();
    Answer::read(&mut stream, false);
    served.signal("TERM");
    assert!(served.wait().success());
}

#[test]
fn port_that_is_taken_is_named() {
    let (dir, served) = served(&[]);
    let listen = served.address.to_string();
    let mut second = Command::new(env!("CARGO_BIN_EXE_brigade"));
    let out = second.arg("serve").arg(dir.path()).args(["--listen", &listen]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success());
    assert!(said.contains(&listen) && said.contains("in use"), "{said}");
}

#[test]
fn filter_that_there_is_not_is_named_with_those_there_are() {
    let out = Command::new(env!("CARGO_BIN_EXE_brigade"))
        .args(["serve", "--filter", "sparkle"])
        .output()
        .unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success());
    assert!(said.contains("sparkle") && said.contains("substitute"), "{said}");
}
