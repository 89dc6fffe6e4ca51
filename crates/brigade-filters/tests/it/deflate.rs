//! `deflate` to a client that decodes as it reads, and the heads that decide.

use brigade::{Bucket, Chain, Effects, Error, FilterKind, Member, ReadMode};
use brigade_filters::deflate::Deflate;
use brigade_http::{ResponseHead, Trailers};
use brigade_testkit::{Case, SlowSink, brigade, gated};
use http::{HeaderValue, Method};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::gunzip::{Gunzip, gunzip};
use crate::support::{Lines, Watched, head, member, run};

const TEXT: &str = "a text that is longer than the least that is worth its gzip header and trailer";

#[test]
fn every_cut_decodes_to_the_input() {
    let deflate = || member("deflate");
    Case::new(deflate, "banana ban", "banana ban").decode(gunzip).carry(0).check();
    Case::new(deflate, "", "").decode(gunzip).carry(0).check();
}

#[test]
fn every_cut_below_a_head_decodes_to_the_input() {
    let deflate = || member("deflate min_bytes=0 level=1");
    Case::new(deflate, "banana ban", "banana ban")
        .head(|| head(103, &[]).into_bucket())
        .head(|| head(200, &[]).into_bucket())
        .decode(gunzip)
        .carry(0)
        .check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pieces small and large, with repeats and without, flushed anywhere.
    #[test]
    fn client_has_all_that_was_given_at_each_flush(
        pieces in vec((0..40_000_usize, 1..300_usize, any::<u8>(), any::<bool>()), 1..8),
        level in 0..10_u32,
    ) {
        let (sink, record) = SlowSink::new(usize::MAX);
        let mut chain = Chain::new(sink);
        let deflate = Deflate::new().level(level);
        chain.join(Member::new("deflate", FilterKind::CONTENT_SET, deflate));
        let (mut client, mut given) = (Gunzip::new(), Vec::new());
        for (len, period, seed, flush) in pieces {
            let piece: Vec<u8> = (0..len)
                .map(|at| (at % period).wrapping_mul(0x9e37_79b9).to_le_bytes()[1] ^ seed)
                .collect();
            given.extend_from_slice(&piece);
            chain.pass_bucket(Bucket::transient(&piece)).unwrap();
            if flush {
                chain.flush().unwrap();
            }
            client.give(&record.take_bytes());
            prop_assert!(given.starts_with(&client.text));
            prop_assert!(!flush || client.text.len() == given.len());
        }
        chain.pass_bucket(Bucket::eos()).unwrap();
        client.give(&record.take_bytes());
        prop_assert!(client.is_complete && client.text == given);
    }
}

#[test]
fn second_flush_and_a_flush_of_nothing_add_no_bytes() {
    let mut chain = Watched::new("deflate", usize::MAX);
    chain.pass(brigade![FLUSH, "", FLUSH]);
    assert_eq!(chain.record.len_bytes(), 0);
    chain.pass(brigade!["abc", FLUSH]);
    let flushed = chain.record.len_bytes();
    chain.pass(brigade![FLUSH, "", FLUSH]);
    assert_eq!(chain.record.len_bytes(), flushed);
    chain.pass(brigade![EOS]);
    assert_eq!(gunzip(&chain.came().bytes), b"abc");
}

#[test]
fn idle_chain_delivers_each_piece_before_the_next_is_made() {
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
    chain.join_request(member("substitute s/Apache/httpd/"));
    chain.join_request(member("deflate"));
    let (gate, stream) = gated();
    chain.pass(&mut brigade![stream, EOS]).unwrap();
    let mut client = Gunzip::new();
    for (piece, decoded) in [("by ", "by "), ("Apache", "by httpd"), (".", "by httpd.")] {
        gate.give(piece);
        let _ = chain.resume().unwrap();
        chain.idle().unwrap();
        client.give(&record.take_bytes());
        assert_eq!(String::from_utf8_lossy(&client.text), decoded);
        // Nothing has come since: nothing more is sent.
        let sent = (record.marks().len(), record.len_bytes());
        chain.idle().unwrap();
        assert_eq!((record.marks().len(), record.len_bytes()), sent);
    }
    gate.end();
    let _ = chain.resume().unwrap();
    client.give(&record.take_bytes());
    assert!(client.is_complete);
}

