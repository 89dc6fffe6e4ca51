//! `inflate` on what is whole, cut short, damaged, and made to grow.

use std::io::Write;

use brigade::{Bucket, Chain, Effects, Error, ErrorKind, FilterKind, Member, Progress, ReadMode};
use brigade_filters::inflate::Inflate;
use brigade_testkit::{Case, SlowSink, brigade, conformance, gated};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::Method;
use proptest::prelude::*;

use crate::support::{Lines, Watched, head, member, run};

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn raw(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_cut_decodes_to_the_text() {
    let inflate = || member("inflate");
    Case::new(inflate, "", "").carry(0).check();
    let said =
        |coding: &'static str| move || head(200, &[("content-encoding", coding)]).into_bucket();
    for (coding, coded) in [("deflate", zlib("banana")), ("Deflate", raw("banana"))] {
        Case::new(inflate, coded, "banana").head(said(coding)).check();
    }
}

#[test]
fn members_and_padding_decode_to_all_of_them_in_pieces_of_any_length() {
    let members = [gzip("one,"), gzip(""), gzip("two"), vec![0; 3]].concat();
    for len in 1..=members.len() {
        let mut chain = Watched::new("inflate", usize::MAX);
        for piece in members.chunks(len) {
            chain.pass(brigade![piece]);
        }
        chain.pass(brigade![EOS]);
        assert_eq!(chain.came().bytes, b"one,two", "pieces of {len} bytes");
    }
}

#[test]
fn inflate_keeps_every_promise_of_a_filter() {
    let inflate = conformance(Inflate::new).memory(48 * 1024);
    inflate.turns(gzip("banana ban"), "banana ban").check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What `deflate` makes of pieces, flushed anywhere, comes back at each flush.
    #[test]
    fn what_deflate_makes_comes_back_at_each_flush(
        pieces in proptest::collection::vec((0..30_000_usize, 1..300_usize, any::<u8>()), 1..6),
        level in 0..10_u32,
    ) {
        let (sink, record) = SlowSink::new(usize::MAX);
        let mut chain = Chain::new(sink);
        chain.join_request(member(&format!("deflate level={level}")));
        chain.join_request(Member::new("inflate", FilterKind::PROTOCOL, Inflate::new()));
        let mut given = Vec::new();
        for (len, period, seed) in pieces {
            let piece: Vec<u8> = (0..len)
                .map(|at| (at % period).wrapping_mul(0x9e37_79b9).to_le_bytes()[1] ^ seed)
                .collect();
            given.extend_from_slice(&piece);
            chain.pass(&mut brigade![&piece[..], FLUSH]).unwrap();
            prop_assert!(record.bytes() == given);
        }
        chain.pass_bucket(Bucket::eos()).unwrap();
        prop_assert!(record.bytes() == given);
        let (_, last) = record.marks().pop().unwrap();
        prop_assert_eq!(last, "EOS");
    }
}

/// What becomes of a coded body: the error, and the text that came out before it.
fn failure(spec: &str, coded: &[u8]) -> (Error, Vec<u8>) {
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink);
    chain.join_request(member(spec));
    let error = chain.pass(&mut brigade![coded, EOS]).unwrap_err();
    assert_eq!(error.filter(), Some("inflate"));
    assert_eq!(record.marks().last().unwrap().1, "ERROR", "it never looks complete");
    (error, record.bytes())
}

#[test]
fn body_that_is_cut_short_fails_wherever_it_is_cut() {
    let two = [gzip("one"), gzip("two")].concat();
    let first = gzip("one").len();
    for at in (1..two.len()).filter(|at| *at != first) {
        let (error, _) = failure("inflate", &two[..at]);
        assert_eq!(error.kind(), ErrorKind::Incomplete, "after {at} bytes");
    }
    let (error, _) = failure("inflate", &two[..=first]);
    assert!(error.to_string().ends_with("decode gzip: it is cut short; 3 bytes came of it"));
}

