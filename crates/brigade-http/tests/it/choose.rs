//! CHOOSE: the first candidate whose condition holds, and nothing of the others.

use std::sync::Arc;

use brigade::{Bucket, Chain, Effects, Entry, FilterKind, Member, Registry, recorder};
use brigade_http::{Choices, Choose, Condition, choose_entry};
use brigade_testkit::Case;
use http::StatusCode;
use http::header::{SERVER, VARY};

use crate::framing::Changer;
use crate::support::{Rig, get};

fn member(choices: Choices) -> Member {
    Member::new("choose", FilterKind::RESOURCE, Choose::new(&Arc::new(choices)))
}

fn capitals() -> Member {
    Changer::member(Effects::SameLength)
}

fn twice() -> Member {
    Changer::member(Effects::Changes)
}

/// What becomes of `hello` in a response of this status with these fields.
fn answer(
    chooser: Member,
    status: u16,
    fields: &[(&'static str, &str)],
) -> (String, Option<String>) {
    let mut rig = Rig::with(get(&[]), [chooser]);
    let fields = [fields, &[("etag", "\"a\"")]].concat();
    let response = rig.response(status, &fields);
    rig.pass([response, Bucket::immortal(b"hello"), Bucket::eos()]).unwrap();
    let reply = rig.reply();
    let body = String::from_utf8(reply.body().unwrap()).unwrap();
    (body, reply.field("etag").map(str::to_owned))
}

#[track_caller]
fn check(condition: Condition, status: u16, fields: &[(&'static str, &str)], is_chosen: bool) {
    let said = format!("{status} {fields:?}");
    let (body, etag) = answer(member(Choices::new().when(condition, capitals)), status, fields);
    assert_eq!(body, if is_chosen { "HELLO" } else { "hello" }, "{said}");
    // What is not chosen has no effects.
    assert_eq!(etag.as_deref() == Some("\"a\""), !is_chosen, "{said}: {etag:?}");
}

#[test]
fn candidate_is_chosen_by_the_type_of_the_content() {
    let html = || Condition::content_type("text/HTML");
    check(html(), 200, &[("content-type", "text/html")], true);
    check(html(), 200, &[("content-type", "Text/Html ; charset=utf-8")], true);
    check(html(), 200, &[("content-type", "text/htmlx")], false);
    check(html(), 200, &[], false);
    let text = || Condition::content_type("text/*");
    check(text(), 200, &[("content-type", "text/plain")], true);
    check(text(), 200, &[("content-type", "image/png")], false);
    check(Condition::content_type("*/*"), 200, &[("content-type", "image/png")], false);
}

#[test]
fn candidate_is_chosen_by_a_field() {
    check(Condition::has_header(VARY), 200, &[("vary", "x")], true);
    check(Condition::has_header(VARY), 200, &[("server", "x")], false);
    check(Condition::header(SERVER, "a b"), 200, &[("server", "x"), ("server", "a b")], true);
    check(Condition::header(SERVER, "a b"), 200, &[("server", "a B")], false);
}

#[test]
fn candidate_is_chosen_by_the_status() {
    check(Condition::status(StatusCode::NOT_FOUND), 404, &[], true);
    check(Condition::status(StatusCode::NOT_FOUND), 410, &[], false);
    check(Condition::status_class(4), 410, &[], true);
    check(Condition::status_class(4), 500, &[], false);
}

#[test]
fn candidate_is_chosen_by_whatever_a_closure_says() {
    let by_request = || Condition::from_fn(|head| head.request.uri.path() == "/");
    check(by_request(), 200, &[], true);
    check(Condition::from_fn(|_| false), 200, &[], false);
    check(Condition::always(), 200, &[], true);
}

#[test]
fn first_candidate_whose_condition_holds_is_the_only_one() {
    let choices = || {
        Choices::new()
            .when(Condition::status(StatusCode::NOT_FOUND), twice)
            .when(Condition::status_class(4), capitals)
            .when(Condition::always(), twice)
    };
    for (status, expected) in [(404, "hellohello"), (410, "HELLO"), (200, "hellohello")] {
        let (body, _) = answer(member(choices()), status, &[]);
        assert_eq!(body, expected, "{status}");
    }
    assert_eq!(answer(member(Choices::new()), 200, &[]).0, "hello");
}

#[test]
fn every_cut_goes_through_what_is_chosen_or_by() {
    let head = || {
        let request = Arc::new(get(&[]));
        brigade_http::ResponseHead::new(StatusCode::OK, request).into_bucket()
    };
    let chosen = || member(Choices::new().when(Condition::always(), capitals));
    Case::new(chosen, "abc\r\ndef", "ABC\r\nDEF").head(head).carry(0).check();
    Case::new(chosen, "abc\r\ndef", "abc\r\ndef").carry(0).check();
}

#[test]
fn interim_head_chooses_nothing() {
    let choices = Choices::new().when(Condition::status_class(1), twice);
    let mut rig = Rig::with(get(&[]), [member(choices.when(Condition::always(), capitals))]);
    let (interim, response) = (rig.response(103, &[]), rig.response(200, &[]));
    rig.pass([interim, response, Bucket::immortal(b"hello"), Bucket::eos()]).unwrap();
    assert!(rig.text().ends_with("\r\n\r\nHELLO"), "{}", rig.text());
}

#[test]
fn what_is_chosen_leaves_with_its_response() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    for status in [200, 404] {
        chain.begin_response().unwrap();
        let choices = Choices::new().when(Condition::status(StatusCode::OK), capitals);
        chain.join_request(member(choices));
        let status = StatusCode::from_u16(status).unwrap();
        let head = brigade_http::ResponseHead::new(status, Arc::new(get(&[])));
        let response = [head.into_bucket(), Bucket::immortal(b"hello "), Bucket::eos()];
        chain.pass(&mut response.into_iter().collect()).unwrap();
        chain.end_request(None).unwrap();
        assert_eq!(chain.filters().count(), 0);
    }
    assert_eq!(record.bytes(), b"HELLO hello ");
}

fn registry() -> Registry {
    let mut candidates = Registry::new();
    candidates.register(Entry::new("capitals", FilterKind::CONTENT_SET, |_| {
        Ok(|| Changer(Effects::SameLength))
    }));
    candidates.register(Entry::new("twice", FilterKind::CONTENT_SET, |_| {
        Ok(|| Changer(Effects::Changes))
    }));
    let mut registry = Registry::new();
    registry.register(choose_entry(candidates));
    registry
}

#[test]
fn spec_names_conditions_and_candidates() {
    let spec = r#"choose "status 404 => twice" "type text/* => capitals" "header vary a => twice"
        "header server=>capitals" "status 5xx => twice" "else => capitals""#;
    let prepared = registry().prepare(spec).unwrap();
    let check = |status, fields: &[(&'static str, &str)], expected| {
        assert_eq!(answer(prepared.member(), status, fields).0, expected, "{status} {fields:?}");
    };
    check(404, &[], "hellohello");
    check(200, &[("content-type", "text/css")], "HELLO");
    check(200, &[("vary", "a")], "hellohello");
    check(500, &[("vary", "b")], "hellohello");
    check(200, &[], "HELLO");
}

#[test]
fn spec_that_is_wrong_says_what_there_is() {
    let refused = |spec: &str| registry().prepare(spec).unwrap_err().to_string();
    let form = r#""type text/html => SPEC""#;
    assert_eq!(refused("choose"), format!("choose: say what to choose: {form}"));
    assert_eq!(refused("choose pass"), format!(r#"choose: "pass" has no =>, as {form} has"#));
    for wrong in
        ["kind x", "type html", "status", "status abc", "status 0xx", "header", "", "else x"]
    {
        let said = refused(&format!(r#"choose "{wrong} => twice""#));
        assert!(said.contains("has no condition; there are type MEDIA, status CODE"), "{said}");
    }
    let error = registry().prepare(r#"choose "else => twize""#).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, r#"there is no filter "twize"; there are capitals, twice"#);
    assert_eq!(refused("choose x=1"), format!("choose: there is no option x; it has {form}"));
}
