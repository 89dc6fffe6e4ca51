//! Whether a body follows, and whether another request may.

use super::{accepted, check_refused, parse};
use brigade_http::driver::request::AnnouncedBody;

const TWO_READINGS: &str = "both content-length and transfer-encoding";
const NO_NUMBER: &str = "content-length is not a number of bytes below 2^64";
const NOT_CHUNKED: &str = "transfer-encoding does not end in chunked";

fn request(version: &str, lines: &[&str]) -> String {
    let lines = [&["Host: example.com"], lines].concat().join("\r\n");
    format!("GET / {version}\r\n{lines}\r\n\r\n")
}

#[track_caller]
fn check_body(lines: &[&str], body: AnnouncedBody) {
    let head = accepted(request("HTTP/1.1", lines));
    assert_eq!(head.body, body, "{lines:?}");
    assert_eq!(
        head.keep_alive,
        body == AnnouncedBody::None,
        "no request follows a body: {lines:?}"
    );
}

#[track_caller]
fn check_body_refused(lines: &[&str], says: &str) {
    check_refused(request("HTTP/1.1", lines), 400, says);
}

#[track_caller]
fn check_keep_alive(version: &str, lines: &[&str], keep_alive: bool) {
    assert_eq!(accepted(request(version, lines)).keep_alive, keep_alive, "{version} {lines:?}");
}

#[test]
fn no_body_is_announced_by_nothing_or_a_length_of_zero() {
    check_body(&[], AnnouncedBody::None);
    check_body(&["Content-Length: 0"], AnnouncedBody::None);
    check_body(&["Content-Length: 000"], AnnouncedBody::None);
}

#[test]
fn a_body_is_announced_by_a_length_a_coding_or_an_expectation() {
    check_body(&["Content-Length: 1"], AnnouncedBody::Present);
    check_body(&["content-length:\t18446744073709551615 "], AnnouncedBody::Present);
    check_body(&["Transfer-Encoding: chunked"], AnnouncedBody::Present);
    check_body(&["transfer-encoding: CHUNKED"], AnnouncedBody::Present);
    check_body(&["Transfer-Encoding: gzip, chunked"], AnnouncedBody::Present);
    check_body(&["Transfer-Encoding: ,gzip,,chunked\t, "], AnnouncedBody::Present);
    check_body(&["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"], AnnouncedBody::Present);
    check_body(&["Expect: 100-continue"], AnnouncedBody::Present);
    check_body(&["Content-Length: 0", "Expect: anything"], AnnouncedBody::Present);
}

#[test]
fn a_content_length_that_is_not_one_number_is_400() {
    for value in [
        "",
        "+5",
        "-1",
        "0x5",
        "5 5",
        "5,5",
        "5, 5",
        "5;",
        "5.0",
        "1e3",
        "a",
        "\u{0661}",
        "18446744073709551616",
    ] {
        check_body_refused(&[&format!("Content-Length: {value}")], NO_NUMBER);
    }
}

#[test]
fn several_content_lengths_are_400_even_when_they_agree() {
    let says = "2 content-length fields, expected 1";
    check_body_refused(&["Content-Length: 5", "Content-Length: 5"], says);
    check_body_refused(&["Content-Length: 0", "content-length: 5"], says);
    check_body_refused(&["Content-Length: 5", "Content-Length:"], says);
}

#[test]
fn a_transfer_encoding_that_does_not_end_in_chunked_is_400() {
    for value in
        ["", ",", "identity", "gzip", "chunked, gzip", "chunked;a=b", "xchunked", "\"chunked\""]
    {
        check_body_refused(&[&format!("Transfer-Encoding: {value}")], NOT_CHUNKED);
    }
    check_body_refused(&["Transfer-Encoding: chunked", "Transfer-Encoding: x"], NOT_CHUNKED);
}

#[test]
fn a_transfer_encoding_with_a_content_length_is_400() {
    check_body_refused(&["Transfer-Encoding: chunked", "Content-Length: 5"], TWO_READINGS);
    check_body_refused(&["Content-Length: 0", "Transfer-Encoding: chunked"], TWO_READINGS);
}

#[test]
fn a_transfer_encoding_in_http_1_0_is_400() {
    let head = request("HTTP/1.0", &["Transfer-Encoding: chunked"]);
    check_refused(head, 400, "transfer-encoding in HTTP/1.0");
}

#[test]
fn http_1_1_goes_on_unless_told_to_close() {
    check_keep_alive("HTTP/1.1", &[], true);
    check_keep_alive("HTTP/1.2", &[], true);
    check_keep_alive("HTTP/1.1", &["Connection: upgrade, closed, x-close"], true);
    check_keep_alive("HTTP/1.1", &["Connection: close"], false);
    check_keep_alive("HTTP/1.1", &["connection: CLOSE"], false);
    check_keep_alive("HTTP/1.1", &["Connection: ,upgrade ,\tclose\t,x"], false);
    check_keep_alive("HTTP/1.1", &["Connection: upgrade", "Connection: close"], false);
    check_keep_alive("HTTP/1.1", &["Connection: close, keep-alive"], false);
}

#[test]
fn http_1_0_closes_unless_told_to_go_on() {
    check_keep_alive("HTTP/1.0", &[], false);
    check_keep_alive("HTTP/1.0", &["Connection: keep-alive"], true);
    check_keep_alive("HTTP/1.0", &["Connection: x", "Connection: y, Keep-Alive"], true);
    check_keep_alive("HTTP/1.0", &["Connection: keep-alive, close"], false);
    check_keep_alive("HTTP/1.0", &["Keep-Alive: timeout=5"], false);
    check_keep_alive("HTTP/1.0", &["Connection: keep-alive", "Content-Length: 5"], false);
}

/// CVE-2005-2088: however the fields are mixed, where another request may follow, a reader that
/// knows no more of HTTP than two names finds nothing of a body.
#[test]
fn no_mix_of_lengths_and_codings_lets_a_body_pass_for_a_request() {
    let length = ["", "0", "5", "05", "+5", "5, 5", "5,0", " ", "18446744073709551616", "none"];
    let coding =
        ["", "chunked", "Chunked", "identity", "gzip, chunked", "chunked, gzip", "x", "none"];
    let name =
        ["Transfer-Encoding", "transfer-ENCODING", "Transfer_Encoding", "Transfer-Encoding "];
    let mut went_on = 0;
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        for (first, second) in length.iter().flat_map(|a| length.map(|b| (*a, b))) {
            for (coding, name) in coding.iter().flat_map(|a| name.map(|b| (*a, b))) {
                let fields =
                    [("Content-Length", first), (name, coding), ("Content-Length", second)];
                let lines: Vec<_> = fields
                    .iter()
                    .filter(|(_, value)| *value != "none")
                    .map(|(name, value)| format!("{name}: {value}"))
                    .chain(["Connection: keep-alive".into()])
                    .collect();
                let lines: Vec<_> = lines.iter().map(String::as_str).collect();
                if parse(request(version, &lines)).is_ok_and(|head| head.keep_alive) {
                    went_on += 1;
                    assert!(
                        !lines.iter().any(|line| announces_a_body(line)),
                        "{version} {lines:?}"
                    );
                }
            }
        }
    }
    assert!(went_on > 0, "the mixes hold some that may go on");
}

fn announces_a_body(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let zeros = line.strip_prefix("content-length:").map(|value| value.trim().trim_matches('0'));
    line.starts_with("transfer-encoding") || zeros.is_some_and(|rest| !rest.is_empty())
}
