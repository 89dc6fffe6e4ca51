//! An interim response through every stock filter: it leaves at once and as it came, and the answer
//! that follows is worked on as if there had been none.

use std::sync::Arc;

use brigade::{Bucket, Chain, Record, Registry, recorder};
use brigade_http::{Exchange, HeaderOptions, RequestHead, ResponseHead, join_protocol};
use brigade_testkit::brigade;
use http::{HeaderValue, StatusCode};

use crate::support::member;

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
const TEXT: &str = "Apache is what this server was called before it was called something else";

/// Every filter of the registry, as a configuration names it.
fn specs() -> Vec<String> {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    let spec = |name: &str| match name {
        "substitute" => format!("{name} s/Apache/httpd/"),
        _ => name.to_owned(),
    };
    registry.entries().map(|entry| spec(entry.name)).collect()
}

struct Server {
    chain: Chain,
    exchange: Exchange,
    record: Record,
}

impl Server {
    fn new(specs: &[String]) -> Self {
        let mut request = RequestHead::get("/page".parse().unwrap());
        request.headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
        let exchange = Exchange::new(Arc::new(request));
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal);
        specs.iter().for_each(|spec| chain.join_request(member(spec)));
        let options = HeaderOptions::default().clock(|| std::time::UNIX_EPOCH);
        join_protocol(&mut chain, &exchange, &Arc::new(options));
        Self { chain, exchange, record }
    }

    fn head(&self, status: StatusCode, name: &'static str, value: &'static str) -> Bucket<'static> {
        let mut head = ResponseHead::new(status, self.exchange.request().clone());
        head.headers.insert(name, HeaderValue::from_static(value));
        head.into_bucket()
    }

    fn hints(&self) -> Bucket<'static> {
        self.head(StatusCode::EARLY_HINTS, "link", "</style.css>; rel=preload")
    }

    /// Passes the answer, after `before` in the same call; what came of it.
    fn answer(&mut self, before: Option<Bucket<'_>>) -> Vec<u8> {
        let mut input = brigade![];
        input.extend(before);
        input.push_back(self.head(StatusCode::OK, "content-type", "text/plain"));
        input.append(&mut brigade![TEXT, EOS]);
        self.chain.pass(&mut input).unwrap();
        self.record.bytes()
    }
}

#[track_caller]
fn check(specs: &[String]) {
    let plain = Server::new(specs).answer(None);
    assert!(plain.starts_with(b"HTTP/1.1 200 OK\r\n"), "{specs:?}");
    let expected = [HINTS.as_bytes(), &plain].concat();

    let mut ahead = Server::new(specs);
    let hints = ahead.hints();
    ahead.chain.pass_bucket(hints).unwrap();
    let text = String::from_utf8(ahead.record.bytes()).unwrap();
    assert_eq!(text, HINTS, "{specs:?}: it leaves at once");
    assert!(ahead.answer(None) == expected, "{specs:?}: the answer in a later call");

    let mut together = Server::new(specs);
    let hints = together.hints();
    assert!(together.answer(Some(hints)) == expected, "{specs:?}: the answer in the same call");
}

#[test]
fn interim_response_leaves_every_filter_at_once_and_the_answer_follows_as_without_it() {
    for spec in specs() {
        check(&[spec]);
    }
}

#[test]
fn interim_response_leaves_all_filters_together_at_once() {
    check(&specs());
}
