//! What becomes of fields that describe a body when filters change it.

use std::sync::Arc;

use brigade::Effects;
use brigade_http::{ResponseHead, apply_effects};
use http::{HeaderValue, StatusCode, header};

use crate::support::get;

const DESCRIBED: [(&str, &str); 7] = [
    ("content-length", "5"),
    ("etag", "\"abc\""),
    ("accept-ranges", "bytes"),
    ("content-md5", "XrY7u+Ae7tCTyyK7j1rNww=="),
    ("digest", "sha-256=x"),
    ("repr-digest", "sha-256=:x:"),
    ("content-digest", "sha-256=:x:"),
];

fn described(status: u16, fields: &[(&'static str, &str)]) -> ResponseHead {
    let status = StatusCode::from_u16(status).unwrap();
    let mut head = ResponseHead::new(status, Arc::new(get(&[])));
    head.headers = get(fields).headers;
    head
}

#[track_caller]
fn check(effects: Effects, expected: &[(&'static str, &str)]) {
    let mut head = described(200, &DESCRIBED);
    apply_effects(&mut head, effects, 0x1f2e);
    assert_eq!(head.headers, get(expected).headers);
    // Once is enough, whoever asks again and for what.
    apply_effects(&mut head, Effects::Changes, 7);
    assert_eq!(head.headers, get(expected).headers, "applied twice");
}

#[test]
fn effects_same_leave_every_field() {
    check(Effects::Same, &DESCRIBED);
}

#[test]
fn effects_same_length_drop_digests_and_make_the_etag_weak() {
    check(
        Effects::SameLength,
        &[("content-length", "5"), ("etag", "W/\"abc-1f2e\""), ("accept-ranges", "bytes")],
    );
}

#[test]
fn effects_changes_drop_the_length_and_the_ranges_too() {
    check(Effects::Changes, &[("etag", "W/\"abc-1f2e\""), ("accept-ranges", "none")]);
}

#[track_caller]
fn check_etag(before: &[u8], after: Option<&[u8]>) {
    let mut head = described(200, &[]);
    head.headers.insert(header::ETAG, HeaderValue::from_bytes(before).unwrap());
    apply_effects(&mut head, Effects::Changes, u64::MAX);
    assert_eq!(head.headers.get(header::ETAG).map(HeaderValue::as_bytes), after);
}

#[test]
fn effects_mark_a_weak_etag_too() {
    check_etag(b"W/\"abc\"", Some(b"W/\"abc-ffffffffffffffff\""));
}

#[test]
fn effects_keep_any_character_of_an_etag() {
    check_etag(b"\"\"", Some(b"W/\"-ffffffffffffffff\""));
    check_etag(b"\"a,b\\\xe4\"", Some(b"W/\"a,b\\\xe4-ffffffffffffffff\""));
}

#[test]
fn effects_drop_what_is_no_etag() {
    for wrong in [&b"abc"[..], b"\"abc", b"abc\"", b"w/\"abc\"", b"\"a\"b\"", b"\"a b\"", b"\"a\"x"]
    {
        check_etag(wrong, None);
    }
}

#[test]
fn effects_are_not_for_interim_heads() {
    let mut head = described(103, &DESCRIBED);
    apply_effects(&mut head, Effects::Changes, 1);
    assert_eq!(head.headers, get(&DESCRIBED).headers);
}
