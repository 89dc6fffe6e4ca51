//! Header lines, and the Host field.

use super::{accepted, check_refused, check_refused_within, parse};
use brigade_http::driver::request::{RequestLimits, parse_head};

fn with_lines(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: example.com\r\n{lines}\r\n")
}

#[track_caller]
fn check_value(line: &[u8], value: &[u8]) {
    let head = [b"GET / HTTP/1.1\r\nHost: a\r\n", line, b"\r\n\r\n"].concat();
    assert_eq!(accepted(head).headers["x"].as_bytes(), value);
}

/// The second header line is the one at fault.
#[track_caller]
fn check_line_refused(line: &str, fault: &str) {
    let head = with_lines(&format!("{line}\r\nAccept: */*\r\n"));
    check_refused(head, 400, &format!("header line 2 {fault}"));
}

#[track_caller]
fn check_host(line: &str, host: Option<&str>) {
    let head = accepted(format!("GET / HTTP/1.1\r\n{line}\r\n\r\n"));
    assert_eq!(head.host.as_ref().map(http::uri::Authority::as_str), host);
}

#[test]
fn values_lose_the_white_space_around_them_and_nothing_else() {
    check_value(b"X: a", b"a");
    check_value(b"x:a", b"a");
    check_value(b"X: \t a \t b \t ", b"a \t b");
    check_value(b"X:", b"");
    check_value(b"X: \t", b"");
    check_value(b"X: :a:", b":a:");
    check_value(b"X: \x80\xff\"", b"\x80\xff\"");
}

#[test]
fn names_are_blind_to_case_and_fields_of_one_name_keep_their_order() {
    let headers = accepted(with_lines("X-A: 1\r\nY: 2\r\nx-a: 3\r\n")).headers;
    let values: Vec<_> = headers.get_all("X-a").iter().map(http::HeaderValue::as_bytes).collect();
    assert_eq!(values, [b"1", b"3"]);
    assert_eq!(headers.len(), 4);
}

#[test]
fn a_malformed_header_line_is_400_and_named() {
    check_line_refused("X : a", "has white space before its colon");
    check_line_refused("X\t: a", "has white space before its colon");
    check_line_refused(" X: a", "begins with white space (a folded line)");
    check_line_refused("\tfolded", "begins with white space (a folded line)");
    check_line_refused(" ", "begins with white space (a folded line)");
    check_line_refused("X", "has no colon");
    check_line_refused(": a", "has no name");
    for name in ["X Y", "X(Y)", "X\"", "{X}", "X/Y", "X@Y", "X,Y", "X;", "X=", "\u{e9}"] {
        check_line_refused(&format!("{name}: a"), "has a name that is no token");
    }
}

#[test]
fn the_first_malformed_line_is_named_even_before_the_first_field() {
    let folded = "begins with white space (a folded line)";
    let head = "GET / HTTP/1.1\r\n Host: a\r\nX\r\n\r\n";
    check_refused(head, 400, &format!("header line 1 {folded}"));
}

#[test]
fn a_name_longer_than_http_can_hold_is_400() {
    let limits = RequestLimits::default().header_bytes(1 << 20);
    let head = with_lines(&format!("{}: a\r\n", "x".repeat(70_000)));
    let says = "header line 2 has a name that is no token";
    check_refused_within(&limits, head, 400, says);
}

#[test]
fn as_many_fields_as_http_can_hold_can_be_allowed_and_no_more() {
    let limits = RequestLimits::default().header_bytes(usize::MAX).header_count(usize::MAX);
    let line = |number: usize| format!("x{number}: a\r\n");
    let lines = |count: usize| (0..count).map(line).collect::<Vec<_>>().concat();
    let most = with_lines(&lines(24_575));
    assert_eq!(parse_head(most.as_bytes(), &limits).expect("at the limit").headers.len(), 24_576);
    check_refused_within(&limits, with_lines(&lines(24_576)), 431, "more than 24576 header fields");

    let no_room_for_host = format!("GET http://a/ HTTP/1.0\r\n{}\r\n", lines(24_576));
    check_refused_within(&limits, no_room_for_host, 431, "more than 24576 header fields");
}

#[test]
fn a_valid_host_is_given_as_received() {
    for host in [
        "example.com",
        "EXAMPLE.com:80",
        "localhost",
        "a_b-c.d.",
        "127.0.0.1:65535",
        "[::1]",
        "[::ffff:1.2.3.4]:8080",
        "a:",
        "xn--bcher-kva.example",
        "0:0",
    ] {
        check_host(&format!("Host: {host}"), Some(host));
    }
    check_host("hOsT:\t a.org \t", Some("a.org"));
}

#[test]
fn an_empty_host_names_none() {
    check_host("Host:", None);
    check_host("Host: ", None);
}

#[test]
fn an_invalid_host_is_400() {
    for host in [
        "a b",
        "a,b",
        "a, b",
        "a/b",
        "a?b",
        "a#b",
        "a@b",
        "a\\b",
        "a%41",
        "a\"b",
        "<a>",
        "\u{e9}.org",
        ":80",
        ":",
        "a:b",
        "a:80:80",
        "a:-1",
        "a:+1",
        "a:65536",
        "a:8 0",
        "[]",
        "[::1",
        "::1",
        "[::1]x",
        "[::1]:x",
        "[1.2.3.4]",
        "[fe80::1%25eth0]",
        "[v1.a]",
        "a[::1]",
        "http://a",
        "a;b",
        "*",
    ] {
        check_refused(
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            400,
            "host field is invalid",
        );
        check_refused(
            format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"),
            400,
            "host field is invalid",
        );
    }
}

#[test]
fn http_1_1_needs_a_host_and_http_1_0_does_not() {
    check_refused("GET / HTTP/1.1\r\n\r\n", 400, "0 host fields, expected 1");
    check_refused("GET / HTTP/1.2\r\nAccept: */*\r\n\r\n", 400, "0 host fields, expected 1");
    assert_eq!(accepted("GET / HTTP/1.0\r\n\r\n").host, None);
}

#[test]
fn more_than_one_host_is_400_even_when_they_agree() {
    check_refused(with_lines("Host: example.com\r\n"), 400, "2 host fields, expected 1");
    check_refused(with_lines("Host: b\r\nhost:\r\n"), 400, "3 host fields, expected 1");
    check_refused("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400, "2 host fields, expected 1");
    let absolute = "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n";
    check_refused(absolute, 400, "2 host fields, expected 1");
}

#[test]
fn every_byte_that_may_not_stand_in_a_header_line_is_400_wherever_it_stands() {
    for byte in (0..=0x1f).filter(|&byte| byte != b'\t').chain([0x7f]) {
        for place in 0..="X-Name: value".len() {
            let (before, after) = b"X-Name: value".split_at(place);
            let head =
                [b"GET / HTTP/1.1\r\nHost: a\r\n", before, &[byte], after, b"\r\n\r\n"].concat();
            let error = parse(head).expect_err("must be refused");
            assert_eq!(error.status(), 400, "{byte:#x} at {place}: {error}");
        }
    }
}
