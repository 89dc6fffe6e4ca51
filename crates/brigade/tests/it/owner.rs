//! What the owner of a chain changes between passes: no byte is lost, and none overtakes another.

use std::sync::atomic::Ordering;

use brigade::{
    Bucket, Chain, End, Error, ErrorKind, FilterKind, Member, OutputFilter, Progress, ReadMode,
    Result, from_fn, recorder,
};

use crate::chain::sign;
use crate::failure::names;
use crate::kit::{
    Halting, RESOURCE, Sip, Upper, Watched, finish, halting, member, pass_all, push_each,
    waits_for_ever,
};

fn signs(name: &'static str) -> Member {
    member(name, sign(name.as_bytes()))
}

fn listed(chain: &Chain) -> Vec<String> {
    chain.filters().map(|(name, ..)| name.to_owned()).collect()
}

#[test]
fn filters_are_inserted_beside_the_uppermost_of_a_name_whatever_their_kind() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(signs("a"));
    chain.join(signs("b"));
    chain.join(signs("b"));
    chain.insert_before("b", Member::new("c", FilterKind::NETWORK, sign(b"c"))).unwrap();
    chain.insert_after("b", Member::new("d", RESOURCE.offset(-9), sign(b"d"))).unwrap();
    chain.insert_before("a", signs("e")).unwrap();
    assert_eq!(listed(&chain), ["e", "a", "c", "b", "d", "b"]);
    chain.remove("b").unwrap();
    chain.replace("a", signs("f")).unwrap();
    assert_eq!(listed(&chain), ["e", "f", "c", "d", "b"]);
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    let expected = "xbdbcbdbfbdbcbdbebdbcbdbfbdbcbdb";
    assert_eq!(record.bytes(), expected.as_bytes());
}

#[test]
fn inserted_filter_leaves_when_the_one_beside_it_does() {
    let mut chain = Chain::new(recorder().0);
    chain.join(member("connection", pass_all()));
    chain.join_request(member("request", pass_all()));
    let (filter, _, ends) = Watched::new(pass_all());
    chain.insert_before("request", member("with the request", filter)).unwrap();
    chain.insert_after("connection", member("for good", pass_all())).unwrap();
    chain.pass_bucket(Bucket::eos()).unwrap();
    chain.end_request(None).unwrap();
    assert_eq!(listed(&chain), ["connection", "for good"]);
    assert_eq!(ends.lock().unwrap().len(), 1);
}

#[test]
fn name_that_is_not_there_is_an_error_that_lists_those_that_are() {
    let mut chain = Chain::new(recorder().0);
    let check = |answer: Result<()>, text: &str| {
        let error = answer.unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InvalidInput, text));
    };
    check(chain.remove("x"), "remove x: there are no filters");
    chain.join(signs("a"));
    chain.join(signs("b"));
    check(chain.remove("x"), "remove x: the filters are a, b");
    check(chain.replace("x", signs("y")), "replace x: the filters are a, b");
    check(chain.insert_before("x", signs("y")), "insert before x: the filters are a, b");
    check(chain.insert_after("x", signs("y")), "insert after x: the filters are a, b");
    assert_eq!(listed(&chain), ["a", "b"]);
}

#[test]
fn what_was_written_before_goes_through_the_chain_as_it_was() {
    let changes: [fn(&mut Chain); 5] = [
        |chain| chain.insert_before("a", signs("b")).unwrap(),
        |chain| chain.insert_after("a", signs("b")).unwrap(),
        |chain| chain.replace("a", signs("b")).unwrap(),
        |chain| chain.remove("a").unwrap(),
        |chain| chain.replace_kinds(.., [signs("b")]).unwrap(),
    ];
    let expected = ["1a2aba", "1a2bab", "1a2b", "1a2", "1a2b"];
    for (change, expected) in changes.into_iter().zip(expected) {
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal);
        chain.join(signs("a"));
        chain.write(b"1").unwrap();
        change(&mut chain);
        chain.write(b"2").unwrap();
        chain.flush().unwrap();
        assert_eq!(record.bytes(), expected.as_bytes());
    }
}

#[test]
fn what_a_removed_filter_waited_with_goes_on_and_a_replaced_ones_goes_through_the_new() {
    let check = |change: fn(&mut Chain), expected: &[u8]| {
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
        chain.join_request(member("waits", waits_for_ever()));
        chain.join_request(member("below", push_each()));
        let line = String::from("borrowed ");
        chain.pass_bucket(Bucket::transient(line.as_bytes())).unwrap();
        chain
            .pass(&mut [Bucket::immortal(b"more "), Bucket::flush()].into_iter().collect())
            .unwrap();
        assert_eq!((chain.progress(), record.bytes().len()), (Progress::Pending, 0));
        change(&mut chain);
        assert_eq!((chain.progress(), chain.held_bytes()), (Progress::Done, 0));
        chain.pass(&mut [Bucket::immortal(b"end"), Bucket::eos()].into_iter().collect()).unwrap();
        assert_eq!(record.bytes(), expected);
        assert_eq!(names(record.marks()), ["FLUSH", "EOS"]);
    };
    check(|chain| chain.remove("waits").unwrap(), b"borrowed more end");
    check(|chain| chain.replace("waits", member("upper", Upper)).unwrap(), b"BORROWED MORE END");
}

