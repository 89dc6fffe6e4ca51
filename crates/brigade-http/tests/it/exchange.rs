//! What the owner of a connection learns of an exchange.

use std::sync::Arc;

use brigade::{Bucket, Error};
use brigade_http::{Exchange, Framing, RequestHead, ResponseHead};
use http::StatusCode;

use crate::support::{Rig, get, head, old};

#[track_caller]
fn check_keep_alive(request: &RequestHead, expected: bool) {
    assert_eq!(request.wants_keep_alive(), expected);
    assert_eq!(Exchange::new(Arc::new(request.clone())).closes(), !expected);
}

#[test]
fn http_1_1_keeps_the_connection_unless_the_client_closes() {
    check_keep_alive(&get(&[]), true);
    check_keep_alive(&get(&[("connection", "keep-alive")]), true);
    check_keep_alive(&get(&[("connection", "closed, not-close")]), true);
    check_keep_alive(&get(&[("connection", "close")]), false);
    check_keep_alive(&get(&[("connection", "te,\tCLOSE ")]), false);
    check_keep_alive(&get(&[("connection", "te"), ("connection", "close")]), false);
    check_keep_alive(&get(&[("connection", "keep-alive, close")]), false);
}

#[test]
fn http_1_0_closes_unless_the_client_asks_to_keep_the_connection() {
    check_keep_alive(&old(&[]), false);
    check_keep_alive(&old(&[("connection", "Keep-Alive")]), true);
    check_keep_alive(&old(&[("connection", "keep-alive, close")]), false);
}

#[test]
fn clones_of_an_exchange_share_what_becomes_of_it() {
    let exchange = Exchange::new(Arc::new(get(&[])));
    let seen = exchange.clone();
    assert_eq!((seen.framing(), seen.is_committed(), seen.closes()), (None, false, false));
    for framing in [Framing::None, Framing::Length, Framing::Chunked, Framing::Close] {
        exchange.commit(framing);
        assert_eq!(seen.framing(), Some(framing));
    }
    exchange.record(&Error::other("first"));
    exchange.record(&Error::other("second"));
    assert_eq!(seen.error().map(ToString::to_string).as_deref(), Some("first"));
    assert!(!seen.has_failed() && !seen.closes());
    exchange.fail();
    assert!(seen.has_failed() && seen.closes());
}

#[test]
fn what_the_client_asked_decides_whatever_request_the_response_names() {
    let mut rig = Rig::new(head(&[]));
    let made_up = ResponseHead::new(StatusCode::OK, Arc::new(get(&[])));
    rig.pass([made_up.into_bucket(), Bucket::immortal(b"hello"), Bucket::eos()]).unwrap();
    assert_eq!((rig.reply().rest, rig.exchange.framing()), (Vec::new(), Some(Framing::None)));
}

#[test]
fn the_owner_has_the_connection_closed_by_saying_so_before_the_head() {
    let mut rig = Rig::new(get(&[]));
    rig.exchange.close_after();
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().field("connection"), Some("close"));
}
