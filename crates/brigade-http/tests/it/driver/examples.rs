//! The examples, asked by curl.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread;

#[path = "../../../examples/threads.rs"]
#[allow(dead_code)] // Its `main` is for those who run it.
mod threads;
#[path = "../../../examples/tokio_server.rs"]
#[allow(dead_code)] // Its `main` is for those who run it.
mod tokio_server;

/// What curl prints of this path, and with which exit status it ends; `None` where there is no curl.
fn curl(address: SocketAddr, path: &str) -> Option<String> {
    let url = format!("http://{address}{path}");
    let mut curl = Command::new("curl");
    match curl.args(["--silent", "--fail", "--max-time", "20", &url]).output() {
        Ok(out) => {
            assert!(out.status.success(), "{path}: {out:?}");
            Some(String::from_utf8(out.stdout).unwrap())
        }
        Err(error) => {
            println!("passed over: curl cannot be run: {error}");
            None
        }
    }
}

fn counted() -> String {
    let lines: Vec<String> = (1..=100_000).map(|n| format!("{n} buckets\n")).collect();
    lines.concat()
}

#[test]
fn curl_gets_all_that_a_thread_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || threads::serve(&listener));
    let Some(printed) = curl(address, "/some/path") else { return };
    assert!(printed == "GET asked for /some/path\n".to_owned() + &counted(), "{}", printed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_all_that_a_task_counts_and_the_server_ends_when_asked_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(tokio_server::serve(listener, async { drop(stopped.await) }));
    for (path, expected) in [("/", counted()), ("/slow", "1\n2\n3\n".to_owned())] {
        let printed = tokio::task::spawn_blocking(move || curl(address, path)).await.unwrap();
        assert!(printed.is_none_or(|printed| printed == expected), "{path}");
    }
    drop(stop);
    server.await.unwrap().unwrap();
}
