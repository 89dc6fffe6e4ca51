//! What the allocator does with a block, against the last drops of its slices on other threads.
//!
//! No model joins a thread before the block it read from may be written again: a join orders what the
//! allocator alone has to order. Blocks are of one to four bytes, each watched by loom.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use loom::thread::{self, JoinHandle};

use crate::block::BlockSlice;
use crate::blocks::Blocks;
use crate::budget::{Budget, Share};
use crate::cache::BlockCache;

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Reads a slice on another thread, and drops it there.
fn read(slice: BlockSlice, expected: &'static [u8]) -> JoinHandle<()> {
    thread::spawn(move || assert_eq!(slice.bytes(), expected))
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("it read what was written"));
}

fn copy(blocks: &mut Blocks, bytes: &[u8]) -> BlockSlice {
    let slice = blocks.open(bytes.len()).append(bytes);
    assert_eq!(slice.bytes(), bytes);
    slice
}

#[test]
fn restart_in_place_against_a_last_drop() {
    model(|| {
        let mut blocks = Blocks::new(2, 1);
        let one = read(copy(&mut blocks, b"ab"), b"ab");
        let two = read(copy(&mut blocks, b"cd"), b"cd");
        let three = copy(&mut blocks, b"ef");
        assert_eq!(three.bytes(), b"ef");
        join([one, two]);
    });
}

#[test]
fn restart_in_place_against_last_drops_of_two_slices() {
    model(|| {
        let mut blocks = Blocks::new(2, 1);
        let one = read(copy(&mut blocks, b"a"), b"a");
        let two = read(copy(&mut blocks, b"b"), b"b");
        drop(copy(&mut blocks, b"cd"));
        drop(copy(&mut blocks, b"ef"));
        join([one, two]);
    });
}

#[test]
fn clone_on_one_thread_drop_on_another_restart_on_a_third() {
    model(|| {
        let mut blocks = Blocks::new(2, 0);
        let slice = copy(&mut blocks, b"ab");
        let cloning = thread::spawn(move || {
            let clone = slice.clone();
            drop(slice);
            join([read(clone, b"ab")]);
        });
        drop(copy(&mut blocks, b"cd"));
        drop(copy(&mut blocks, b"ef"));
        join([cloning]);
    });
}

#[test]
fn split_and_merge_on_one_thread_against_drops_on_another() {
    model(|| {
        let mut blocks = Blocks::new(3, 1);
        let mut head = copy(&mut blocks, b"abc");
        let tail = head.split_off(1);
        let (middle, last) = (tail.clone(), tail);
        let one = read(middle, b"bc");
        let two = thread::spawn(move || {
            assert_eq!(BlockSlice::through(&head, &last), b"abc");
            assert!(head.merge(last).is_ok());
            assert_eq!(head.bytes(), b"abc");
        });
        drop(copy(&mut blocks, b"def"));
        join([one, two]);
    });
}

#[test]
fn growing_at_the_end_against_a_reader_of_a_clone() {
    model(|| {
        let mut blocks = Blocks::new(4, 1);
        let mut slice = copy(&mut blocks, b"a");
        let mut old = slice.clone();
        let one = read(slice.clone(), b"a");
        assert_eq!(blocks.extend(&mut slice, b"b"), 1);
        assert_eq!(blocks.extend(&mut old, b"X"), 0);
        blocks.open(1).tail().fill(b'?');
        let two = read(slice.clone(), b"ab");
        assert_eq!(blocks.extend(&mut slice, b"c"), 1);
        assert_eq!((slice.bytes(), old.bytes()), (&b"abc"[..], &b"a"[..]));
        join([one, two]);
    });
}

#[test]
fn end_of_the_allocator_against_last_drops() {
    model(|| {
        let mut blocks = Blocks::new(1, 1);
        let closed = read(copy(&mut blocks, b"a"), b"a");
        let open = read(copy(&mut blocks, b"b"), b"b");
        let ending = thread::spawn(move || drop(blocks));
        join([closed, open, ending]);
    });
}

#[test]
fn oversize_piece_against_the_end_of_the_allocator() {
    model(|| {
        let mut blocks = Blocks::new(1, 1);
        let slice = blocks.oversize(3).append(b"abc");
        let one = read(slice.clone(), b"abc");
        drop(blocks);
        assert_eq!(slice.bytes(), b"abc");
        drop(slice);
        join([one]);
    });
}

#[test]
fn sweep_and_trim_against_last_drops() {
    model(|| {
        let mut blocks = Blocks::new(1, 1);
        let one = read(copy(&mut blocks, b"a"), b"a");
        let two = read(copy(&mut blocks, b"b"), b"b");
        let kept = copy(&mut blocks, b"c");
        let more = copy(&mut blocks, b"d");
        blocks.trim();
        assert_eq!((kept.bytes(), more.bytes()), (&b"c"[..], &b"d"[..]));
        drop((kept, more));
        drop(copy(&mut blocks, b"e"));
        join([one, two]);
        blocks.trim();
        assert_eq!(blocks.live(), 0);
    });
}

