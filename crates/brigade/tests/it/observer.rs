//! What an observer of a chain is told, and that it changes nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use brigade::{
    Answer, BlockUse, Brigade, Bucket, Chain, Effects, Error, FilterKind, Member, Note, Observer,
    OutputFilter, Pass, Place, Read, ReadMode, Returned, from_fn, recorder,
};

use crate::kit::{RESOURCE, Sip, Upper, file_of, finish, halting, member, pass_all, steps_aside};

/// Writes down what it is told, a line each.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn at(place: Place<'_>) -> String {
    match place {
        Place::Filter { name, position } => format!("{position} {name}"),
        place => place.name().to_owned(),
    }
}

impl Observer for Notes {
    fn passes(&mut self, pass: &Pass<'_>) {
        let kinds: Vec<&str> = pass.brigade.iter().map(Bucket::kind_name).collect();
        let kept = if pass.is_kept { ", kept" } else { "" };
        self.note(format!("{} -> {}: {}{kept}", at(pass.from), at(pass.to), kinds.join(" ")));
    }

    fn reads(&mut self, read: &Read<'_>) {
        let bytes = read.piece.len().unwrap();
        self.note(format!("{} reads {bytes} of {}", at(read.filter), read.kind));
    }

    fn notes(&mut self, note: &Note<'_>) {
        self.note(format!("{} notes {}", at(note.filter), note.text));
    }

    fn returns(&mut self, call: &Returned<'_>) {
        let answer = match call.answer {
            Answer::Done => "done".to_owned(),
            Answer::Waits => "waits".to_owned(),
            Answer::SteppedAside => "stepped aside".to_owned(),
            Answer::Failed(error) => error.to_string(),
            _ => unreachable!(),
        };
        self.note(format!("{}: {answer}, holds {}", at(call.place), call.held_bytes));
    }
}

fn observed(chain: &mut Chain) -> Notes {
    let notes = Notes::default();
    chain.observe(notes.clone());
    notes
}

fn chain_of(members: Vec<Member>) -> (Chain, Notes) {
    let mut chain = Chain::new(recorder().0);
    members.into_iter().for_each(|member| chain.join_request(member));
    let notes = observed(&mut chain);
    (chain, notes)
}

/// Passes `buckets` through filters that are observed: these are the notes.
#[track_caller]
fn check(members: Vec<Member>, buckets: Vec<Bucket<'_>>, expected: &[&str]) {
    let (mut chain, notes) = chain_of(members);
    let _ = chain.pass(&mut buckets.into_iter().collect());
    assert_eq!(notes.take(), expected);
}

#[test]
fn each_pass_is_told_before_its_call_and_the_return_after_it() {
    check(
        vec![member("first", pass_all()), member("second", Upper)],
        vec![Bucket::transient(b"abc"), Bucket::eos()],
        &[
            "owner -> 1 first: TRANSIENT EOS",
            "1 first -> 2 second: TRANSIENT EOS",
            "2 second -> recorder: HEAP EOS",
            "recorder: done, holds 0",
            "2 second: done, holds 0",
            "1 first: done, holds 0",
        ],
    );
}

#[test]
fn file_is_told_to_become_memory_where_it_is_read() {
    check(
        vec![member("looks past", pass_all()), member("reads", Upper)],
        vec![Bucket::file(file_of(b"abc"), 0, 3), Bucket::eos()],
        &[
            "owner -> 1 looks past: FILE EOS",
            "1 looks past -> 2 reads: FILE EOS",
            "2 reads reads 3 of FILE",
            "2 reads -> recorder: HEAP EOS",
            "recorder: done, holds 0",
            "2 reads: done, holds 0",
            "1 looks past: done, holds 0",
        ],
    );
}

#[test]
fn filter_that_stepped_aside_is_in_no_pass() {
    let aside = from_fn(|_, next| {
        steps_aside(next);
        Ok(())
    });
    let (mut chain, notes) = chain_of(vec![member("aside", aside), member("last", pass_all())]);
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    assert_eq!(
        notes.take(),
        [
            "owner -> 1 aside: IMMORTAL",
            "1 aside -> 2 last: IMMORTAL",
            "2 last -> recorder: IMMORTAL",
            "recorder: done, holds 0",
            "2 last: done, holds 0",
            "1 aside: stepped aside, holds 0",
        ]
    );
    chain.pass_bucket(Bucket::immortal(b"y")).unwrap();
    assert_eq!(notes.take()[0], "owner -> 2 last: IMMORTAL");
}

