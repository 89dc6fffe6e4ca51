//! What every transport promises, asked of each of them: the same tests, made by one macro.
//!
//! A [`Rig`] connects a transport to a peer and waits as its loop would. The peer is the far end of the
//! same kind of line, which waits.

pub(crate) mod lines;
#[cfg(feature = "tls")]
mod localhost;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use brigade::{Brigade, Bucket, Chain, End, ErrorKind, Outcome, Progress, ReadMode};
use brigade_net::{Close, Duplex, Interest, More, NetworkWriter, Source, Transport, WaitsFor};
use brigade_testkit::stuttering;

use crate::kit::{FILE, PATTERN};

/// Longer than any of these tests takes: so that a broken one ends.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A transport, connected, with the loop that drives it.
pub(crate) trait Rig: Sized {
    type Near: Transport;

    /// Whether the transport waits, with a time limit, rather than answer `WouldBlock`.
    const WAITS: bool = false;
    /// Whether it sends files unread.
    const SENDS_FILES: bool = cfg!(target_os = "linux");
    /// Whether a peer learns of a reset.
    const RESETS: bool = true;

    /// Connects a transport to a peer; one that waits does so for `limit` at most.
    fn connect(limit: Duration) -> (Self, Self::Near, Peer);

    /// Waits until the transport is ready.
    fn wait(&self, near: &Self::Near, interest: Interest);
}

/// The other end: reads, waiting for [`PATIENCE`] at most.
pub(crate) struct Peer(Box<dyn Far>);

trait Far: Send {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize>;
    fn reset(&mut self);
}

struct FarEnd<D: Duplex>(D, D::Source);

impl<D: Duplex> Far for FarEnd<D> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.1.read(room)
    }

    fn reset(&mut self) {
        self.0.close(Close::Reset).unwrap();
    }
}

impl Peer {
    pub(crate) fn new(line: impl Duplex) -> Self {
        let source = line.source();
        Self(Box::new(FarEnd(line, source)))
    }

    fn read_byte(&mut self) -> u8 {
        let mut byte = [0];
        assert_eq!(self.0.read(&mut byte).unwrap(), 1);
        byte[0]
    }

    /// Reads to the end, in pieces of up to `piece` bytes.
    fn read_on(mut self, piece: usize) -> JoinHandle<io::Result<Vec<u8>>> {
        thread::spawn(move || {
            let mut room = vec![0; piece];
            let mut received = Vec::new();
            loop {
                match self.0.read(&mut room)? {
                    0 => return Ok(received),
                    count => received.extend_from_slice(&room[..count]),
                }
            }
        })
    }
}

