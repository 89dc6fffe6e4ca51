//! Each of the protocol's filters without the others, in chains that somebody puts together.

use std::sync::{Arc, Mutex};

use brigade::{Brigade, Bucket, Chain, Effects, FilterKind, Member, from_fn, recorder};
use brigade_http::{
    Conditional, ContentLength, Exchange, Header, HeaderOptions, RequestHead, ResponseHead,
    Trailers,
};
use http::StatusCode;

use crate::framing::Changer;
use crate::support::{NeverRead, Reply, get, head, old, stream};

/// The head that leaves this filter, below one that changes bodies or not.
fn head_below(
    filter: Member,
    effects: Effects,
    request: RequestHead,
    status: u16,
    fields: &[(&'static str, &str)],
    body: Vec<Bucket<'static>>,
) -> ResponseHead {
    let seen = Arc::new(Mutex::new(None));
    let out = seen.clone();
    let look = from_fn(move |input, next| {
        while let Some(bucket) = input.pop_front() {
            if let Some(head) = bucket.as_metadata::<ResponseHead>() {
                *out.lock().unwrap() = Some(head.clone());
            } else if bucket.is_metadata() {
                next.push(bucket)?; // The recorder would read the data.
            }
        }
        Ok(())
    });
    let mut chain = Chain::new(recorder().0);
    chain.join_request(Changer::member(effects));
    chain.join_request(filter);
    chain.join_request(Member::new("look", FilterKind::NETWORK, look));
    let mut response = ResponseHead::new(StatusCode::from_u16(status).unwrap(), Arc::new(request));
    response.headers = get(fields).headers;
    chain.pass(&mut [response.into_bucket()].into_iter().chain(body).collect()).unwrap();
    seen.lock().unwrap().take().unwrap()
}

/// The length that CONTENT_LENGTH alone says.
#[track_caller]
fn check_length(
    request: RequestHead,
    status: u16,
    fields: &[(&'static str, &str)],
    body: Vec<Bucket<'static>>,
    expected: Option<&str>,
) {
    let filter = Member::new("content_length", FilterKind::PROTOCOL, ContentLength::new());
    let head = head_below(filter, Effects::Same, request, status, fields, body);
    let said = head.headers.get("content-length").map(|value| value.to_str().unwrap());
    assert_eq!(said, expected);
}

#[test]
fn content_length_says_what_is_known() {
    let whole = || vec![NeverRead::file(10), Bucket::immortal(b"hello"), Bucket::eos()];
    check_length(get(&[]), 200, &[], whole(), Some("15"));
    check_length(get(&[]), 404, &[], whole(), Some("15"));
    check_length(head(&[]), 200, &[], whole(), Some("15"));
    check_length(get(&[]), 200, &[], vec![Bucket::eos()], Some("0"));
}

#[test]
fn content_length_says_nothing_of_a_body_that_may_go_on() {
    check_length(get(&[]), 200, &[], vec![Bucket::immortal(b"hello")], None);
    check_length(get(&[]), 200, &[], vec![stream(&[b"hello"]), Bucket::eos()], None);
    let error = Bucket::error(brigade::Error::other("no"));
    check_length(get(&[]), 200, &[], vec![Bucket::immortal(b"hello"), error], None);
}

#[test]
fn content_length_leaves_what_somebody_said() {
    let whole = || vec![Bucket::immortal(b"hello"), Bucket::eos()];
    check_length(get(&[]), 200, &[("content-length", "9")], whole(), Some("9"));
    check_length(get(&[]), 200, &[("transfer-encoding", "x")], whole(), None);
}

#[test]
fn content_length_says_nothing_where_there_is_no_body() {
    for status in [204, 304, 101] {
        check_length(get(&[]), status, &[], vec![Bucket::eos()], None);
        check_length(get(&[]), status, &[], vec![NeverRead::file(9), Bucket::eos()], None);
    }
    check_length(head(&[]), 200, &[], vec![Bucket::eos()], None);
}

#[test]
fn content_length_leaves_room_for_trailers() {
    let with = |fields: &[(&'static str, &str)]| {
        let trailers = Trailers(get(fields).headers).into_bucket();
        vec![Bucket::immortal(b"hello"), trailers, Bucket::eos()]
    };
    check_length(get(&[]), 200, &[], with(&[("x-sum", "1")]), None);
    check_length(head(&[]), 200, &[], with(&[("x-sum", "1")]), None);
    check_length(get(&[]), 200, &[], with(&[]), Some("5"));
    check_length(old(&[]), 200, &[], with(&[("x-sum", "1")]), Some("5"));
}

#[test]
fn whichever_filter_comes_first_applies_the_effects_of_those_above() {
    let header = Header::new(Exchange::new(Arc::new(get(&[]))), Arc::new(HeaderOptions::default()));
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(Changer::member(Effects::Changes));
    chain.join_request(Member::new("header", FilterKind::PROTOCOL, header));
    let mut response = ResponseHead::new(StatusCode::OK, Arc::new(get(&[])));
    response.headers = get(&[("content-length", "5")]).headers;
    let body = [response.into_bucket(), Bucket::immortal(b"hello"), Bucket::eos()];
    chain.pass(&mut Brigade::from_iter(body)).unwrap();
    let reply = Reply::parse(&record.bytes());
    assert_eq!(reply.field("accept-ranges"), Some("none"));
    assert_eq!(reply.body(), Some(b"hellohello".to_vec()));

    let filters: [(_, fn() -> Member); 2] = [
        ("conditional", || Member::new("one", FilterKind::PROTOCOL, Conditional::new())),
        ("content_length", || Member::new("one", FilterKind::PROTOCOL, ContentLength::new())),
    ];
    for (name, filter) in filters {
        let body = vec![Bucket::eos()];
        let head = head_below(filter(), Effects::Changes, get(&[]), 200, &[], body);
        assert_eq!(head.headers["accept-ranges"], "none", "{name}");
    }
}
