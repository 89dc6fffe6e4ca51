//! How a response is framed: the whole table.

use brigade::{Brigade, Bucket, Effects, FilterKind, Member, Next, OutputFilter, Result};
use brigade_http::{Framing, RequestHead};

use crate::support::{NeverRead, Reply, Rig, get, head, old, stream};

/// A filter that does to a body what it declares: nothing, capitals, or every byte twice.
pub(crate) struct Changer(pub(crate) Effects);

impl Changer {
    pub(crate) fn member(effects: Effects) -> Member {
        Member::new("changer", FilterKind::RESOURCE, Self(effects))
    }
}

impl OutputFilter for Changer {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if self.0 == Effects::Same {
            return next.push_all(input);
        }
        while let Some(bucket) = next.read(input)? {
            let out = match bucket.bytes() {
                Some(data) if self.0 == Effects::SameLength => {
                    next.alloc().copy(&data.to_ascii_uppercase())
                }
                Some(data) => next.alloc().copy(&[data, data].concat()),
                None => bucket,
            };
            next.push(out)?;
        }
        Ok(())
    }

    fn effects(&self) -> Effects {
        self.0
    }
}

/// What is known of the body when the head comes by.
const BODIES: [&str; 3] = ["at hand", "declared", "unknown"];

/// A response with a body of 5 bytes, in one call.
fn response(rig: &Rig, status: u16, body: &str) -> Vec<Bucket<'static>> {
    let fields: &[_] = if body == "declared" { &[("content-length", "5")] } else { &[] };
    let data =
        if body == "at hand" { Bucket::immortal(b"hello") } else { stream(&[b"hel", b"lo"]) };
    vec![rig.response(status, fields), data, Bucket::eos()]
}

/// The framing that was chosen, and what the head says of it.
fn describe(rig: &Rig, reply: &Reply) -> String {
    let framing = format!("{:?}", rig.exchange.framing().unwrap());
    let said = ["content-length", "transfer-encoding", "connection"];
    let said = said.into_iter().filter_map(|name| reply.field(name));
    std::iter::once(&*framing).chain(said).collect::<Vec<_>>().join(" ")
}

fn row(effects: Effects, request: &RequestHead, status: u16) -> String {
    let answers = BODIES.map(|body| {
        let mut rig = Rig::with(request.clone(), [Changer::member(effects)]);
        let response = response(&rig, status, body);
        rig.pass(response).unwrap();
        let reply = rig.reply();
        let expected: &[u8] = match (rig.exchange.framing(), effects) {
            (Some(Framing::None), _) => b"",
            (_, Effects::Same) => b"hello",
            (_, Effects::SameLength) => b"HELLO",
            (_, Effects::Changes) if body == "at hand" => b"hellohello",
            (_, Effects::Changes) => b"helhellolo",
        };
        if rig.exchange.framing() == Some(Framing::None) {
            assert_eq!(reply.rest, b"", "{effects:?} {status} {body}");
        } else {
            assert_eq!(reply.body().as_deref(), Some(expected), "{effects:?} {status} {body}");
        }
        assert!(!rig.exchange.has_failed());
        describe(&rig, &reply)
    });
    format!("{:<21}| {:<20}| {}", answers[0], answers[1], answers[2])
}

#[test]
fn the_header_filter_alone_decides_the_framing() {
    let requests = [
        ("HEAD", head(&[]), 200),
        ("204", get(&[]), 204),
        ("304", get(&[]), 304),
        ("1.0", old(&[]), 200),
        ("1.0 alive", old(&[("connection", "keep-alive")]), 200),
        ("1.1", get(&[]), 200),
    ];
    let rows =
        [Effects::Same, Effects::SameLength, Effects::Changes].into_iter().flat_map(|effects| {
            requests.iter().map(move |(name, request, status)| {
                let effects_name = format!("{effects:?}");
                format!("{effects_name:<11}| {name:<10}| {}", row(effects, request, *status))
            })
        });
    // A filter that has to read the body lets the head go first. Its result is of unknown length then,
    // and HEAD cannot know what GET would be told.
    let expected = "\
           |           | at hand              | declared            | unknown
Same       | HEAD      | None 5               | None 5              | None chunked
Same       | 204       | None                 | None                | None
Same       | 304       | None                 | None                | None
Same       | 1.0       | Length 5 close       | Length 5 close      | Close close
Same       | 1.0 alive | Length 5 keep-alive  | Length 5 keep-alive | Close close
Same       | 1.1       | Length 5             | Length 5            | Chunked chunked
SameLength | HEAD      | None 5               | None 5              | None
SameLength | 204       | None                 | None                | None
SameLength | 304       | None                 | None                | None
SameLength | 1.0       | Length 5 close       | Length 5 close      | Close close
SameLength | 1.0 alive | Length 5 keep-alive  | Length 5 keep-alive | Close close
SameLength | 1.1       | Length 5             | Length 5            | Chunked chunked
Changes    | HEAD      | None 10              | None                | None
Changes    | 204       | None                 | None                | None
Changes    | 304       | None                 | None                | None
Changes    | 1.0       | Length 10 close      | Close close         | Close close
Changes    | 1.0 alive | Length 10 keep-alive | Close close         | Close close
Changes    | 1.1       | Length 10            | Chunked chunked     | Chunked chunked";
    let rows: Vec<String> = rows.collect();
    let expected: Vec<&str> = expected.lines().skip(1).collect();
    assert_eq!(rows, expected);
}

