//! The reasons that filters give for leaving a response alone.

use std::sync::Arc;

use brigade::{Brigade, Bucket, Chain, FilterKind, Member, Note, Observer, Pass, recorder};
use brigade_filters::deflate::Deflate;
use brigade_filters::substitute;
use brigade_http::{RequestHead, ResponseHead};
use http::{HeaderName, HeaderValue, StatusCode};

#[derive(Default)]
struct Why(Vec<String>);

impl Observer for Why {
    fn passes(&mut self, _pass: &Pass<'_>) {}

    fn notes(&mut self, note: &Note<'_>) {
        self.0.push(format!("{}: {}", note.filter.name(), note.text));
    }
}

/// Sends a response of 100 bytes with these fields to a client with those: this is what is noted.
#[track_caller]
fn check(
    member: Member,
    status: u16,
    asks: &[(&str, &str)],
    fields: &[(&str, &str)],
    why: &[&str],
) {
    let put = |to: &mut http::HeaderMap, fields: &[(&str, &str)]| {
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            to.append(name, HeaderValue::from_str(value).unwrap());
        }
    };
    let mut request = RequestHead::get("/".parse().unwrap());
    put(&mut request.headers, asks);
    let mut head = ResponseHead::new(StatusCode::from_u16(status).unwrap(), Arc::new(request));
    put(&mut head.headers, fields);
    let mut chain = Chain::new(recorder().0);
    chain.join_request(member);
    chain.observe(Why::default());
    let mut body: Brigade<'_> =
        [head.into_bucket(), Bucket::immortal(&[b'x'; 100]), Bucket::eos()].into_iter().collect();
    chain.pass(&mut body).unwrap();
    assert_eq!(chain.observer::<Why>().unwrap().0, why);
}

fn deflate() -> Member {
    Member::new("deflate", FilterKind::CONTENT_SET, Deflate::new().min_bytes(101))
}

const GZIP: (&str, &str) = ("accept-encoding", "gzip");
const TEXT: (&str, &str) = ("content-type", "text/plain");

#[test]
fn deflate_says_why_it_compresses_not() {
    let cases: [(u16, &[_], &[_], &str); 7] = [
        (200, &[], &[TEXT, ("content-length", "1000")], "the client does not accept gzip"),
        (200, &[GZIP], &[TEXT, ("content-encoding", "br")], "it is coded already"),
        (200, &[GZIP], &[TEXT], "100 bytes are fewer than 101"),
        (200, &[GZIP], &[("content-type", "image/png")], "its content type does not get smaller"),
        (
            200,
            &[GZIP],
            &[TEXT, ("cache-control", "no-transform")],
            "Cache-Control says no-transform",
        ),
        (206, &[GZIP], &[TEXT], "it is a part, or unchanged"),
        (204, &[GZIP], &[TEXT], "status 204 has no body"),
    ];
    for (status, asks, fields, why) in cases {
        check(deflate(), status, asks, fields, &[&format!("deflate: not compressed: {why}")]);
    }
}

#[test]
fn filter_that_does_its_work_says_nothing() {
    let member = Member::new("deflate", FilterKind::CONTENT_SET, Deflate::new());
    check(member, 200, &[GZIP], &[TEXT], &[]);
}

#[test]
fn filter_of_text_says_what_it_leaves_alone() {
    let mut registry = brigade::Registry::new();
    registry.register(substitute::entry());
    let member = || registry.prepare("substitute s/x/y/").unwrap().member();
    let png = ("content-type", "image/png");
    check(member(), 200, &[], &[png], &["substitute: left alone: it is no text"]);
    let part = ("content-range", "bytes 0-99/200");
    check(
        member(),
        206,
        &[],
        &[TEXT, part],
        &["substitute: left alone: it is a part of something"],
    );
}
