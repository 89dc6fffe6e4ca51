//! Faults of real sockets and files, at places nobody chose: what was taken was right, every response is
//! told once, nothing stays held, and what is cut off never looks whole.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use brigade::{Brigade, Bucket, Chain, End, ErrorKind, Outcome, Progress, ReadMode, StreamData};
use brigade_net::{
    Close, Interest, NetworkWriter, NonBlockingTransport, StdTransport, Transport, WaitsFor,
};
use brigade_testkit::memory_line;
use rustix::net::sockopt;

use crate::kit::{FILE, PATTERN, file_of};
use crate::suite::PATIENCE;
use crate::suite::lines::{tcp_pair, wait_by_poll};

/// A response of so many bytes: some in memory, some of a file, some of a stream; and its EOR.
fn response(len: usize, told: &mpsc::Sender<Outcome>, mode: ReadMode) -> Brigade<'static> {
    let third = len / 3;
    let told = told.clone();
    let stream = &PATTERN[2 * third..len];
    let mut response = Brigade::new();
    response.push_back(Bucket::transient(&PATTERN[..third]));
    response.insert_file(Arc::clone(&FILE), third as u64, third as u64);
    response.push_back(match mode {
        ReadMode::Blocking => Bucket::stream(stream),
        ReadMode::NonBlocking => brigade_testkit::stuttering(stream.chunks(1000)),
    });
    response.push_back(Bucket::eor(move |outcome: &Outcome| {
        told.send(*outcome).expect("the test listens");
    }));
    response
}

/// Reads `limit` bytes, checks that they are responses of `len` bytes, and resets.
fn reads_and_resets(mut peer: TcpStream, len: usize, limit: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut received = vec![0; limit];
        peer.read_exact(&mut received).unwrap();
        for response in received.chunks(len) {
            assert!(*response == PATTERN[..response.len()]);
        }
        sockopt::set_socket_linger(&peer, Some(Duration::ZERO)).unwrap();
    })
}

/// Passes what is pending on, as a loop does.
fn drain(chain: &mut Chain, socket: &TcpStream) -> brigade::Result<()> {
    while chain.progress() == Progress::Pending {
        let writer = chain.terminal::<NetworkWriter<NonBlockingTransport>>().unwrap();
        if let Some(WaitsFor::Transport(interest)) = writer.waits_for() {
            wait_by_poll(&socket, interest);
        }
        let _ = chain.resume()?;
    }
    Ok(())
}

#[track_caller]
fn check_reset_at(limit: usize, mode: ReadMode) {
    const LEN: usize = 30_000;
    let (near, far) = tcp_pair();
    let peer = reads_and_resets(far, LEN, limit);
    let near = Arc::new(near);
    let mut chain = match mode {
        ReadMode::Blocking => Chain::new(NetworkWriter::new(StdTransport::new(near.clone()))),
        ReadMode::NonBlocking => {
            near.set_nonblocking(true).unwrap();
            Chain::new(NetworkWriter::new(NonBlockingTransport::new(near.clone()))).mode(mode)
        }
    };
    let (told, outcomes) = mpsc::channel();
    let mut passed = 0;
    let error = loop {
        passed += 1;
        let answer = chain.pass(&mut response(LEN, &told, mode));
        let answer = answer.and_then(|()| chain.flush()).and_then(|()| match mode {
            ReadMode::Blocking => Ok(()),
            ReadMode::NonBlocking => drain(&mut chain, &near),
        });
        if let Err(error) = answer {
            break error;
        }
        assert!(passed < 100, "it never learns that its peer is gone");
    };
    peer.join().unwrap();
    assert_eq!(error.kind(), ErrorKind::ClientGone);
    let outcomes: Vec<Outcome> = outcomes.try_iter().collect();
    assert_eq!(outcomes.len(), passed, "reset at {limit}: {outcomes:?}");
    let (last, before) = outcomes.split_last().unwrap();
    for outcome in before {
        assert_eq!((outcome.end, outcome.bytes_out), (End::Complete, LEN as u64));
    }
    assert_eq!(last.end, End::ClientGone);
    let taken = before.len() * LEN + usize::try_from(last.bytes_out).unwrap();
    assert!(taken >= limit, "{taken} bytes were taken, and {limit} received");
    chain.trim();
    assert_eq!((chain.held_bytes(), chain.alloc().stats().blocks_live), (0, 0));
}

#[test]
fn a_peer_that_resets_anywhere_leaves_nothing_and_each_response_is_told_once() {
    let mut at = 1;
    for _ in 0..20 {
        // Every part of a response, and every distance from its borders.
        at = (at * 7919 + 13) % 100_000;
        check_reset_at(at, ReadMode::Blocking);
        check_reset_at(at, ReadMode::NonBlocking);
    }
}

#[test]
fn a_peer_that_has_ended_its_own_side_still_gets_every_byte() {
    let (near, mut far) = tcp_pair();
    far.shutdown(Shutdown::Write).unwrap();
    let reader = thread::spawn(move || {
        let mut received = Vec::new();
        far.read_to_end(&mut received).map(|_| received)
    });
    let mut chain = Chain::new(NetworkWriter::new(StdTransport::new(near)));
    let (told, outcomes) = mpsc::channel();
    chain.pass(&mut response(90_000, &told, ReadMode::Blocking)).unwrap();
    chain.flush().unwrap();
    assert_eq!(outcomes.try_recv().unwrap().end, End::Complete);
    drop(chain);
    assert!(reader.join().unwrap().unwrap() == PATTERN[..90_000]);
}

