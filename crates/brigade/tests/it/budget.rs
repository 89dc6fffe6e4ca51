//! A budget of bytes, shared by allocators: who is held back, by how much it is overshot, who is woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};

use brigade::{
    AllocOptions, Brigade, Bucket, BucketAlloc, Budget, Chain, End, ErrorKind, Outcome, Progress,
    ReadCx, ReadMode, Result, Terminal, recorder,
};

use crate::kit::{Sip, Upper, file_of, finish, halting, member, pass_all, pattern, push_each};

const BLOCK: usize = 8 * 1024;

fn within(budget: &Budget) -> BucketAlloc {
    AllocOptions::default().budget(budget.clone()).build()
}

/// Holds `blocks` full blocks.
fn hold(alloc: &mut BucketAlloc, blocks: usize) -> Vec<Bucket<'static>> {
    (0..blocks).map(|_| alloc.copy(&[7; BLOCK])).collect()
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counted() -> (Waker, impl Fn() -> usize) {
    let count = Arc::new(Count::default());
    (Waker::from(Arc::clone(&count)), move || count.0.load(Ordering::Relaxed))
}

/// A chain in `budget` whose filter reads, and how often it was woken.
fn reader(budget: &Budget, mode: ReadMode) -> (Chain, brigade::Record, impl Fn() -> usize) {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal).mode(mode).storage(within(budget));
    let (waker, woken) = counted();
    chain.set_waker(&waker);
    chain.join(member("upper", Upper));
    (chain, record, woken)
}

#[test]
fn file_above_a_reached_budget_is_not_read_and_goes_on_when_there_is_room() {
    let bytes = pattern(1_000_000);
    for mode in [ReadMode::Blocking, ReadMode::NonBlocking] {
        let budget = Budget::new(4 * BLOCK);
        let mut other = within(&budget);
        let held = hold(&mut other, 4);
        let (mut chain, record, woken) = reader(&budget, mode);
        assert!(budget.is_exhausted() && chain.should_yield());
        chain.pass_bucket(Bucket::file(file_of(&bytes), 0, bytes.len() as u64)).unwrap();
        for _ in 0..10 {
            assert_eq!(chain.resume().unwrap(), Progress::Pending);
            chain.idle().unwrap();
        }
        assert_eq!((record.bytes().len(), chain.alloc().stats().copied_bytes), (0, 0));
        assert_eq!((woken(), budget.waiting(), budget.held_bytes()), (0, 1, 4 * BLOCK));
        drop(held);
        assert_eq!(woken(), 0, "its allocator has not looked");
        other.trim();
        assert_eq!((woken(), budget.waiting()), (1, 0));
        finish(&mut chain);
        assert!(record.bytes() == bytes.to_ascii_uppercase());
        assert!(!chain.should_yield());
    }
}

#[test]
fn chain_in_a_budget_of_its_own_never_waits_for_itself() {
    let bytes = pattern(300_000);
    for blocks in [1, 2, 3, 8] {
        let budget = Budget::new(blocks * BLOCK);
        let (mut chain, record, _) = reader(&budget, ReadMode::Blocking);
        (0..3).for_each(|_| chain.join(member("above", push_each())));
        chain.pass_bucket(Bucket::file(file_of(&bytes), 0, bytes.len() as u64)).unwrap();
        finish(&mut chain);
        assert!(record.bytes() == bytes.to_ascii_uppercase());
        let most = chain.alloc().stats().blocks_high_water;
        assert!(most <= blocks + 2, "{most} blocks held of {blocks}");
    }
}

#[test]
fn slow_peer_and_a_small_budget_overshoot_by_a_piece_a_filter_at_most() {
    const FILTERS: usize = 3;
    let bytes = pattern(2_000_000);
    let budget = Budget::new(8 * BLOCK);
    let (terminal, given) = Sip::new(10_000, u64::MAX); // Only the budget holds back.
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking).storage(within(&budget));
    (0..FILTERS).for_each(|_| chain.join(member("upper", Upper)));
    chain.pass_bucket(Bucket::file(file_of(&bytes), 0, bytes.len() as u64)).unwrap();
    assert!(chain.should_yield());
    let mut most = budget.held_bytes();
    while chain.resume().unwrap() == Progress::Pending {
        most = most.max(budget.held_bytes());
    }
    assert!(given.lock().unwrap().bytes == bytes.to_ascii_uppercase());
    assert!(most <= budget.limit_bytes() + FILTERS * 64 * 1024, "{most} bytes held");
    chain.trim();
    assert_eq!(budget.held_bytes(), 0);
}

/// Reads all it can before it gives anything away, and then all of that at once.
#[derive(Default)]
struct Gathers {
    given: usize,
    rest: Brigade<'static>,
}

