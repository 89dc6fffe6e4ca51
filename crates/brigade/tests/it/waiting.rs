//! Waiting and back-pressure: no byte or mark is lost or moved wherever a filter waits, and what is
//! held stays bounded.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use brigade::{
    Brigade, Bucket, Chain, Error, ErrorKind, FilterKind, Member, OutputFilter, Progress, ReadMode,
    from_fn, recorder,
};

use crate::kit::{
    Halting, Sip, Upper, Watched, file_of, finish, halting, member, pass_all, pattern, push_each,
    steps_aside, waits_for_ever,
};

/// Data of every kind and marks between, in several passes.
fn passes() -> Vec<Vec<Bucket<'static>>> {
    let heap = || Bucket::heap(pattern(3000));
    vec![
        vec![Bucket::transient(b"borrowed"), Bucket::immortal(b"static"), heap()],
        vec![Bucket::flush()],
        vec![Bucket::immortal(b""), Bucket::file(file_of(&pattern(20_000)), 7, 19_000)],
        vec![halting(&[b"one", b"", b"two"]), Bucket::metadata(Tag), Bucket::transient(b"more")],
        vec![Bucket::flush(), halting(&[&pattern(9000), b"tail"]), Bucket::eos()],
    ]
}

#[derive(Debug)]
struct Tag;

impl brigade::Metadata for Tag {
    fn name(&self) -> &'static str {
        "TAG"
    }
}

/// What comes out of three filters, with a wait before every bucket in those that `waits` names.
fn lead(waits: u32, per_turn: usize) -> (Vec<u8>, Vec<(usize, String)>) {
    let (terminal, given) = Sip::new(per_turn, 4096);
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    let filters: [Box<dyn OutputFilter>; 3] =
        [Box::new(push_each()), Box::new(Upper), Box::new(pass_all())];
    for (place, filter) in (0..).zip(filters) {
        let filter: Box<dyn OutputFilter> =
            if waits & 1 << place != 0 { Box::new(Halting::new(filter)) } else { filter };
        chain.join_request(Member::new("filter", FilterKind::RESOURCE.offset(place), filter));
    }
    for buckets in passes() {
        chain.pass(&mut buckets.into_iter().collect()).unwrap();
        chain.write(b"gathered").unwrap_or_default();
        let _ = chain.resume().unwrap();
        chain.idle().unwrap();
    }
    finish(&mut chain);
    assert!(chain.has_left_request());
    chain.end_request(None).unwrap();
    finish(&mut chain);
    assert_eq!(chain.held_bytes(), 0);
    chain.trim();
    assert_eq!(chain.alloc().stats().blocks_live, 0);
    let given = given.lock().unwrap();
    let marks = given.marks.iter().filter(|(_, name)| name != "FLUSH").cloned().collect();
    (given.bytes.clone(), marks)
}

#[test]
fn waiting_at_any_place_loses_and_moves_nothing() {
    let expected = lead(0, usize::MAX);
    assert_eq!(
        expected.1.iter().map(|(_, name)| &**name).collect::<Vec<_>>(),
        ["TAG", "EOS", "EOR"]
    );
    for waits in 0..8 {
        for per_turn in [1000, usize::MAX] {
            let seen = lead(waits, per_turn);
            assert_eq!(seen.1, expected.1, "waits {waits:b}, {per_turn} a turn");
            assert!(seen.0 == expected.0, "waits {waits:b}, {per_turn} a turn");
        }
    }
}

#[test]
fn flush_stays_in_its_place_however_filters_wait() {
    for waits in [false, true] {
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal);
        if waits {
            chain.join(member("halting", Halting::new(Upper)));
        }
        for text in ["a", "b", "c"] {
            let buckets = [Bucket::immortal(text.as_bytes()), Bucket::flush()];
            chain.pass(&mut buckets.into_iter().collect()).unwrap();
        }
        finish(&mut chain);
        let places: Vec<_> = record.marks().into_iter().map(|(at, _)| at).collect();
        assert_eq!(places, [1, 2, 3]);
    }
}

#[test]
fn file_above_a_filter_that_waits_for_ever_stays_unread() {
    const LEN: u64 = 64 * 1024 * 1024;
    let file = Arc::new(tempfile::tempfile().unwrap());
    file.set_len(LEN).unwrap();
    for (above, mode) in [(1, ReadMode::NonBlocking), (3, ReadMode::Blocking)] {
        let mut chain = Chain::new(recorder().0).mode(mode);
        (0..above).for_each(|_| chain.join(member("above", Upper)));
        chain.join(member("waits", waits_for_ever()));
        (0..2).for_each(|_| chain.join(member("below", Upper)));
        chain.pass_bucket(Bucket::file(Arc::clone(&file), 0, LEN)).unwrap();
        for _ in 0..1000 {
            assert_eq!(chain.resume().unwrap(), Progress::Pending);
            chain.idle().unwrap();
        }
        let stats = chain.alloc().stats();
        assert!(stats.blocks_high_water * 8192 <= 256 * 1024, "{stats:?}");
        // Pieces larger than a block are not among the blocks: what was read and held counts them.
        assert!(stats.copied_bytes <= 256 * 1024, "{stats:?}");
        assert!(chain.held_bytes() <= 256 * 1024, "{} bytes held", chain.held_bytes());
    }
}

