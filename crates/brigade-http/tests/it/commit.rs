//! The commit: what replaces a response before it, and what comes too late after it.

use std::sync::Arc;

use brigade::{
    Brigade, Bucket, Chain, Effects, Error, ErrorKind, FilterKind, Member, from_fn, recorder,
};
use brigade_http::{
    ErrorPage, Exchange, Framing, Header, HeaderOptions, ResponseHead, StatusError, Trailers,
    status_of, with_status,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::framing::Changer;
use crate::support::{NeverRead, Reply, Rig, Unknown, broken_stream, get, head, old, stream};

fn failure() -> Error {
    Error::other("open /etc/secret\r\nset-cookie: a=b")
}

/// Passes these buckets, of which a whole 500 is made.
#[track_caller]
fn check_replaced(rig: &mut Rig, buckets: Vec<Bucket<'_>>) {
    rig.pass(buckets).unwrap();
    check_is_500(rig);
    assert!(!rig.exchange.closes(), "the connection lives on");
}

#[track_caller]
fn check_is_500(rig: &Rig) {
    let reply = rig.reply();
    let names: Vec<&str> = reply.fields.iter().map(|(name, _)| &**name).collect();
    assert_eq!(reply.status, 500);
    assert!(names.contains(&"date") && names.contains(&"content-type"), "{names:?}");
    assert_eq!(reply.field("content-length"), Some("26"));
    assert_eq!(reply.rest, b"500 Internal Server Error\n");
    assert!(!rig.exchange.has_failed());
    assert!(rig.exchange.error().is_some(), "the error is kept for the log");
    assert_eq!(rig.marks().iter().filter(|name| *name == "EOS").count(), 1);
}

#[test]
fn an_error_before_the_commit_becomes_a_whole_response() {
    check_replaced(&mut Rig::new(get(&[])), vec![Bucket::error(failure())]);
}

#[test]
fn an_error_replaces_a_head_and_data_of_the_same_call() {
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(200, &[("content-type", "text/html"), ("content-length", "900")]);
    let trailers = Trailers(HeaderMap::new()).into_bucket();
    let data = [NeverRead::file(10), Bucket::immortal(b"hello"), NeverRead::stream(), trailers];
    let error = Bucket::error(failure());
    check_replaced(&mut rig, [response].into_iter().chain(data).chain([error]).collect());
}

/// Answers by an error at the first FLUSH, and lets nothing but marks go by from there on.
fn verdict() -> Member {
    let mut is_over = false;
    let verdict = from_fn(move |input, next| {
        while let Some(bucket) = input.pop_front() {
            if bucket.is_flush() && !std::mem::replace(&mut is_over, true) {
                next.push(Bucket::error(with_status(failure(), StatusCode::FORBIDDEN)))?;
            }
            if !is_over || bucket.is_metadata() && !bucket.is_eos() {
                next.push(bucket)?;
            }
        }
        Ok(())
    });
    Member::new("verdict", FilterKind::CONTENT_SET, verdict)
}

#[test]
fn what_a_replaced_response_still_makes_goes_nowhere() {
    let mut rig = Rig::with(get(&[]), [Changer::member(Effects::SameLength), verdict()]);
    rig.pass([Bucket::flush()]).unwrap();
    let page = rig.bytes();
    assert_eq!((rig.reply().status, rig.reply().rest), (403, b"403 Forbidden\n".to_vec()));
    // The handler does not know, and goes on.
    let response = rig.response(200, &[]);
    rig.pass([response, NeverRead::file(10), Bucket::flush(), NeverRead::stream()]).unwrap();
    rig.pass([Unknown::bucket(), Bucket::eos()]).unwrap();
    assert_eq!(rig.bytes(), page);
    assert_eq!(rig.marks(), ["EOS", "FLUSH", "FLUSH", "UNKNOWN"]);
    assert!(!rig.exchange.has_failed() && !rig.exchange.closes());
}

#[test]
fn the_fields_of_an_interim_head_are_not_those_of_the_error_page() {
    // Alone: the filters above would hand the interim head on by itself.
    let exchange = Exchange::new(Arc::new(get(&[])));
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let header = Header::new(exchange, Arc::new(HeaderOptions::default()));
    chain.join_request(Member::new("header", FilterKind::PROTOCOL, header));
    let mut interim = ResponseHead::new(StatusCode::EARLY_HINTS, Arc::new(get(&[])));
    interim.headers = get(&[("link", "</a.css>")]).headers;
    let mut response = Brigade::from_iter([interim.into_bucket(), Bucket::error(failure())]);
    chain.pass(&mut response).unwrap();
    let reply = Reply::parse(&record.bytes());
    assert_eq!((reply.status, reply.field("link")), (500, None));
}

#[test]
fn marks_of_a_replaced_response_keep_their_order() {
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(200, &[]);
    let error = Bucket::error(failure());
    check_replaced(&mut rig, vec![response, Unknown::bucket(), Bucket::flush(), error]);
    assert_eq!(rig.marks(), ["UNKNOWN", "FLUSH", "EOS"]);
}

#[test]
fn an_error_page_to_head_has_its_length_and_no_body() {
    let mut rig = Rig::new(head(&[]));
    rig.pass([Bucket::error(failure())]).unwrap();
    let reply = rig.reply();
    assert_eq!((reply.status, reply.field("content-length")), (500, Some("26")));
    assert_eq!((reply.rest, rig.exchange.framing()), (Vec::new(), Some(Framing::None)));
}

/// What of a handler's fields is on the error page.
#[test]
fn an_error_page_keeps_fields_that_say_nothing_of_the_body() {
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(
        200,
        &[
            ("vary", "origin"),
            ("access-control-allow-origin", "*"),
            ("set-cookie", "k=v"),
            ("etag", "\"a\""),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("cache-control", "max-age=3600"),
            ("expires", "Sun, 06 Nov 2094 08:49:37 GMT"),
            ("content-encoding", "gzip"),
            ("content-disposition", "attachment"),
            ("content-location", "/a"),
            ("accept-ranges", "bytes"),
            ("trailer", "x-sum"),
        ],
    );
    rig.pass([response, Bucket::error(failure())]).unwrap();
    let fields = rig.reply().fields;
    let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
    let kept = ["vary", "access-control-allow-origin", "set-cookie"];
    let own = ["content-type", "content-length", "date"];
    assert!(kept.iter().chain(&own).all(|name| names.contains(name)), "{names:?}");
    assert_eq!(names.len(), 6, "{names:?}");
}

/// The status of the page for `error`.
#[track_caller]
fn check_status(error: Error, expected: u16) {
    assert_eq!(status_of(&error).as_u16(), expected, "{error:?}");
    let mut rig = Rig::new(get(&[]));
    rig.pass([Bucket::error(error)]).unwrap();
    assert_eq!(rig.reply().status, expected);
}

#[test]
fn an_error_says_which_status_answers_it() {
    check_status(failure(), 500);
    check_status(Error::new(ErrorKind::TimedOut, "wait"), 500);
    check_status(with_status(failure(), StatusCode::NOT_FOUND), 404);
    check_status(StatusError::new(StatusCode::BAD_GATEWAY).because(failure()).into(), 502);
    check_status(Error::other("make a page").because(StatusError::new(StatusCode::GONE)), 410);
    // The outermost status is the one that was said last.
    let twice = with_status(with_status(failure(), StatusCode::NOT_FOUND), StatusCode::FORBIDDEN);
    check_status(twice, 403);
}

#[test]
fn an_error_is_never_answered_by_success() {
    for status in
        [StatusCode::OK, StatusCode::FOUND, StatusCode::NOT_MODIFIED, StatusCode::CONTINUE]
    {
        check_status(with_status(failure(), status), 500);
    }
    check_status(with_status(failure(), StatusCode::from_u16(799).unwrap()), 500);
}

#[test]
fn an_error_inside_an_io_error_still_says_its_status() {
    let inside = std::io::Error::other(StatusError::new(StatusCode::CONFLICT));
    check_status(Error::other("copy").because(inside), 409);
}

#[test]
fn with_status_keeps_the_error() {
    let error = Error::new(ErrorKind::TooLarge, "read 9 of 8 bytes").in_filter("body").at_byte(8);
    let error = with_status(error, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    let own = "filter body, at byte 8: read 9 of 8 bytes";
    assert_eq!(words, ["make a response", "status 413 Payload Too Large", own]);
}

#[test]
fn a_status_error_brings_its_fields() {
    let busy = StatusError::new(StatusCode::SERVICE_UNAVAILABLE)
        .field(header::RETRY_AFTER, HeaderValue::from_static("30"))
        .field(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .field(header::CONTENT_LENGTH, HeaderValue::from_static("7"));
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(200, &[("cache-control", "max-age=9"), ("retry-after", "1")]);
    rig.pass([response, Bucket::error(busy.into())]).unwrap();
    let reply = rig.reply();
    assert_eq!(reply.field("retry-after"), Some("30"));
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    assert_eq!(reply.body(), Some(b"503 Service Unavailable\n".to_vec()));
}

#[test]
fn an_operator_replaces_error_pages() {
    let html = HeaderValue::from_static("text/html");
    let options = HeaderOptions::default().error_page(move |status, request| {
        assert_eq!(request.uri.path(), "/");
        (status == 404).then(|| ErrorPage::new(html.clone(), Bucket::immortal(b"<p>gone")))
    });
    let mut rig = Rig::with_options(get(&[]), options, []);
    rig.pass([Bucket::error(with_status(failure(), StatusCode::NOT_FOUND))]).unwrap();
    let reply = rig.reply();
    assert_eq!((reply.status, reply.field("content-type")), (404, Some("text/html")));
    assert_eq!(reply.body(), Some(b"<p>gone".to_vec()));
}

#[test]
fn an_error_page_of_unknown_length_is_framed_like_any_body() {
    let text = HeaderValue::from_static("text/plain");
    let page = move || ErrorPage::new(text.clone(), stream(&[b"so", b"rry"]));
    let options = HeaderOptions::default().error_page(move |_, _| Some(page()));
    let mut rig = Rig::with_options(get(&[]), options, []);
    let said = StatusError::new(StatusCode::NOT_FOUND)
        .field(header::CONTENT_LENGTH, HeaderValue::from_static("7"));
    rig.pass([Bucket::error(said.into())]).unwrap();
    assert_eq!(rig.reply().field("content-length"), None);
    assert_eq!(rig.reply().rest, b"2\r\nso\r\n3\r\nrry\r\n0\r\n\r\n");
}

#[test]
fn an_error_after_the_commit_leaves_the_body_without_its_end() {
    for (request, framing) in [(get(&[]), Framing::Chunked), (old(&[]), Framing::Close)] {
        let mut rig = Rig::new(request);
        let response = rig.response(200, &[]);
        rig.pass([response, Bucket::immortal(b"hello"), Bucket::flush()]).unwrap();
        rig.pass([Bucket::error(failure())]).unwrap();
        let rest: &[u8] = if framing == Framing::Close { b"hello" } else { b"5\r\nhello\r\n" };
        assert_eq!((rig.reply().status, &*rig.reply().rest), (200, rest));
        assert_eq!(rig.exchange.framing(), Some(framing));
        assert!(rig.exchange.has_failed() && rig.exchange.closes());
        assert_eq!(rig.marks(), ["FLUSH", "ERROR"]);
    }
}

/// Passes these buckets before any RESPONSE: a breach, and a whole 500.
#[track_caller]
fn check_early(buckets: Vec<Bucket<'_>>, says: &str) {
    let mut rig = Rig::new(get(&[]));
    let error = rig.pass(buckets).unwrap_err();
    assert_eq!((error.kind(), error.filter()), (ErrorKind::Contract, Some("header")));
    assert!(error.to_string().ends_with(says), "{error}");
    check_is_500(&rig);
    assert!(rig.exchange.closes(), "nobody knows what else will come");
}

#[test]
fn data_before_the_head_is_a_breach_of_contract() {
    check_early(vec![Bucket::transient(b"hello")], "send a TRANSIENT before any RESPONSE");
    check_early(vec![NeverRead::stream()], "send a UNREAD before any RESPONSE");
    check_early(vec![Bucket::eos()], "send a EOS before any RESPONSE");
}

#[test]
fn marks_and_empty_data_may_come_before_the_head() {
    let mut rig = Rig::new(get(&[]));
    rig.pass([Bucket::flush(), Unknown::bucket(), Bucket::immortal(b"")]).unwrap();
    assert_eq!((rig.bytes(), rig.exchange.is_committed()), (Vec::new(), false));
    let response = rig.response(200, &[]);
    rig.pass([Bucket::flush(), response, Bucket::immortal(b"hello"), Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().body(), Some(b"hello".to_vec()));
    assert_eq!(rig.marks(), ["FLUSH", "UNKNOWN", "FLUSH", "EOS"]);
}

#[test]
fn a_second_head_in_the_same_call_is_answered_by_500() {
    let mut rig = Rig::new(get(&[]));
    let responses = [rig.response(200, &[]), rig.response(404, &[])];
    let error = rig.pass(responses.into_iter().chain([Bucket::eos()])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Contract);
    check_is_500(&rig);
}

#[test]
fn a_second_head_comes_too_late() {
    for status in [404, 103] {
        let mut rig = Rig::new(get(&[]));
        let response = rig.response(200, &[]);
        rig.pass([response, Bucket::immortal(b"hello")]).unwrap();
        let second = rig.response(status, &[]);
        let error = rig.pass([second, Bucket::immortal(b"more")]).unwrap_err();
        assert_eq!((error.kind(), error.filter()), (ErrorKind::Committed, Some("header")));
        assert!(rig.exchange.has_failed() && rig.reply().body().is_none());
    }
}

/// A body of 5 bytes in one call, under these fields.
#[track_caller]
fn check_refused(fields: &[(&'static str, &str)]) {
    for request in [get(&[]), old(&[]), head(&[])] {
        let mut rig = Rig::new(request);
        let response = rig.response(200, fields);
        let error = rig.pass([response, Bucket::immortal(b"hello"), Bucket::eos()]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Contract | ErrorKind::Incomplete), "{error:?}");
        assert_eq!(rig.reply().status, 500);
        assert!(rig.exchange.closes() && !rig.exchange.has_failed());
    }
}

#[test]
fn a_wrong_length_that_can_be_seen_is_answered_by_500() {
    check_refused(&[("content-length", "4")]);
    check_refused(&[("content-length", "6")]);
}

#[test]
fn a_length_that_is_none_is_answered_by_500() {
    for wrong in ["", "abc", "+5", "-5", "5 5", "5,5", "0x5", "5.0", "18446744073709551616"] {
        check_refused(&[("content-length", wrong)]);
    }
    check_refused(&[("content-length", "5"), ("content-length", "6")]);
}

/// A response of Content-Length 5 whose body comes in `calls` after the head.
#[track_caller]
fn check_counted(calls: Vec<Vec<Bucket<'static>>>, expected: Option<ErrorKind>, sent: &[u8]) {
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(200, &[("content-length", "5")]);
    rig.pass([response]).unwrap();
    let (mut failed, mut has_end) = (None, false);
    for call in calls {
        has_end = call.iter().any(Bucket::is_eos);
        failed = rig.pass(call).err();
        if failed.is_some() {
            break;
        }
    }
    assert_eq!(failed.as_ref().map(Error::kind), expected);
    assert!(failed.is_none_or(|error| error.filter() == Some("header")));
    assert_eq!(rig.reply().rest, sent);
    assert_eq!(rig.exchange.has_failed(), expected.is_some());
    let end: &[&str] = match expected {
        _ if !has_end => &[],
        Some(_) => &["ERROR"],
        None => &["EOS"],
    };
    assert_eq!(rig.marks(), end);
}

#[test]
fn a_body_of_the_length_that_was_said_is_complete() {
    let data = Bucket::immortal;
    check_counted(vec![vec![data(b"hello"), Bucket::eos()]], None, b"hello");
    check_counted(vec![vec![data(b"hel")], vec![data(b"lo")], vec![Bucket::eos()]], None, b"hello");
    check_counted(vec![vec![data(b"he"), stream(&[b"l", b"lo"]), Bucket::eos()]], None, b"hello");
    check_counted(vec![vec![stream(&[b"hello"]), data(b"")], vec![Bucket::eos()]], None, b"hello");
}

#[test]
fn a_body_longer_than_was_said_is_a_breach_of_contract() {
    let data = Bucket::immortal;
    let breach = Some(ErrorKind::Contract);
    check_counted(vec![vec![data(b"hello!")]], breach, b"");
    check_counted(vec![vec![data(b"hel")], vec![data(b"lo!"), Bucket::eos()]], breach, b"hel");
    check_counted(vec![vec![data(b"hello")], vec![data(b"!")]], breach, b"hello");
    check_counted(vec![vec![stream(&[b"hel", b"lo!"]), Bucket::eos()]], breach, b"hel");
    check_counted(vec![vec![stream(&[b"hello"]), data(b"!")]], breach, b"hello");
    check_counted(vec![vec![NeverRead::file(u64::MAX), NeverRead::file(6)]], breach, b"");
}

#[test]
fn a_body_shorter_than_was_said_never_looks_complete() {
    let data = Bucket::immortal;
    let short = Some(ErrorKind::Incomplete);
    check_counted(vec![vec![Bucket::eos()]], short, b"");
    check_counted(vec![vec![data(b"hel")], vec![Bucket::eos()]], short, b"hel");
    check_counted(vec![vec![stream(&[b"hel"]), Bucket::eos()]], short, b"hel");
}

#[test]
fn a_counted_stream_that_fails_fails_the_exchange() {
    let stream = || vec![Bucket::immortal(b"hel"), broken_stream(), Bucket::eos()];
    check_counted(vec![stream()], Some(ErrorKind::Io), b"hel");
}
