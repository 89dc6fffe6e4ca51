//! Same bytes out, however the input is cut into buckets and calls, whatever marks stand at the cuts.

use brigade::Bucket;
use brigade_http::{Framing, RequestHead, Trailers};

use crate::support::{Reply, Rig, Unknown, get, head, old, stream};

const BODY: &[u8; 12] = b"hello, world";

/// What stands at a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Nothing,
    Flush,
    Empty,
    Unknown,
    Call,
    FlushAndCall,
}

const ALL: [At; 6] = [At::Nothing, At::Flush, At::Empty, At::Unknown, At::Call, At::FlushAndCall];

impl At {
    fn mark(self) -> Option<Bucket<'static>> {
        match self {
            Self::Nothing | Self::Call => None,
            Self::Flush | Self::FlushAndCall => Some(Bucket::flush()),
            Self::Empty => Some(Bucket::immortal(b"")),
            Self::Unknown => Some(Unknown::bucket()),
        }
    }
}

/// Sends RESPONSE and the body, cut at two places, and looks at what comes out.
fn send(
    request: RequestHead,
    fields: &[(&'static str, &str)],
    [from, to]: [usize; 2],
    at: At,
) -> (Rig, Reply) {
    let mut rig = Rig::new(request);
    let mut calls = vec![vec![rig.response(200, fields)]];
    let mut marks = Vec::new();
    for piece in [&BODY[..from], &BODY[from..to], &BODY[to..]] {
        if matches!(at, At::Call | At::FlushAndCall) {
            calls.push(Vec::new());
        }
        let call = calls.last_mut().unwrap();
        call.push(Bucket::immortal(piece));
        marks.extend(at.mark().map(|mark| mark.kind_name().to_owned()));
        call.extend(at.mark());
    }
    calls.last_mut().unwrap().push(Bucket::eos());
    calls.into_iter().for_each(|call| rig.pass(call).unwrap());
    marks.retain(|name| name != "IMMORTAL");
    marks.push("EOS".to_owned());
    assert_eq!(rig.marks(), marks, "cut at {from} and {to}, {at:?}");
    let reply = rig.reply();
    (rig, reply)
}

/// Every pair of cuts, with everything that may stand there.
#[track_caller]
fn check(
    request: &RequestHead,
    fields: &[(&'static str, &str)],
    body: &[u8],
    framing: impl Fn(At) -> Framing,
) {
    for from in 0..=BODY.len() {
        for to in from..=BODY.len() {
            for at in ALL {
                let (rig, reply) = send(request.clone(), fields, [from, to], at);
                assert_eq!(rig.exchange.framing(), Some(framing(at)), "{from} {to} {at:?}");
                assert!(!rig.exchange.has_failed());
                if framing(at) == Framing::None {
                    assert_eq!(reply.rest, b"", "cut at {from} and {to}, {at:?}");
                } else {
                    assert_eq!(reply.body().as_deref(), Some(body), "{from} {to} {at:?}");
                }
            }
        }
    }
}

fn is_one_call(at: At) -> bool {
    !matches!(at, At::Call | At::FlushAndCall)
}

#[test]
fn a_response_is_the_same_however_it_is_cut() {
    let framing = |at| if is_one_call(at) { Framing::Length } else { Framing::Chunked };
    check(&get(&[]), &[], BODY, framing);
}

#[test]
fn a_response_of_a_length_that_was_said_is_the_same_however_it_is_cut() {
    check(&get(&[]), &[("content-length", "12")], BODY, |_| Framing::Length);
}

#[test]
fn a_response_to_http_1_0_is_the_same_however_it_is_cut() {
    let framing = |at| if is_one_call(at) { Framing::Length } else { Framing::Close };
    check(&old(&[]), &[], BODY, framing);
}

#[test]
fn no_body_is_no_body_however_it_is_cut() {
    check(&head(&[]), &[], b"", |_| Framing::None);
    check(&get(&[("if-none-match", "\"a\"")]), &[("etag", "\"a\"")], b"", |_| Framing::None);
}

#[test]
fn trailers_come_last_wherever_they_stood() {
    for before in 0..=BODY.len() {
        let mut rig = Rig::new(get(&[]));
        let response = rig.response(200, &[]);
        let sum = Trailers(get(&[("x-sum", "1")]).headers).into_bucket();
        let (left, right) = BODY.split_at(before);
        rig.pass([response, Bucket::immortal(left), Bucket::flush()]).unwrap();
        rig.pass([sum, Bucket::immortal(right)]).unwrap();
        rig.pass([Bucket::eos()]).unwrap();
        let (body, trailers) = crate::support::dechunk(&rig.reply().rest).unwrap();
        assert_eq!((&*body, &*trailers), (&BODY[..], "x-sum: 1\r\n\r\n"));
    }
}

#[test]
fn trailers_of_a_body_at_hand_have_it_chunked() {
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(200, &[]);
    let sum = Trailers(get(&[("x-sum", "1")]).headers).into_bucket();
    rig.pass([response, Bucket::immortal(BODY), sum, Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().rest, b"c\r\nhello, world\r\n0\r\nx-sum: 1\r\n\r\n");
}

#[test]
fn trailers_are_left_out_where_nothing_could_carry_them() {
    for (request, fields) in [(get(&[]), [("content-length", "3")].as_slice()), (old(&[]), &[])] {
        let mut rig = Rig::new(request);
        let response = rig.response(200, fields);
        let sum = Trailers(get(&[("x-sum", "1")]).headers).into_bucket();
        rig.pass([response, stream(&[b"abc"]), sum, Bucket::eos()]).unwrap();
        assert_eq!(rig.reply().body(), Some(b"abc".to_vec()));
    }
}
