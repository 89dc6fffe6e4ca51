//! A budget that many connections share: who may still receive, when a file is not read, who goes on.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};

use brigade::{
    AllocOptions, Brigade, Bucket, BucketAlloc, Budget, Chain, Progress, ReadCx, ReadMode, Result,
};
use brigade_net::{NetworkReader, NetworkWriter, Source, WaitsFor};
use brigade_testkit::{ScriptedTransport, Step, Wire};

use crate::kit::{FILE, PATTERN};

const BLOCK: usize = 8 * 1024;

fn within(budget: &Budget) -> BucketAlloc {
    AllocOptions::default().budget(budget.clone()).build()
}

/// A budget of so many blocks, and who holds all of it.
fn used_up(blocks: usize) -> (Budget, BucketAlloc, Vec<Bucket<'static>>) {
    let budget = Budget::new(blocks * BLOCK);
    let mut alloc = within(&budget);
    let held = (0..blocks).map(|_| alloc.copy(&[7; BLOCK])).collect();
    (budget, alloc, held)
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

/// One connection's side that receives.
struct Receiver {
    reader: NetworkReader,
    alloc: BucketAlloc,
    waker: Waker,
}

impl Receiver {
    fn new(budget: &Budget) -> Self {
        let reader = NetworkReader::new(64 * 1024);
        Self { reader, alloc: within(budget), waker: Waker::noop().clone() }
    }

    fn fill(&mut self, source: impl Source) -> Result<usize> {
        let cx = ReadCx::new(&mut self.alloc, ReadMode::NonBlocking);
        self.reader.fill(&mut cx.with_waker(&self.waker), source)
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<usize> {
        self.fill(|room: &mut [u8]| (&*bytes).read(room))
    }
}

fn nothing_yet(_: &mut [u8]) -> io::Result<usize> {
    Err(io::ErrorKind::WouldBlock.into())
}

#[test]
fn receiver_that_holds_a_block_waits_for_room_and_is_woken() {
    let (budget, mut other, held) = used_up(2);
    let mut receiver = Receiver::new(&budget);
    let (waker, woken) = counted();
    receiver.waker = waker;
    let _response = receiver.alloc.copy(b"that has not left");
    for _ in 0..2 {
        let asked = |_: &mut [u8]| panic!("the source is asked");
        assert!(receiver.fill(asked).unwrap_err().is_would_block());
    }
    assert_eq!((budget.waiting(), woken()), (1, 0));
    drop(held);
    other.trim();
    assert_eq!((budget.waiting(), woken()), (0, 1));
    assert_eq!(receiver.receive(b"GET /").unwrap(), 5);
}

#[test]
fn receiver_that_holds_a_block_goes_on_when_its_own_comes_free() {
    let (budget, _other, _held) = used_up(2);
    let mut receiver = Receiver::new(&budget);
    let response = receiver.alloc.copy(b"that leaves");
    let Receiver { reader, alloc, waker } = &mut receiver;
    assert_eq!(reader.poll_room(alloc, waker), Poll::Pending);
    drop(response);
    assert_eq!(reader.poll_room(alloc, waker), Poll::Ready(()));
    assert_eq!(receiver.receive(b"GET /").unwrap(), 5);
}

#[test]
fn receiver_that_holds_nothing_receives_over_budget_by_one_block() {
    let (budget, _other, _held) = used_up(2);
    let mut receiver = Receiver::new(&budget);
    for _ in 0..3 {
        assert_eq!(receiver.receive(b"GET / HTTP/1.1\r\n\r\n").unwrap(), 18);
        assert_eq!(budget.held_bytes(), 3 * BLOCK);
        receiver.reader.consume(18);
    }
    receiver.alloc.trim();
    assert_eq!((budget.held_bytes(), budget.high_water_bytes()), (2 * BLOCK, 3 * BLOCK));
}

#[test]
fn receivers_that_wait_for_the_rest_of_a_head_hold_no_block() {
    let budget = Budget::new(2 * BLOCK);
    let mut receivers: Vec<_> = (0..100).map(|_| Receiver::new(&budget)).collect();
    for receiver in &mut receivers {
        receiver.receive(b"GET / HT").unwrap();
        assert!(receiver.fill(nothing_yet).unwrap_err().is_would_block());
        receiver.alloc.trim();
    }
    assert_eq!((budget.held_bytes(), budget.high_water_bytes()), (0, BLOCK));
    for receiver in &mut receivers {
        receiver.receive(b"TP/1.1").unwrap();
        assert_eq!(receiver.reader.bytes(), b"GET / HTTP/1.1");
    }
}

/// All of the budget, and more, is in beginnings: nobody else is there who could make room.
#[test]
fn receivers_that_hold_the_whole_budget_in_beginnings_all_get_the_rest() {
    let budget = Budget::new(4 * BLOCK);
    let mut receivers: Vec<_> = (0..100).map(|_| Receiver::new(&budget)).collect();
    for receiver in &mut receivers {
        receiver.receive(b"GET / HT").unwrap();
    }
    assert_eq!(budget.held_bytes(), 100 * BLOCK, "a block each");
    for receiver in &mut receivers {
        receiver.receive(b"TP/1.1").unwrap();
        assert_eq!(receiver.reader.bytes(), b"GET / HTTP/1.1");
        receiver.alloc.trim();
    }
    assert_eq!((budget.held_bytes(), budget.waiting()), (0, 0));
}

#[test]
fn next_request_that_is_set_aside_holds_no_block() {
    let budget = Budget::new(BLOCK);
    let mut receiver = Receiver::new(&budget);
    receiver.receive(b"GET /a\r\n\r\nGET /b\r\n\r\n").unwrap();
    receiver.reader.consume(10);
    receiver.reader.set_aside();
    receiver.alloc.trim();
    assert_eq!((receiver.reader.bytes(), budget.held_bytes()), (&b"GET /b\r\n\r\n"[..], 0));
    receiver.receive(b"GET /c").unwrap();
    assert_eq!(receiver.reader.bytes(), b"GET /b\r\n\r\nGET /c");
}

/// A chain to a peer, in `budget`, and how often it was woken.
fn chain(
    budget: &Budget,
    (transport, wire): (ScriptedTransport, Wire),
    mode: ReadMode,
) -> (Chain, Wire, impl Fn() -> usize) {
    let mut chain = Chain::new(NetworkWriter::new(transport)).mode(mode).storage(within(budget));
    let (waker, woken) = counted();
    chain.set_waker(&waker);
    (chain, wire, woken)
}

fn waits_for(chain: &mut Chain) -> Option<WaitsFor> {
    chain.terminal::<NetworkWriter<ScriptedTransport>>().expect("its terminal").waits_for()
}

fn response(len: usize) -> Brigade<'static> {
    let file = Bucket::file(Arc::clone(&FILE), 0, len as u64);
    [Bucket::immortal(b"head"), file, Bucket::eos(), Bucket::flush()].into_iter().collect()
}

#[test]
fn file_that_cannot_be_sent_is_not_read_over_budget_and_goes_on_when_woken() {
    for mode in [ReadMode::Blocking, ReadMode::NonBlocking] {
        let (budget, other, held) = used_up(3);
        let (mut chain, wire, woken) = chain(&budget, ScriptedTransport::new([]), mode);
        chain.pass(&mut response(200_000)).unwrap();
        for _ in 0..10 {
            assert_eq!(chain.resume().unwrap(), Progress::Pending);
            assert_eq!(waits_for(&mut chain), Some(WaitsFor::Waker));
        }
        // What came before it waits for nobody.
        assert_eq!((wire.received(), chain.alloc().stats().copied_bytes), (b"head".to_vec(), 0));
        assert_eq!((woken(), budget.waiting(), budget.held_bytes()), (0, 1, 3 * BLOCK));
        drop((held, other));
        for turn in 1.. {
            assert!(woken() >= turn, "turn {turn}: nobody else would wake it");
            if chain.resume().unwrap() == Progress::Done {
                break;
            }
        }
        assert!(wire.received() == [b"head", &PATTERN[..200_000]].concat());
    }
}

#[test]
fn file_that_can_be_sent_needs_no_budget() {
    let (budget, _other, _held) = used_up(1);
    let (transport, wire) = ScriptedTransport::new([]);
    let line = (transport.sending_files(), wire);
    let (mut chain, wire, _) = chain(&budget, line, ReadMode::Blocking);
    chain.pass(&mut response(200_000)).unwrap();
    assert_eq!(chain.progress(), Progress::Done);
    assert!(wire.received() == [b"head", &PATTERN[..200_000]].concat());
    assert_eq!(budget.high_water_bytes(), BLOCK);
}

#[test]
fn what_is_in_flight_is_kept_over_budget_for_a_peer_that_takes_nothing() {
    let (budget, _other, _held) = used_up(1);
    let line = ScriptedTransport::new([Step::WouldBlock]);
    let (mut chain, wire, _) = chain(&budget, line, ReadMode::NonBlocking);
    chain.pass_bucket(Bucket::transient(&PATTERN[..60_000])).unwrap();
    chain.flush().unwrap();
    chain.pass(&mut response(200_000)).unwrap();
    assert_eq!((chain.held_bytes(), wire.received_bytes()), (60_004, 0));
    assert!(budget.held_bytes() <= BLOCK + 60_000_usize.next_multiple_of(BLOCK));
    // The file waits for room; what is kept does not.
    assert_eq!(chain.resume().unwrap(), Progress::Pending);
    assert!(wire.received() == [&PATTERN[..60_000], b"head"].concat());
}

#[test]
fn slow_peers_in_a_small_budget_all_get_all_bytes_and_each_overshoots_by_a_piece_at_most() {
    const PEERS: usize = 20;
    const LEN: usize = 300_000;
    let budget = Budget::new(8 * BLOCK);
    let mut peers: Vec<_> = (0..PEERS)
        .map(|_| {
            let (transport, wire) = ScriptedTransport::new([Step::Take(5_000), Step::WouldBlock]);
            chain(&budget, (transport.repeating(), wire), ReadMode::NonBlocking)
        })
        .collect();
    peers.iter_mut().for_each(|(chain, ..)| chain.pass(&mut response(LEN)).unwrap());
    for round in 0.. {
        assert!(round < 100_000, "they wait for each other: {budget:?}");
        let mut pending = 0;
        for (chain, ..) in &mut peers {
            pending += usize::from(chain.resume().unwrap() == Progress::Pending);
        }
        if pending == 0 {
            break;
        }
    }
    for (_, wire, _) in &peers {
        assert!(wire.received() == [b"head", &PATTERN[..LEN]].concat());
    }
    let most = budget.high_water_bytes();
    assert!(most <= budget.limit_bytes() + PEERS * 64 * 1024, "{most} bytes held");
    drop(peers);
    assert_eq!(budget.held_bytes(), 0);
}