#[test]
fn failed_body_never_decodes_as_complete() {
    for flush in [false, true] {
        let mut chain = Watched::new("deflate", usize::MAX);
        chain.pass(brigade![TEXT]);
        if flush {
            chain.pass(brigade![FLUSH]);
        }
        chain.pass(brigade![Bucket::error(Error::other("read the page"))]);
        let came = chain.came();
        let mut client = Gunzip::new();
        client.give(&came.bytes);
        assert!(!client.is_complete);
        assert_eq!(client.text.len(), if flush { TEXT.len() } else { 0 });
        assert_eq!(came.marks.last().unwrap().1, "ERROR");
        assert_eq!(came.held_bytes, 0);
    }
}

#[test]
fn mark_before_the_end_has_all_bytes_before_it() {
    let came = run("deflate", brigade![TEXT, Trailers::default().into_bucket(), EOS]);
    let (at, name) = &came.marks[0];
    assert_eq!(name, "HEADERS");
    assert_eq!(gunzip(&came.bytes[..usize::try_from(*at).unwrap()]), TEXT.as_bytes());
    assert_eq!(gunzip(&came.bytes), TEXT.as_bytes());
}

#[test]
fn connection_filter_compresses_one_response_after_another() {
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink);
    chain.join(Member::new("deflate", FilterKind::CONTENT_SET, Deflate::new()));
    for text in [TEXT, "", TEXT] {
        chain.begin_response().unwrap();
        chain.pass(&mut brigade![text, EOS]).unwrap();
        let mut client = Gunzip::new();
        client.give(&record.take_bytes());
        assert!(client.is_complete);
        assert_eq!(client.text, text.as_bytes());
    }
}

/// Whether the head that left says gzip, and varies.
fn says(head: &ResponseHead) -> (bool, bool) {
    let is_gzip = head.headers.get("content-encoding").is_some_and(|coding| coding == "gzip");
    let varies = head.headers.get_all("vary").iter().any(|field| field == "Accept-Encoding");
    (is_gzip, varies)
}

/// Checks what becomes of a response with this head and a body that is worth compressing.
#[track_caller]
fn check_head(given: ResponseHead, is_gzip: bool, varies: bool) {
    let said = format!("{given:?}");
    let came = run("deflate", brigade![given.into_bucket(), TEXT, EOS]);
    let (effects, head) = came.head.unwrap();
    assert_eq!(says(&head), (is_gzip, varies), "{said}");
    if is_gzip {
        assert_eq!(gunzip(&came.bytes), TEXT.as_bytes(), "{said}");
        assert_eq!(effects, Effects::Changes, "{said}");
    } else {
        assert_eq!(came.bytes, TEXT.as_bytes(), "{said}");
        assert_eq!(effects, Effects::Same, "{said}");
    }
}

#[test]
fn head_of_compressible_content_says_gzip_and_varies() {
    check_head(head(200, &[]), true, true);
    check_head(head(404, &[("content-type", "text/html; charset=utf-8")]), true, true);
    for media in ["application/json", "image/svg+xml", "application/wasm", "font/ttf"] {
        check_head(head(200, &[("content-type", media)]), true, true);
    }
    check_head(head(200, &[("content-encoding", "identity")]), true, true);
}

#[test]
fn content_that_does_not_get_smaller_is_left_alone() {
    for media in
        ["image/png", "video/mp4", "application/zip", "application/octet-stream", "font/woff2"]
    {
        check_head(head(200, &[("content-type", media)]), false, false);
    }
}

#[test]
fn coded_or_protected_content_is_left_alone() {
    check_head(head(200, &[("content-encoding", "br")]), false, false);
    check_head(head(200, &[("content-encoding", "\u{e9}")]), false, false);
    check_head(head(200, &[("cache-control", "private, No-Transform")]), false, false);
}