/// What answers HEAD, for this much of a response in one call.
#[track_caller]
fn check_head(
    fields: &[(&'static str, &str)],
    body: Vec<Bucket<'static>>,
    length: Option<&str>,
    coding: Option<&str>,
) {
    let mut rig = Rig::new(head(&[]));
    let response = rig.response(200, fields);
    rig.pass([response].into_iter().chain(body)).unwrap();
    let reply = rig.reply();
    assert_eq!((reply.field("content-length"), reply.field("transfer-encoding")), (length, coding));
    assert_eq!((reply.rest, rig.exchange.framing()), (Vec::new(), Some(Framing::None)));
}

#[test]
fn head_is_told_the_length_of_a_file_unread() {
    check_head(&[], vec![NeverRead::file(10), Bucket::eos()], Some("10"), None);
    check_head(&[("content-length", "10")], vec![NeverRead::stream()], Some("10"), None);
    check_head(&[("content-length", "10")], vec![Bucket::eos()], Some("10"), None);
}

#[test]
fn head_leaves_what_a_filter_above_would_read_unread() {
    let mut rig = Rig::with(head(&[]), [Changer::member(Effects::Changes)]);
    let response = rig.response(200, &[]);
    rig.pass([response, NeverRead::file(10), NeverRead::stream()]).unwrap();
    rig.pass([NeverRead::file(10), Bucket::eos()]).unwrap();
    assert_eq!((rig.reply().status, rig.reply().rest), (200, Vec::new()));
}

#[test]
fn head_is_told_nothing_that_get_might_not_be_told() {
    // The handler left the body out, or has not made it yet.
    check_head(&[], vec![Bucket::eos()], None, None);
    check_head(&[], vec![], None, None);
    check_head(&[("transfer-encoding", "chunked")], vec![], None, None);
}

#[test]
fn head_is_told_of_chunks_where_get_would_get_them() {
    check_head(&[], vec![NeverRead::stream(), Bucket::eos()], None, Some("chunked"));
    check_head(&[], vec![NeverRead::file(10), Bucket::flush()], None, Some("chunked"));
}

#[test]
fn get_of_nothing_has_length_0() {
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b""), Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().field("content-length"), Some("0"));
    assert_eq!(rig.reply().body(), Some(Vec::new()));
}

#[test]
fn a_body_whose_end_is_not_at_hand_is_chunked() {
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(200, &[]);
    rig.pass([response, Bucket::immortal(b"hel")]).unwrap();
    rig.pass([Bucket::immortal(b"lo"), Bucket::eos()]).unwrap();
    assert_eq!(rig.exchange.framing(), Some(Framing::Chunked));
    assert_eq!(rig.reply().rest, b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
}

/// What a handler says of the framing itself.
#[track_caller]
fn check_said(fields: &[(&'static str, &str)], expected: &str) {
    let mut rig = Rig::new(get(&[]));
    let response = rig.response(200, fields);
    rig.pass([response, Bucket::immortal(b"hello"), Bucket::eos()]).unwrap();
    let reply = rig.reply();
    assert_eq!(describe(&rig, &reply), expected);
    assert_eq!(reply.body(), Some(b"hello".to_vec()));
    assert_eq!(reply.field("keep-alive"), None);
}

#[test]
fn a_handler_cannot_frame_by_itself() {
    check_said(&[("transfer-encoding", "chunked")], "Chunked chunked");
    check_said(&[("transfer-encoding", "gzip, chunked")], "Chunked chunked");
    check_said(&[("transfer-encoding", "x"), ("content-length", "5")], "Length 5");
    check_said(&[("connection", "keep-alive"), ("keep-alive", "timeout=9")], "Length 5");
    check_said(&[("content-length", "5"), ("content-length", "05")], "Length 5");
}

#[test]
fn a_handler_can_have_the_connection_closed() {
    check_said(&[("connection", "x, Close")], "Length 5 close");
}

#[test]
fn an_upgrade_that_is_offered_is_a_connection_option() {
    check_said(&[("upgrade", "websocket")], "Length 5 upgrade");
    check_said(&[("upgrade", "websocket"), ("connection", "close")], "Length 5 close, upgrade");
    let mut rig = Rig::new(old(&[("connection", "keep-alive")]));
    let response = rig.response(200, &[("upgrade", "websocket")]);
    rig.pass([response, Bucket::eos()]).unwrap();
    assert_eq!(rig.reply().field("connection"), Some("keep-alive"));
}

#[test]
fn a_client_that_closes_is_told_that_the_server_does() {
    let mut rig = Rig::new(get(&[("connection", "close")]));
    let response = response(&rig, 200, "unknown");
    rig.pass(response).unwrap();
    // Chunked all the same: the end of the connection would not tell a body that was cut short.
    assert_eq!(describe(&rig, &rig.reply()), "Chunked chunked close");
    assert!(rig.exchange.closes());
}
