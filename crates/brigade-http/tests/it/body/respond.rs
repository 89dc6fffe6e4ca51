//! Heads: what filters make of those of other services, and what becomes of responses that fail.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use brigade::{Bucket, Effects, End, FilterKind, Member, from_fn};
use brigade_http::body::{ChainBody, Filters};
use brigade_http::{Hold, Over, RequestHead, ResponseHead, Verdict};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body::Body;

use super::Step::{Data, Fail, Trailer, Wait};
use super::{
    Script, fails_at, hoards, look, note_pause, script, transcript, upper, watched, watched_with,
};

fn get() -> RequestHead {
    RequestHead::get("/".parse().unwrap())
}

fn response(fields: &[(&'static str, &'static str)], body: Script) -> Response<Script> {
    let mut response = Response::new(body);
    for (name, value) in fields {
        let name = HeaderName::from_static(name);
        response.headers_mut().append(name, HeaderValue::from_static(value));
    }
    response
}

/// Polls until the head is there; how often it was not.
fn respond(
    filters: &Filters,
    request: RequestHead,
    response: Response<Script>,
) -> (Response<ChainBody>, usize) {
    let mut respond = filters.respond(request, response);
    for pauses in 0..20 {
        if let Poll::Ready(response) =
            Pin::new(&mut respond).poll(&mut Context::from_waker(Waker::noop()))
        {
            return (response, pauses);
        }
        note_pause();
    }
    panic!("no head");
}

/// Status, fields and transcript of what comes of a response.
#[track_caller]
fn check(
    filters: &Filters,
    request: RequestHead,
    from: Response<Script>,
    status: u16,
    fields: &[(&str, &str)],
    expected: &str,
) {
    let (response, _) = respond(filters, request, from);
    assert_eq!(response.status(), status);
    let mut came: Vec<(&str, &str)> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    came.sort_unstable();
    assert_eq!(came, fields);
    assert_eq!(transcript(response.into_body()), expected);
}

fn same() -> Filters {
    let make = || {
        let filter = from_fn(|input, next| next.push_all(input));
        Member::new("same", FilterKind::RESOURCE, filter).effects(Effects::Same)
    };
    Filters::none().member(make)
}

#[test]
fn filter_that_changes_nothing_leaves_the_head_as_it_was() {
    let fields = [("content-length", "3"), ("etag", "\"v\""), ("accept-ranges", "bytes")];
    let expected = [("accept-ranges", "bytes"), ("content-length", "3"), ("etag", "\"v\"")];
    check(&same(), get(), response(&fields, script([Data("abc")])), 200, &expected, "abc .");
}

#[test]
fn filter_that_changes_the_body_takes_length_and_ranges_and_marks_the_validator() {
    let fields = [
        ("content-length", "3"),
        ("etag", "\"v\""),
        ("accept-ranges", "bytes"),
        ("content-digest", "sha-256=:x:"),
        ("x-own", "stays"),
    ];
    let (made, _) = respond(&upper(), get(), response(&fields, script([Data("abc"), Wait])));
    let headers = made.headers();
    assert_eq!(headers["accept-ranges"], "none");
    assert_eq!(headers["x-own"], "stays");
    let tag = headers["etag"].to_str().unwrap();
    assert!(tag.starts_with("W/\"v-") && tag.len() > 8, "{tag}");
    assert!(!headers.contains_key("content-length") && !headers.contains_key("content-digest"));
    assert_eq!(made.body().size_hint().exact(), None);
}

#[test]
fn client_that_has_what_the_filters_make_is_answered_304() {
    let fields = [("etag", "\"v\"")];
    let (first, _) = respond(&upper(), get(), response(&fields, script([Data("abc")])));
    let mut request = get();
    request.headers.insert("if-none-match", first.headers()["etag"].clone());
    let (again, _) = respond(&upper(), request.clone(), response(&fields, script([Data("abc")])));
    assert_eq!((again.status(), again.body().is_end_stream()), (StatusCode::NOT_MODIFIED, true));
    // By other filters it is something else.
    let (other, _) = respond(&hoards(), request, response(&fields, script([Data("abc")])));
    assert_eq!(other.status(), StatusCode::OK);
}

#[test]
fn short_body_that_is_there_has_a_length_again() {
    let (made, _) = respond(&upper(), get(), response(&[], script([Data("ab"), Data("c")])));
    assert_eq!(made.body().size_hint().exact(), Some(3));
    assert_eq!(transcript(made.into_body()), "ABC .");
}

#[test]
fn head_does_not_wait_for_the_body() {
    let steps = [Wait, Wait, Data("a"), Wait];
    for filters in [same(), upper(), hoards()] {
        assert_eq!(respond(&filters, get(), response(&[], script(steps.clone()))).1, 0);
    }
}

