//! Files: the same bytes and fields, however they are asked for.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::server::{Answer, Served};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[track_caller]
fn curl(args: &[&str]) -> Output {
    let out = Command::new("curl").args(["--silent", "--max-time", "60"]).args(args).output();
    out.expect("curl is installed")
}

#[track_caller]
fn check_every_file(serve_args: &[&str], curl_args: &[&str]) {
    let served = Served::new(&docs(), serve_args);
    for file in files_below(&docs()) {
        let path = file.strip_prefix(docs()).unwrap().to_str().unwrap();
        let url = served.url(&format!("/{path}"));
        let got = curl(&[curl_args, &[&url, "--fail"]].concat());
        assert!(got.status.success(), "{path}: {:?}", got.status);
        assert_eq!(got.stdout, fs::read(&file).unwrap(), "{path}");
    }
}

#[test]
fn every_file_arrives_byte_for_byte() {
    check_every_file(&[], &[]);
    check_every_file(&["--filter", "pass"], &["--http1.0"]);
}

#[test]
fn every_file_arrives_byte_for_byte_through_deflate() {
    check_every_file(&["--filter", "deflate"], &["--compressed"]);
    check_every_file(&["--filter", "deflate"], &[]);
}

#[cfg(feature = "testing")]
#[test]
fn every_file_arrives_byte_for_byte_however_it_is_cut_and_waited_for() {
    let cut = ["--filter", "randomcut seed=3 most=2000", "--filter", "waits"];
    check_every_file(&[&cut[..], &["--filter", "deflate"]].concat(), &["--compressed"]);
}

/// The fields of a head that must be the same for GET and HEAD.
fn comparable(answer: &Answer) -> Vec<String> {
    let framing = ["content-length", "transfer-encoding", "date"];
    let fields = answer.head.lines().map(str::to_ascii_lowercase);
    fields.filter(|line| !framing.iter().any(|name| line.starts_with(name))).collect()
}

#[track_caller]
fn check_head(serve_args: &[&str], file: &str, length_is_known: bool) {
    let served = Served::new(&docs(), serve_args);
    let mut stream = BufReader::new(served.connect());
    let mut ask = |method: &str| {
        let fields = "Host: x\r\nAccept-Encoding: gzip";
        write!(stream.get_mut(), "{method} /{file} HTTP/1.1\r\n{fields}\r\n\r\n").unwrap();
        Answer::read(&mut stream, method == "GET")
    };
    let (get, head, again) = (ask("GET"), ask("HEAD"), ask("GET"));
    assert_eq!(comparable(&get), comparable(&head));
    if length_is_known {
        assert_eq!(head.field("content-length"), Some(&*get.body.len().to_string()));
    } else {
        assert_eq!(head.field("content-length"), None);
    }
    // The connection is where it should be.
    assert_eq!(again.body, get.body);
}

#[test]
fn head_has_the_fields_of_get_and_a_length_only_if_it_is_known() {
    check_head(&[], "architecture.md", true);
    check_head(&["--filter", "pass"], "architecture.md", true);
    check_head(&["--filter", "deflate"], "architecture.md", false);
}