#[test]
fn part_of_something_varies_and_is_left_alone() {
    check_head(head(206, &[("content-range", "bytes 0-77/100")]), false, true);
    check_head(head(206, &[("content-type", "multipart/byteranges")]), false, false);
    check_head(head(200, &[("content-range", "bytes 0-77/100")]), false, true);
    check_head(head(304, &[]), false, true);
}

#[test]
fn response_without_a_body_is_left_alone() {
    check_head(head(204, &[]), false, false);
    check_head(head(205, &[]), false, false);
    check_head(head(101, &[]), false, false);
}

#[test]
fn interim_head_goes_on_as_it_is_and_decides_nothing() {
    for media in ["text/html", "image/png"] {
        let mut chain = Watched::new("deflate", usize::MAX);
        chain.pass(brigade![head(103, &[("content-type", media)]).into_bucket()]);
        assert_eq!(says(&chain.came().head.unwrap().1), (false, false));
        chain.pass(brigade![head(200, &[]).into_bucket(), TEXT, EOS]);
        let came = chain.came();
        assert_eq!(says(&came.head.unwrap().1), (true, true));
        assert_eq!(gunzip(&came.bytes), TEXT.as_bytes());
    }
}

#[test]
fn vary_is_said_once() {
    let came = |fields: &[(&str, &str)]| {
        let came = run("deflate", brigade![head(200, fields).into_bucket(), TEXT, EOS]);
        let head = came.head.unwrap().1;
        let lines = head.headers.get_all("vary").iter();
        lines.map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(came(&[("vary", "Origin")]), ["Origin", "Accept-Encoding"]);
    assert_eq!(came(&[("vary", "origin, accept-ENCODING")]), ["origin, accept-ENCODING"]);
    assert_eq!(came(&[("vary", "*")]), ["*"]);
}

#[track_caller]
fn check_accepts(lines: &[&str], is_gzip: bool) {
    let mut given = head(200, &[]);
    let request = std::sync::Arc::get_mut(&mut given.request).unwrap();
    request.headers.remove("accept-encoding");
    for line in lines {
        request.headers.append("accept-encoding", HeaderValue::from_str(line).unwrap());
    }
    check_head(given, is_gzip, true);
}

#[test]
fn client_that_accepts_gzip_gets_it() {
    check_accepts(&["gzip"], true);
    check_accepts(&["deflate, GZIP;q=0.001, br"], true);
    check_accepts(&["br", "x-gzip"], true);
    check_accepts(&["*"], true);
    check_accepts(&["gzip;q=1.000, *;q=0"], true);
    check_accepts(&["gzip;level=9; Q=0.5, identity ; q=0.5"], true);
    check_accepts(&["identity;q=0, *;q=0.1"], true);
}

#[test]
fn client_that_does_not_accept_gzip_gets_the_body_as_it_is() {
    check_accepts(&[], false);
    check_accepts(&[""], false);
    check_accepts(&["br, deflate, gzippy"], false);
    check_accepts(&["gzip;q=0"], false);
    check_accepts(&["gzip; q=0.000, x-gzip, *"], false);
    check_accepts(&["*;q=0"], false);
    check_accepts(&["gzip;q=0.5, identity"], false);
    check_accepts(&["gzip;q=0.5, *;q=0.8"], false);
}

#[test]
fn weight_that_is_malformed_accepts_nothing() {
    for weight in ["2", "-1", "0.1234", "1.001", ".5", "0,5", "half", "", "0.+1"] {
        check_accepts(&[&format!("gzip;q={weight}")], false);
    }
}

#[test]
fn answer_to_head_has_the_head_of_the_answer_to_get_and_no_bytes() {
    let answer = |fields: &[(&str, &str)], body: &str| {
        let mut given = head(200, fields);
        std::sync::Arc::get_mut(&mut given.request).unwrap().method = Method::HEAD;
        let came = run("deflate", brigade![given.into_bucket(), body, EOS]);
        let (effects, head) = came.head.unwrap();
        (says(&head), effects, came.bytes.len())
    };
    assert_eq!(answer(&[], ""), ((true, true), Effects::Changes, 0));
    // Nobody below dropped this body; it is not compressed for that.
    assert_eq!(answer(&[], TEXT), ((true, true), Effects::Changes, TEXT.len()));
    assert_eq!(answer(&[], "tiny"), ((false, true), Effects::Same, 4));
    assert_eq!(answer(&[("content-length", "5")], ""), ((false, true), Effects::Same, 0));
    assert_eq!(answer(&[("content-type", "image/png")], ""), ((false, false), Effects::Same, 0));
}

#[test]
fn tiny_body_varies_and_is_left_alone_if_its_length_is_known() {
    let came = |given: ResponseHead, spec: &str, body: &str| {
        let mut chain = Watched::new(spec, usize::MAX);
        chain.pass(brigade![given.into_bucket()]);
        chain.pass(brigade![body, EOS]);
        says(&chain.came().head.unwrap().1)
    };
    let whole = run("deflate", brigade![head(200, &[]).into_bucket(), &TEXT[..63], EOS]);
    assert_eq!(says(&whole.head.unwrap().1), (false, true));
    assert_eq!(whole.bytes, &TEXT.as_bytes()[..63]);
    let whole = run("deflate", brigade![head(200, &[]).into_bucket(), &TEXT[..64], EOS]);
    assert_eq!(says(&whole.head.unwrap().1), (true, true));

    let told = head(200, &[("content-length", "4")]);
    assert_eq!(came(told.clone(), "deflate", "tiny"), (false, true));
    assert_eq!(came(told, "deflate min_bytes=4", "tiny"), (true, true));
    assert_eq!(came(head(200, &[]), "deflate", "tiny"), (true, true));
}

#[test]
fn length_that_a_filter_above_makes_wrong_is_not_believed() {
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink);
    chain.join_request(member("substitute s/a/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/"));
    chain.join_request(member("deflate"));
    let told = head(200, &[("content-length", "4")]).into_bucket();
    chain.pass_bucket(told).unwrap();
    chain.pass(&mut brigade!["aaaa", EOS]).unwrap();
    assert_eq!(gunzip(&record.bytes()), "a".repeat(128).as_bytes());
}

