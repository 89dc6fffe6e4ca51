//! `brigade explain`, and the status listener that it asks: each case staged, each reason by its filter.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::server::{PATIENCE, Served, get};

/// A server of some files, with a status listener.
struct Staged {
    served: Served,
    status: SocketAddr,
    _dir: TempDir,
}

impl Staged {
    fn new(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("text.txt"), "Apache streams.\n".repeat(2000)).unwrap();
        std::fs::write(dir.path().join("tiny.txt"), "Apache").unwrap();
        std::fs::write(dir.path().join("picture.png"), [0x89; 3000]).unwrap();
        let (served, status) = Served::with_status(dir.path(), args);
        Self { served, status, _dir: dir }
    }

    fn explain(&self, path: &str, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
        command.arg("explain").arg(self.served.url(path));
        command.args(["--status", &self.status.to_string()]).args(args).output().unwrap()
    }

    /// Explains one request; `reason` is among what is printed, as `filter: text`.
    #[track_caller]
    fn check(&self, path: &str, args: &[&str], reason: &str) {
        let output = self.explain(path, args);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.lines().any(|line| line == reason), "{reason:?} in\n{said}");
    }

    fn status(&self) -> Value {
        serde_json::from_str(&get(self.status, "/-/status")).unwrap()
    }

    /// Waits until the last response that has ended has `reason` among its own.
    #[track_caller]
    fn check_last(&self, filter: &str, text: &str) {
        let began = Instant::now();
        loop {
            let status = self.status();
            let last = &status["recent"][0];
            let reasons = last["reasons"].as_array().cloned().unwrap_or_default();
            let is_there = |reason: &Value| {
                reason["filter"] == filter && reason["text"].as_str().unwrap().starts_with(text)
            };
            if reasons.iter().any(is_there) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{filter}: {text} in {last}");
        }
    }
}

const GZIP: [&str; 2] = ["-H", "Accept-Encoding: gzip"];

#[test]
fn chunks_are_explained_by_the_filter_that_changes_the_length() {
    let staged = Staged::new(&["--filter", "deflate"]);
    staged.check("/text.txt", &GZIP, "deflate: may change the length of the body");
    staged.check(
        "/text.txt",
        &GZIP,
        "header: chunked: the length is not known, a filter above may change it",
    );
}

#[test]
fn what_is_not_compressed_is_explained() {
    let staged = Staged::new(&["--filter", "deflate"]);
    staged.check("/text.txt", &[], "deflate: not compressed: the client does not accept gzip");
    staged.check("/tiny.txt", &GZIP, "deflate: not compressed: 6 bytes are fewer than 64");
    let why = "deflate: not compressed: its content type does not get smaller";
    staged.check("/picture.png", &GZIP, why);
}

#[test]
fn file_that_became_memory_is_explained_by_who_needed_its_bytes() {
    let staged = Staged::new(&["--filter", "substitute s/Apache/httpd/"]);
    staged.check("/text.txt", &[], "substitute: made memory of a FILE: it needs its bytes");
    staged.check("/picture.png", &[], "substitute: left alone: it is no text");
}

#[test]
fn closing_is_explained() {
    let staged = Staged::new(&[]);
    staged.check(
        "/tiny.txt",
        &["-H", "Connection: close"],
        "connection: closed: the client asked for it",
    );
    let why = "connection: closed: HTTP/1.0 closes unless it is asked not to";
    staged.check("/tiny.txt", &["--http1.0"], why);
    staged.served.ask(b"nonsense\r\n\r\n");
    staged.check_last("connection", "closed: the request could not be answered: ");
}

#[test]
fn answer_without_a_body_is_explained_by_its_condition() {
    let staged = Staged::new(&[]);
    let answer = get(staged.served.address, "/tiny.txt");
    assert_eq!(answer, "Apache");
    let output = staged.explain("/tiny.txt", &["-H", "If-None-Match: *"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("conditional: 304: if-none-match matches "), "{said}");
    assert!(said.starts_with("GET /tiny.txt  304, complete"), "{said}");
}

#[test]
fn what_is_not_there_is_explained_by_who_made_the_page() {
    let staged = Staged::new(&[]);
    let output = staged.explain("/nothing", &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("header: replaced by an error page: "), "{said}");
    assert!(said.starts_with("GET /nothing  404, complete"), "{said}");
}

#[test]
fn bytes_that_were_held_are_explained_by_who_held_them_and_a_client_that_left_by_that() {
    let staged = Staged::new(&["--filter", "collect limit=8388608"]);
    let mut client = staged.served.connect();
    let request = b"GET /-/stream?writes=8000000&size=1000&every=1000 HTTP/1.1\r\nHost: x\r\n\r\n";
    client.write_all(request).unwrap();
    let began = Instant::now();
    let holds = |status: &Value| {
        let filters = status["connections"][0]["filters"].as_array().cloned().unwrap_or_default();
        filters.iter().any(|held| held[0] == "collect" && held[1].as_u64().unwrap() > 100_000)
    };
    while !holds(&staged.status()) {
        assert!(began.elapsed() < PATIENCE, "{}", staged.status());
    }
    drop(client);
    staged.check_last("connection", "cut off: the client went away");
    let last = &staged.status()["recent"][0];
    let filters = last["filters"].as_array().unwrap();
    let collect = filters.iter().find(|line| line["name"] == "collect").unwrap();
    assert!(collect["held_peak_bytes"].as_u64().unwrap() > 100_000, "{collect}");
    assert!(collect["held_seconds"].as_f64().unwrap() > 0.0, "{collect}");
    assert_eq!(last["end"], "client gone");
}

#[test]
fn json_is_the_entry_and_a_server_that_knows_nothing_is_said_to() {
    let staged = Staged::new(&[]);
    let output = staged.explain("/tiny.txt", &["--json"]);
    let entry: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&entry["status"], &entry["framing"]), (&200.into(), &"length".into()));

    let wrong = staged.explain("/tiny.txt", &["-H", "no field"]);
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("\"no field\" is no field"));
}
