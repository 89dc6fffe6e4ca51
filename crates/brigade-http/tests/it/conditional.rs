//! Conditional requests: RFC 9110 §13, condition by condition.

use brigade::{Bucket, Effects, FilterKind, Member};
use brigade_http::{Framing, RequestHead};
use http::Method;

use crate::framing::Changer;
use crate::support::{NeverRead, Rig, get, head};

const BEFORE: &str = "Sat, 05 Nov 1994 08:49:37 GMT";
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Mon, 07 Nov 1994 08:49:37 GMT";

/// What answers a request with `conditions`, where 200 would be answered with `fields`. The body is a
/// FILE that must not be read unless it is sent.
#[track_caller]
fn answer(request: RequestHead, status: u16, fields: &[(&'static str, &str)]) -> u16 {
    let mut rig = Rig::new(request);
    let response = rig.response(status, fields);
    rig.pass([response]).unwrap();
    if rig.reply().status == status {
        return status;
    }
    // The head was replaced: nobody wants the body.
    rig.pass([NeverRead::file(10), NeverRead::stream(), Bucket::eos()]).unwrap();
    let reply = rig.reply();
    assert_eq!(reply.rest, b"", "{reply:?}");
    assert!(!rig.exchange.has_failed() && !rig.exchange.closes());
    reply.status
}

/// Both for GET and for HEAD.
#[track_caller]
fn check(conditions: &[(&'static str, &str)], fields: &[(&'static str, &str)], expected: u16) {
    assert_eq!(answer(get(conditions), 200, fields), expected, "GET");
    assert_eq!(answer(head(conditions), 200, fields), expected, "HEAD");
}

const STRONG: [(&str, &str); 1] = [("etag", "\"a\"")];
const WEAK: [(&str, &str); 1] = [("etag", "W/\"a\"")];
const DATED: [(&str, &str); 1] = [("last-modified", DATE)];
const BOTH: [(&str, &str); 2] = [("etag", "\"a\""), ("last-modified", DATE)];

#[test]
fn if_none_match_compares_weakly() {
    check(&[("if-none-match", "\"a\"")], &STRONG, 304);
    check(&[("if-none-match", "W/\"a\"")], &STRONG, 304);
    check(&[("if-none-match", "\"a\"")], &WEAK, 304);
    check(&[("if-none-match", "\"b\"")], &STRONG, 200);
    check(&[("if-none-match", "\"A\"")], &STRONG, 200);
    check(&[("if-none-match", "\"a\"")], &DATED, 200);
}

#[test]
fn if_none_match_takes_a_list() {
    check(&[("if-none-match", "\"x\", W/\"a\"")], &STRONG, 304);
    check(&[("if-none-match", ",, \"x\",\t,\"a\" ,")], &STRONG, 304);
    check(&[("if-none-match", "\"x\""), ("if-none-match", "\"a\"")], &STRONG, 304);
    check(&[("if-none-match", "\"x,y\",\"a\"")], &STRONG, 304);
    check(&[("if-none-match", "\"x,\"a\"")], &STRONG, 200);
    check(&[("if-none-match", "\"a\"x")], &STRONG, 200);
    check(&[("if-none-match", "a")], &STRONG, 200);
    check(&[("if-none-match", "")], &STRONG, 200);
}

#[test]
fn if_none_match_star_is_any_response() {
    check(&[("if-none-match", "*")], &STRONG, 304);
    check(&[("if-none-match", " * ")], &[], 304);
    check(&[("if-none-match", "\"*\"")], &STRONG, 200);
}

#[test]
fn if_modified_since_compares_dates() {
    check(&[("if-modified-since", DATE)], &DATED, 304);
    check(&[("if-modified-since", AFTER)], &DATED, 304);
    check(&[("if-modified-since", BEFORE)], &DATED, 200);
    check(&[("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")], &DATED, 304);
    check(&[("if-modified-since", "Sun Nov  6 08:49:37 1994")], &DATED, 304);
}

#[test]
fn if_modified_since_is_ignored_when_it_can_not_be_judged() {
    check(&[("if-modified-since", "yesterday")], &DATED, 200);
    check(&[("if-modified-since", DATE), ("if-modified-since", DATE)], &DATED, 200);
    check(&[("if-modified-since", DATE)], &STRONG, 200);
    check(&[("if-modified-since", DATE)], &[("last-modified", "long ago")], 200);
}

#[test]
fn if_none_match_goes_before_if_modified_since() {
    check(&[("if-none-match", "\"b\""), ("if-modified-since", AFTER)], &BOTH, 200);
    check(&[("if-none-match", "\"a\""), ("if-modified-since", BEFORE)], &BOTH, 304);
}

#[test]
fn if_match_compares_strongly() {
    check(&[("if-match", "\"a\"")], &STRONG, 200);
    check(&[("if-match", "\"x\", \"a\"")], &STRONG, 200);
    check(&[("if-match", "W/\"a\"")], &STRONG, 412);
    check(&[("if-match", "W/\"a\"")], &WEAK, 412);
    check(&[("if-match", "\"a\"")], &WEAK, 412);
    check(&[("if-match", "\"b\"")], &STRONG, 412);
    check(&[("if-match", "\"a\"")], &DATED, 412);
    check(&[("if-match", "*")], &[], 200);
}

#[test]
fn if_unmodified_since_compares_dates() {
    check(&[("if-unmodified-since", DATE)], &DATED, 200);
    check(&[("if-unmodified-since", AFTER)], &DATED, 200);
    check(&[("if-unmodified-since", BEFORE)], &DATED, 412);
    check(&[("if-unmodified-since", "yesterday")], &DATED, 200);
    check(&[("if-unmodified-since", BEFORE)], &STRONG, 200);
}

#[test]
fn if_match_goes_before_all_others() {
    check(&[("if-match", "\"a\""), ("if-unmodified-since", BEFORE)], &BOTH, 200);
    check(&[("if-match", "\"b\""), ("if-none-match", "\"a\"")], &BOTH, 412);
    check(&[("if-match", "\"a\""), ("if-none-match", "\"a\"")], &BOTH, 304);
    check(&[("if-unmodified-since", BEFORE), ("if-modified-since", AFTER)], &BOTH, 412);
    check(&[("if-unmodified-since", DATE), ("if-modified-since", DATE)], &BOTH, 304);
}

#[test]
fn conditions_are_for_2xx_answers_to_get_and_head() {
    for status in [301, 403, 404, 500] {
        assert_eq!(answer(get(&[("if-none-match", "\"a\"")]), status, &STRONG), status);
        assert_eq!(answer(get(&[("if-match", "\"b\"")]), status, &STRONG), status);
    }
    assert_eq!(answer(get(&[("if-none-match", "\"a\"")]), 203, &STRONG), 304);
    let post = RequestHead { method: Method::POST, ..get(&[("if-none-match", "\"a\"")]) };
    assert_eq!(answer(post, 200, &STRONG), 200);
}

/// The fields of the answer, in any order, without Date.
#[track_caller]
fn check_fields(
    conditions: &[(&'static str, &str)],
    fields: &[(&'static str, &str)],
    expected: &[(&'static str, &str)],
) {
    let mut rig = Rig::new(get(conditions));
    let response = rig.response(200, fields);
    rig.pass([response, NeverRead::file(10), Bucket::eos()]).unwrap();
    let mut fields = rig.reply().fields;
    fields.retain(|(name, _)| name != "date");
    let mut expected: Vec<(String, String)> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    fields.sort();
    expected.sort();
    assert_eq!(fields, expected);
    assert_eq!(
        rig.exchange.framing(),
        Some(if rig.reply().status == 304 { Framing::None } else { Framing::Length })
    );
}

const FULL: [(&str, &str); 13] = [
    ("etag", "\"a\""),
    ("last-modified", DATE),
    ("vary", "accept-encoding"),
    ("cache-control", "max-age=60"),
    ("expires", AFTER),
    ("content-location", "/a.html"),
    ("set-cookie", "k=v"),
    ("content-type", "text/html"),
    ("content-length", "10"),
    ("content-encoding", "gzip"),
    ("content-language", "de"),
    ("transfer-encoding", "chunked"),
    ("content-md5", "XrY7u+Ae7tCTyyK7j1rNww=="),
];

#[test]
fn not_modified_keeps_what_updates_a_cache_and_drops_what_describes_the_body() {
    check_fields(&[("if-none-match", "\"a\"")], &FULL, &FULL[..7]);
}

#[test]
fn precondition_failed_keeps_the_validators_but_not_how_long_the_body_may_be_kept() {
    check_fields(
        &[("if-match", "\"b\"")],
        &FULL,
        &[
            ("etag", "\"a\""),
            ("last-modified", DATE),
            ("vary", "accept-encoding"),
            ("content-location", "/a.html"),
            ("set-cookie", "k=v"),
            ("content-length", "0"),
        ],
    );
}

/// The ETag that a client sees through a filter that changes the body.
fn etag_through(spec: &str) -> String {
    let changer = || Changer::member(Effects::Changes).described_by(spec);
    let mut rig = Rig::with(get(&[]), [changer()]);
    let response = rig.response(200, &STRONG);
    rig.pass([response, Bucket::eos()]).unwrap();
    rig.reply().field("etag").unwrap().to_owned()
}

#[test]
fn the_etag_that_a_client_saw_through_a_filter_answers_304() {
    let seen = etag_through("double");
    for (spec, status) in [("double", 304), ("double level=2", 200)] {
        let changer = Changer::member(Effects::Changes).described_by(spec);
        let mut rig = Rig::with(get(&[("if-none-match", &seen)]), [changer]);
        let response = rig.response(200, &STRONG);
        rig.pass([response, Bucket::immortal(b"hello"), Bucket::eos()]).unwrap();
        assert_eq!(rig.reply().status, status, "{spec}");
    }
}

#[test]
fn the_etag_of_the_file_itself_answers_nothing_behind_a_filter_that_changes_it() {
    let changer = Changer::member(Effects::SameLength);
    let mut rig = Rig::with(get(&[("if-none-match", "\"a\"")]), [changer]);
    let response = rig.response(200, &STRONG);
    rig.pass([response, Bucket::immortal(b"hello"), Bucket::eos()]).unwrap();
    assert_eq!((rig.reply().status, rig.reply().body().unwrap()), (200, b"HELLO".to_vec()));
}

#[test]
fn not_modified_leaves_what_a_filter_above_would_read_unread() {
    let changer = Changer::member(Effects::Changes).described_by("double");
    let seen = etag_through("double");
    let mut rig = Rig::with(get(&[("if-none-match", &seen)]), [changer]);
    let response = rig.response(200, &STRONG);
    rig.pass([response, NeverRead::file(10), NeverRead::stream(), Bucket::eos()]).unwrap();
    rig.pass([]).unwrap();
    assert_eq!((rig.reply().status, rig.reply().rest), (304, Vec::new()));
    assert_eq!(rig.marks(), ["EOS"]);
}

#[test]
fn a_filter_between_the_content_and_the_verdict_may_still_edit_the_head() {
    let stamp = brigade::from_fn(|input, next| {
        while let Some(mut bucket) = input.pop_front() {
            if let Some(head) = bucket.as_metadata_mut::<brigade_http::ResponseHead>() {
                head.headers.insert("etag", "\"stamped\"".parse().unwrap());
            }
            next.push(bucket)?;
        }
        Ok(())
    });
    let stamp = Member::new("stamp", FilterKind::PROTOCOL.offset(-1), stamp);
    let mut rig = Rig::with(get(&[("if-none-match", "*")]), [stamp]);
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::eos()]).unwrap();
    let etag = rig.reply().field("etag").unwrap().to_owned();
    assert!(rig.reply().status == 304 && etag.starts_with("W/\"stamped-"), "{etag}");
}