#[test]
fn length_that_a_body_says_of_itself_is_in_the_head_that_filters_see() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = seen.clone();
    let filters = Filters::none().member(move || {
        let note = note.clone();
        let filter = from_fn(move |input, next| {
            let head = input.iter().find_map(|bucket| bucket.as_metadata::<ResponseHead>());
            note.lock()
                .unwrap()
                .extend(head.map(|head| head.headers.get("content-length").cloned()));
            next.push_all(input)
        });
        Member::new("note", FilterKind::RESOURCE, filter)
    });
    let _ = respond(&filters, get(), response(&[], script([Data("abc")]).hinting(3)));
    let head = RequestHead { method: Method::HEAD, ..get() };
    let _ = respond(&filters, head, response(&[], script([]).hinting(0)));
    assert_eq!(*seen.lock().unwrap(), [Some(HeaderValue::from_static("3")), None]);
}

#[test]
fn answer_without_a_body_is_over_with_its_head_and_asks_for_none() {
    let (filters, ends) = watched_with(upper());
    let head = RequestHead { method: Method::HEAD, ..get() };
    let (made, _) = respond(&filters, head, response(&[("x-own", "stays")], script([Wait])));
    assert_eq!(
        (made.body().is_end_stream(), made.headers()["x-own"].as_bytes()),
        (true, &b"stays"[..])
    );
    assert_eq!(ends.take(), [End::Complete]);
    let mut none = response(&[], script([Fail("not asked")]));
    *none.status_mut() = StatusCode::NO_CONTENT;
    check(&same(), get(), none, 204, &[], ".");
}

#[test]
fn response_that_fails_before_its_head_has_left_is_a_whole_page_and_is_reported() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let filters = fails_at(b'x').report(move |error| log.lock().unwrap().push(error.to_string()));
    let page = [("content-length", "26"), ("content-type", "text/plain; charset=utf-8")];
    let body = "500 Internal Server Error\n .";
    check(&filters, get(), response(&[("etag", "\"v\"")], script([Data("ax")])), 500, &page, body);
    check(&filters, get(), response(&[], script([Fail("gone")])), 500, &page, body);
    assert_eq!(
        *told.lock().unwrap(),
        ["filter fails, at byte 2: look at a byte", "take the body of a service"]
    );
}

#[test]
fn response_that_fails_later_ends_in_an_error_and_is_reported() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let filters = same().report(move |error| log.lock().unwrap().push(error.to_string()));
    let steps = [Data("a"), Wait, Fail("gone")];
    check(
        &filters,
        get(),
        response(&[], script(steps)),
        200,
        &[],
        "a | !take the body of a service",
    );
    assert_eq!(*told.lock().unwrap(), ["take the body of a service"]);
}

#[test]
fn body_that_is_not_as_long_as_its_head_says_fails() {
    let check = |steps: Vec<super::Step>, expected: &str| {
        let (made, _) =
            respond(&same(), get(), response(&[("content-length", "3")], script(steps)));
        let words = transcript(made.into_body());
        assert!(words.starts_with(expected), "{words}");
    };
    check(
        vec![Wait, Data("ab")],
        "| !filter header, at byte 0: end a body after 2 bytes; its Content-Length is 3",
    );
    check(
        vec![Data("ab"), Wait, Data("cd")],
        "ab | !filter header, at byte 2: send 4 bytes of a body whose",
    );
    check(vec![Data("ab"), Wait, Data("c"), Trailer("x")], "ab | c +x .");
}

#[test]
fn hold_replaces_an_answer_and_the_inner_body_is_asked_no_more() {
    let refuse = Filters::none().member(|| {
        let hold = Hold::new(64, Over::Commit, |held| {
            let request = held.head().request.clone();
            match held.body().flatten(64) {
                Ok(body) if body.starts_with(b"MZ") => Verdict::Replace(
                    ResponseHead::new(StatusCode::FORBIDDEN, request),
                    Bucket::immortal(b"no programs\n"),
                ),
                Ok(body) if body.len() < 2 => Verdict::Wait,
                _ => Verdict::Commit,
            }
        });
        Member::new("hold", FilterKind::RESOURCE, hold)
    });
    let (filters, ends) = watched_with(refuse);
    let bad = [Data("M"), Wait, Data("Z"), Wait, Fail("not asked")];
    let ranges = [("accept-ranges", "none")];
    check(&filters, get(), response(&[], script(bad)), 403, &ranges, "no programs\n .");
    assert_eq!(ends.take(), [End::Complete]);
    let good = [Data("M"), Wait, Data("B"), Wait, Data("C")];
    // The FLUSH of each pause is still in its place.
    let (made, pauses) = respond(&filters, get(), response(&[], script(good)));
    assert_eq!((made.status().as_u16(), pauses), (200, 1));
    assert_eq!(transcript(made.into_body()), "M | B | C .");
}

#[test]
fn response_that_is_dropped_before_its_head_is_one_whose_client_is_gone() {
    let (filters, ends) = watched();
    drop(filters.respond(get(), response(&[], script([Data("a")]))));
    assert_eq!(ends.take(), [End::ClientGone]);
    let (made, _) = respond(&filters, get(), response(&[], script([Data("a"), Wait])));
    let mut body = made.into_body();
    assert_eq!(look(&mut body).0, "a");
    drop(body);
    assert_eq!(ends.take(), [End::ClientGone]);
}