#[test]
fn ten_pipelined_requests_are_answered_in_order() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..10 {
        fs::write(dir.path().join(format!("{n}.txt")), format!("file {n}").repeat(n * 300))
            .unwrap();
    }
    let served = Served::new(dir.path(), &["--filter", "substitute s/file/FILE/"]);
    let mut stream = BufReader::new(served.connect());
    for n in 0..10 {
        write!(stream.get_mut(), "GET /{n}.txt HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    }
    for n in 0..10 {
        let answer = Answer::read(&mut stream, true);
        assert_eq!(answer.body, format!("FILE {n}").repeat(n * 300).as_bytes(), "answer {n}");
    }
}

#[test]
fn conditional_get_is_answered_304_without_a_body_on_the_same_connection() {
    let served = Served::new(&docs(), &["--filter", "deflate"]);
    let mut stream = BufReader::new(served.connect());
    let mut ask = |fields: &str| {
        let fields = format!("Host: x\r\nAccept-Encoding: gzip\r\n{fields}");
        write!(stream.get_mut(), "GET /architecture.md HTTP/1.1\r\n{fields}\r\n").unwrap();
        let answer = Answer::read(&mut stream, !fields.contains("If-None-Match"));
        (answer.status(), answer.field("etag").map(str::to_owned), answer)
    };
    let (status, etag, full) = ask("");
    let etag = etag.expect("a file has an ETag");
    assert_eq!((status, etag.starts_with("W/")), (200, true), "{}", full.head);
    let (status, again, answer) = ask(&format!("If-None-Match: {etag}\r\n"));
    assert_eq!((status, again.as_deref()), (304, Some(&*etag)), "{}", answer.head);
    assert_eq!(answer.field("vary"), full.field("vary"), "a 304 has the Vary of the 200");
    assert_eq!(ask("").0, 200);
}

#[test]
fn sparse_file_of_2_gib_arrives_whole_with_flat_memory() {
    const LEN: u64 = (2 << 30) + 4321;
    let dir = tempfile::tempdir().unwrap();
    fs::File::create(dir.path().join("sparse.bin")).unwrap().set_len(LEN).unwrap();
    let served = Served::new(dir.path(), &[]);
    let mut stream = BufReader::new(served.connect());
    let ask = "GET /sparse.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.get_mut().write_all(ask.as_bytes()).unwrap();
    let head = Answer::read(&mut stream, false);
    assert_eq!(head.field("content-length"), Some(&*LEN.to_string()));
    let (mut read, mut buffer) = (0, vec![0; 1 << 20]);
    let before = served.status("VmRSS");
    loop {
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        assert!(buffer[..count].iter().all(|byte| *byte == 0), "a hole reads as zeroes");
        read += count as u64;
    }
    assert_eq!(read, LEN);
    let grown = served.status("VmHWM").saturating_sub(before);
    assert!(grown <= 1024, "the server grew by {grown} KiB");
}

/// How often the server calls sendfile for `path`, as strace sees it; `None` where it may not look.
fn sendfile_calls(dir: &Path, serve_args: &[&str], path: &str) -> Option<usize> {
    let trace = dir.join("trace.txt");
    let served = Served::new(dir, serve_args);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=sendfile,sendfile64", "-p", &served.pid().to_string(), "-o"]);
    let Ok(mut strace) = strace.arg(&trace).stderr(Stdio::piped()).spawn() else {
        println!("passed over: strace is not installed");
        return None;
    };
    let mut said = String::new();
    BufReader::new(strace.stderr.take().unwrap()).read_line(&mut said).unwrap();
    if !said.contains("attached") {
        println!("passed over: strace may not look here: {said}");
        strace.wait().unwrap();
        return None;
    }
    let got = curl(&["--fail", &served.url(path)]);
    assert!(got.status.success());
    drop(served);
    // With nobody left to look at, it ends.
    strace.wait().unwrap();
    let calls = fs::read_to_string(trace).unwrap();
    Some(calls.lines().filter(|line| line.contains("sendfile")).count())
}

#[test]
fn file_is_sent_by_sendfile_unless_a_filter_must_see_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("page.html"), "<p>hello</p>\n".repeat(20_000)).unwrap();
    let Some(unread) = sendfile_calls(dir.path(), &["--filter", "pass"], "/page.html") else {
        return;
    };
    assert!(unread > 0, "a file that nobody reads goes by sendfile");
    let read = sendfile_calls(dir.path(), &["--filter", "substitute s/hello/bye/"], "/page.html");
    assert_eq!(read, Some(0), "a file that a filter reads cannot");
}

#[test]
fn directory_without_a_slash_is_redirected_and_what_is_not_there_is_404() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("sub/index.html"), "index").unwrap();
    let served = Served::new(dir.path(), &[]);
    let mut stream = BufReader::new(served.connect());
    let mut ask = |path: &str| {
        write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        Answer::read(&mut stream, true)
    };
    let redirect = ask("/sub");
    assert_eq!((redirect.status(), redirect.field("location")), (308, Some("/sub/")));
    assert_eq!(ask("/sub/").body, b"index");
    assert_eq!(ask("/none").status(), 404);
    assert_eq!(ask("/sub/").status(), 200, "the connection lives on after a 404");
}