#[test]
fn byte_that_is_damaged_is_noticed_or_is_none_of_the_text() {
    let whole = gzip("a text that is checked by its sum");
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        let (sink, record) = SlowSink::new(usize::MAX);
        let mut chain = Chain::new(sink);
        chain.join_request(member("inflate"));
        // Time and system are in the header, and nobody's business; the last block is padded to a byte.
        if chain.pass(&mut brigade![&damaged[..], EOS]).is_ok() {
            assert_eq!(record.bytes(), b"a text that is checked by its sum", "byte {at}");
        }
    }
    let (error, _) = failure("inflate", b"\x1f\x8b\x08\x00no");
    assert_eq!(error.kind(), ErrorKind::Incomplete);
    let (error, _) = failure("inflate", b"no gzip at all");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().ends_with("decode gzip: it is damaged; 0 bytes came of it"));
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn anything_but_zeroes_behind_the_end_fails() {
    for garbage in ["x", "\0x", "\0\x1f\u{8b}"] {
        let coded = [&gzip("text")[..], garbage.as_bytes()].concat();
        let (error, _) = failure("inflate", &coded);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{garbage:?}");
        assert!(error.to_string().contains("behind its end"), "{error}");
    }
}

#[test]
fn deflate_has_one_member_and_no_padding() {
    for coded in [zlib("text"), raw("text")] {
        let coded = [&coded[..], b"\0"].concat();
        let mut chain = Watched::new("inflate", usize::MAX);
        chain.pass(brigade![head(200, &[("content-encoding", "deflate")]).into_bucket()]);
        let error = chain.chain.pass(&mut brigade![&coded[..], EOS]).unwrap_err();
        assert!(error.to_string().ends_with("decode deflate: 1 bytes or more are behind its end"));
    }
}

#[test]
fn few_bytes_that_become_very_many_fail_soon() {
    let bomb = gzip(vec![0; 64 << 20]);
    let (error, text) = failure("inflate", &bomb);
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().ends_with(", limit 200 for each byte"), "{error}");
    assert!(text.len() <= (1 << 20) + 8192, "{} bytes came out", text.len());
    assert_eq!(run("inflate ratio=none", brigade![&bomb[..], EOS]).bytes.len(), 64 << 20);
    // Short texts may repeat themselves.
    assert_eq!(
        run("inflate", brigade![Bucket::heap(gzip(vec![0; 1 << 20])), EOS]).bytes.len(),
        1 << 20
    );
}