#[test]
fn response_that_is_left_alone_goes_on_together_with_its_body() {
    let (sink, _record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink);
    chain.join_request(member("deflate"));
    let (tell, told) = std::sync::mpsc::channel();
    let looks = brigade::from_fn(move |input, next| {
        tell.send(input.len()).unwrap();
        next.push_all(input)
    });
    chain.join_request(Member::new("looks", FilterKind::PROTOCOL, looks));
    let picture = head(200, &[("content-type", "image/png")]).into_bucket();
    chain.pass(&mut brigade![picture, TEXT, EOS]).unwrap();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [3], "so that its length can be known");
}

#[test]
fn higher_level_makes_less_of_the_same() {
    let numbers = (0..20_000_u32).map(|n| (n.wrapping_mul(n) % 9973).to_string());
    let text = numbers.collect::<Vec<_>>().join(" ");
    let len = |level| run(&format!("deflate level={level}"), brigade![&text[..], EOS]).bytes.len();
    let (stored, fast, default, small) = (len(0), len(1), len(6), len(9));
    assert!(stored > text.len() && fast < text.len() && default < fast && small <= default);
}

#[test]
fn memory_for_64_mib_is_an_encoder_and_a_few_blocks() {
    let mut chain = Watched::new("deflate level=1", usize::MAX);
    let mut client = Gunzip::new();
    for seed in 0..64 {
        chain.pass(brigade![Bucket::of(Lines { left: 1 << 20, seed })]);
        client.give(&chain.record.take_bytes());
        client.text.clear();
        assert_eq!(chain.came().held_bytes, 372 * 1024);
    }
    chain.pass(brigade![EOS]);
    client.give(&chain.record.take_bytes());
    assert!(client.is_complete);
    assert_eq!(chain.came().held_bytes, 0);
    let stats = chain.chain.alloc().stats();
    assert!(stats.blocks_high_water <= 24, "{stats:?}");
}
