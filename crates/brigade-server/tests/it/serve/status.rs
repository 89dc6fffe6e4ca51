//! The status listener: its page, its JSON, its metrics, and what watching it costs.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::chromium::Chromium;
use crate::server::{PATIENCE, Served, get};

fn dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("page.html"), "<p>hello").unwrap();
    dir
}

#[test]
fn status_is_told_on_its_own_listener_and_nowhere_else() {
    let dir = dir();
    let (served, status) = Served::with_status(dir.path(), &[]);
    get(served.address, "/page.html");
    let told: serde_json::Value = serde_json::from_str(&get(status, "/-/status")).unwrap();
    assert_eq!(told["recent"][0]["target"], "/page.html");
    for path in ["/-/status", "/-/metrics", "/-/", "/-/events"] {
        let answer = served.ask(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes());
        assert!(answer.starts_with(b"HTTP/1.1 404"), "{path}");
    }
    let without = Served::new(dir.path(), &[]);
    let answer = without.ask(b"GET /-/status HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with(b"HTTP/1.1 404"));
}

#[test]
fn page_is_one_file_that_loads_nothing_else() {
    let dir = dir();
    let (_served, status) = Served::with_status(dir.path(), &[]);
    let page = get(status, "/-/");
    assert!(page.starts_with("<!doctype html>"));
    for outside in ["src=", "http://", "https://", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("EventSource(\"/-/events\")"));
}

/// Checks the rules of the text format, line by line; gives the samples.
#[track_caller]
fn check_format(text: &str) -> Vec<(String, f64)> {
    let (mut seen, mut family, mut samples) = (BTreeSet::new(), String::new(), Vec::new());
    let mut lines = text.lines();
    assert!(text.ends_with('\n'), "the last line ends too");
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            help.split(' ').next().unwrap().clone_into(&mut family);
            assert!(seen.insert(family.clone()), "{family} twice");
            let kind = if family.ends_with("_total") { "counter" } else { "gauge" };
            assert_eq!(lines.next(), Some(&*format!("# TYPE {family} {kind}")));
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert_eq!(name.split('{').next(), Some(&*family), "{line}");
        if let Some((_, labels)) = name.split_once('{') {
            assert!(labels.contains("=\"") && labels.ends_with("\"}"), "{line}");
        }
        samples.push((name.to_owned(), value.parse().unwrap()));
    }
    samples
}

#[test]
fn metrics_keep_the_rules_of_their_format_and_count_what_was_served() {
    let dir = dir();
    let (served, status) =
        Served::with_status(dir.path(), &["--filter", "substitute s/hello/bye/"]);
    for _ in 0..3 {
        assert_eq!(get(served.address, "/page.html"), "<p>bye");
    }
    let began = Instant::now();
    let samples = loop {
        let samples = check_format(&get(status, "/-/metrics"));
        if samples.contains(&("brigade_responses_total".to_owned(), 3.0)) {
            break samples;
        }
        assert!(began.elapsed() < PATIENCE, "{samples:?}");
    };
    let read = "brigade_filter_read_bytes_total{filter=\"substitute\"}";
    assert!(samples.contains(&(read.to_owned(), 24.0)), "{samples:?}");
    let complete = "brigade_response_ends_total{end=\"complete\"}";
    assert!(samples.contains(&(complete.to_owned(), 3.0)), "{samples:?}");
}

#[test]
fn who_watches_is_told_again_and_again_and_the_server_does_not_grow() {
    let dir = dir();
    let (served, status) = Served::with_status(dir.path(), &[]);
    let mut stream = TcpStream::connect(status).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /-/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut looks = 0;
    let mut resident = Vec::new();
    while looks < 5 {
        let line = lines.next().unwrap().unwrap();
        if line.starts_with("data: ") {
            looks += 1;
            (0..200).for_each(|_| drop(get(served.address, "/page.html")));
            resident.push(served.status("VmRSS"));
        }
    }
    let (first, last) = (resident[1], resident[4]);
    assert!(last <= first + 1024, "resident KiB, look by look: {resident:?}");
}

/// The looks that the page has shown so far.
fn looks(browser: &mut Chromium) -> u64 {
    let looks = browser.value("Number(document.documentElement?.dataset.looks ?? 0)");
    looks.as_u64().expect("a number")
}

#[test]
fn page_lives_for_a_minute_in_a_browser_while_the_servers_memory_stays_flat() {
    let Some(mut browser) = Chromium::start() else { return };
    let dir = dir();
    let (served, status) =
        Served::with_status(dir.path(), &["--filter", "substitute s/hello/bye/"]);
    browser.open(&format!("http://{status}/-/"));
    let began = Instant::now();
    while looks(&mut browser) == 0 {
        assert!(began.elapsed() < PATIENCE, "the page shows nothing");
    }
    let (mut resident, mut nodes, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..6 {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            get(served.address, "/page.html");
            std::thread::sleep(Duration::from_millis(20)); // The time that is watched passes.
        }
        seen.push(looks(&mut browser));
        resident.push(served.status("VmRSS"));
        nodes.push(browser.value("document.querySelectorAll('*').length").as_u64().unwrap());
    }
    assert!(seen.windows(2).all(|pair| pair[0] + 3 < pair[1]), "it goes on: {seen:?}");
    assert!(resident[5] <= resident[0] + 1024, "resident KiB, each ten seconds: {resident:?}");
    assert!(nodes[5] <= nodes[0] + 50, "elements of the page: {nodes:?}");
    let filters = browser.value("document.querySelector('#filters').textContent");
    assert!(filters.as_str().unwrap().contains("substitute"), "{filters}");
    check_usable(&mut browser);
}

/// By keyboard and by screen reader: landmarks, names, and a pause that says that it is one.
#[track_caller]
fn check_usable(browser: &mut Chromium) {
    let facts = browser.value(
        "[document.querySelectorAll('main').length, document.querySelectorAll('header').length, \
          document.querySelectorAll('[aria-live=polite]').length, \
          [...document.querySelectorAll('section, [role=region]')].filter(s => \
            !document.getElementById(s.getAttribute('aria-labelledby'))).length, \
          [...document.querySelectorAll('[role=img]')].filter(i => \
            !i.getAttribute('aria-label')).length]",
    );
    assert_eq!(facts, serde_json::json!([1, 1, 1, 0, 0]), "main, header, live, unnamed parts");
    browser.value("document.querySelector('button').focus(), document.activeElement.click()");
    let said = browser.value("document.querySelector('#said').textContent");
    let pressed = browser.value("document.querySelector('button').getAttribute('aria-pressed')");
    assert_eq!((said, pressed), ("Paused.".into(), "true".into()));
}
