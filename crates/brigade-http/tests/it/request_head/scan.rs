//! The search for the end of the head, against one that looks at everything at once.

use proptest::prelude::*;

use super::{check_refused_within, many_cases, scan};
use brigade_http::driver::request::{HeadScan, RequestError, RequestLimits, ScanState};

/// Small enough for generated heads to pass each of them.
fn tight() -> RequestLimits {
    RequestLimits::default().request_line_bytes(24).header_bytes(40).header_count(3).blank_lines(2)
}

#[track_caller]
fn check_status(bytes: &[u8], limits: &RequestLimits, status: u16) {
    let error = scan(bytes, limits).expect_err("must be refused");
    assert_eq!(error.status().as_u16(), status, "{error}");
}

/// The head's length, nothing when it goes on, or a status: line by line over the whole buffer.
fn oracle(bytes: &[u8], limits: [usize; 4]) -> Result<Option<usize>, u16> {
    let [line_limit, bytes_limit, count_limit, blank_limit] = limits;
    let (mut blank, mut lines, mut total, mut start) = (0, 0, 0, 0);
    loop {
        let end = bytes[start..].windows(2).position(|pair| pair == b"\r\n");
        let line = match end {
            Some(end) => &bytes[start..start + end],
            None => bytes[start..].strip_suffix(b"\r").unwrap_or(&bytes[start..]),
        };
        for (before, byte) in line.iter().enumerate() {
            let visible = (0x20..0x7f).contains(byte);
            match lines {
                _ if !visible && (lines == 0 || (*byte < 0x80 && *byte != b'\t')) => {
                    return Err(400);
                }
                0 if before == line_limit => return Err(414),
                0 => {}
                _ if lines > count_limit || total == bytes_limit => return Err(431),
                _ => total += 1,
            }
        }
        match (end, line.is_empty(), lines) {
            (None, ..) => return Ok(None),
            (Some(_), true, 0) if blank == blank_limit => return Err(400),
            (Some(_), true, 0) => blank += 1,
            (Some(_), true, _) => return Ok(Some(start + 2)),
            (Some(_), false, _) => lines += 1,
        }
        start += line.len() + 2;
    }
}

/// Lets the bytes come in pieces that end at `cuts`.
fn scan_cut(
    bytes: &[u8],
    cuts: &[usize],
    limits: &RequestLimits,
) -> Result<ScanState, RequestError> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut scan = HeadScan::new();
    for cut in cuts {
        let state = scan.advance(&bytes[..cut], limits)?;
        if state != ScanState::Incomplete {
            return Ok(state);
        }
    }
    scan.advance(bytes, limits)
}

/// Bytes that are often a head, nearly one, or one and more.
fn head_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => Just(&b"\r\n"[..]),
        4 => prop::sample::select(vec![
            &b"GET / HTTP/1.1\r\n"[..], b"A: b\r\n", b"Host: example.com\r\n", b"a", b": ", b"\r\n\r\n",
        ]),
        1 => prop::sample::select(vec![&b"\r"[..], b"\n", b"\0", b"\t", b"\x7f", b"\x80", b"\x1f", b" "]),
    ];
    let line = prop_oneof![Just(vec![]), Just(b"GET / HTTP/1.1\r\n".to_vec())];
    (line, prop::collection::vec(piece, 0..20))
        .prop_map(|(line, rest)| [line, rest.concat()].concat())
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn a_scan_answers_as_a_search_of_the_whole_buffer_does(bytes in head_like()) {
        let answer = match scan(&bytes, &tight()) {
            Ok(ScanState::Complete { head_len }) => Ok(Some(head_len)),
            Ok(_) => Ok(None),
            Err(error) => Err(error.status().as_u16()),
        };
        prop_assert_eq!(answer, oracle(&bytes, [24, 40, 3, 2]));
    }

    #[test]
    fn a_scan_answers_the_same_however_the_bytes_arrive(
        bytes in head_like(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let whole = scan(&bytes, &tight());
        prop_assert_eq!(scan_cut(&bytes, &cuts, &tight()), whole);
        let every: Vec<_> = (0..=bytes.len()).collect();
        prop_assert_eq!(scan_cut(&bytes, &every, &tight()), whole);
    }

    #[test]
    fn a_scan_never_asks_for_more_than_the_limits_need(bytes in head_like()) {
        let max = tight().max_head_bytes();
        match scan(&bytes, &tight()) {
            Ok(ScanState::Complete { head_len }) => prop_assert!(head_len <= max),
            Ok(_) => prop_assert!(bytes.len() < max),
            Err(_) => {}
        }
    }
}

#[test]
fn a_scan_never_looks_again_at_what_it_has_seen() {
    let head = b"\r\nGET / HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n";
    let mut scan = HeadScan::new();
    for received in 1..=head.len() {
        // All but the newest two would be an error, were they looked at: a carriage return is
        // looked at again when the byte after it is there.
        let mut bytes = vec![0; received];
        let seen = received.saturating_sub(2);
        bytes[seen..].copy_from_slice(&head[seen..received]);
        let state = scan.advance(&bytes, &RequestLimits::default()).expect("nothing is wrong");
        assert_eq!(state == ScanState::Incomplete, received < head.len());
    }
}

#[test]
fn bytes_after_the_head_are_left_for_who_comes_next() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for after in [&b""[..], b"GET /next HTTP/1.1\r\n", b"\0\n\xff", b"\r\n\r\n"] {
        let state = scan(&[head, after].concat(), &RequestLimits::default());
        assert_eq!(state, Ok(ScanState::Complete { head_len: head.len() }));
    }
}