impl Terminal for Gathers {
    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        brigade.set_aside(&mut self.rest, cx.alloc());
        self.resume(cx)
    }

    fn resume(&mut self, cx: &mut ReadCx<'_>) -> Result<()> {
        let mut ready = Vec::new();
        let answer = loop {
            match self.rest.pop_read(cx) {
                Ok(Some(bucket)) => ready.push(bucket),
                Ok(None) => break Ok(()),
                Err(error) if error.is_would_block() => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.given += ready.iter().filter_map(Bucket::bytes).map(<[u8]>::len).sum::<usize>();
        answer
    }

    fn is_pending(&self) -> bool {
        !self.rest.is_empty()
    }

    fn should_yield(&self) -> bool {
        false
    }

    fn abort(&mut self, end: End) {
        self.rest.complete_all(&Outcome::new(end, 0));
    }
}

/// Gives a chain that holds all it can, and then none of it, more than its budget.
#[track_caller]
fn check_wakes_itself(len: usize, bucket: Bucket<'static>) {
    let budget = Budget::new(4 * BLOCK);
    let mut chain = Chain::new(Gathers::default()).storage(within(&budget));
    let (waker, woken) = counted();
    chain.set_waker(&waker);
    chain.pass_bucket(bucket).unwrap();
    let mut turns = 0;
    while chain.progress() == Progress::Pending {
        turns += 1;
        assert!(woken() >= turns, "turn {turns}: nobody else would wake it");
        let _ = chain.resume().unwrap();
    }
    assert!(turns >= 4, "{turns} turns");
    assert_eq!(chain.terminal::<Gathers>().unwrap().given, len);
    assert!(chain.alloc().stats().blocks_high_water <= 5);
}

#[test]
fn chain_that_frees_what_it_waited_for_itself_is_woken() {
    const LEN: usize = 20 * BLOCK;
    // Larger pieces than a block, which go back as they are dropped; and blocks, which stay with it.
    check_wakes_itself(LEN, Bucket::file(file_of(&pattern(LEN)), 0, LEN as u64));
    check_wakes_itself(LEN, Bucket::stream(std::io::Cursor::new(pattern(LEN))));
}

#[test]
fn what_is_in_flight_is_set_aside_over_budget() {
    let budget = Budget::new(BLOCK);
    let mut other = within(&budget);
    let _held = hold(&mut other, 1);
    let (terminal, _) = Sip::new(0, u64::MAX);
    let mut chain = Chain::new(terminal).storage(within(&budget));
    let bytes = pattern(100_000);
    chain.pass_bucket(Bucket::transient(&bytes)).unwrap();
    chain.write(b"gathered").unwrap();
    chain.flush().unwrap();
    assert_eq!(chain.held_bytes(), 100_008);
    assert!(chain.should_yield());
}

#[test]
fn terminal_that_reads_over_budget_waits() {
    let budget = Budget::new(BLOCK);
    let mut other = within(&budget);
    let held = hold(&mut other, 1);
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking).storage(within(&budget));
    let (waker, woken) = counted();
    chain.set_waker(&waker);
    chain.join(member("pass", pass_all()));
    chain.pass_bucket(Bucket::file(file_of(b"of a file"), 0, 9)).unwrap();
    chain.pass_bucket(Bucket::immortal(b", and more")).unwrap();
    assert_eq!((record.bytes().len(), chain.progress()), (0, Progress::Pending));
    drop((held, other));
    assert_eq!((woken(), chain.resume().unwrap()), (1, Progress::Done));
    assert_eq!(record.bytes(), b"of a file, and more");
}

#[test]
fn read_over_budget_answers_would_block_and_the_bucket_is_unchanged() {
    for data in [|| Bucket::file(file_of(b"data"), 0, 4), || halting(&[b"data"])] {
        let budget = Budget::new(BLOCK);
        let mut other = within(&budget);
        let held = hold(&mut other, 1);
        let (mut alloc, mut data) = (within(&budget), data());
        let (waker, woken) = counted();
        let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking).with_waker(&waker);
        assert_eq!(data.read(&mut cx).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(held);
        other.trim();
        assert_eq!(woken(), 1);
        let piece = std::iter::repeat_with(|| data.read(&mut cx)).take(2).find_map(Result::ok);
        assert_eq!(piece.unwrap().unwrap().bytes(), Some(&b"data"[..]));
    }
}

