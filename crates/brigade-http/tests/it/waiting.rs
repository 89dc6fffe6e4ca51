//! Waiting, anywhere, changes nothing.

use brigade::{Bucket, Effects, FilterKind, Member};
use brigade_http::RequestHead;
use brigade_testkit::waits_everywhere;

use crate::framing::Changer;
use crate::support::{NeverRead, Reply, Rig, Unknown, get, head, old, stream};

fn response(rig: &Rig, fields: &[(&'static str, &str)]) -> Vec<Bucket<'static>> {
    vec![
        Bucket::flush(),
        rig.response(103, &[]),
        rig.response(200, fields),
        Bucket::immortal(b"he"),
        Unknown::bucket(),
        stream(&[b"l", b"lo"]),
        Bucket::flush(),
        Bucket::immortal(b""),
        Bucket::immortal(b", world"),
        Bucket::eos(),
    ]
}

/// Places between, above and below the protocol's filters; CHUNK is inserted at 35.
const PLACES: [FilterKind; 5] = [
    FilterKind::RESOURCE,
    FilterKind::PROTOCOL.offset(1),
    FilterKind::PROTOCOL.offset(3),
    FilterKind::TRANSCODE,
    FilterKind::NETWORK,
];

#[track_caller]
fn check(request: &RequestHead, fields: &[(&'static str, &str)], above: Option<Effects>) {
    let run = |place: Option<FilterKind>| {
        let waits = place.map(|place| Member::new("waits", place, waits_everywhere()));
        let changer = above.map(Changer::member);
        let mut rig = Rig::with(request.clone(), waits.into_iter().chain(changer));
        let response = response(&rig, fields);
        rig.pass(response).unwrap();
        assert!(!rig.exchange.has_failed());
        let bytes = rig.bytes();
        // To HTTP/1.1 the interim head goes first.
        let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n";
        let reply = Reply::parse(bytes.strip_prefix(interim).unwrap_or(&bytes));
        (reply.status, reply.body(), rig.marks(), rig.exchange.framing())
    };
    let expected = run(None);
    for place in PLACES {
        assert_eq!(run(Some(place)), expected, "waiting at {place}");
    }
}

#[test]
fn waiting_changes_nothing_of_a_chunked_body() {
    check(&get(&[]), &[], None);
    check(&get(&[]), &[], Some(Effects::Changes));
}

#[test]
fn waiting_changes_nothing_of_a_counted_body() {
    check(&get(&[]), &[("content-length", "12")], None);
    check(&get(&[]), &[("content-length", "12")], Some(Effects::SameLength));
}

#[test]
fn waiting_changes_nothing_of_a_body_that_ends_with_its_connection() {
    check(&old(&[]), &[], None);
}

#[test]
fn waiting_changes_nothing_of_a_response_without_a_body() {
    check(&get(&[("if-none-match", "*")]), &[], None);
    check(&get(&[("if-match", "\"x\"")]), &[], None);
}

#[test]
fn a_filter_that_waits_above_head_leaves_the_file_unread() {
    for place in PLACES {
        let mut rig = Rig::with(head(&[]), [Member::new("waits", place, waits_everywhere())]);
        let response = rig.response(200, &[("content-length", "9")]);
        rig.pass([response, NeverRead::file(9), NeverRead::stream(), Bucket::eos()]).unwrap();
        assert_eq!(rig.reply().field("content-length"), Some("9"), "waiting at {place}");
        assert_eq!((rig.reply().rest, rig.marks()), (Vec::new(), vec!["EOS".to_owned()]));
    }
}