#[test]
fn blocks_taken_by_a_writer_against_last_drops() {
    model(|| {
        let mut blocks = Blocks::new(2, 1);
        let mut taken = blocks.take();
        assert!(taken.fill(b"a"));
        let one = read(taken.lend(0).expect("a byte is filled"), b"a");
        assert!(taken.fill(b"b"));
        let two = read(taken.lend(1).expect("another is"), b"b");
        blocks.give_back(taken);
        let mut again = blocks.take();
        assert!(again.fill(b"cd"));
        assert_eq!(again.lend(0).expect("two are").bytes(), b"cd");
        blocks.give_back(again);
        drop(copy(&mut blocks, b"ef"));
        join([one, two]);
    });
}

#[test]
fn block_that_went_through_a_cache_against_last_drops() {
    model(|| {
        let cache = BlockCache::new(1, 1);
        let mut gives = Blocks::new(1, 0).with_cache(Some(cache.clone()));
        let one = read(copy(&mut gives, b"a"), b"a");
        let giving = thread::spawn(move || gives.trim());
        let mut takes = Blocks::new(1, 0).with_cache(Some(cache));
        drop(copy(&mut takes, b"b"));
        join([one, giving]);
    });
}

struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn turned_away_against_releases_is_let_in_or_woken() {
    model(|| {
        let budget = Budget::new(2);
        let shares = [(); 2].map(|()| {
            let mut share = Share::new(budget.clone(), 1);
            share.take();
            share
        });
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let waits = Share::new(budget.clone(), 1);
        let threads = shares.map(|share| thread::spawn(move || drop(share)));
        let is_turned_away = waits.wait(&Waker::from(Arc::clone(&woken)));
        join(threads);
        assert_eq!(budget.held_bytes(), 0);
        assert_eq!(budget.waiting(), 0);
        assert!(!is_turned_away || woken.0.load(Ordering::Relaxed) == 1);
    });
}

#[test]
fn those_without_a_share_against_a_release_are_let_in_or_woken() {
    model(|| {
        let budget = Budget::new(1);
        let mut share = Share::new(budget.clone(), 1);
        share.take();
        let woken = [(); 2].map(|()| Arc::new(Woken(AtomicUsize::new(0))));
        let [first, second] = woken.each_ref().map(|woken| Waker::from(Arc::clone(woken)));
        assert!(budget.poll_room(&first).is_pending());
        let releases = thread::spawn(move || drop(share));
        let is_let_in = budget.poll_room(&second).is_ready();
        join([releases]);
        let [first, second] = woken.map(|woken| woken.0.load(Ordering::Relaxed));
        assert_eq!((first, budget.waiting()), (1, 0));
        assert!(is_let_in || second == 1);
    });
}

#[test]
fn first_that_waits_against_the_only_release_is_let_in_or_woken() {
    model(|| {
        let budget = Budget::new(1);
        let mut share = Share::new(budget.clone(), 1);
        share.take();
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let releases = thread::spawn(move || drop(share));
        let is_let_in = budget.poll_room(&Waker::from(Arc::clone(&woken))).is_ready();
        join([releases]);
        assert!(is_let_in || woken.0.load(Ordering::Relaxed) == 1);
    });
}

/// Runs a model in a process that is a mutant, and expects it to fail there.
#[track_caller]
fn check_mutant_fails(mutant: &str, models: &[&str]) {
    let this = std::env::current_exe().expect("a test has a path");
    for model in models {
        let mut run = Command::new(&this);
        run.args(["--exact", &format!("models::{model}")]).env(crate::MUTANT, mutant);
        let output = run.output().expect("this test can be run again");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("running 1 test"), "there is no model {model}: {text}");
        assert!(!output.status.success(), "{model} does not see the mutant {mutant:?}");
    }
}

const LAST_DROPS: [&str; 5] = [
    "restart_in_place_against_a_last_drop",
    "restart_in_place_against_last_drops_of_two_slices",
    "clone_on_one_thread_drop_on_another_restart_on_a_third",
    "split_and_merge_on_one_thread_against_drops_on_another",
    "blocks_taken_by_a_writer_against_last_drops",
];

#[test]
fn block_that_always_counts_as_whole_is_seen_by_every_model_of_last_drops() {
    check_mutant_fails("always whole", &LAST_DROPS);
    check_mutant_fails("always whole", &["sweep_and_trim_against_last_drops"]);
}

#[test]
fn slice_that_counts_for_none_is_seen_by_every_model_of_last_drops() {
    check_mutant_fails("one slice is none", &LAST_DROPS);
    check_mutant_fails("one slice is none", &["sweep_and_trim_against_last_drops"]);
}

#[test]
fn slice_that_grows_where_it_does_not_end_is_seen() {
    check_mutant_fails("grows anywhere", &["growing_at_the_end_against_a_reader_of_a_clone"]);
}

#[test]
fn bytes_that_are_lent_twice_are_seen() {
    let models = ["restart_in_place_against_last_drops_of_two_slices"];
    check_mutant_fails("never filled", &models);
}

#[test]
fn one_that_waits_and_does_not_look_again_is_seen() {
    let models = ["turned_away_against_releases_is_let_in_or_woken"];
    check_mutant_fails("never looks again", &models);
}

#[test]
fn one_that_takes_others_off_the_list_is_seen() {
    let models = ["those_without_a_share_against_a_release_are_let_in_or_woken"];
    check_mutant_fails("forgets the others", &models);
}

#[test]
fn release_that_asks_who_waits_and_takes_no_lock_is_seen() {
    let models = ["first_that_waits_against_the_only_release_is_let_in_or_woken"];
    check_mutant_fails("asks who waits", &models);
}
