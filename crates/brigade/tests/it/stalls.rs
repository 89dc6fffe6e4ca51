//! A thousand connections on one thread, each with a filter that waits 50 ms after every MiB: none
//! stalls another, what each holds is bounded, and one that is cancelled while it waits frees
//! everything. The clock is the test's own.

use brigade::{
    AllocOptions, AsyncBody, AsyncFilter, Brigade, Bucket, Budget, Chain, Error, OutputFilter,
    Progress, ReadCx, ReadMode, Result, Terminal, from_fn,
};

use crate::clock::{Clock, Ready};
use crate::kit::{member, push_each};

const CONNECTIONS: usize = 1000;
const MIB: usize = 1024 * 1024;
const PAUSE_MS: u64 = 50;
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// What a chain may hold: a piece for each of its three filters, and the terminal's limit.
const MOST_BYTES: u64 = 4 * 64 * 1024;

type Make = fn(&Clock) -> Box<dyn OutputFilter>;

/// Waits by answering `WouldBlock`.
fn by_hand(clock: &Clock) -> Box<dyn OutputFilter> {
    let clock = clock.clone();
    let (mut seen, mut until) = (0, 0);
    Box::new(from_fn(move |input, next| {
        loop {
            if clock.now() < until {
                clock.wake_at(until, next.waker().clone());
                return Err(Error::would_block());
            }
            let Some(bucket) = next.read(input)? else { return Ok(()) };
            let before = seen / MIB;
            seen += bucket.bytes().map_or(0, <[u8]>::len);
            next.push(bucket)?;
            if seen / MIB > before {
                until = clock.now() + PAUSE_MS;
            }
        }
    }))
}

/// Waits by awaiting.
fn by_future(clock: &Clock) -> Box<dyn OutputFilter> {
    let clock = clock.clone();
    Box::new(AsyncFilter::new(move |mut body: AsyncBody| {
        let clock = clock.clone();
        async move {
            let mut seen = 0;
            while let Some(bucket) = body.read().await {
                let before = seen / MIB;
                seen += bucket.bytes().map_or(0, <[u8]>::len);
                body.push(bucket).await;
                if seen / MIB > before {
                    clock.sleep(PAUSE_MS).await;
                }
            }
            Ok(())
        }
    }))
}

/// A peer that takes all there is at every turn; what it took is counted and forgotten.
#[derive(Default)]
struct Peer {
    held: Brigade<'static>,
    taken: u64,
}

impl Terminal for Peer {
    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        brigade.set_aside(&mut self.held, cx.alloc());
        Ok(())
    }

    fn resume(&mut self, _cx: &mut ReadCx<'_>) -> Result<()> {
        self.taken += self.held.resident_bytes();
        self.held.clear();
        Ok(())
    }

    fn is_pending(&self) -> bool {
        !self.held.is_empty()
    }

    fn held_bytes(&self) -> usize {
        usize::try_from(self.held.resident_bytes()).unwrap()
    }

    fn should_yield(&self) -> bool {
        self.held.resident_bytes() >= 64 * 1024
    }
}

/// A connection that gives its body piece by piece, as fast as its chain takes it.
struct Connection {
    chain: Chain,
    left: usize, // Pieces still to be given.
    ended_at: Option<u64>,
}

impl Connection {
    fn new(filter: Option<Box<dyn OutputFilter>>, pieces: usize, budget: &Budget) -> Self {
        let storage = AllocOptions::default().budget(budget.clone()).build();
        let mut chain = Chain::new(Peer::default()).mode(ReadMode::NonBlocking).storage(storage);
        chain.join_request(member("above", push_each()));
        filter.into_iter().for_each(|filter| chain.join_request(member("waits", filter)));
        chain.join_request(member("below", push_each()));
        Self { chain, left: pieces, ended_at: None }
    }

    /// One turn of its event loop: it resumes, and gives what is taken.
    fn turn(&mut self, now: u64, piece: impl Fn() -> Bucket<'static>) {
        // Once for the filter, once for the peer, who takes what it is given.
        let _ = self.chain.resume().unwrap();
        let _ = self.chain.resume().unwrap();
        while self.left > 0 && !self.chain.should_yield() {
            self.left -= 1;
            self.chain.pass_bucket(piece()).unwrap();
            if self.left == 0 {
                self.chain.pass_bucket(Bucket::eos()).unwrap();
            }
            let _ = self.chain.resume().unwrap();
            assert!(self.chain.held_bytes() <= MOST_BYTES, "{} held", self.chain.held_bytes());
        }
        let is_done = self.left == 0 && self.chain.progress() == Progress::Done;
        if is_done && self.ended_at.is_none() {
            self.ended_at = Some(now);
        }
    }
}

#[track_caller]
fn check_none_stalls(filter: Make) {
    const BODY_MIB: usize = 3;
    let (clock, ready) = (Clock::default(), Ready::default());
    let budget = Budget::new(1 << 30);
    let pieces = BODY_MIB * MIB / PIECE.len();
    let mut connections: Vec<Connection> = (0..=CONNECTIONS)
        .map(|id| {
            // The last has no filter that waits: it is the one that could be stalled.
            let filter = (id < CONNECTIONS).then(|| filter(&clock));
            let mut connection = Connection::new(filter, pieces, &budget);
            let waker = ready.waker(id);
            connection.chain.set_waker(&waker);
            waker.wake();
            connection
        })
        .collect();
    loop {
        let woken = ready.take();
        if woken.is_empty() && !clock.advance() {
            break;
        }
        for id in woken {
            connections[id].turn(clock.now(), || Bucket::immortal(&PIECE));
        }
    }
    for connection in &mut connections {
        let peer = connection.chain.terminal::<Peer>().unwrap();
        assert_eq!(peer.taken, (BODY_MIB * MIB) as u64);
    }
    let (waiting, free) = connections.split_at(CONNECTIONS);
    assert_eq!(free[0].ended_at, Some(0), "who waits for nothing is done before any time passes");
    let pauses = BODY_MIB as u64 * PAUSE_MS;
    let late = waiting.iter().position(|connection| connection.ended_at != Some(pauses));
    assert_eq!(late, None, "they wait side by side: {:?}", late.map(|id| waiting[id].ended_at));
}

#[test]
fn filter_that_waits_50_ms_a_mib_on_each_of_1000_connections_stalls_no_other() {
    check_none_stalls(by_hand);
    check_none_stalls(by_future);
}

#[test]
fn connection_that_is_cancelled_while_its_filter_waits_frees_everything() {
    for filter in [by_hand as Make, by_future] {
        let (clock, ready) = (Clock::default(), Ready::default());
        let budget = Budget::new(1 << 30);
        let mut connections: Vec<Connection> = (0..100)
            .map(|id| {
                let mut connection = Connection::new(Some(filter(&clock)), 1000, &budget);
                connection.chain.set_waker(&ready.waker(id));
                connection
            })
            .collect();
        let mut storage = AllocOptions::default().budget(budget.clone()).build();
        let block = storage.copy(&PIECE[..8192]);
        for connection in &mut connections {
            connection.turn(0, || block.try_clone().expect("a slice of a block"));
            // Borrowed, so that it is set aside in storage of the chain's own.
            connection.chain.pass_bucket(Bucket::transient(&PIECE[..8192])).unwrap();
        }
        assert!(clock.timers() >= 100, "all wait");
        assert!(budget.held_bytes() >= 100 * 8192, "{} bytes", budget.held_bytes());
        connections.clear();
        drop((block, storage));
        assert_eq!(budget.held_bytes(), 0);
        assert!(clock.advance(), "wakes that come late break nothing");
    }
}
