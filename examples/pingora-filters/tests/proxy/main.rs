//! The proxy between curl and `brigade serve`.

mod servers;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use servers::{PATIENCE, Proxied, curl};
use tempfile::TempDir;

const LINES: usize = 3000;

fn page(server: &str) -> String {
    (0..LINES).fold(String::new(), |mut page, n| {
        let _ = writeln!(page, "{n}: {server} streams buckets through filters");
        page
    })
}

/// What is served here: a page, an empty file, one that is refused at once and one that is in its
/// midst.
fn site() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let late = page("Apache").repeat(20) + "a virus\n";
    let files = [
        ("page.txt", page("Apache")),
        ("empty.txt", String::new()),
        ("bad.txt", "a virus\n".to_owned()),
        ("late.txt", late),
    ];
    for (name, text) in files {
        fs::write(dir.path().join(name), text).expect("a file");
    }
    dir
}

/// Asks for the page with these arguments: body and head are what the filters make of them.
#[track_caller]
fn check_page(args: &[&str]) {
    let site = site();
    let proxied = Proxied::new(site.path(), &[]);
    let Some((code, head, body)) = curl(&proxied.url("/page.txt"), args) else { return };
    assert_eq!(code, Some(0), "{head}");
    assert!(body == page("Pingora").as_bytes(), "{} bytes: {head}", body.len());
    for field in ["content-encoding: gzip", "vary: accept-encoding", "etag: w/"] {
        assert!(head.contains(field), "{field} is not in: {head}");
    }
    assert!(!head.contains("content-length"), "{head}");
}

#[test]
fn a_page_goes_through_the_filters_over_http_1_1() {
    check_page(&[]);
}

#[test]
fn a_page_goes_through_the_filters_over_http_2() {
    check_page(&["--http2-prior-knowledge"]);
}

#[test]
fn a_page_goes_through_the_filters_to_a_client_without_chunks() {
    check_page(&["--http1.0"]);
}

#[test]
fn a_part_of_a_page_is_not_cut_out_of_what_the_filters_have_not_seen() {
    check_page(&["--range", "0-99"]);
}

#[test]
fn a_page_that_the_client_has_is_answered_304() {
    let site = site();
    let proxied = Proxied::new(site.path(), &[]);
    let Some((_, head, _)) = curl(&proxied.url("/page.txt"), &[]) else { return };
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("an ETag");
    let field = format!("if-none-match: {}", tag.replacen("w/", "W/", 1));
    let asked = curl(&proxied.url("/page.txt"), &["--header", &field]);
    let Some((code, head, body)) = asked else { return };
    assert!(head.starts_with("http/1.1 304") && body.is_empty(), "{head}");
    assert_eq!(code, Some(0));
}

#[test]
fn an_empty_page_ends_and_leaves_its_connection_open() {
    let site = site();
    let proxied = Proxied::new(site.path(), &[]);
    let again = proxied.url("/page.txt");
    let opened = ["--write-out", "%{num_connects} ", "--output", "/dev/null", &again];
    let asked =
        curl(&proxied.url("/empty.txt"), &[&opened[..], &["--output", "/dev/null"]].concat());
    let Some((code, head, out)) = asked else { return };
    assert_eq!((code, String::from_utf8_lossy(&out).trim()), (Some(0), "1 0"), "{head}");
    assert!(head.contains("content-length: 0"), "{head}");
}

#[test]
fn what_is_refused_before_the_head_has_left_is_a_whole_error() {
    let site = site();
    let proxied = Proxied::new(site.path(), &[]);
    let Some((code, head, _)) = curl(&proxied.url("/bad.txt"), &[]) else { return };
    assert!(head.starts_with("http/1.1 500"), "{head}");
    assert_eq!(code, Some(0));
}

/// Asks for what is refused in its midst: the transfer fails, and nothing bad has come.
#[track_caller]
fn check_cut_short(args: &[&str], failure: i32) {
    let site = site();
    let proxied = Proxied::new(site.path(), &["scan"]);
    let Some((code, head, body)) = curl(&proxied.url("/late.txt"), args) else { return };
    assert!(head.contains(" 200"), "{head}");
    assert_eq!(code, Some(failure), "{head}");
    assert!(!body.is_empty() && !body.windows(5).any(|word| word == b"virus"));
}

#[test]
fn what_is_refused_later_is_cut_off_over_http_1_1() {
    check_cut_short(&[], 18); // The transfer ended with bytes outstanding.
}

#[test]
fn what_is_refused_later_is_cut_off_over_http_2() {
    check_cut_short(&["--http2-prior-knowledge"], 92); // The stream was reset.
}

#[test]
fn an_event_leaves_as_it_comes_though_one_filter_waits_and_another_compresses() {
    let site = site();
    let proxied = Proxied::new(site.path(), &[]);
    // It would take hours to its end.
    let stream = proxied.url("/-/stream?writes=1000000&size=32&every=1&pause=100");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", "--compressed", "--max-time", "20", &stream]);
    let Ok(mut client) = curl.stdout(Stdio::piped()).spawn() else {
        println!("passed over: curl cannot be run");
        return;
    };
    let mut events = [0; 3 * 32];
    let read = client.stdout.take().expect("it is piped").read_exact(&mut events);
    let _ = client.kill();
    let _ = client.wait();
    read.expect("three events");
}

#[test]
fn responses_that_wait_leave_the_only_thread_to_others() {
    let site = site();
    let proxied = Proxied::new(site.path(), &["scan takes=3600000"]);
    let waiting: Vec<TcpStream> = (0..3).map(|_| ask(&proxied, "GET")).collect();
    for _ in 0..20 {
        // It has no body to wait for.
        let mut answer = String::new();
        ask(&proxied, "HEAD").read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    drop(waiting);
}

fn ask(proxied: &Proxied, method: &str) -> TcpStream {
    let mut client = TcpStream::connect(proxied.address).expect("the proxy accepts");
    client.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let request = format!("{method} /page.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).expect("a request");
    client
}
