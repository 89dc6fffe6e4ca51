//! The example `mio_loop`, asked by curl, and by clients that stop.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use crate::kit::{FILE, PATTERN};
use crate::suite::PATIENCE;

#[path = "../../examples/mio_loop.rs"]
#[allow(dead_code)] // Its `main` is for those who run it.
mod example;

/// Serves the pattern until the test program ends.
fn served() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || example::serve(listener, &FILE));
    address
}

#[test]
fn curl_gets_the_file_again_and_again_on_one_connection() {
    let url = format!("http://{}/", served());
    let dir = tempfile::tempdir().unwrap();
    let outputs = ["one", "two", "three"].map(|name| dir.path().join(name));
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--max-time", "20", "--write-out", "%{num_connects} "]);
    for output in &outputs {
        curl.arg("--output").arg(output).arg(&url);
    }
    let out = match curl.output() {
        Ok(out) => out,
        Err(error) => return println!("passed over: curl cannot be run: {error}"),
    };
    assert!(out.status.success(), "{out:?}");
    assert_eq!(String::from_utf8_lossy(&out.stdout), "1 0 0 ", "connections made");
    for output in outputs {
        assert!(std::fs::read(output).unwrap() == *PATTERN);
    }
}

#[test]
fn clients_that_stop_do_not_stop_others_and_get_the_rest_later() {
    let address = served();
    let ask = || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        stream
    };
    let read = |mut stream: TcpStream| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n";
        let mut answer = vec![0; head.len() + PATTERN.len()];
        stream.read_exact(&mut answer).unwrap();
        assert!(answer.starts_with(head) && answer.ends_with(&PATTERN[..]));
    };
    let stopped: Vec<TcpStream> = (0..20).map(|_| ask()).collect();
    drop(ask());
    read(ask());
    stopped.into_iter().for_each(read);
}
