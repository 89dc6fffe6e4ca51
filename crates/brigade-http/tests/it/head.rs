//! The bytes of a head.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use brigade::{Bucket, Error};
use brigade_http::HeaderOptions;
use http::{HeaderName, HeaderValue};

use crate::support::{Rig, get, old};

const DATE: &str = "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

/// The bytes of a response with an empty body, but for Date.
#[track_caller]
fn check(status: u16, fields: &[(&'static str, &str)], expected: &str) {
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(status, fields);
    rig.pass([response, Bucket::eos()]).unwrap();
    assert_eq!(rig.text().replace(DATE, ""), expected);
}

#[test]
fn a_head_is_a_status_line_and_fields() {
    check(
        200,
        &[("content-type", "text/html"), ("set-cookie", "a=1"), ("set-cookie", "b=2")],
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\
         content-length: 0\r\n\r\n",
    );
}

#[test]
fn a_status_without_a_name_still_has_the_space_before_it() {
    check(299, &[], "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n");
}

#[test]
fn a_field_may_hold_any_visible_byte() {
    check(
        204,
        &[("x-name", "J\u{fc}rgen\t\"")],
        "HTTP/1.1 204 No Content\r\nx-name: J\u{fc}rgen\t\"\r\n\r\n",
    );
    check(204, &[("x-none", "")], "HTTP/1.1 204 No Content\r\nx-none: \r\n\r\n");
}

#[test]
fn a_client_of_http_1_0_is_answered_in_the_servers_version() {
    let mut rig = Rig::new(old(&[]));
    let response = rig.response(204, &[]);
    rig.pass([response, Bucket::eos()]).unwrap();
    let expected = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    assert_eq!(rig.text().replace(DATE, ""), expected);
}

#[test]
fn a_head_larger_than_a_block_leaves_whole() {
    let long = "x".repeat(5000);
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(204, &[("x-one", &long), ("x-two", &long), ("x-three", &long)]);
    rig.pass([response, Bucket::eos()]).unwrap();
    let reply = rig.reply();
    for name in ["x-one", "x-two", "x-three"] {
        assert_eq!(reply.field(name), Some(&*long));
    }
}

#[test]
fn no_field_can_end_its_line() {
    for evil in ["a\r\nset-cookie: b", "a\nb", "a\rb", "a\0b", "\r\n\r\n<html>", "a\x7fb"] {
        assert!(HeaderValue::from_bytes(evil.as_bytes()).is_err(), "{evil:?} as a value");
        assert!(HeaderName::from_bytes(evil.as_bytes()).is_err(), "{evil:?} as a name");
        // What goes into a page is the status, never the words of an error.
        let mut rig = Rig::new(get(&[]));
        rig.pass([Bucket::error(Error::other(evil))]).unwrap();
        let expected = format!(
            "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain; charset=utf-8\r\n\
             content-length: 26\r\n{DATE}\r\n500 Internal Server Error\n"
        );
        assert_eq!(rig.text(), expected);
    }
}

/// Date and Server under these options, if the handler says nothing or `fields`.
#[track_caller]
fn check_fields(
    options: HeaderOptions,
    fields: &[(&'static str, &str)],
    date: Option<&str>,
    server: Option<&str>,
) {
    let mut rig = Rig::with_options(get(&[]), options, []);
    let response = rig.response(200, fields);
    rig.pass([response, Bucket::eos()]).unwrap();
    let reply = rig.reply();
    assert_eq!((reply.field("date"), reply.field("server")), (date, server));
}

fn at(time: SystemTime) -> HeaderOptions {
    HeaderOptions::default().clock(move || time)
}

#[test]
fn date_is_added_unless_it_is_there() {
    let epoch = "Thu, 01 Jan 1970 00:00:00 GMT";
    check_fields(at(UNIX_EPOCH), &[], Some(epoch), None);
    let other = "Sun, 06 Nov 1994 08:49:37 GMT";
    check_fields(at(UNIX_EPOCH), &[("date", other)], Some(other), None);
}

#[test]
fn a_clock_that_http_cannot_write_gives_no_date() {
    check_fields(at(UNIX_EPOCH - Duration::from_secs(1)), &[], None, None);
    let last = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    check_fields(at(last), &[], Some("Fri, 31 Dec 9999 23:59:59 GMT"), None);
    check_fields(at(last + Duration::from_secs(1)), &[], None, None);
}

#[test]
fn date_moves_with_the_clock() {
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = seconds.clone();
    let now = move || UNIX_EPOCH + Duration::from_millis(clock.load(Ordering::Relaxed));
    let options = Arc::new(HeaderOptions::default().clock(now));
    for (millis, expected) in [(0, "00"), (999, "00"), (1000, "01"), (59_999, "59"), (3000, "03")] {
        seconds.store(millis, Ordering::Relaxed);
        let mut rig = Rig::sharing(get(&[]), &options, []);
        let response = rig.response(204, &[]);
        rig.pass([response, Bucket::eos()]).unwrap();
        let date = format!("Thu, 01 Jan 1970 00:00:{expected} GMT");
        assert_eq!(rig.reply().field("date"), Some(&*date));
    }
}

#[test]
fn server_is_added_unless_it_is_there() {
    let options = || HeaderOptions::default().server(HeaderValue::from_static("brigade"));
    let date = Some("x");
    check_fields(options(), &[("date", "x")], date, Some("brigade"));
    check_fields(options(), &[("date", "x"), ("server", "me")], date, Some("me"));
}

#[test]
fn an_interim_head_leaves_at_once_and_commits_nothing() {
    let mut rig = Rig::new(get(&[]));
    let hints = [("link", "</a.css>"), ("content-length", "9"), ("connection", "close")];
    let interim = rig.response(103, &hints);
    rig.pass([interim]).unwrap();
    let first = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
    assert_eq!(rig.text(), first);
    assert_eq!((rig.marks(), rig.exchange.framing()), (vec!["FLUSH".to_owned()], None));

    let responses = [rig.response(100, &[]), rig.response(204, &[])];
    rig.pass(responses.into_iter().chain([Bucket::eos()])).unwrap();
    let rest = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(rig.text().replace(DATE, ""), format!("{first}{rest}"));
}

#[test]
fn an_interim_head_is_not_for_http_1_0() {
    let mut rig = Rig::new(old(&[]));
    let responses = [rig.response(103, &[]), rig.response(204, &[])];
    rig.pass(responses.into_iter().chain([Bucket::eos()])).unwrap();
    assert_eq!(rig.reply().status, 204);
}

#[test]
fn an_error_after_an_interim_head_is_still_answered() {
    let mut rig = Rig::new(get(&[]));
    let interim = rig.response(103, &[]);
    rig.pass([interim]).unwrap();
    rig.pass([Bucket::error(Error::other("no"))]).unwrap();
    let text = rig.text();
    let (_, rest) = text.split_once("\r\n\r\n").unwrap();
    assert!(rest.starts_with("HTTP/1.1 500 ") && rest.ends_with("\n500 Internal Server Error\n"));
}
