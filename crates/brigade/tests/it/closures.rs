//! Filters made of closures: the same however a body is cut, bounded, and held back by a slow peer.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use brigade::{
    BrigadeWriter, Bucket, Chain, Effects, Error, ErrorKind, FilterKind, Member, OutputFilter,
    Over, Progress, ReadMode, Result, WholeBody, from_fn, map_bytes, map_lines, recorder,
};
use brigade_testkit::{Case, check_every_cut};

use crate::failure::names;
use crate::kit::{RESOURCE, Sip, Watched, file_of, finish, halting, member, pattern, push_each};

#[test]
fn bytes_are_mapped_the_same_however_they_are_cut() {
    let shout = || {
        let map = map_bytes(|bytes, out| {
            out.put(&bytes.to_ascii_uppercase());
            Ok(())
        });
        member("shout", map)
    };
    check_every_cut(shout, "abc\r\ndef", "ABC\r\nDEF");
    let doubles = || {
        let map = map_bytes(|bytes, out| {
            bytes.iter().for_each(|byte| out.put(&[*byte, *byte]));
            Ok(())
        });
        member("doubles", map)
    };
    Case::new(doubles, "abcabc", "aabbccaabbcc").carry(0).check();
}

#[test]
fn lines_are_mapped_the_same_however_they_are_cut() {
    let number = |limit, over| {
        move || {
            let mut count = 0;
            let map = map_lines(limit, over, move |line, out| {
                count += 1;
                out.put(format!("{count}:").as_bytes());
                out.put(line);
                Ok(())
            });
            member("number", map)
        }
    };
    let text = "ab\n\nlonger\nc";
    Case::new(number(8, Over::Fail), text, "1:ab\n2:\n3:longer\n4:c").check();
    Case::new(number(4, Over::PassThrough), text, "1:ab\n2:\nlonger\n3:c").check();
}

#[test]
fn body_is_given_whole_however_it_is_cut() {
    let reverse = |limit| {
        move || {
            let whole = WholeBody::new(limit, Over::PassThrough).map(|body, out| {
                out.put(&body.iter().rev().copied().collect::<Vec<u8>>());
                Ok(())
            });
            member("reverse", whole)
        }
    };
    check_every_cut(reverse(100), "abcdefghi", "ihgfedcba");
    check_every_cut(reverse(8), "abcdefghi", "abcdefghi");
}

fn counted(limit: usize, over: Over) -> impl OutputFilter {
    WholeBody::new(limit, over).map(|body, out| {
        out.put(format!("{} bytes", body.len()).as_bytes());
        Ok(())
    })
}

#[test]
fn whole_body_is_given_up_to_its_limit_and_over_it_fails_or_passes() {
    let check = |len: usize, over, expected: Result<&[u8], &str>| {
        for (at_once, is_known) in [(true, true), (false, true), (true, false)] {
            let (terminal, record) = recorder();
            let mut chain = Chain::new(terminal);
            chain.join_request(member("whole", counted(100, over)));
            let body = vec![b'x'; len];
            let answer = if !is_known {
                chain.pass_bucket(Bucket::stream(std::io::Cursor::new(body)))
            } else if at_once {
                chain.pass_bucket(Bucket::transient(&body))
            } else {
                body.chunks(7).try_for_each(|piece| chain.pass_bucket(Bucket::transient(piece)))
            };
            assert!(chain.filters().all(|(_, _, stats)| stats.held_bytes <= 100));
            let answer = answer.and_then(|()| chain.pass_bucket(Bucket::eos()));
            match expected {
                Ok(bytes) => {
                    answer.unwrap();
                    assert_eq!((&*record.bytes(), chain.held_bytes()), (bytes, 0));
                }
                Err(text) => {
                    let error = answer.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::TooLarge);
                    assert!(error.to_string().ends_with(text), "{error}");
                    assert_eq!(record.bytes(), b"");
                }
            }
        }
    };
    let whole = [b'x'; 101];
    for over in [Over::Fail, Over::PassThrough] {
        check(0, over, Ok(b"0 bytes"));
        check(99, over, Ok(b"99 bytes"));
        check(100, over, Ok(b"100 bytes"));
    }
    check(101, Over::PassThrough, Ok(&whole));
    check(101, Over::Fail, Err("hold a body of more than 100 bytes"));
}

#[test]
fn filter_that_gave_a_body_up_is_called_no_more_for_it_and_a_file_goes_by_unread() {
    let (terminal, given) = Sip::new(0, u64::MAX);
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    let (filter, calls, _) = Watched::new(counted(100, Over::PassThrough));
    chain.join_request(member("whole", filter));
    chain.pass_bucket(Bucket::immortal(b"head ")).unwrap();
    chain.pass_bucket(Bucket::file(file_of(b""), 0, 1 << 40)).unwrap();
    for _ in 0..10 {
        chain.pass_bucket(Bucket::immortal(b"more")).unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(chain.alloc().stats().copied_bytes, 0, "nothing was read");
    assert_eq!(chain.held_bytes(), 45);
    assert!(given.lock().unwrap().bytes.is_empty());
}

#[test]
fn body_given_up_before_a_byte_went_on_is_changed_by_nobody() {
    let seen = Arc::new(Mutex::new(None));
    let told = Arc::clone(&seen);
    let mut chain = Chain::new(recorder().0);
    chain.join_request(member("whole", counted(3, Over::PassThrough)));
    let probe = from_fn(move |input, next| {
        *told.lock().unwrap() = Some(next.effects_above());
        next.push_all(input)
    });
    chain.join(Member::new("probe", FilterKind::NETWORK, probe));
    chain.pass_bucket(Bucket::immortal(b"four")).unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(Effects::Same));
}

