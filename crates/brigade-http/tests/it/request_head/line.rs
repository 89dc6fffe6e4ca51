//! The request line: method, target, version.

use http::{Method, Version};

use super::{accepted, check_refused, check_refused_within, parse};
use brigade_http::driver::request::{RequestLimits, parse_head};

const WORDS: &str = "expected 3 with one space between: method, target, version";

fn with_line(line: &str) -> String {
    format!("{line}\r\nHost: example.com\r\n\r\n")
}

#[track_caller]
fn check_line_refused(line: &str, status: u16, says: &str) {
    check_refused(with_line(line), status, says);
}

#[track_caller]
fn check_version(version: &str, read_as: Version) {
    assert_eq!(accepted(with_line(&format!("GET / {version}"))).version, read_as);
}

#[track_caller]
fn check_target(received: &str, target: &str, host: &str) {
    let head = accepted(with_line(&format!("GET {received} HTTP/1.1")));
    assert_eq!(head.target.as_str(), target);
    assert_eq!(head.host.as_ref().map(http::uri::Authority::as_str), Some(host));
    assert_eq!(head.headers["host"], host, "the field says what the target says");
    assert_eq!(head.headers.get_all("host").iter().count(), 1);
}

#[test]
fn get_and_head_are_accepted() {
    assert_eq!(accepted(with_line("GET / HTTP/1.1")).method, Method::GET);
    assert_eq!(accepted(with_line("HEAD / HTTP/1.1")).method, Method::HEAD);
}

#[test]
fn a_known_method_that_is_not_served_is_405_and_says_which_are() {
    for line in [
        "POST / HTTP/1.1",
        "PUT / HTTP/1.1",
        "DELETE / HTTP/1.1",
        "PATCH / HTTP/1.1",
        "TRACE / HTTP/1.1",
        "QUERY / HTTP/1.1",
        "OPTIONS / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT example.com:443 HTTP/1.1",
    ] {
        let limits = RequestLimits::default();
        let error =
            check_refused_within(&limits, with_line(line), 405, "method is not one of GET, HEAD");
        assert_eq!(error.allow(), Some("GET, HEAD"));
    }
}

#[test]
fn only_a_405_has_an_allow_value() {
    for line in ["BREW / HTTP/1.1", "GET / HTTP/2.0", "GET /"] {
        assert_eq!(parse(with_line(line)).expect_err("must be refused").allow(), None, "{line}");
    }
}

#[test]
fn an_unknown_method_is_501_and_case_matters() {
    for line in
        ["BREW / HTTP/1.1", "get / HTTP/1.1", "GETS / HTTP/1.1", "!#$%&'*+-.^_`|~ / HTTP/1.1"]
    {
        check_line_refused(line, 501, "method is not known");
    }
}

#[test]
fn a_method_that_is_no_token_is_400() {
    for method in ["G(T", "G:T", "\"GET\"", "G/T", "{}", ""] {
        check_line_refused(&format!("{method} / HTTP/1.1"), 400, "method is no token");
    }
}

#[test]
fn a_malformed_request_is_400_before_its_method_is_judged() {
    check_refused("BREW / HTTP/1.1\r\n\r\n", 400, "0 host fields, expected 1");
    check_refused("POST / HTTP/1.1\r\n\r\n", 400, "0 host fields, expected 1");
}

#[test]
fn versions_of_http_1_are_read_as_the_one_we_know() {
    check_version("HTTP/1.0", Version::HTTP_10);
    check_version("HTTP/1.1", Version::HTTP_11);
    check_version("HTTP/1.2", Version::HTTP_11);
    check_version("HTTP/1.9", Version::HTTP_11);
}

#[test]
fn another_major_version_is_505_whatever_else_is_wrong() {
    let says = "version HTTP/2.0 is not supported, only HTTP/1";
    check_line_refused("GET / HTTP/2.0", 505, says);
    check_line_refused("BREW ** HTTP/2.0", 505, says);
    check_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, says);
    check_line_refused("GET / HTTP/9.7", 505, "version HTTP/9.7 is not supported, only HTTP/1");
}

#[test]
fn a_version_of_another_form_is_400() {
    for version in [
        "http/1.1",
        "Http/1.1",
        "HTTP/0.9",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/1.10",
        "HTTP/10.1",
        "HTTP/01.1",
        "HTTP/1.x",
        "HTTP/x.1",
        "HTTP/-1.1",
        "HTTP1.1",
        "HTTP\\1.1",
        "HTTPS/1.1",
        "ICY/1.1",
        "",
    ] {
        let line = format!("GET / {version}");
        check_line_refused(&line, 400, "version is not of the form HTTP/1.1");
    }
}