#[test]
fn slow_peer_holds_a_file_back_and_gets_every_byte() {
    const LEN: usize = 4 * 1024 * 1024;
    let bytes = pattern(LEN);
    let (terminal, given) = Sip::new(20_000, 64 * 1024);
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    chain.join(member("upper", Upper));
    chain.join(member("push", push_each()));
    chain.pass_bucket(Bucket::file(file_of(&bytes), 0, LEN as u64)).unwrap();
    assert!(chain.should_yield());
    finish(&mut chain);
    assert!(given.lock().unwrap().bytes == bytes.to_ascii_uppercase());
    let stats = chain.alloc().stats();
    assert!(stats.blocks_high_water * 8192 <= 256 * 1024, "{stats:?}");
}

#[test]
fn filter_that_waits_for_a_verdict_of_its_own_goes_on_when_resumed() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let woken = Arc::new(Count(AtomicUsize::new(0)));
    let verdict = Arc::new(Mutex::new((None, None::<Waker>)));
    let asked = Arc::clone(&verdict);
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.set_waker(&Waker::from(Arc::clone(&woken)));
    chain.join(member(
        "verdict",
        from_fn(move |input, next| {
            let mut asked = asked.lock().unwrap();
            match asked.0 {
                Some(true) => next.push_all(input),
                Some(false) => Err(Error::new(ErrorKind::Other, "refused")),
                None => {
                    asked.1 = Some(next.waker().clone());
                    Err(Error::would_block())
                }
            }
        }),
    ));
    chain.write(b"held").unwrap();
    chain.flush().unwrap();
    chain.pass_bucket(Bucket::transient(b" until told")).unwrap();
    assert_eq!((chain.resume().unwrap(), record.bytes().len()), (Progress::Pending, 0));
    assert_eq!(chain.held_bytes(), 15);
    verdict.lock().unwrap().0 = Some(true);
    verdict.lock().unwrap().1.take().unwrap().wake();
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(chain.resume().unwrap(), Progress::Done);
    assert_eq!(
        (record.bytes(), record.marks()),
        (b"held until told".to_vec(), vec![(4, "FLUSH".into())])
    );
    verdict.lock().unwrap().0 = None;
    chain.pass(&mut [Bucket::immortal(b"x"), Bucket::eos()].into_iter().collect()).unwrap();
    verdict.lock().unwrap().0 = Some(false);
    let error = chain.resume().unwrap_err();
    assert_eq!(error.to_string(), "filter verdict, at byte 15: refused");
    assert_eq!(record.marks().last().unwrap().1, "ERROR");
}

#[test]
fn nearest_to_the_terminal_goes_on_first_and_those_above_wait_for_it() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let waits = |name: &'static str, turns: usize| {
        let calls = Arc::clone(&calls);
        let mut left = turns;
        member(
            name,
            from_fn(move |input, next| {
                calls.lock().unwrap().push(name);
                if left == 0 {
                    return next.push_all(input);
                }
                left -= 1;
                let out = input.pop_front().into_iter().collect::<Brigade<'_>>();
                next.push_all(&mut { out })?;
                Err(Error::would_block())
            }),
        )
    };
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(waits("above", 1));
    chain.join(waits("below", 2));
    chain
        .pass(&mut [b"1", b"2", b"3"].map(|piece| Bucket::immortal(piece)).into_iter().collect())
        .unwrap();
    finish(&mut chain);
    assert_eq!(record.bytes(), b"123");
    assert_eq!(*calls.lock().unwrap(), ["above", "below", "below", "below", "above", "below"]);
}

#[test]
fn idle_flushes_what_a_waiting_filter_had_pushed_and_only_once() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let mut is_first = true;
    chain.join_request(member(
        "waits",
        from_fn(move |input, next| {
            if let Some(first) = input.pop_front().filter(|_| std::mem::take(&mut is_first)) {
                next.push(first)?;
            }
            Err(Error::would_block())
        }),
    ));
    // What it holds after a FLUSH is nothing; between two it holds all.
    let mut held = Vec::new();
    chain.join_request(member(
        "holds",
        from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                if let Some(bytes) = bucket.bytes() {
                    held.extend_from_slice(bytes);
                    continue;
                }
                let out = next.alloc().copy(&std::mem::take(&mut held));
                next.push(out)?;
                next.push(bucket)?;
            }
            Ok(())
        }),
    ));
    chain
        .pass(&mut [b"1", b"2"].map(|piece| Bucket::immortal(piece)).into_iter().collect())
        .unwrap();
    assert_eq!(record.bytes(), b"");
    for _ in 0..3 {
        chain.idle().unwrap();
        assert_eq!((record.bytes(), record.marks().len()), (b"1".to_vec(), 1));
    }
}