#[test]
fn failure_is_told_of_the_filter_in_which_it_began_alone() {
    let fails = from_fn(|_, _| Err(Error::other("no more")));
    check(
        vec![member("above", pass_all()), member("fails", fails)],
        vec![Bucket::immortal(b"x")],
        &[
            "owner -> 1 above: IMMORTAL",
            "1 above -> 2 fails: IMMORTAL",
            "2 fails: filter fails, at byte 0: no more, holds 0",
            "1 above: done, holds 0",
        ],
    );
}

#[test]
fn failure_of_the_terminal_is_told() {
    let (mut sip, _) = Sip::new(1, 100);
    sip.fails_after = 1;
    let mut chain = Chain::new(sip);
    let notes = observed(&mut chain);
    chain.pass_bucket(Bucket::immortal(b"xyz")).unwrap_err();
    let notes = notes.take();
    assert_eq!(notes[0], "owner -> sip: IMMORTAL");
    assert!(notes[1].starts_with("sip: ") && notes[1].contains("a peer that left"), "{notes:?}");
}

#[test]
fn waiting_filter_is_told_to_wait_and_what_comes_meanwhile_to_be_kept() {
    let mut chain = Chain::new(recorder().0).mode(ReadMode::NonBlocking);
    chain.join_request(member("upper", Upper));
    let notes = observed(&mut chain);
    chain.pass_bucket(halting(&[b"ab"])).unwrap();
    chain.pass(&mut [Bucket::transient(b"cd"), Bucket::eos()].into_iter().collect()).unwrap();
    assert_eq!(
        notes.take(),
        [
            "owner -> 1 upper: STREAM",
            "1 upper: waits, holds 0",
            "owner -> 1 upper: TRANSIENT EOS, kept"
        ],
    );
    finish(&mut chain);
    let told = notes.take();
    assert!(told.contains(&"1 upper reads 2 of STREAM".to_owned()), "{told:?}");
    assert_eq!(told.last().unwrap(), "1 upper: done, holds 0");
}

#[test]
fn held_bytes_are_those_of_the_filter_and_of_the_chain_for_it() {
    let mut chain = Chain::new(Sip::new(1, 1000).0).mode(ReadMode::NonBlocking);
    chain.join_request(member("waits", crate::kit::waits_for_ever()));
    let notes = observed(&mut chain);
    chain.pass_bucket(Bucket::transient(b"12345")).unwrap();
    assert_eq!(notes.take()[1], "1 waits: waits, holds 5");
}

#[test]
fn filter_that_inserts_before_itself_is_told_to_give_to_that_one() {
    let mut inserted = false;
    let inserts = from_fn(move |input, next| {
        if inserted {
            return next.push_all(input);
        }
        inserted = true;
        next.insert_before(Member::new("new", RESOURCE, pass_all()));
        Ok(())
    });
    check(
        vec![member("inserts", inserts)],
        vec![Bucket::immortal(b"x")],
        &[
            "owner -> 1 inserts: IMMORTAL",
            "1 inserts -> 1 new: IMMORTAL",
            "1 new -> 2 inserts: IMMORTAL",
            "2 inserts -> recorder: IMMORTAL",
            "recorder: done, holds 0",
            "2 inserts: done, holds 0",
            "1 new: done, holds 0",
            "2 inserts: done, holds 0",
        ],
    );
}

#[test]
fn what_the_owner_passes_after_a_panic_comes_from_the_owner() {
    let panics = from_fn(|_, _| panic!("staged"));
    let (mut chain, notes) = chain_of(vec![member("above", pass_all()), member("panics", panics)]);
    let passed = catch_unwind(AssertUnwindSafe(|| chain.pass_bucket(Bucket::immortal(b"x"))));
    passed.unwrap_err();
    notes.take();
    let _ = chain.pass_bucket(Bucket::eos());
    assert_eq!(notes.take()[0], "owner -> recorder: ERROR");
}