#[test]
fn a_request_line_that_is_not_three_words_is_400() {
    for (line, words) in [
        ("GET", 1),
        ("GET /", 2), // HTTP/0.9
        ("GET /a b HTTP/1.1", 4),
        ("GET  / HTTP/1.1", 4),
        ("GET /  HTTP/1.1", 4),
        ("GET / HTTP/1.1 ", 4),
        (" GET / HTTP/1.1", 4),
    ] {
        check_line_refused(line, 400, &format!("request line of {words} words, {WORDS}"));
    }
}

#[test]
fn white_space_other_than_one_space_is_400() {
    for (line, byte, offset) in [
        ("GET\t/ HTTP/1.1", "0x09", 3),
        ("GET /\tHTTP/1.1", "0x09", 5),
        ("GET /\u{b}HTTP/1.1", "0x0b", 5),
        ("GET / HTTP/1.1\u{c}", "0x0c", 14),
    ] {
        let says = format!("byte {byte} at offset {offset} has no place in a request head");
        check_line_refused(line, 400, &says);
    }
}

#[test]
fn a_path_is_taken_as_received() {
    for target in
        ["/", "/a/b?c=d&e", "//a//", "/..%2f%00/%zz", "/a?", "/a??b/c", "/{a}|[b]\\\"^\"", "/*"]
    {
        check_target(target, target, "example.com");
    }
}

#[test]
fn absolute_form_gives_path_and_host_and_overrides_the_field() {
    check_target("http://other.org/a?b", "/a?b", "other.org");
    check_target("HTTP://Other.org:8080/", "/", "Other.org:8080");
    check_target("https://other.org//a", "//a", "other.org");
    check_target("http://other.org", "/", "other.org");
    check_target("http://other.org?b=/c", "/?b=/c", "other.org");
    check_target("http://[::1]:80/", "/", "[::1]:80");
    check_target("http://example.com/http://c", "/http://c", "example.com");
}

#[test]
fn absolute_form_gives_a_request_of_http_1_0_its_host() {
    let head = accepted("GET http://other.org/ HTTP/1.0\r\n\r\n");
    assert_eq!(head.host.expect("named by the target"), "other.org");
    assert_eq!(head.headers["host"], "other.org");
}

#[test]
fn absolute_form_does_not_excuse_a_missing_host_field() {
    check_refused("GET http://a.org/ HTTP/1.1\r\n\r\n", 400, "0 host fields, expected 1");
}

#[test]
fn absolute_form_with_an_invalid_host_is_400() {
    for target in [
        "http://",
        "http:///a",
        "http://?",
        "http://user@a.org/",
        "http://user:pw@a.org/",
        "http://a.org:x/",
        "http://a.org:65536/",
        "http://a%2eorg/",
        "http://[::1/",
        "http://::1/",
        "http://a b/",
    ] {
        let says = match target {
            "http://a b/" => format!("request line of 4 words, {WORDS}"),
            _ => "request target has an invalid host".into(),
        };
        check_line_refused(&format!("GET {target} HTTP/1.1"), 400, &says);
    }
}

#[test]
fn a_target_of_another_form_is_400() {
    for target in [
        "*",
        "a",
        "example.com",
        "example.com:80",
        "?a",
        "ftp://a.org/",
        "http:/a",
        "http:a",
        "file:///etc/passwd",
        "",
        "http",
        "\\a",
    ] {
        let says = "request target is neither a path nor an http URI";
        check_line_refused(&format!("GET {target} HTTP/1.1"), 400, says);
    }
}

#[test]
fn a_fragment_is_400() {
    for target in ["/a#b", "/#", "#a", "/a?b#c", "http://a.org/#b", "http://a.org#b"] {
        check_line_refused(&format!("GET {target} HTTP/1.1"), 400, "request target has a fragment");
    }
}

#[test]
fn characters_that_every_client_encodes_are_400_in_a_target() {
    for target in ["/<", "/>", "/`", "/?<", "/?>", "/?\"", "http://a.org/<"] {
        let says = "request target has a character that must be encoded";
        check_line_refused(&format!("GET {target} HTTP/1.1"), 400, says);
    }
}

#[test]
fn bytes_that_are_not_visible_ascii_are_400_in_a_target() {
    for byte in (0..=0x20u8).chain(0x7f..=0xff) {
        let head = [b"GET /a", &[byte][..], b"b HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        assert_eq!(parse(head).expect_err("refused").status(), 400, "{byte:#x}");
    }
}

#[test]
fn the_longest_line_that_can_be_allowed_is_still_parsed() {
    let limits = RequestLimits::default().request_line_bytes(usize::MAX);
    let line = |path: usize| with_line(&format!("GET /{} HTTP/1.1", "a".repeat(path)));
    let longest = 65_534 - "GET / HTTP/1.1".len();
    let head = parse_head(line(longest).as_bytes(), &limits).expect("at the limit");
    assert_eq!(head.target.as_str().len(), longest + 1);
    let says = "request line of more than 65534 bytes";
    check_refused_within(&limits, line(longest + 1), 414, says);
}