#[test]
fn a_scan_repeats_its_last_word() {
    let limits = RequestLimits::default();
    let mut done = HeadScan::new();
    let state = done.advance(b"GET / HTTP/1.0\r\n\r\n", &limits);
    assert_eq!(state, Ok(ScanState::Complete { head_len: 18 }));
    assert_eq!(done.advance(b"", &limits), state);

    let mut failed = HeadScan::new();
    let state = failed.advance(b"\n", &limits);
    assert!(state.is_err());
    assert_eq!(failed.advance(b"GET / HTTP/1.0\r\n\r\n", &limits), state);
}

#[test]
fn a_scan_given_less_than_before_waits() {
    let limits = RequestLimits::default();
    let mut scan = HeadScan::new();
    assert_eq!(scan.advance(b"GET / HTTP", &limits), Ok(ScanState::Incomplete));
    assert_eq!(scan.advance(b"GET", &limits), Ok(ScanState::Incomplete));
}

#[test]
fn a_request_has_begun_with_its_first_byte_and_not_with_a_blank_line() {
    let limits = RequestLimits::default();
    for (bytes, begun) in [
        (&b""[..], false),
        (b"\r", false),
        (b"\r\n\r\n", false),
        (b"G", true),
        (b"\r\nG", true),
        (b"GET / HTTP/1.1\r\n", true),
    ] {
        let mut scan = HeadScan::new();
        assert_eq!(scan.advance(bytes, &limits), Ok(ScanState::Incomplete));
        assert_eq!(scan.has_begun(), begun, "{:?}", bytes.escape_ascii().to_string());
    }
}

#[test]
fn a_request_line_may_be_as_long_as_the_limit_and_is_414_with_the_next_byte() {
    let limits = RequestLimits::default();
    let mut line = vec![b'a'; 8190];
    assert_eq!(scan(&line, &limits), Ok(ScanState::Incomplete));
    assert_eq!(scan(&[&line[..], b"\r\n"].concat(), &limits), Ok(ScanState::Incomplete));
    line.push(b'a');
    check_status(&line, &limits, 414);
    check_refused_within(&limits, &line, 414, "request line of more than 8190 bytes");
}

#[test]
fn header_fields_may_be_as_long_together_as_the_limit_and_are_431_with_the_next_byte() {
    let limits = RequestLimits::default();
    let lines = [&b"GET / HTTP/1.1\r\nHost: a\r\n"[..], &vec![b'a'; 32 * 1024 - 7]].concat();
    assert_eq!(scan(&lines, &limits), Ok(ScanState::Incomplete));
    let whole = [&lines[..], b"\r\n\r\n"].concat();
    assert_eq!(scan(&whole, &limits), Ok(ScanState::Complete { head_len: whole.len() }));
    let says = "header fields of more than 32768 bytes";
    check_refused_within(&limits, [&lines[..], b"a"].concat(), 431, says);
    check_refused_within(&limits, [&lines[..], b"\r\na"].concat(), 431, says);
}

#[test]
fn a_field_over_the_count_is_431_with_its_first_byte() {
    let limits = RequestLimits::default();
    let lines = [&b"GET / HTTP/1.1\r\n"[..], &b"A:\r\n".repeat(100)].concat();
    let whole = [&lines[..], b"\r\n"].concat();
    assert_eq!(scan(&whole, &limits), Ok(ScanState::Complete { head_len: whole.len() }));
    check_refused_within(&limits, [&lines[..], b"A"].concat(), 431, "more than 100 header fields");
}

#[test]
fn a_blank_line_over_the_count_is_400() {
    let limits = RequestLimits::default();
    let blank = b"\r\n".repeat(10);
    let head = [&blank[..], b"GET / HTTP/1.0\r\n\r\n"].concat();
    assert_eq!(scan(&head, &limits), Ok(ScanState::Complete { head_len: head.len() }));
    let says = "more than 10 blank lines before the request line";
    check_refused_within(&limits, [&blank[..], b"\r\n"].concat(), 400, says);
}

#[test]
fn the_longest_head_is_as_long_as_the_limits_say() {
    let line = "a".repeat(24);
    let fields = "a".repeat(40 - 2);
    let head = format!("\r\n\r\n{line}\r\n{fields}\r\na\r\na\r\n\r\n");
    assert_eq!(head.len(), tight().max_head_bytes());
    let state = scan(head.as_bytes(), &tight());
    assert_eq!(state, Ok(ScanState::Complete { head_len: head.len() }));
}

#[test]
fn limits_of_nothing_refuse_the_first_byte_and_those_without_end_do_not_overflow() {
    let none = RequestLimits::default().request_line_bytes(0).blank_lines(0);
    check_status(b"G", &none, 414);
    check_status(b"\r\n", &none, 400);
    let no_fields = RequestLimits::default().header_bytes(0);
    check_status(b"GET / HTTP/1.1\r\nA", &no_fields, 431);
    let endless = RequestLimits::default()
        .request_line_bytes(usize::MAX)
        .header_bytes(usize::MAX)
        .header_count(usize::MAX)
        .blank_lines(usize::MAX);
    assert_eq!(endless.max_head_bytes(), usize::MAX);
    assert_eq!(scan(b"\r\nGET / HTTP/1.1\r\nA: b", &endless), Ok(ScanState::Incomplete));
}