#[test]
fn second_of_two_chains_waits_until_the_first_frees_and_is_woken() {
    let budget = Budget::new(2 * BLOCK);
    let (terminal, given) = Sip::new(0, 2 * BLOCK as u64);
    let mut first = Chain::new(terminal).storage(within(&budget));
    let (mut second, record, woken) = reader(&budget, ReadMode::NonBlocking);
    first.join(member("upper", Upper));
    first.pass_bucket(Bucket::file(file_of(&pattern(2 * BLOCK)), 0, 2 * BLOCK as u64)).unwrap();
    second.pass_bucket(Bucket::file(file_of(b"second"), 0, 6)).unwrap();
    second.idle().unwrap();
    assert_eq!((second.progress(), record.bytes().len()), (Progress::Pending, 0));
    // The peer of the first takes all. It need not be told to look.
    first.terminal::<Sip>().unwrap().per_turn = usize::MAX;
    assert_eq!(
        (first.resume().unwrap(), given.lock().unwrap().bytes.len()),
        (Progress::Done, 2 * BLOCK)
    );
    assert_eq!(woken(), 1);
    finish(&mut second);
    assert_eq!(record.bytes(), b"SECOND");
    drop((first, second));
    assert_eq!(budget.held_bytes(), 0);
}

#[test]
fn those_turned_away_are_woken_in_order_as_many_as_there_is_room_for() {
    let budget = Budget::new(4 * BLOCK);
    let mut other = within(&budget);
    let mut held = hold(&mut other, 4);
    let waiting: Vec<_> = (0..5).map(|_| reader(&budget, ReadMode::NonBlocking)).collect();
    assert!(waiting.iter().all(|(chain, ..)| chain.should_yield() && chain.should_yield()));
    let woken = || waiting.iter().map(|(_, _, woken)| woken()).collect::<Vec<_>>();
    assert_eq!(budget.waiting(), 5);
    held.truncate(2);
    other.trim();
    assert_eq!(woken(), [1, 1, 0, 0, 0]);
    // One that was woken and has no use for the room passes it on when it ends.
    other.trim();
    assert_eq!(woken(), [1, 1, 1, 1, 0]);
    held.clear();
    drop(other);
    assert_eq!(woken(), [1, 1, 1, 1, 1]);
}

#[test]
fn room_that_one_woken_does_not_want_goes_to_the_next() {
    let budget = Budget::new(BLOCK);
    let mut other = within(&budget);
    let held = hold(&mut other, 1);
    let (first, _, first_woken) = reader(&budget, ReadMode::NonBlocking);
    let (second, _, second_woken) = reader(&budget, ReadMode::NonBlocking);
    let (third, _, third_woken) = reader(&budget, ReadMode::NonBlocking);
    assert!(first.should_yield() && second.should_yield() && third.should_yield());
    drop(first); // It waits no more.
    drop((held, other));
    assert_eq!((first_woken(), second_woken(), third_woken()), (0, 1, 0));
    drop(second);
    assert_eq!(third_woken(), 1);
    assert!(!third.should_yield());
}

#[test]
fn one_that_accepts_waits_for_room_too() {
    let budget = Budget::new(BLOCK);
    let (waker, woken) = counted();
    assert_eq!(budget.poll_room(&waker), Poll::Ready(()));
    let mut alloc = within(&budget);
    let held = hold(&mut alloc, 1);
    for _ in 0..2 {
        assert_eq!(budget.poll_room(&waker), Poll::Pending);
    }
    assert_eq!((budget.waiting(), woken()), (1, 0));
    drop(held);
    alloc.trim();
    assert_eq!((budget.waiting(), woken(), budget.is_exhausted()), (0, 1, false));
}

#[test]
fn one_that_receives_waits_for_room_unless_it_holds_nothing() {
    let budget = Budget::new(2 * BLOCK);
    let mut other = within(&budget);
    let held = hold(&mut other, 1);
    let (mut alloc, (waker, woken)) = (within(&budget), counted());
    let own = hold(&mut alloc, 1);
    assert_eq!((alloc.poll_room(&waker), budget.waiting()), (Poll::Pending, 1));
    assert!(alloc.waits_for_budget() && !other.waits_for_budget());
    drop(own);
    assert_eq!((alloc.poll_room(&waker), budget.waiting()), (Poll::Ready(()), 0));
    assert!(!alloc.waits_for_budget());
    let more = hold(&mut other, 1);
    assert!(budget.is_exhausted());
    assert_eq!((alloc.poll_room(&waker), budget.waiting()), (Poll::Ready(()), 0));
    let _own = hold(&mut alloc, 1);
    assert_eq!(alloc.poll_room(&waker), Poll::Pending);
    let before = woken();
    drop((held, more, other));
    assert_eq!((woken(), alloc.poll_room(&waker)), (before + 1, Poll::Ready(())));
}