/// Does something that may have to wait for the line until it is done. A line with a short time limit
/// is tried again.
fn patiently<R: Rig, A>(
    rig: &R,
    near: &mut R::Near,
    mut act: impl FnMut(&mut R::Near) -> io::Result<A>,
) -> io::Result<A> {
    let late = Instant::now() + PATIENCE;
    loop {
        match act(near) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut && Instant::now() < late => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                assert!(!R::WAITS, "a line that waits answered WouldBlock");
                rig.wait(near, near.waits_for());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

/// A transport and a peer that have exchanged a byte, so that there is nothing to agree on any more.
fn greeted<R: Rig>(limit: Duration) -> (R, R::Near, Peer) {
    let (rig, mut near, mut peer) = R::connect(limit);
    let greets = thread::spawn(move || {
        assert_eq!(peer.read_byte(), b'!');
        peer
    });
    let byte = [IoSlice::new(b"!")];
    assert_eq!(patiently(&rig, &mut near, |near| near.write(&byte, More::None)).unwrap(), 1);
    patiently(&rig, &mut near, Transport::flush).unwrap();
    (rig, near, greets.join().unwrap())
}

fn close<R: Rig>(rig: &R, near: &mut R::Near) {
    patiently(rig, near, |near| near.close(Close::Orderly)).unwrap();
}

pub(crate) fn every_byte_arrives_once_however_much_is_taken_at_a_time<R: Rig>() {
    let (rig, mut near, peer) = R::connect(PATIENCE);
    let reader = peer.read_on(777);
    let mut at = 0;
    while at < 400_000 {
        let slices = [&PATTERN[at..][..1], &PATTERN[at + 1..at + 3000], &PATTERN[at + 3000..]];
        let slices = slices.map(IoSlice::new);
        let more = if at % 2 == 0 { More::Follows } else { More::None };
        let count = patiently(&rig, &mut near, |near| near.write(&slices, more)).unwrap();
        assert!(count > 0, "nothing taken, at byte {at}");
        patiently(&rig, &mut near, Transport::flush).unwrap();
        at += count;
    }
    close(&rig, &mut near);
    let received = reader.join().unwrap().unwrap();
    assert!(received == PATTERN[..at], "{} bytes of {at}", received.len());
}

/// Gives away what the line takes; answers how much, and why no more.
fn fill(near: &mut impl Transport) -> (usize, io::Error) {
    let mut taken = 0;
    loop {
        match near.write(&[IoSlice::new(&PATTERN[..50_000])], More::None) {
            Ok(count) => taken += count,
            Err(error) => return (taken, error),
        }
        if let Err(error) = near.flush() {
            return (taken, error);
        }
    }
}

pub(crate) fn a_peer_that_reads_nothing_is_waited_for_and_then_gets_all_the_rest<R: Rig>() {
    let limit = if R::WAITS { Duration::from_millis(50) } else { PATIENCE };
    let (rig, mut near, peer) = greeted::<R>(limit);
    let (taken, error) = fill(&mut near);
    if R::WAITS {
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    } else {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(near.waits_for(), Interest::Writable);
    }
    let reader = peer.read_on(10_000);
    patiently(&rig, &mut near, Transport::flush).unwrap();
    let last = [IoSlice::new(b"the last")];
    let last = patiently(&rig, &mut near, |near| near.write(&last, More::None)).unwrap();
    patiently(&rig, &mut near, Transport::flush).unwrap();
    close(&rig, &mut near);
    assert_eq!(reader.join().unwrap().unwrap().len(), taken + last);
}

pub(crate) fn a_file_goes_unread_or_says_that_it_cannot<R: Rig>() {
    let (rig, mut near, peer) = greeted::<R>(PATIENCE);
    assert_eq!(near.sends_files(), R::SENDS_FILES);
    if !R::SENDS_FILES {
        let error = near.send_file(&FILE, 0, 10, More::None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        return;
    }
    let reader = peer.read_on(10_000);
    let mut at = 1;
    while at < PATTERN.len() as u64 {
        let sent =
            patiently(&rig, &mut near, |near| near.send_file(&FILE, at, 100_000, More::None));
        at += sent.unwrap() as u64;
    }
    let beyond = patiently(&rig, &mut near, |near| near.send_file(&FILE, at, 1, More::None));
    assert_eq!(beyond.unwrap(), 0, "the file has ended");
    close(&rig, &mut near);
    assert!(reader.join().unwrap().unwrap() == PATTERN[1..]);
}

pub(crate) fn a_mixed_brigade_arrives_once_and_each_response_is_told_once<R: Rig>() {
    let (rig, near, peer) = R::connect(PATIENCE);
    let reader = peer.read_on(5000);
    let mode = if R::WAITS { ReadMode::Blocking } else { ReadMode::NonBlocking };
    let mut chain = Chain::new(NetworkWriter::new(near)).mode(mode);
    let (told, outcomes) = std::sync::mpsc::channel();
    let mut expected = Vec::new();
    for round in 0..3 {
        let pieces = [3000, 20, 70_000, 1, 2048, 8192].map(|len| &PATTERN[round..round + len]);
        let stream = &PATTERN[round..round + 30_000];
        let mut brigade: Brigade<'_> = pieces.into_iter().map(Bucket::transient).collect();
        brigade.insert_file(Arc::clone(&FILE), round as u64, 300_000);
        brigade.push_back(Bucket::flush());
        brigade.push_back(if R::WAITS { Bucket::stream(stream) } else { stuttering([stream]) });
        brigade.push_back(Bucket::eos());
        let told = told.clone();
        brigade.push_back(Bucket::eor(move |outcome: &Outcome| {
            told.send((outcome.end, outcome.bytes_out)).unwrap();
        }));
        chain.begin_response().unwrap();
        chain.pass(&mut brigade).unwrap();
        drain::<R>(&rig, &mut chain);
        expected.extend_from_slice(&pieces.concat());
        expected.extend_from_slice(&PATTERN[round..round + 300_000]);
        expected.extend_from_slice(stream);
    }
    chain.flush().unwrap();
    drain::<R>(&rig, &mut chain);
    let len = expected.len() as u64;
    assert_eq!(outcomes.try_iter().collect::<Vec<_>>(), [(End::Complete, len / 3); 3]);
    let writer = chain.terminal::<NetworkWriter<R::Near>>().unwrap();
    let stats = writer.stats();
    assert_eq!(stats.bytes_written, len);
    assert_eq!(stats.file_bytes, if R::SENDS_FILES { 900_000 } else { 0 });
    close(&rig, writer.transport_mut());
    assert!(reader.join().unwrap().unwrap() == expected);
}

/// Gives away all that was asked to go, as the loop of this transport does.
fn drain<R: Rig>(rig: &R, chain: &mut Chain) {
    while chain.progress() == Progress::Pending {
        let writer = chain.terminal::<NetworkWriter<R::Near>>().unwrap();
        // Else it is for another turn, or for the next piece of a stream that has it by now.
        if let Some(WaitsFor::Transport(interest)) = writer.waits_for() {
            assert!(!R::WAITS, "a line that waits was waited for");
            rig.wait(writer.transport(), interest);
        }
        let _ = chain.resume().unwrap();
    }
}

pub(crate) fn an_orderly_end_is_read_after_the_last_byte<R: Rig>() {
    let (rig, mut near, peer) = greeted::<R>(PATIENCE);
    let reader = peer.read_on(3);
    let words = [IoSlice::new(b"last words")];
    assert_eq!(patiently(&rig, &mut near, |near| near.write(&words, More::None)).unwrap(), 10);
    patiently(&rig, &mut near, Transport::flush).unwrap();
    close(&rig, &mut near);
    assert_eq!(reader.join().unwrap().unwrap(), b"last words");
    let written = near.write(&words, More::None).and_then(|_| near.flush());
    written.expect_err("the end has been said");
}

pub(crate) fn a_reset_is_never_taken_for_the_end<R: Rig>() {
    let (_rig, mut near, peer) = greeted::<R>(PATIENCE);
    let words = [IoSlice::new(b"half a ")];
    assert_eq!(near.write(&words, More::None).unwrap(), 7);
    near.flush().unwrap();
    near.close(Close::Reset).unwrap();
    let answer = peer.read_on(100).join().unwrap();
    assert_eq!(answer.is_err(), R::RESETS, "{answer:?}");
    let written = near.write(&words, More::None).and_then(|_| near.flush());
    written.expect_err("the line is gone");
}

pub(crate) fn a_line_dropped_in_the_middle_of_much_is_no_end_if_it_was_reset<R: Rig>() {
    let (_rig, mut near, peer) = greeted::<R>(Duration::from_millis(50));
    let _ = fill(&mut near);
    near.close(Close::Reset).unwrap();
    drop(near);
    let answer = peer.read_on(100_000).join().unwrap();
    assert_eq!(answer.is_err(), R::RESETS, "{:?}", answer.map(|bytes| bytes.len()));
}

pub(crate) fn a_peer_that_resets_is_gone_and_stays_so<R: Rig>() {
    let (rig, near, mut peer) = greeted::<R>(PATIENCE);
    let mode = if R::WAITS { ReadMode::Blocking } else { ReadMode::NonBlocking };
    let mut chain = Chain::new(NetworkWriter::new(near)).mode(mode);
    peer.0.reset();
    drop(peer);
    let mut tries = 0..10_000;
    let error = tries.find_map(|_| {
        let passed = chain.write(&PATTERN[..1000]).and_then(|()| chain.flush());
        passed.err().or_else(|| {
            let writer = chain.terminal::<NetworkWriter<R::Near>>().unwrap();
            if let Some(WaitsFor::Transport(interest)) = writer.waits_for() {
                rig.wait(writer.transport(), interest);
            }
            chain.resume().err()
        })
    });
    assert_eq!(error.expect("it learns that its peer is gone").kind(), ErrorKind::ClientGone);
    assert_eq!(chain.aborted(), Some(End::ClientGone));
    assert_eq!(
        chain.write(b"more").and_then(|()| chain.flush()).unwrap_err().kind(),
        ErrorKind::Aborted
    );
}

pub(crate) fn a_reader_that_stops_and_starts_at_random_never_leaves_the_writer_asleep<R: Rig>() {
    const ROUNDS: usize = 2000;
    let (rig, near, mut peer) = R::connect(PATIENCE);
    let reader = thread::spawn(move || {
        let mut random = 1_u32;
        let mut room = vec![0; 20_000];
        let mut at = 0;
        loop {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if random >> 30 == 0 {
                thread::yield_now();
            }
            let limit = 1 + (random >> 16) as usize % room.len();
            let count = peer.0.read(&mut room[..limit]).unwrap();
            if count == 0 {
                return at;
            }
            for byte in &room[..count] {
                assert_eq!(*byte, PATTERN[at % 10_000], "at byte {at}");
                at += 1;
            }
        }
    });
    let mode = if R::WAITS { ReadMode::Blocking } else { ReadMode::NonBlocking };
    let mut chain = Chain::new(NetworkWriter::new(near)).mode(mode);
    for round in 0..ROUNDS {
        chain.pass_bucket(Bucket::transient(&PATTERN[..10_000])).unwrap();
        if round % 3 == 0 {
            chain.flush().unwrap();
        }
        if chain.should_yield() {
            drain::<R>(&rig, &mut chain);
        }
    }
    chain.flush().unwrap();
    drain::<R>(&rig, &mut chain);
    close(&rig, chain.terminal::<NetworkWriter<R::Near>>().unwrap().transport_mut());
    assert_eq!(reader.join().unwrap(), ROUNDS * 10_000);
}

/// The tests of one rig.
macro_rules! transport_suite {
    ($name:ident, $rig:ty) => {
        mod $name {
            transport_suite!(@each $rig,
                every_byte_arrives_once_however_much_is_taken_at_a_time
                a_peer_that_reads_nothing_is_waited_for_and_then_gets_all_the_rest
                a_file_goes_unread_or_says_that_it_cannot
                a_mixed_brigade_arrives_once_and_each_response_is_told_once
                an_orderly_end_is_read_after_the_last_byte
                a_reset_is_never_taken_for_the_end
                a_line_dropped_in_the_middle_of_much_is_no_end_if_it_was_reset
                a_peer_that_resets_is_gone_and_stays_so
                a_reader_that_stops_and_starts_at_random_never_leaves_the_writer_asleep
            );
        }
    };
    (@each $rig:ty, $($test:ident)*) => {$(
        #[test]
        fn $test() {
            $crate::suite::$test::<$rig>();
        }
    )*};
}

transport_suite!(std_blocking, crate::suite::lines::Blocking);
transport_suite!(std_non_blocking, crate::suite::lines::NonBlocking);
transport_suite!(std_non_blocking_unix, crate::suite::lines::NonBlockingUnix);
#[cfg(feature = "tokio")]
transport_suite!(tokio, crate::suite::lines::Tokio);
#[cfg(feature = "tokio")]
transport_suite!(tokio_unix, crate::suite::lines::TokioUnix);
transport_suite!(in_memory, crate::suite::lines::Memory);
#[cfg(feature = "tokio")]
transport_suite!(tokio_async_write, crate::suite::lines::TokioAsyncWrite);
#[cfg(feature = "tls")]
transport_suite!(tls_blocking, crate::suite::tls::Blocking);
#[cfg(feature = "tls")]
transport_suite!(tls_non_blocking, crate::suite::tls::NonBlocking);
#[cfg(feature = "tls")]
transport_suite!(tls_in_memory, crate::suite::tls::Memory);
#[cfg(all(feature = "tls", feature = "tokio"))]
transport_suite!(tls_tokio, crate::suite::tls::Tokio);