#[test]
fn observer_sees_the_block_of_a_bucket_lent_and_come_back() {
    #[derive(Default)]
    struct Blocks {
        seen: Vec<(bool, BlockUse)>, // On its way to the terminal or back from it.
        key: Option<usize>,
    }
    impl Observer for Blocks {
        fn passes(&mut self, pass: &Pass<'_>) {
            let bucket = pass.brigade.front().unwrap();
            self.key = pass.alloc.key_of(bucket);
            let (_, now) = pass.alloc.blocks().find(|(key, _)| Some(*key) == self.key).unwrap();
            self.seen.push((true, now));
        }
        fn returns(&mut self, call: &Returned<'_>) {
            let (_, now) = call.alloc.blocks().find(|(key, _)| Some(*key) == self.key).unwrap();
            self.seen.push((false, now));
        }
    }
    let mut chain = Chain::new(recorder().0);
    let bucket = chain.alloc().copy(&[b'x'; 8000]);
    let next = chain.alloc().copy(&[b'y'; 8000]);
    chain.observe(Blocks::default());
    chain.pass_bucket(bucket).unwrap();
    drop(next);
    let blocks = chain.observer::<Blocks>().unwrap();
    assert_eq!(blocks.seen, [(true, BlockUse::Lent(1)), (false, BlockUse::Free)]);
}

#[test]
fn gathered_writes_are_found_in_the_block_that_still_gathers() {
    struct Keys(Vec<Option<usize>>);
    impl Observer for Keys {
        fn passes(&mut self, pass: &Pass<'_>) {
            self.0.extend(pass.brigade.iter().map(|bucket| pass.alloc.key_of(bucket)));
        }
    }
    let mut chain = Chain::new(recorder().0);
    chain.observe(Keys(Vec::new()));
    chain.write(b"small").unwrap();
    chain.flush().unwrap();
    assert_eq!(chain.observer::<Keys>().unwrap().0, [Some(0), None], "HEAP, FLUSH");
}

#[test]
fn nobody_is_told_once_observing_has_stopped_and_a_refusing_chain_stays_refusing() {
    let (mut chain, notes) = chain_of(vec![member("pass", pass_all())]);
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    chain.stop_observing();
    assert!(chain.observer::<Notes>().is_none());
    notes.take();
    chain.pass_bucket(Bucket::immortal(b"y")).unwrap();
    assert!(notes.take().is_empty());

    let notes = observed(&mut chain);
    chain.abort(brigade::End::ClientGone);
    chain.stop_observing();
    chain.pass_bucket(Bucket::immortal(b"z")).unwrap_err();
    assert!(notes.take().is_empty());
}

/// The bytes and marks that come out of a chain, and what each filter counted.
fn run(is_observed: bool) -> (Vec<u8>, Vec<(usize, String)>, String) {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(Member::new("upper", RESOURCE, Upper));
    chain.join(Member::new("pass", FilterKind::PROTOCOL, pass_all()));
    if is_observed {
        observed(&mut chain);
    }
    for round in 0..50 {
        chain.write(&[b'a'; 700]).unwrap();
        let mut brigade = Brigade::from(Bucket::file(file_of(b"file"), 0, round % 5));
        brigade.push_back(Bucket::flush());
        chain.pass(&mut brigade).unwrap();
    }
    chain.pass_bucket(Bucket::eos()).unwrap();
    let counted: Vec<_> = chain.filters().map(|(_, _, stats)| stats).collect();
    (record.bytes(), record.marks(), format!("{counted:?} {:?}", chain.alloc().stats()))
}

#[test]
fn effects_above_are_told_with_each_pass_and_not_at_the_terminal() {
    #[derive(Default)]
    struct Above(Vec<Option<Effects>>);
    impl Observer for Above {
        fn passes(&mut self, pass: &Pass<'_>) {
            self.0.push(pass.effects_above);
        }
    }
    let mut chain = Chain::new(recorder().0);
    chain.join(member("looks", pass_all()).effects(Effects::Same));
    chain.join(member("changes", pass_all()));
    chain.join(member("last", pass_all()));
    chain.observe(Above::default());
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    let above = &chain.observer::<Above>().unwrap().0;
    assert_eq!(above[..], [Some(Effects::Same), Some(Effects::Same), Some(Effects::Changes), None]);
}

#[test]
fn two_observers_are_told_the_same() {
    let (first, second) = (Notes::default(), Notes::default());
    let mut chain = Chain::new(recorder().0);
    let says = from_fn(|input, next| {
        next.note(format_args!("so"));
        Upper.filter(input, next)
    });
    chain.join(member("says", says));
    chain.observe((first.clone(), second.clone()));
    chain.pass_bucket(Bucket::file(file_of(b"abc"), 0, 3)).unwrap();
    let told = first.take();
    assert_eq!(told.len(), 6, "{told:?}");
    assert_eq!(told[1], "1 says notes so");
    assert_eq!(second.take(), told);
}

#[test]
fn observed_chain_gives_the_same_bytes_marks_and_counts() {
    assert_eq!(run(true), run(false));
}
