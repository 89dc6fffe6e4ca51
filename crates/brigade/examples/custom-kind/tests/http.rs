//! The protocol's filters frame what nobody knows: data stays unread, marks stay in their place.

use std::sync::Arc;

use brigade::{Brigade, Bucket, Chain, ReadCx, Result, Terminal};
use brigade_http::{Exchange, HeaderOptions, RequestHead, ResponseHead, join_protocol};
use custom_kind::{Checkpoint, Repeat};
use http::{Method, StatusCode};

/// What comes out, a bucket a word: text as it is, REPEAT and CHECKPOINT by name.
#[derive(Default)]
struct Seen(Vec<String>);

impl Terminal for Seen {
    fn write(&mut self, brigade: &mut Brigade<'_>, _cx: &mut ReadCx<'_>) -> Result<()> {
        while let Some(bucket) = brigade.pop_front() {
            let text = bucket.bytes().map(String::from_utf8_lossy);
            self.0.push(match (bucket.as_data::<Repeat>(), text) {
                (Some(_), _) => format!("REPEAT {}", bucket.len().unwrap()),
                (None, Some(text)) => text.into_owned(),
                (None, None) => bucket.kind_name().to_owned(),
            });
        }
        Ok(())
    }
}

/// Passes `body` as the answer to a request: what comes out behind the head, and the head.
#[track_caller]
fn answer(method: Method, body: Vec<Bucket<'static>>) -> (String, String) {
    let mut request = RequestHead::get("/".parse().unwrap());
    request.method = method;
    let request = Arc::new(request);
    let mut chain = Chain::new(Seen::default());
    let options = Arc::new(HeaderOptions::default().clock(|| std::time::UNIX_EPOCH));
    join_protocol(&mut chain, &Exchange::new(request.clone()), &options);
    let mut response = Brigade::new();
    response.push_back(ResponseHead::new(StatusCode::OK, request).into_bucket());
    response.extend(body);
    response.push_back(Bucket::eos());
    chain.pass(&mut response).unwrap();
    let seen = std::mem::take(&mut chain.terminal::<Seen>().unwrap().0).concat();
    let (head, rest) = seen.split_once("\r\n\r\n").expect("there is a head");
    (head.to_owned(), rest.to_owned())
}

fn own_kinds() -> Vec<Bucket<'static>> {
    vec![
        Bucket::immortal(b"one"),
        Repeat::bucket(b"abc", 1000),
        Checkpoint::bucket("here"),
        Bucket::immortal(b"two"),
    ]
}

#[test]
fn own_kinds_go_out_behind_a_content_length_as_they_came() {
    let (head, body) = answer(Method::GET, own_kinds());
    assert!(head.contains("\r\ncontent-length: 3006"), "{head}");
    assert_eq!(body, "oneREPEAT 3000CHECKPOINTtwoEOS");
}

#[test]
fn own_data_is_framed_as_a_chunk_by_its_length_and_stays_unread() {
    let unknown = vec![
        Bucket::immortal(b"one"),
        Repeat::bucket(b"abc", 1000),
        Checkpoint::bucket("here"),
        Bucket::stream(&b"of unknown length"[..]),
    ];
    let (head, body) = answer(Method::GET, unknown);
    assert!(head.contains("\r\ntransfer-encoding: chunked"), "{head}");
    assert!(body.contains("REPEAT 3000\r\nCHECKPOINT11\r\nof unknown length\r\n"), "{body}");
    assert!(body.ends_with("0\r\n\r\nEOS"), "{body}");
}

#[test]
fn own_mark_goes_out_where_no_body_does() {
    let (head, body) = answer(Method::HEAD, own_kinds());
    assert!(head.contains("\r\ncontent-length: 3006"), "{head}");
    assert_eq!(body, "CHECKPOINTEOS");
}