#[test]
fn one_that_was_woken_and_finds_the_room_taken_keeps_its_place() {
    let budget = Budget::new(BLOCK);
    let (mut other, mut faster) = (within(&budget), within(&budget));
    let held = hold(&mut other, 1);
    let (first, _, first_woken) = reader(&budget, ReadMode::NonBlocking);
    let (second, _, second_woken) = reader(&budget, ReadMode::NonBlocking);
    assert!(first.should_yield() && second.should_yield());
    drop((held, other));
    assert_eq!((first_woken(), second_woken()), (1, 0));
    let held = hold(&mut faster, 1);
    assert!(first.should_yield());
    drop((held, faster));
    assert_eq!((first_woken(), second_woken()), (2, 0));
}

#[test]
fn one_that_was_woken_and_leaves_room_has_the_next_one_woken() {
    let budget = Budget::new(BLOCK);
    let mut other = within(&budget);
    let held = hold(&mut other, 1);
    let (first, _, first_woken) = reader(&budget, ReadMode::NonBlocking);
    let (second, _, second_woken) = reader(&budget, ReadMode::NonBlocking);
    assert!(first.should_yield() && second.should_yield());
    drop((held, other));
    assert_eq!((first_woken(), second_woken()), (1, 0));
    assert!(!first.should_yield());
    assert_eq!(second_woken(), 1, "though the first is not trimmed for hours");
}

#[test]
fn high_water_is_the_most_held_at_once_by_all() {
    let budget = Budget::new(BLOCK);
    let (mut first, mut second) = (within(&budget), within(&budget));
    drop((hold(&mut first, 2), hold(&mut second, 1)));
    first.trim();
    let _held = hold(&mut second, 1);
    assert_eq!((budget.held_bytes(), budget.high_water_bytes()), (BLOCK, 3 * BLOCK));
}

#[test]
fn idle_chain_over_budget_gives_back_the_block_it_gathers_in() {
    let budget = Budget::new(2 * BLOCK);
    let chains: Vec<_> = (0..2)
        .map(|_| {
            let (mut chain, record, _) = reader(&budget, ReadMode::NonBlocking);
            chain.write(b"begun").unwrap();
            (chain, record)
        })
        .collect();
    assert!(budget.is_exhausted() && chains.iter().all(|(chain, _)| chain.should_yield()));
    for (mut chain, record) in chains {
        chain.idle().unwrap();
        assert_eq!(record.bytes(), b"BEGUN");
        assert!(!chain.should_yield(), "those that wait do not hold each other");
    }
}

#[test]
fn release_on_another_thread_wakes_a_thread_that_is_parked() {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let budget = Budget::new(BLOCK);
    let mut other = within(&budget);
    let held = hold(&mut other, 1);
    let (mut chain, record, _) = reader(&budget, ReadMode::Blocking);
    chain.set_waker(&Waker::from(Arc::new(Unpark(std::thread::current()))));
    chain.pass_bucket(Bucket::file(file_of(b"parked"), 0, 6)).unwrap();
    let releases = std::thread::spawn(move || drop((held, other)));
    while chain.should_yield() {
        chain.idle().unwrap();
        std::thread::park();
        let _ = chain.resume().unwrap();
    }
    releases.join().unwrap();
    assert_eq!(record.bytes(), b"PARKED");
}

#[test]
fn piece_larger_than_a_block_counts_until_its_last_bucket_is_dropped_wherever_that_is() {
    let budget = Budget::new(2 * BLOCK);
    let mut alloc = within(&budget);
    let piece = alloc.copy(&pattern(3 * BLOCK));
    let clone = piece.try_clone();
    assert_eq!((budget.held_bytes(), alloc.stats().blocks_live), (3 * BLOCK, 0));
    let (waker, woken) = counted();
    assert_eq!(budget.poll_room(&waker), Poll::Pending);
    drop((piece, alloc));
    assert_eq!((budget.held_bytes(), woken()), (3 * BLOCK, 0), "a bucket is alive");
    std::thread::spawn(move || drop(clone)).join().unwrap();
    assert_eq!((budget.held_bytes(), woken()), (0, 1));
}

#[test]
fn file_is_read_in_pieces_that_the_budget_has_room_for() {
    let bytes = pattern(100_000);
    for (blocks, len) in [(1, BLOCK), (3, 3 * BLOCK), (20, 64 * 1024)] {
        let budget = Budget::new(blocks * BLOCK);
        let mut alloc = within(&budget);
        let mut file = Bucket::file(file_of(&bytes), 0, 100_000);
        let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
        let piece = file.read(&mut cx).unwrap().unwrap();
        assert_eq!((piece.len(), budget.held_bytes()), (Some(len as u64), len));
    }
}
