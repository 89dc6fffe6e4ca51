//! Error pages that an operator puts in the place of the short ones.

use std::fs;
use std::io::{BufReader, Write};
use std::process::Command;

use crate::server::{Answer, Served};

/// The answers to these requests, on one connection.
fn answers(served: &Served, requests: &[(&str, &str)]) -> Vec<Answer> {
    let mut stream = BufReader::new(served.connect());
    let ask = |(method, path): &(&str, &str)| {
        write!(stream.get_mut(), "{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        Answer::read(&mut stream, *method != "HEAD")
    };
    requests.iter().map(ask).collect()
}

#[test]
fn file_answers_the_errors_of_its_status_and_the_connection_lives() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("lost.html");
    fs::write(&page, "<h1>Lost</h1>").unwrap();
    let option = format!("404={}", page.display());
    let served = Served::new(dir.path(), &["--error-page", &option, "--filter", "deflate"]);
    // It was read at the start.
    fs::remove_file(&page).unwrap();
    let answers = answers(
        &served,
        &[("GET", "/nothing"), ("HEAD", "/nothing"), ("GET", "/../up"), ("GET", "/x")],
    );
    for lost in [&answers[0], &answers[3]] {
        assert_eq!((lost.status(), &*lost.body), (404, &b"<h1>Lost</h1>"[..]));
        assert_eq!(lost.field("content-type"), Some("text/html; charset=utf-8"));
    }
    assert_eq!((answers[1].status(), answers[1].field("content-length")), (404, Some("13")));
    // Of another status there is the short page.
    let other = &answers[2];
    if other.status() != 404 {
        assert!(other.body.starts_with(other.status().to_string().as_bytes()), "{other:?}");
    }
}

#[track_caller]
fn check_refused(args: &[&str], said: &str) {
    let out = Command::new(env!("CARGO_BIN_EXE_brigade"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(args)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && stderr.contains(said), "{args:?}: {stderr}");
}

#[test]
fn page_that_cannot_be_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().join("large.html");
    fs::write(&large, vec![b'x'; (1 << 20) + 1]).unwrap();
    let large = format!("404={}", large.display());
    let gone = format!("404={}", dir.path().join("gone.html").display());
    check_refused(&["--error-page", &gone], "the error page for 404 Not Found");
    check_refused(&["--error-page", &large], "it is over 1048576 bytes");
    check_refused(&["--error-page", "200=x"], "is answered by no error page");
    check_refused(&["--error-page", "lost.html"], "is not of the form STATUS=FILE");
    let page = dir.path().join("page.html");
    fs::write(&page, "x").unwrap();
    let page = format!("404={}", page.display());
    check_refused(
        &["--error-page", &page, "--error-page", &page],
        "two error pages for 404 Not Found",
    );
}
