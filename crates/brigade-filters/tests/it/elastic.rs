//! `spill` and `collect`: the producer is free, the client gets every byte, and nothing grows past its
//! limit.

use std::fs::{File, OpenOptions};

use brigade::{Bucket, Chain, ErrorKind, FilterKind, Member, Progress, ReadMode};
use brigade_filters::spill::Spill;
use brigade_testkit::{Case, SinkRecord, SlowSink, brigade, gated};

use crate::support::{Lines, member};

fn slow(spec: &str, turn_bytes: usize) -> (Chain, SinkRecord) {
    let (sink, record) = SlowSink::new(turn_bytes);
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
    chain.join_request(member(spec));
    (chain, record)
}

/// So many bytes that tell their places.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 256 + at).to_le_bytes()[0]).collect()
}

/// Resumes until nothing waits; answers the most bytes that were in memory.
fn drain(chain: &mut Chain) -> u64 {
    let mut most = chain.held_bytes();
    while chain.progress() == Progress::Pending {
        let _ = chain.resume().unwrap();
        most = most.max(chain.held_bytes());
    }
    most
}

const BOTH: [&str; 2] = ["spill", "collect"];

#[test]
fn every_cut_goes_on_as_it_is() {
    for spec in ["spill", "collect", "spill limit=4", "collect limit=4", "collect limit=0"] {
        Case::new(|| member(spec), "abc\r\ndefghi", "abc\r\ndefghi").check();
    }
}

#[test]
fn producer_ends_before_the_client_has_taken_a_kilobyte() {
    for spec in BOTH {
        let (mut chain, record) = slow(spec, 1000);
        let body = pattern(500_000);
        for piece in body.chunks(5000) {
            chain.pass_bucket(Bucket::transient(piece)).unwrap();
        }
        chain.pass_bucket(Bucket::eos()).unwrap();
        assert_eq!(record.len_bytes(), 1000, "{spec}");
        assert!(!chain.should_yield(), "{spec}: nobody is held back");
        assert!(chain.has_left_request(), "{spec}: its filters need nothing of it any more");
        chain.end_request(None).unwrap();
        drain(&mut chain);
        assert!(record.bytes() == body, "{spec}");
        assert_eq!(record.marks().last().unwrap().1, "EOR");
    }
}

#[test]
fn what_is_stored_goes_on_while_the_producer_sleeps() {
    for spec in BOTH {
        let (mut chain, record) = slow(spec, 1000);
        let body = pattern(50_000);
        for piece in body.chunks(5000) {
            chain.pass(&mut brigade![piece, FLUSH]).unwrap();
        }
        // Nobody passes anything from here on: what the client takes brings it all out.
        drain(&mut chain);
        assert!(record.bytes() == body, "{spec}: {} bytes came", record.len_bytes());
        assert_eq!(record.marks().len(), 10, "{spec}: every FLUSH");
        chain.pass(&mut brigade!["more", EOS]).unwrap();
        drain(&mut chain);
        assert!(record.bytes().ends_with(b"more"), "{spec}");
    }
}

#[test]
fn client_that_keeps_up_has_everything_go_by() {
    for spec in BOTH {
        let (mut chain, record) = slow(spec, usize::MAX);
        for count in 1..100 {
            chain.pass(&mut brigade!["piece", FLUSH]).unwrap();
            assert_eq!(record.len_bytes(), 5 * count);
            assert!(chain.held_bytes() == 0 && !chain.should_yield());
        }
    }
}

/// Passes pieces until the producer is held back; answers how many bytes were taken.
#[track_caller]
fn give_until_held_back(spec: &str, chain: &mut Chain) -> u64 {
    let mut given = 0;
    while !chain.should_yield() {
        chain.pass_bucket(Bucket::transient(&[b'x'; 5000])).unwrap();
        given += 5000;
        assert!(given < 10_000_000, "{spec}: it is never held back");
    }
    given
}

#[test]
fn producer_is_held_back_at_the_limit_and_goes_on_when_it_was_taken() {
    for (spec, in_memory) in [("spill limit=100000", 0), ("collect limit=100000", 100_000)] {
        let (mut chain, record) = slow(spec, 5000);
        let mut given = give_until_held_back(spec, &mut chain);
        assert!((100_000..=115_000).contains(&given), "{spec}: after {given}");
        // Besides, the sink has a piece, and the chain the one that did not fit.
        assert!(chain.held_bytes() <= in_memory + 10_000, "{spec}: {}", chain.held_bytes());
        for _ in 0..3 {
            drain(&mut chain);
            assert_eq!(record.len_bytes(), given, "{spec}");
            let more = give_until_held_back(spec, &mut chain);
            assert!(more >= 100_000, "{spec}: the room is there again, for {more}");
            given += more;
        }
        chain.pass_bucket(Bucket::eos()).unwrap();
        drain(&mut chain);
        assert_eq!(record.len_bytes(), given, "{spec}");
    }
}

