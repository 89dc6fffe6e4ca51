//! The examples, asked by curl.

use std::error::Error;
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::within_patience;

// Each example's `main` goes unused here.
#[allow(dead_code)]
#[path = "../../examples/axum_sse.rs"]
mod axum_sse;
#[allow(dead_code)]
#[path = "../../examples/hyper_filters.rs"]
mod hyper_filters;
#[allow(dead_code)]
#[path = "../../examples/tower_layer.rs"]
mod tower_layer;

/// Runs an example's server, and `ask` with its address on a thread for blocking work.
fn with<F>(serve: impl FnOnce(TcpListener) -> F, ask: impl FnOnce(String) + Send + 'static)
where
    F: Future<Output = Result<(), Box<dyn Error>>>,
{
    within_patience(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::select! {
            served = serve(listener) => panic!("the server ended: {served:?}"),
            asked = spawn_blocking(move || ask(address)) => asked.unwrap(),
        }
    });
}

fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl").args(["-sS", "-m", "20"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn curl_shows_each_event_when_it_comes() {
    with(axum_sse::serve, |address| {
        let mut curl = Command::new("curl")
            .args(["-sS", "-m", "20", "-N", "--compressed", &format!("{address}/events")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines().map(Result::unwrap);
        for n in 0..5 {
            assert_eq!(lines.next().unwrap(), format!("data: event {n}"));
            assert_eq!(lines.next().unwrap(), "");
            // The response goes on for half a second after each.
            assert!(curl.try_wait().unwrap().is_none(), "event {n} came with the end");
        }
        assert!(curl.wait().unwrap().success());
    });
}

#[test]
fn curl_gets_what_the_filters_make_over_either_version() {
    with(hyper_filters::serve, |address| {
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let answer = curl(&[version, "-i", "--compressed", &address]).replace('\r', "");
            let (head, body) = answer.split_once("\n\n").unwrap();
            assert_eq!(body, "hyper streams buckets through filters.\n".repeat(20));
            assert!(head.contains("content-encoding: gzip"), "{head}");
            assert!(head.contains("vary: Accept-Encoding"), "{head}");
        }
    });
}

#[test]
fn curl_gets_what_the_layer_chose_for_each_path_and_type() {
    with(tower_layer::serve, |address| {
        assert_eq!(curl(&[&format!("{address}/page")]), "<h1>axum</h1>\n");
        assert_eq!(curl(&[&format!("{address}/text")]), "QUIET TEXT\n");
        assert_eq!(curl(&[&format!("{address}/plain")]), "left alone\n");
    });
}