/// Passes `body` to a peer that reads after it has begun; the response is cut, and then reset.
#[track_caller]
fn check_cut(body: Bucket<'static>, begun: impl FnOnce(), kind: ErrorKind) {
    let (near, mut far) = tcp_pair();
    near.set_nonblocking(true).unwrap();
    let near = Arc::new(near);
    let writer = NetworkWriter::new(NonBlockingTransport::new(near.clone()));
    let mut chain = Chain::new(writer).mode(ReadMode::NonBlocking);
    let (told, outcomes) = mpsc::channel();
    let head = Bucket::transient(b"a head that says how long it is");
    let eor = Bucket::eor(move |outcome: &Outcome| told.send(outcome.end).unwrap());
    let passed = chain.pass(&mut [head, body, Bucket::eos(), eor].into_iter().collect());
    begun();
    let reader = thread::spawn(move || {
        let mut received = Vec::new();
        (far.read_to_end(&mut received).map(|_| ()), received)
    });
    let error = passed.and_then(|()| drain(&mut chain, &near)).unwrap_err();
    assert_eq!((error.kind(), chain.aborted()), (kind, Some(End::Failed)));
    assert_eq!(outcomes.try_iter().collect::<Vec<_>>(), [End::Failed]);
    // What a driver does with a connection whose response has failed.
    let writer = chain.terminal::<NetworkWriter<NonBlockingTransport>>().unwrap();
    writer.transport_mut().close(Close::Reset).unwrap();
    let (end, _) = reader.join().unwrap();
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_file_that_shrinks_on_its_way_is_never_passed_off_as_whole() {
    let file = Arc::new(file_of(&PATTERN));
    let shrinks = Arc::clone(&file);
    let body = Bucket::file(file, 0, PATTERN.len() as u64);
    check_cut(body, move || shrinks.set_len(400_000).unwrap(), ErrorKind::Incomplete);
}

#[test]
fn a_disk_that_cannot_be_read_is_an_error_of_the_response() {
    // What the kernel says of a bad sector, from the first byte or from a later one on.
    let unreadable = std::fs::File::open(".").unwrap();
    check_cut(Bucket::file(unreadable, 0, 1000), || (), ErrorKind::Io);
    let mut pieces = 0;
    let worn = StreamData::ready(move |room, _| {
        pieces += 1;
        if pieces > 3 {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()));
        }
        room.fill(b'x');
        Ok(room.len())
    });
    check_cut(Bucket::of(worn), || (), ErrorKind::Io);
}

#[test]
fn a_line_with_room_for_one_byte_loses_no_wake_up() {
    const BYTES: u64 = 100_000;
    let (near, far) = memory_line(1);
    let mut peer = brigade_net::Duplex::source(&far.waiting(PATIENCE));
    let reader = thread::spawn(move || {
        let mut room = [0; 7];
        let mut at = 0;
        loop {
            match brigade_net::Source::read(&mut peer, &mut room).unwrap() {
                0 => return at,
                count => {
                    let start = usize::try_from(at % 1000).unwrap();
                    assert!(room[..count] == PATTERN[start..start + count], "at byte {at}");
                    at += count as u64;
                }
            }
        }
    });
    let mut chain = Chain::new(NetworkWriter::new(near)).mode(ReadMode::NonBlocking);
    let mut stops = 0_u64;
    for _ in 0..BYTES / 1000 {
        chain.pass_bucket(Bucket::transient(&PATTERN[..1000])).unwrap();
        chain.flush().unwrap();
        while chain.progress() == Progress::Pending {
            stops += 1;
            let writer = chain.terminal::<NetworkWriter<brigade_testkit::MemoryLine>>().unwrap();
            assert!(writer.transport().wait(Interest::Writable, PATIENCE), "asleep after {stops}");
            let _ = chain.resume().unwrap();
        }
    }
    assert!(stops > 0, "the line never had to be waited for");
    drop(chain);
    assert_eq!(reader.join().unwrap(), BYTES);
}

#[test]
fn many_connections_at_once_stop_and_start_and_each_gets_its_own() {
    const CONNECTIONS: usize = 8;
    let all_are_there = Arc::new(Barrier::new(CONNECTIONS));
    let total = Arc::new(AtomicU64::new(0));
    let run = |number: usize| {
        let (all_are_there, total) = (all_are_there.clone(), total.clone());
        thread::spawn(move || {
            let (near, mut far) = tcp_pair();
            let reader = thread::spawn(move || {
                let mut room = vec![0; 1 + number * 500];
                let mut received = Vec::new();
                loop {
                    match far.read(&mut room).unwrap() {
                        0 => return received,
                        count => received.extend_from_slice(&room[..count]),
                    }
                }
            });
            near.set_nonblocking(true).unwrap();
            let near = Arc::new(near);
            let writer = NetworkWriter::new(NonBlockingTransport::new(near.clone()));
            let mut chain = Chain::new(writer).mode(ReadMode::NonBlocking);
            all_are_there.wait();
            let body = &PATTERN[number..number + 100_000];
            for piece in body.chunks(999) {
                chain.write(piece).unwrap();
                drain(&mut chain, &near).unwrap();
            }
            chain.flush().unwrap();
            drain(&mut chain, &near).unwrap();
            near.shutdown(Shutdown::Write).unwrap();
            assert!(reader.join().unwrap() == body);
            total.fetch_add(body.len() as u64, Ordering::Relaxed);
        })
    };
    let running: Vec<_> = (0..CONNECTIONS).map(run).collect();
    running.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(total.load(Ordering::Relaxed), 800_000);
}