#[test]
fn body_longer_than_the_limit_fails() {
    let coded = gzip("0123456789");
    assert_eq!(run("inflate limit=10", brigade![&coded[..], EOS]).bytes, b"0123456789");
    let (error, _) = failure("inflate limit=9", &coded);
    assert!(error.to_string().ends_with("decode gzip: 10 bytes came of 30, limit 9"), "{error}");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn piece_that_becomes_a_thousand_times_as_much_waits_for_a_slow_peer() {
    let bomb = gzip(vec![b'x'; 16 << 20]);
    let mut chain = Watched::new("inflate ratio=none", 20_000);
    chain.pass(brigade![&bomb[..], EOS]);
    let (mut most, mut came) = (0, 0);
    while chain.chain.progress() == Progress::Pending {
        most = most.max(chain.chain.held_bytes());
        let _ = chain.chain.resume().unwrap();
        came += chain.record.take_bytes().len();
    }
    assert_eq!(came, 16 << 20);
    // The decoder, what is left of the input, and two pieces on their way.
    let bound = 48 * 1024 + bomb.len() as u64 + 2 * 65_536 + 2 * 8192;
    assert!(most <= bound, "{most} bytes were held, at most {bound}");
}

#[test]
fn head_loses_the_coding_and_what_was_said_of_the_coded_bytes() {
    for (said, left) in [
        ("gzip", None),
        ("X-GZIP", None),
        ("identity, gzip", None),
        ("br, gzip", Some("br")),
        ("gzip, identity", None),
    ] {
        let given = head(200, &[("content-encoding", said), ("etag", "\"a\"")]).into_bucket();
        let came = run("inflate", brigade![given, Bucket::heap(gzip("text")), EOS]);
        let (effects, head) = came.head.unwrap();
        let coding = head.headers.get("content-encoding").map(|value| value.to_str().unwrap());
        assert_eq!((coding, effects, &came.bytes[..]), (left, Effects::Changes, &b"text"[..]));
    }
}

#[test]
fn what_cannot_be_decoded_is_left_alone() {
    let cases: [(u16, &[(&str, &str)]); 8] = [
        (200, &[]),
        (200, &[("content-encoding", "br")]),
        (200, &[("content-encoding", "gzip, br")]),
        (200, &[("content-encoding", "identity")]),
        (200, &[("content-encoding", "gzip"), ("cache-control", "private, no-transform")]),
        (206, &[("content-encoding", "gzip")]),
        (200, &[("content-encoding", "gzip"), ("content-range", "bytes 0-3/9")]),
        (304, &[("content-encoding", "gzip")]),
    ];
    for (status, fields) in cases {
        let given = head(status, fields);
        let came = run("inflate", brigade![given.clone().into_bucket(), "as it is", EOS]);
        let (effects, head) = came.head.unwrap();
        assert_eq!(came.bytes, b"as it is", "{status} {fields:?}");
        assert_eq!((effects, head.headers), (Effects::Same, given.headers), "{fields:?}");
    }
}

#[test]
fn answer_to_head_has_the_head_of_the_answer_to_get() {
    let mut given = head(200, &[("content-encoding", "gzip")]);
    std::sync::Arc::get_mut(&mut given.request).unwrap().method = Method::HEAD;
    let came = run("inflate", brigade![given.into_bucket(), EOS]);
    assert!(!came.head.unwrap().1.headers.contains_key("content-encoding"));
    assert_eq!(came.bytes, b"");
}

#[test]
fn interim_head_goes_on_and_decides_nothing() {
    let interim = head(103, &[("content-encoding", "br")]).into_bucket();
    let last = head(200, &[("content-encoding", "gzip")]).into_bucket();
    let came = run("inflate", brigade![interim, last, Bucket::heap(gzip("text")), EOS]);
    assert_eq!(came.bytes, b"text");
}

#[test]
fn piece_that_a_source_gave_is_decoded_before_the_next_is_made() {
    let coded = gzip("by httpd.");
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
    chain.join_request(member("inflate"));
    let (gate, stream) = gated();
    chain.pass(&mut brigade![stream, EOS]).unwrap();
    for (at, byte) in coded.iter().enumerate() {
        gate.give([*byte]);
        let _ = chain.resume().unwrap();
        assert!(b"by httpd.".starts_with(&record.bytes()), "after {at} bytes");
    }
    // The trailer is 8 bytes: all the text was out before.
    assert_eq!(record.bytes(), b"by httpd.");
    gate.end();
    let _ = chain.resume().unwrap();
    assert_eq!(record.marks().last().unwrap().1, "EOS");
}

#[test]
fn connection_filter_decodes_one_response_after_another() {
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink);
    chain.join(Member::new("inflate", FilterKind::RESOURCE, Inflate::new()));
    for text in ["one", "", "three"] {
        chain.begin_response().unwrap();
        chain.pass(&mut brigade![Bucket::heap(gzip(text)), EOS]).unwrap();
        assert_eq!(record.take_bytes(), text.as_bytes());
    }
}

#[test]
fn memory_for_64_mib_is_a_decoder_and_a_few_blocks() {
    let mut chain = Watched::new("deflate level=1", usize::MAX);
    chain.chain.join_request(Member::new("inflate", FilterKind::PROTOCOL, Inflate::new()));
    for seed in 0..64 {
        chain.pass(brigade![Bucket::of(Lines { left: 1 << 20, seed })]);
        assert!(chain.came().held_bytes <= (372 + 48) * 1024);
        chain.record.take_bytes();
    }
    chain.pass(brigade![EOS]);
    assert_eq!(chain.record.len_bytes(), 64 << 20);
    assert_eq!(chain.came().held_bytes, 0);
    let stats = chain.chain.alloc().stats();
    assert!(stats.blocks_high_water <= 32, "{stats:?}");
}