#[test]
fn filter_above_makes_all_it_has_while_the_client_takes_nothing() {
    for spec in BOTH {
        let (mut chain, record) = slow(spec, 100);
        chain.join_request(member("substitute s/brigade/company/"));
        chain.pass(&mut brigade![Bucket::of(Lines { left: 300_000, seed: 1 }), EOS]).unwrap();
        assert!(chain.has_left_request(), "{spec}: the source has been read to its end");
        drain(&mut chain);
        assert_eq!(record.len_bytes(), 300_000, "{spec}");
    }
}

#[test]
fn file_and_stream_wait_unread_in_their_places() {
    let (mut chain, record) = slow("spill", 10);
    let (gate, stream) = gated();
    let lines = Bucket::of(Lines { left: 1 << 40, seed: 1 });
    chain.pass(&mut brigade!["0123456789", "more", FLUSH, stream, lines]).unwrap();
    assert!(!chain.should_yield() && chain.held_bytes() <= 8192 + 10);
    gate.give("given");
    gate.end();
    while record.len_bytes() < 40 {
        let _ = chain.resume().unwrap();
    }
    assert!(record.bytes().starts_with(b"0123456789moregiven"));
}

#[test]
fn marks_without_end_hold_the_producer_back() {
    for spec in BOTH {
        let (mut chain, record) = slow(spec, 1);
        chain.pass(&mut brigade!["abc"]).unwrap();
        let mut count = 0;
        while !chain.should_yield() {
            chain.pass_bucket(Bucket::flush()).unwrap();
            count += 1;
            assert!(count < 2000, "{spec}: marks are hoarded");
        }
        chain.pass_bucket(Bucket::eos()).unwrap();
        drain(&mut chain);
        assert_eq!(record.marks().len(), count + 1, "{spec}: and each of them comes");
    }
}

#[test]
fn nothing_is_in_memory_for_what_is_spilled() {
    let (mut chain, record) = slow("spill", 5000);
    for seed in 0..32 {
        chain.pass_bucket(Bucket::of(Lines { left: 8192, seed })).unwrap();
        let body = pattern(1 << 20);
        chain.pass_bucket(Bucket::transient(&body)).unwrap();
    }
    chain.pass_bucket(Bucket::eos()).unwrap();
    let most = drain(&mut chain);
    assert_eq!(record.len_bytes(), 32 * (8192 + (1 << 20)));
    // What the sink had when it was full, and a piece it reads.
    assert!(most <= (1 << 20) + 2 * 8192, "{most} bytes were in memory");
}

/// A chain with a spill that writes to `file`, whose client has taken 10 bytes and takes no more.
fn spilling_to(file: File) -> Chain {
    let (sink, _) = SlowSink::new(10);
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
    let spill = Spill::new(1 << 20, "/somewhere").file(file);
    chain.join_request(Member::new("spill", FilterKind::NETWORK.offset(-1), spill));
    chain.pass_bucket(Bucket::transient(&[b'x'; 11])).unwrap();
    chain
}

#[test]
fn disk_that_is_full_fails_the_response_and_says_where() {
    let Ok(full) = OpenOptions::new().read(true).write(true).open("/dev/full") else {
        return println!("passed over: there is no /dev/full");
    };
    let error = spilling_to(full).pass_bucket(Bucket::transient(b"more")).unwrap_err();
    assert_eq!((error.kind(), error.filter()), (ErrorKind::Io, Some("spill")));
    let said = error.to_string();
    assert!(said.ends_with("write 4 bytes at 0 of a temporary file in /somewhere"), "{said}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("No space left"), "{cause}");
}

#[test]
fn place_that_goes_away_fails_the_response_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let (mut chain, _) = slow(&format!("spill dir={}", dir.path().display()), 10);
    chain.pass_bucket(Bucket::transient(&[b'x'; 11])).unwrap();
    let path = dir.path().to_owned();
    dir.close().unwrap();
    let error = chain.pass_bucket(Bucket::transient(b"more")).unwrap_err();
    let said = error.to_string();
    assert!(said.ends_with(&format!("make a temporary file in {}", path.display())), "{said}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn file_has_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let (mut chain, _) = slow(&format!("spill dir={}", dir.path().display()), 10);
    (0..10).for_each(|_| chain.pass_bucket(Bucket::transient(&[b'x'; 1000])).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