#[test]
fn stream_that_a_removed_filter_waited_for_is_not_lost() {
    let (terminal, given) = Sip::new(3, 10);
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    chain.join_request(member("reads", Upper));
    chain.pass_bucket(halting(&[b"one ", b"two ", b"three"])).unwrap();
    let _ = chain.resume().unwrap();
    let _ = chain.resume().unwrap();
    chain.remove("reads").unwrap();
    chain.pass_bucket(Bucket::eos()).unwrap();
    for _ in 0..100 {
        let _ = chain.resume();
        if given.lock().unwrap().marks.len() == 1 {
            break;
        }
    }
    let seen = String::from_utf8(given.lock().unwrap().bytes.clone()).unwrap();
    assert_eq!(seen.to_lowercase(), "one two three");
    assert!(seen.starts_with("ONE") && seen.ends_with("three"), "{seen}");
}

/// Keeps every byte until the end.
struct Holds(Vec<u8>);

impl OutputFilter for Holds {
    fn filter<'b>(
        &mut self,
        input: &mut brigade::Brigade<'b>,
        next: &mut brigade::Next<'_, 'b>,
    ) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            match bucket.bytes() {
                Some(bytes) => self.0.extend_from_slice(bytes),
                None => {
                    next.push(Bucket::heap(std::mem::take(&mut self.0)))?;
                    next.push(bucket)?;
                }
            }
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        self.0.len()
    }
}

#[track_caller]
fn check_stays(chain: &mut Chain, name: &str, why: &str) {
    let before = listed(chain);
    let check = |answer: Result<()>, verb: &str| {
        let error = answer.unwrap_err();
        let text = format!("{verb} {name}: {why}");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Contract, text));
    };
    check(chain.remove(name), "remove");
    check(chain.replace(name, signs("other")), "replace");
    check(chain.replace_kinds(.., []), "replace");
    assert_eq!(listed(chain), before);
}

#[test]
fn filter_that_holds_bytes_stays_until_a_flush_lets_go_of_them() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("holds", Holds(Vec::new())));
    chain.write(b"twelve bytes").unwrap();
    check_stays(&mut chain, "holds", "it holds 12 bytes");
    chain.flush().unwrap();
    chain.remove("holds").unwrap();
    assert_eq!(record.bytes(), b"twelve bytes");
}

#[test]
fn filter_that_failed_or_ended_the_body_stays_so_that_the_body_never_looks_complete() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("fails", from_fn(|_, _| Err(Error::other("on purpose")))));
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap_err();
    check_stays(&mut chain, "fails", "the body failed in it");
    chain.pass_bucket(Bucket::eos()).unwrap();
    assert_eq!(names(record.marks()), ["ERROR"]);

    let mut chain = Chain::new(recorder().0);
    let ends = from_fn(|input, next| {
        input.clear();
        next.push(Bucket::eos())
    });
    chain.join_request(member("ends", ends));
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    check_stays(&mut chain, "ends", "it has ended the body");
}

#[test]
fn removed_filter_of_a_request_is_told_its_end_with_the_others_and_once() {
    for drops in [false, true] {
        let mut chain = Chain::new(recorder().0);
        let (filter, calls, ends) = Watched::new(pass_all());
        chain.join_request(member("removed", filter));
        chain.pass_bucket(Bucket::immortal(b"body")).unwrap();
        chain.remove("removed").unwrap();
        chain.pass(&mut [Bucket::immortal(b"!"), Bucket::eos()].into_iter().collect()).unwrap();
        assert_eq!((calls.load(Ordering::Relaxed), ends.lock().unwrap().len()), (1, 0));
        if !drops {
            chain.end_request(None).unwrap();
        }
        drop(chain);
        let end = if drops { End::ClientGone } else { End::Complete };
        let told: Vec<_> = ends.lock().unwrap().iter().map(|o| (o.end, o.bytes_in)).collect();
        assert_eq!(told, [(end, 5)]);
    }
}

/// Writes the length of each piece before it.
fn frames(name: &'static str) -> impl OutputFilter {
    from_fn(move |input, next| {
        while let Some(bucket) = next.read(input)? {
            if let Some(bytes) = bucket.bytes() {
                let head = next.alloc().copy(format!("{name}{}:", bytes.len()).as_bytes());
                next.push(head)?;
            }
            next.push(bucket)?;
        }
        Ok(())
    })
}

