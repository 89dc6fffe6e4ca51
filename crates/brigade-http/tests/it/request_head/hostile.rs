//! Input made to hurt: none panics, each gets an answer as soon as one is due.

use proptest::prelude::*;

use super::{check_refused, many_cases, parse, scan};
use brigade_http::driver::request::{HeadScan, RequestLimits, ScanState, parse_head};

const HEADS: [&str; 5] = [
    "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "\r\n\r\nHEAD http://[::1]:8080/a?b HTTP/1.0\r\nConnection: keep-alive, x\r\nX:\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\nExpect: 100-continue\r\n\r\n",
    "GET /%00?# HTTP/2.0\r\n folded\r\nName : value\r\n\r\n",
    "BREW * HTTP/1.9\r\nContent-Length: 5\r\nContent-Length: 6\r\nHost: a:b\r\n\r\n",
];

#[test]
fn one_megabyte_of_header_without_a_line_end_is_431_as_soon_as_the_limit_is_passed() {
    let limits = RequestLimits::default();
    let mut bytes = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    let mut scan = HeadScan::new();
    let error = (0..1024)
        .find_map(|_| {
            bytes.extend([b'a'; 1024]);
            scan.advance(&bytes, &limits).err()
        })
        .expect("refused within the megabyte");
    assert_eq!(error.status(), 431);
    assert!(bytes.len() <= limits.max_head_bytes() + 1024, "refused after {} bytes", bytes.len());
}

/// CVE-2003-0132: httpd kept 80 bytes for each.
#[test]
fn a_million_blank_lines_are_refused_at_the_eleventh() {
    let bytes = b"\r\n".repeat(1_000_000);
    let limits = RequestLimits::default();
    assert_eq!(scan(&bytes[..20], &limits), Ok(ScanState::Incomplete));
    assert_eq!(scan(&bytes, &limits), scan(&bytes[..22], &limits));
    check_refused(bytes, 400, "more than 10 blank lines before the request line");
}

#[test]
fn a_bare_line_feed_is_400_with_its_offset_and_so_is_a_bare_carriage_return() {
    check_refused(
        "GET / HTTP/1.1\nHost: a\n\n",
        400,
        "line feed without a carriage return at offset 14",
    );
    check_refused("\nGET / HTTP/1.1\r\n", 400, "line feed without a carriage return at offset 0");
    check_refused("GET / HTTP/1.1\r\n\n", 400, "line feed without a carriage return at offset 16");
    let says = "carriage return without a line feed at offset 14";
    check_refused("GET / HTTP/1.1\rHost: a\r\n\r\n", 400, says);
    check_refused("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400, says);
    let in_value = "GET / HTTP/1.1\r\nHost: a\rTransfer-Encoding: chunked\r\n\r\n";
    check_refused(in_value, 400, "carriage return without a line feed at offset 23");
}

#[test]
fn a_tls_handshake_is_400_with_its_first_byte() {
    check_refused([0x16, 0x03, 0x01], 400, "byte 0x16 at offset 0 has no place in a request head");
}

#[test]
fn a_nul_is_400_in_every_part() {
    for (head, offset) in [
        ("G\0T / HTTP/1.1\r\n", 1),
        ("GET /\0 HTTP/1.1\r\n", 5),
        ("GET / HTTP/1.1\r\nA\0: b\r\n", 17),
        ("GET / HTTP/1.1\r\nA: \0b\r\n", 19),
    ] {
        let says = format!("byte 0x00 at offset {offset} has no place in a request head");
        check_refused(head, 400, &says);
    }
}

/// CVE-2016-8743: the places where a loose parser takes other white space, or more of it.
#[test]
fn loose_white_space_is_400_wherever_a_loose_parser_takes_it() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n";
    let places = [0, 3, 4, 5, 6, 14, 16, 20, 25, 26];
    for space in ["\t", "\u{b}", "\u{c}", "\r", "\n", " ", "\u{a0}", "\u{85}"] {
        for place in places {
            let (before, after) = head.split_at(place);
            let loose = [before, space, after].concat();
            let error = parse(&loose).map(|_| loose.clone()).expect_err("must be refused");
            assert_eq!(error.status(), 400, "{loose:?}: {error}");
        }
    }
}

/// CVE-2017-7668: a scan that ran past the end.
#[test]
fn a_head_that_ends_after_any_byte_is_incomplete_and_no_request() {
    for head in HEADS {
        for end in 0..head.len() {
            let cut = &head.as_bytes()[..end];
            assert_eq!(scan(cut, &RequestLimits::default()), Ok(ScanState::Incomplete), "{head:?}");
            let says = format!("request head of {end} bytes ends before its blank line");
            check_refused(cut, 400, &says);
        }
    }
}

#[test]
fn a_head_that_a_blank_line_ends_after_any_byte_is_answered() {
    for head in HEADS {
        for end in 0..head.len() {
            for ending in ["\r\n\r\n", "\n\r\n", "\r\n\r\n\r\n", "\r\r\n\r\n"] {
                let cut = [&head.as_bytes()[..end], ending.as_bytes()].concat();
                if let Err(error) = parse(&cut) {
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_answered(&bytes)?;
    }

    #[test]
    fn heads_with_some_bytes_changed_never_panic(
        head in prop::sample::select(&HEADS[..]),
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = head.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        check_answered(&bytes)?;
    }

    /// What is accepted means the same to `httparse`: a second parser, and a lenient one.
    #[test]
    fn what_is_accepted_another_parser_reads_alike(
        target in "(/[a-z%?]{0,8}|http://[a-z.:0-9]{1,8}(/[a-z]{0,3})?)",
        lines in prop::collection::vec("[A-Za-z-]{1,6}:[ \t]{0,2}[ -~\t]{0,8}\r\n", 0..6),
    ) {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{}\r\n", lines.concat());
        let Ok(ours) = parse(&head) else { return Ok(()) };
        let mut fields = [httparse::EMPTY_HEADER; 8];
        let mut theirs = httparse::Request::new(&mut fields);
        prop_assert_eq!(theirs.parse(head.as_bytes()), Ok(httparse::Status::Complete(head.len())));
        prop_assert!(target.ends_with(ours.target.as_str()) || !target.starts_with('/'));
        prop_assert_eq!(theirs.headers.len(), ours.headers.len());
        for field in theirs.headers.iter().filter(|field| !field.name.eq_ignore_ascii_case("host")) {
            let mut values = ours.headers.get_all(field.name).iter();
            prop_assert!(values.any(|value| value.as_bytes() == field.value));
        }
    }
}

/// Whatever the bytes: an answer, with a status there is a page for, and what is accepted keeps its
/// word.
fn check_answered(bytes: &[u8]) -> Result<(), TestCaseError> {
    match parse_head(bytes, &RequestLimits::default()) {
        Ok(head) => {
            prop_assert!(head.target.as_str().starts_with('/'));
            prop_assert!(head.target.as_str().is_ascii());
            prop_assert!(head.headers.get_all("host").iter().count() <= 1);
        }
        Err(error) => {
            prop_assert!([400, 405, 414, 431, 501, 505].contains(&error.status().as_u16()));
            prop_assert_eq!(error.allow().is_some(), error.status() == 405);
            prop_assert!(error.to_string().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
    Ok(())
}