#[test]
fn idle_after_the_end_of_a_body_that_waits_flushes_below_it() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("halting", Halting::new(pass_all())));
    chain.pass(&mut [Bucket::immortal(b"x"), Bucket::eos()].into_iter().collect()).unwrap();
    chain.idle().unwrap();
    assert!(record.marks().is_empty(), "nothing went down yet");
    let _ = chain.resume().unwrap();
    chain.idle().unwrap();
    chain.idle().unwrap();
    assert_eq!(record.marks(), [(1, "FLUSH".into())]);
    finish(&mut chain);
    chain.idle().unwrap();
    chain.idle().unwrap();
    let marks: Vec<_> = record.marks().into_iter().map(|(_, name)| name).collect();
    assert_eq!(marks, ["FLUSH", "EOS", "FLUSH"]);
}

#[test]
fn resident_input_is_never_held_back_and_a_full_terminal_is_asked_by_who_cares() {
    let (terminal, _) = Sip::new(10, 100);
    let mut chain = Chain::new(terminal);
    let yields = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&yields);
    chain.join(member(
        "asks",
        from_fn(move |input, next| {
            told.fetch_add(usize::from(next.should_yield()), Ordering::Relaxed);
            next.push_all(input)
        }),
    ));
    for _ in 0..3 {
        chain.pass_bucket(Bucket::immortal(&[b'x'; 60])).unwrap();
    }
    assert_eq!((yields.load(Ordering::Relaxed), chain.should_yield()), (1, true));
    assert_eq!((chain.progress(), chain.held_bytes()), (Progress::Pending, 180));
}

#[test]
fn filter_that_waits_and_steps_aside_or_inserts_is_not_called_again_for_it() {
    let check = |leaves: fn(&mut brigade::Next<'_, '_>), expected: &[u8]| {
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal);
        let mut is_first = true;
        let (filter, calls, _) = Watched::new(from_fn(move |input, next| {
            if std::mem::take(&mut is_first) {
                leaves(next);
                return Err(Error::would_block());
            }
            next.push_all(input)
        }));
        chain.join(member("leaves", filter));
        chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
        assert_eq!((record.bytes(), chain.progress()), (expected.to_vec(), Progress::Done));
        calls.load(Ordering::Relaxed)
    };
    assert_eq!(check(steps_aside, b"x"), 1);
    assert_eq!(check(|next| next.insert_before(member("upper", Upper)), b"X"), 2);
}

#[test]
fn hard_error_while_a_filter_waits_drops_what_is_kept_for_it() {
    let (mut terminal, _) = Sip::new(0, u64::MAX);
    terminal.fails_after = 0;
    let mut is_first = true;
    let (filter, calls, ends) = Watched::new(from_fn(move |input, next| {
        if std::mem::take(&mut is_first) { next.push_all(input) } else { Err(Error::would_block()) }
    }));
    let mut chain = Chain::new(terminal);
    chain.join_request(member("waits", filter));
    chain.pass_bucket(Bucket::flush()).unwrap();
    let piece = chain.alloc().copy(&pattern(8000));
    chain.pass_bucket(piece).unwrap();
    assert_eq!(chain.held_bytes(), 8000);
    chain.terminal::<Sip>().unwrap().per_turn = 1;
    chain.terminal::<Sip>().unwrap().hold(Bucket::immortal(b"dead"));
    assert_eq!(chain.resume().unwrap_err().kind(), ErrorKind::ClientGone);
    assert_eq!((chain.held_bytes(), chain.alloc().stats().blocks_live), (0, 0));
    assert_eq!((calls.load(Ordering::Relaxed), ends.lock().unwrap().len()), (2, 1));
}

#[test]
fn idle_flushes_the_response_before_though_the_next_one_has_begun() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let finished = |chain: &mut Chain| {
        chain.pass(&mut [Bucket::immortal(b"x"), Bucket::eos()].into_iter().collect()).unwrap();
        chain.end_request(None).unwrap();
        chain.begin_response().unwrap();
    };
    let flushes = || record.marks().iter().filter(|(_, name)| name == "FLUSH").count();
    finished(&mut chain);
    chain.idle().unwrap();
    chain.idle().unwrap();
    assert_eq!(flushes(), 1);
    finished(&mut chain);
    chain.flush().unwrap();
    chain.idle().unwrap();
    assert_eq!(flushes(), 2, "a FLUSH of the next one is theirs too");
    finished(&mut chain);
    chain.join_request(member("waits", waits_for_ever()));
    chain.flush().unwrap();
    chain.idle().unwrap();
    chain.idle().unwrap();
    assert_eq!(flushes(), 3, "but not one that waits");
}