#[test]
fn protocol_is_swapped_for_an_upgrade_once_the_answer_to_it_has_gone_through() {
    for above_waits in [false, true] {
        let (terminal, given) = Sip::new(2, 8);
        let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
        if above_waits {
            chain.join_request(member("above", Halting::new(push_each())));
        }
        let (http, _, ends) = Watched::new(Halting::new(frames("http")));
        chain.join_request(Member::new("http", FilterKind::PROTOCOL, http));
        chain.join_request(Member::new("chunk", FilterKind::TRANSCODE, push_each()));
        chain.join(Member::new("tls", FilterKind::CONNECTION, Halting::new(push_each())));
        chain.pass_bucket(Bucket::immortal(b"101")).unwrap();
        chain.pass_bucket(Bucket::flush()).unwrap();
        let mut refused = 0;
        let protocol = FilterKind::PROTOCOL..FilterKind::CONNECTION;
        let swap = |chain: &mut Chain| {
            let frame = Member::new("frame", FilterKind::TRANSCODE, frames("ws"));
            chain.replace_kinds(protocol.clone(), [frame])
        };
        while let Err(error) = swap(&mut chain) {
            assert!(error.is_would_block(), "{error}");
            refused += 1;
            assert!(refused < 1000, "the swap is refused for ever");
            let _ = chain.resume().unwrap();
        }
        assert!(refused > 0);
        chain.pass_bucket(Bucket::immortal(b"hello")).unwrap();
        chain.pass_bucket(halting(&[b"a", b"bc"])).unwrap();
        chain.pass_bucket(Bucket::eos()).unwrap();
        finish(&mut chain);
        let seen = String::from_utf8(given.lock().unwrap().bytes.clone()).unwrap();
        assert_eq!(seen, "http3:101ws5:hellows1:aws2:bc");
        chain.end_request(None).unwrap();
        finish(&mut chain);
        assert_eq!(listed(&chain), ["frame", "tls"], "it lasts as long as the connection");
        assert_eq!(ends.lock().unwrap().len(), 1);
    }
}

#[test]
fn body_is_wanted_again_when_the_filter_that_wanted_none_is_gone() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let discards = from_fn(|input, next| {
        next.discard_body();
        next.push_all(input)
    });
    chain.join_request(member("above", push_each()));
    chain.join_request(Member::new("head", FilterKind::PROTOCOL, discards));
    chain.pass_bucket(Bucket::flush()).unwrap();
    chain.pass_bucket(Bucket::immortal(b"unwanted")).unwrap();
    chain.replace_kinds(FilterKind::PROTOCOL.., []).unwrap();
    chain.pass_bucket(Bucket::immortal(b"wanted")).unwrap();
    assert_eq!(record.bytes(), b"wanted");
}

#[test]
fn chain_whose_connection_has_ended_is_changed_no_more() {
    let mut chain = Chain::new(recorder().0);
    chain.join(signs("a"));
    chain.abort(End::ClientGone);
    let check = |answer: Result<()>| assert_eq!(answer.unwrap_err().kind(), ErrorKind::Aborted);
    check(chain.insert_before("a", signs("b")));
    check(chain.insert_after("a", signs("b")));
    check(chain.remove("a"));
    check(chain.replace("a", signs("b")));
    check(chain.replace_kinds(.., []));
    assert_eq!(listed(&chain), ["a"]);
}

#[test]
fn error_tells_which_of_two_filters_of_one_name_it_began_in() {
    let check = |change: fn(&mut Chain) -> Result<()>, expected: usize| {
        let mut chain = Chain::new(recorder().0);
        chain.join(member("same", pass_all()));
        chain.join(member("other", pass_all()));
        let fails = from_fn(|_, _| Err(Error::other("on purpose")));
        chain.join(Member::new("same", FilterKind::CONNECTION, fails));
        change(&mut chain).unwrap();
        let error = chain.pass_bucket(Bucket::immortal(b"x")).unwrap_err();
        assert_eq!((error.filter(), error.position()), (Some("same"), Some(expected)));
    };
    check(|_| Ok(()), 3);
    check(
        |chain| {
            chain.join(member("late", pass_all()));
            Ok(())
        },
        4,
    );
    check(|chain| chain.insert_before("same", member("first", pass_all())), 4);
    check(|chain| chain.insert_after("same", member("second", pass_all())), 4);
    check(|chain| chain.remove("other"), 2);
    check(|chain| chain.replace_kinds(RESOURCE..=RESOURCE, []), 1);
    let inserts = |below: bool| {
        let mut is_first = true;
        member(
            "inserts",
            from_fn(move |input, next| {
                if std::mem::take(&mut is_first) {
                    if below {
                        next.insert_below(member("inserted", pass_all()))?;
                    } else {
                        next.insert_before(member("inserted", pass_all()));
                        return Ok(());
                    }
                }
                next.push_all(input)
            }),
        )
    };
    for below in [false, true] {
        let mut chain = Chain::new(recorder().0);
        chain.join(inserts(below));
        chain.join(member("fails", from_fn(|_, _| Err(Error::other("on purpose")))));
        let error = chain.pass_bucket(Bucket::immortal(b"x")).unwrap_err();
        assert_eq!(error.position(), Some(3));
    }
}