#[test]
fn connections_filter_that_gave_one_body_up_collects_the_next() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(member("whole", counted(10, Over::PassThrough)));
    for len in [4, 11, 10] {
        chain.begin_response().unwrap();
        let body = vec![b'x'; len];
        chain.pass_bucket(Bucket::transient(&body)).unwrap();
        chain.pass_bucket(Bucket::eos()).unwrap();
    }
    assert_eq!(record.bytes(), b"4 bytesxxxxxxxxxxx10 bytes");
}

#[test]
fn body_that_fails_half_way_is_no_whole_body() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("whole", counted(10, Over::Fail)));
    chain.pass_bucket(Bucket::immortal(b"half")).unwrap();
    chain.pass_bucket(Bucket::error(Error::other("the source broke"))).unwrap();
    assert_eq!((record.bytes(), names(record.marks())), (vec![], vec!["ERROR".into()]));
    assert_eq!(chain.held_bytes(), 0);
}

#[test]
fn what_a_closure_makes_much_of_is_held_back_by_a_slow_peer() {
    const LEN: usize = 200_000;
    let (terminal, given) = Sip::new(50_000, 64 * 1024);
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    let tenfold = map_bytes(|bytes, out| {
        bytes.iter().for_each(|byte| out.put(&[*byte; 10]));
        Ok(())
    });
    chain.join(member("tenfold", tenfold));
    let text = pattern(LEN);
    chain.pass_bucket(Bucket::heap(text.clone())).unwrap();
    let mut turns = 0;
    while chain.resume().unwrap() == Progress::Pending {
        // What it was given stays where it was.
        let made =
            chain.held_bytes() - chain.filters().map(|(.., stats)| stats.held_bytes).sum::<u64>();
        assert!(made <= 64 * 1024 + 10 * 8192, "{made} bytes were made of it");
        turns += 1;
    }
    assert!(turns > 20);
    let expected: Vec<u8> = text.iter().flat_map(|byte| [*byte; 10]).collect();
    assert!(given.lock().unwrap().bytes == expected);
}

#[test]
fn error_of_a_closure_has_the_filters_name_and_what_it_had_written_is_dropped() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let strict = map_bytes(|bytes, out| {
        out.put(b"half");
        match bytes {
            b"bad" => Err(Error::new(ErrorKind::InvalidInput, "no bad words")),
            _ => Ok(()),
        }
    });
    chain.join_request(member("strict", strict));
    let error = chain.pass_bucket(Bucket::immortal(b"bad")).unwrap_err();
    assert_eq!(error.to_string(), "filter strict, at byte 3: no bad words");
    assert_eq!(record.bytes(), b"");
}

#[test]
fn stream_that_halts_loses_nothing_in_what_is_made_of_closures() {
    let check = |filter: Box<dyn OutputFilter>, expected: &str| {
        let (terminal, given) = Sip::new(3, 8);
        let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
        chain.join_request(member("above", push_each()));
        chain.join_request(member("filter", filter));
        let stream = halting(&[b"on", b"e\ntw", b"o"]);
        chain.pass(&mut [stream, Bucket::eos()].into_iter().collect()).unwrap();
        finish(&mut chain);
        assert_eq!(String::from_utf8_lossy(&given.lock().unwrap().bytes), expected);
    };
    let same = |bytes: &[u8], out: &mut BrigadeWriter<'_, '_>| {
        out.put(bytes);
        Ok(())
    };
    check(Box::new(map_bytes(same)), "one\ntwo");
    check(Box::new(map_lines(100, Over::Fail, same)), "one\ntwo");
    check(Box::new(map_lines(2, Over::PassThrough, same)), "one\ntwo");
    check(Box::new(WholeBody::new(100, Over::Fail).map(same)), "one\ntwo");
    check(Box::new(WholeBody::new(2, Over::PassThrough).map(same)), "one\ntwo");
}

#[test]
fn member_says_less_of_a_closure_than_the_closure_does() {
    let check = |said: Option<Effects>, expected| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let mut chain = Chain::new(recorder().0);
        let upper = member(
            "upper",
            map_bytes(|bytes, out| {
                out.put(&bytes.to_ascii_uppercase());
                Ok(())
            }),
        );
        chain.join(match said {
            Some(effects) => upper.effects(effects),
            None => upper,
        });
        let probe = from_fn(move |input, next| {
            told.lock().unwrap().push(next.effects_above());
            next.push_all(input)
        });
        chain.join(Member::new("probe", RESOURCE.offset(1), probe));
        for _ in 0..2 {
            chain.begin_response().unwrap();
            chain.pass_bucket(Bucket::eos()).unwrap();
        }
        assert_eq!(*seen.lock().unwrap(), [expected; 2]);
    };
    check(None, Effects::Changes);
    check(Some(Effects::SameLength), Effects::SameLength);
    check(Some(Effects::Changes), Effects::Changes);
}
