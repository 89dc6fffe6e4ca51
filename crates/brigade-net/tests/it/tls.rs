//! What TLS adds to a line: hands are shaken in between, records are long, buffers short, and only an end
//! that was said is one.

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};
use std::thread;

use brigade::{
    AllocOptions, Bucket, BucketAlloc, Budget, Chain, End, Error, ErrorKind, Progress, ReadMode,
    Terminal,
};
use brigade_net::{
    Close, Duplex, Interest, More, NetworkReader, NetworkWriter, NonBlockingTransport, Source,
    StdTransport, TlsTransport, Transport, WaitsFor,
};
use brigade_testkit::{MemoryLine, MemorySource, memory_line};

use crate::kit::{FILE, PATTERN, fill};
use crate::suite::PATIENCE;
use crate::suite::lines::tcp_pair;
use crate::suite::tls::{client, client_of, distrust, server};

type Writer<T> = NetworkWriter<TlsTransport<T>>;

fn chain<T: Duplex>(transport: TlsTransport<T>, mode: ReadMode) -> Chain {
    Chain::new(NetworkWriter::new(transport)).mode(mode)
}

/// Both ends, on two threads' worth of waiting: a chain of the server, the client as it comes.
fn ends(room_bytes: usize) -> (Chain, TlsTransport<MemoryLine>) {
    let (near, far) = memory_line(room_bytes);
    let near = server(near.waiting(PATIENCE));
    (chain(near, ReadMode::Blocking), client(far.waiting(PATIENCE)))
}

/// Reads until the end or an error.
fn read_all(mut source: impl Source) -> (Vec<u8>, io::Result<()>) {
    let mut received = Vec::new();
    let mut room = vec![0; 5000];
    loop {
        match source.read(&mut room) {
            Ok(0) => return (received, Ok(())),
            Ok(count) => received.extend_from_slice(&room[..count]),
            Err(error) => return (received, Err(error)),
        }
    }
}

fn causes(error: &Error) -> Vec<String> {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source()).map(ToString::to_string).collect()
}

#[test]
fn a_writer_waits_to_read_while_hands_are_shaken() {
    let (near, far) = memory_line(10_000);
    let mut far = client(far);
    let mut source = far.source();
    let mut chain = chain(server(near), ReadMode::NonBlocking);
    chain.write(b"hello").unwrap();
    chain.flush().unwrap();
    let mut room = [0; 10];
    for _ in 0..2 {
        let writer = chain.terminal::<Writer<MemoryLine>>().unwrap();
        assert_eq!(writer.waits_for(), Some(WaitsFor::Transport(Interest::Readable)));
        assert_eq!(source.read(&mut room).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(source.waits_for(), Interest::Readable);
        let _ = chain.resume().unwrap();
    }
    assert_eq!(chain.progress(), Progress::Done);
    assert_eq!((source.read(&mut room).unwrap(), &room[..5]), (5, &b"hello"[..]));
    assert!(far.with_session(|session| session.alpn_protocol().is_none()));
    assert!(!far.sends_files() && far.flush().is_ok());
}

#[test]
fn a_certificate_that_nobody_trusts_is_a_clear_error_on_both_sides() {
    let (near, far) = memory_line(10_000);
    let far = client_of(far.waiting(PATIENCE), "localhost", distrust());
    let reader = thread::spawn(move || {
        let mut reader = NetworkReader::new(1000);
        fill(&mut reader, &mut BucketAlloc::new(), far.source()).unwrap_err()
    });
    let mut chain = chain(server(near.waiting(PATIENCE)), ReadMode::Blocking);
    let served = chain.write(b"hello").and_then(|()| chain.flush()).unwrap_err();
    let expected = [
        "filter network: write 5 bytes, after 0 bytes",
        "shake hands over TLS",
        "received fatal alert: UnknownCA",
    ];
    let said = causes(&served);
    assert_eq!((said[0].as_str(), said[1].as_str()), (expected[0], expected[1]));
    assert!(said[2].starts_with(expected[2]), "{said:?}");
    assert_eq!((served.kind(), chain.aborted()), (ErrorKind::InvalidInput, Some(End::Failed)));

    let read = reader.join().unwrap();
    let said = causes(&read);
    assert_eq!((said[0].as_str(), said[1].as_str()), ("receive, with 0 bytes held", expected[1]));
    assert!(said[2].starts_with("invalid peer certificate: UnknownIssuer"), "{said:?}");
}

#[test]
fn a_client_that_speaks_no_tls_is_a_clear_error_and_is_told() {
    let (near, mut far) = memory_line(10_000);
    far.write(&[IoSlice::new(b"GET / HTTP/1.1\r\n\r\n")], More::None).unwrap();
    let mut chain = chain(server(near), ReadMode::NonBlocking);
    let error = chain.write(b"hello").and_then(|()| chain.flush()).unwrap_err();
    assert_eq!(causes(&error)[1], "shake hands over TLS");
    let mut alert = [0; 10];
    assert_eq!(far.source().read(&mut alert).unwrap(), 7);
    assert_eq!(alert[0], 21, "an alert");
}

#[test]
fn a_peer_that_leaves_while_hands_are_shaken_is_gone() {
    let (near, far) = memory_line(10_000);
    let mut chain = chain(server(near), ReadMode::NonBlocking);
    let _ = client(far).write(&[IoSlice::new(b"x")], More::None).unwrap_err();
    let error = chain.write(b"hello").and_then(|()| chain.flush()).and_then(|()| {
        let resumed = chain.resume();
        resumed.and_then(|_| chain.resume())
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ClientGone);
}

#[test]
fn an_end_that_anybody_could_have_said_is_none() {
    let (near, mut far) = memory_line(10_000);
    // Nothing vouches for it yet.
    let close_notify = [21, 3, 3, 0, 2, 1, 0];
    far.write(&[IoSlice::new(&close_notify)], More::None).unwrap();
    let mut near = server(near);
    let byte = [IoSlice::new(b"x")];
    assert_eq!(near.write(&byte, More::None).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    far.close(Close::Orderly).unwrap();
    assert_eq!(near.write(&byte, More::None).unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
}

#[track_caller]
fn check_cut(cut: impl FnOnce(&mut Chain), is_end: bool) {
    let (mut chain, far) = ends(10_000);
    let reader = thread::spawn(move || read_all(far.source()));
    chain.write(b"half a response").unwrap();
    chain.flush().unwrap();
    cut(&mut chain);
    drop(chain);
    let (received, end) = reader.join().unwrap();
    assert_eq!(end.is_ok(), is_end, "{end:?}");
    assert!(!is_end || received == b"half a response");
}

fn close(how: Close) -> impl FnOnce(&mut Chain) {
    move |chain| {
        let writer = chain.terminal::<Writer<MemoryLine>>().unwrap();
        writer.transport_mut().close(how).unwrap();
    }
}

#[test]
fn only_an_end_that_was_said_is_one() {
    check_cut(close(Close::Orderly), true);
    check_cut(close(Close::Reset), false);
    // The line itself ends in order then, and that is not enough.
    check_cut(|_chain| {}, false);
}

#[test]
fn a_reader_tells_an_end_from_a_peer_that_went_away() {
    for (how, expected) in [(Some(Close::Orderly), Ok(0)), (None, Err(ErrorKind::Incomplete))] {
        let (near, far) = memory_line(10_000);
        let (near, mut far) = (server(near.waiting(PATIENCE)), client(far.waiting(PATIENCE)));
        let asks = thread::spawn(move || {
            assert_eq!(far.write(&[IoSlice::new(b"GET /")], More::None).unwrap(), 5);
            far.flush().unwrap();
            match how {
                Some(how) => far.close(how).unwrap(),
                None => far.with_line(|line| line.close(Close::Orderly)).unwrap(),
            }
            far
        });
        let mut reader = NetworkReader::new(1000);
        let mut alloc = BucketAlloc::new();
        assert_eq!(fill(&mut reader, &mut alloc, near.source()).unwrap(), 5);
        assert_eq!(reader.bytes(), b"GET /");
        let _far = asks.join().unwrap();
        let end = fill(&mut reader, &mut alloc, near.source()).map_err(|error| error.kind());
        assert_eq!(end, expected);
    }
}

#[test]
fn a_reader_that_finds_nothing_holds_no_block() {
    let (near, far) = memory_line(10_000);
    let (near, mut far) = (server(near), client(far));
    let mut reader = NetworkReader::new(1000);
    let mut alloc = BucketAlloc::new();
    let ask = [IoSlice::new(b"GET /")];
    for _ in 0..2 {
        let error = fill(&mut reader, &mut alloc, near.source()).unwrap_err();
        assert_eq!((error.kind(), alloc.stats().blocks_live), (ErrorKind::WouldBlock, 0));
        let _ = far.write(&ask, More::None).and_then(|_| far.flush());
    }
    assert_eq!(fill(&mut reader, &mut alloc, near.source()).unwrap(), 5);
}

/// A line that keeps a copy of what is written to it, call by call.
struct Tapped(MemoryLine, Arc<Mutex<Vec<Vec<u8>>>>);

impl Transport for Tapped {
    fn write(&mut self, slices: &[IoSlice<'_>], more: More) -> io::Result<usize> {
        let count = self.0.write(slices, more)?;
        let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        bytes.truncate(count);
        self.1.lock().unwrap().push(bytes);
        Ok(count)
    }

    fn close(&mut self, how: Close) -> io::Result<()> {
        self.0.close(how)
    }
}

impl Duplex for Tapped {
    type Source = MemorySource;

    fn source(&self) -> MemorySource {
        self.0.source()
    }
}

/// So many bytes go in short records at first.
const EARLY_BYTES: usize = 16 * 1024;

/// The lengths of the records of data among these bytes.
fn records(mut bytes: &[u8]) -> Vec<usize> {
    let mut lens = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        let len = usize::from(*high) << 8 | usize::from(*low);
        if *kind == 23 {
            lens.push(len);
        }
        bytes = &rest[len..];
    }
    lens
}

#[test]
fn data_goes_in_records_of_16_kib_as_many_to_a_call_as_the_writer_gives() {
    let (near, far) = memory_line(1 << 20);
    let calls = Arc::new(Mutex::new(Vec::new()));
    let near = server(Tapped(near.waiting(PATIENCE), Arc::clone(&calls)));
    let far = client(far.waiting(PATIENCE));
    let reader = thread::spawn(move || read_all(far.source()));
    let mut chain = chain(near, ReadMode::Blocking);
    chain.write(&PATTERN[..EARLY_BYTES]).unwrap();
    chain.flush().unwrap();
    calls.lock().unwrap().clear();
    // Pieces of all lengths, as filters leave them.
    let pieces = PATTERN[..600_000].chunks(3001).map(Bucket::transient);
    chain.pass(&mut pieces.collect()).unwrap();
    chain.flush().unwrap();
    let calls = calls.lock().unwrap();
    let records = records(&calls.concat());
    let full = records.iter().filter(|len| **len > 16 * 1024).count();
    assert!(full * 5 >= records.len() * 4, "{full} of {} are full: {records:?}", records.len());
    assert!(calls.len() <= 10, "{} calls", calls.len());
    drop(chain);
    assert!(reader.join().unwrap().0[EARLY_BYTES..] == PATTERN[..600_000]);
}

#[test]
fn a_line_that_takes_nothing_makes_it_keep_80_kib_at_most() {
    let (near, far) = memory_line(5000);
    let (mut near, far) = (server(near), client(far.waiting(PATIENCE)));
    let greets = thread::spawn(move || {
        let mut source = far.source();
        assert_eq!(source.read(&mut [0]).unwrap(), 1);
        far
    });
    let byte = [IoSlice::new(b"!")];
    while near.write(&byte, More::None).is_err() {
        let interest = near.waits_for();
        assert!(near.with_line(|line| line.wait(interest, PATIENCE)));
    }
    while near.flush().is_err() {
        assert!(near.with_line(|line| line.wait(Interest::Writable, PATIENCE)));
    }
    let _far = greets.join().unwrap();
    let mut taken = 0;
    let slice = [IoSlice::new(&PATTERN[..1000])];
    while let Ok(count) = near.write(&slice, More::None) {
        taken += count;
        if near.flush().is_err() {
            break;
        }
    }
    let much = [IoSlice::new(&PATTERN)];
    assert_eq!(near.write(&much, More::None).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert!((4000..6000).contains(&taken), "{taken} bytes, for a line of 5000");

    let (near, far) = memory_line(100_000);
    let (mut near, far) = (server(near.waiting(PATIENCE)), client(far.waiting(PATIENCE)));
    let reader = thread::spawn(move || read_all(far.source()));
    let early = near.write(&much, More::None).unwrap();
    assert_eq!(early, EARLY_BYTES);
    let count = near.write(&much, More::None).unwrap();
    assert!((60_000..=80 * 1024).contains(&count), "{count} bytes at once");
    near.flush().unwrap();
    near.close(Close::Orderly).unwrap();
    assert_eq!(reader.join().unwrap().0.len(), early + count);
}

/// Shakes hands, so that whatever follows is data: a chain that does not wait, and its peer.
fn shaken(room_bytes: usize, alloc: BucketAlloc) -> (Chain, TlsTransport<MemoryLine>) {
    let (near, far) = memory_line(room_bytes);
    let far = client(far);
    let mut source = far.source();
    let mut chain = chain(server(near), ReadMode::NonBlocking).storage(alloc);
    chain.write(b"!").unwrap();
    chain.flush().unwrap();
    let mut room = [0];
    while source.read(&mut room).is_err() {
        let _ = chain.resume().unwrap();
    }
    assert_eq!(&room, b"!");
    (chain, far)
}

#[test]
fn what_comes_first_can_be_decoded_before_the_way_has_carried_a_long_record() {
    // Ten segments: what leaves before the peer has answered.
    let (mut chain, far) = shaken(10 * 1460, BucketAlloc::new());
    chain.pass_bucket(Bucket::transient(&PATTERN[..60_000])).unwrap();
    chain.flush().unwrap();
    assert_eq!(chain.progress(), Progress::Pending);
    let mut room = vec![0; 20_000];
    let mut came = 0;
    while let Ok(count) = far.source().read(&mut room[came..]) {
        came += count;
    }
    assert!(came >= 10 * 1300, "{came} bytes can be read of 14,600 that came");
    assert!(room[..came] == PATTERN[..came]);
}

#[test]
fn what_is_coded_and_has_not_left_is_held_by_the_writer_and_counts_in_its_budget() {
    let budget = Budget::new(1 << 20);
    let alloc = AllocOptions::default().budget(budget.clone()).build();
    let (mut chain, far) = shaken(5000, alloc);
    assert_eq!(held(&mut chain), 0);
    chain.pass_bucket(Bucket::immortal(&PATTERN[..60_000])).unwrap();
    chain.flush().unwrap();
    // What is left of 16 KiB was coded, of which 5,000 left; the rest waits as it is.
    let early = EARLY_BYTES - b"!".len();
    let coded = held(&mut chain) - (60_000 - early);
    assert!((early - 5000..early - 5000 + 1000).contains(&coded), "{coded}");
    let blocks = chain.alloc().stats().blocks_live * 8 * 1024;
    assert_eq!(budget.held_bytes(), blocks + coded);
    let mut received = Vec::new();
    let mut room = vec![0; 60_000];
    while received.len() < 60_000 {
        let _ = chain.resume().unwrap();
        while let Ok(count) = far.source().read(&mut room) {
            received.extend_from_slice(&room[..count]);
        }
    }
    assert!(received == PATTERN[..60_000]);
    assert_eq!((held(&mut chain), budget.held_bytes()), (0, blocks));
}

fn held(chain: &mut Chain) -> usize {
    chain.terminal::<Writer<MemoryLine>>().unwrap().held_bytes()
}

#[test]
fn a_last_word_waits_for_room_on_the_line() {
    let (near, far) = memory_line(3000);
    let (mut near, far) = (server(near), client(far.waiting(PATIENCE)));
    let (go, may_go) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let mut source = far.source();
        assert_eq!(source.read(&mut [0]).unwrap(), 1);
        may_go.recv().unwrap();
        read_all(source)
    });
    let byte = [IoSlice::new(b"!")];
    let mut greeted = near.write(&byte, More::None).map(|_| ());
    while greeted.is_err() {
        let interest = near.waits_for();
        assert!(near.with_line(|line| line.wait(interest, PATIENCE)));
        greeted = near.write(&byte, More::None).map(|_| ());
    }
    while near.flush().is_err() {
        assert!(near.with_line(|line| line.wait(Interest::Writable, PATIENCE)));
    }
    let mut taken = 0;
    while let Ok(count) = near.write(&[IoSlice::new(&PATTERN[..10])], More::None) {
        taken += count;
        if near.flush().is_err() {
            break;
        }
    }
    let error = near.close(Close::Orderly).unwrap_err();
    assert_eq!((error.kind(), near.waits_for()), (io::ErrorKind::WouldBlock, Interest::Writable));
    go.send(()).unwrap();
    while near.close(Close::Orderly).is_err() {
        assert!(near.with_line(|line| line.wait(Interest::Writable, PATIENCE)));
    }
    let (received, end) = reader.join().unwrap();
    end.unwrap();
    assert_eq!(received.len(), taken);
}

#[test]
fn a_large_file_is_read_for_a_slow_client_and_holds_little() {
    const LEN: u64 = 8 << 20;
    let (near, far) = tcp_pair();
    near.set_nonblocking(true).unwrap();
    let near = Arc::new(near);
    let far = client(StdTransport::new(far));
    let reader = thread::spawn(move || {
        let mut source = far.source();
        let (mut at, mut room) = (0, [0; 3000]);
        loop {
            let count = source.read(&mut room).unwrap();
            if count == 0 {
                return at as u64;
            }
            for byte in &room[..count] {
                assert_eq!(*byte, PATTERN[at % PATTERN.len()], "at byte {at}");
                at += 1;
            }
        }
    });
    let transport = server(NonBlockingTransport::new(Arc::clone(&near)));
    let mut chain = chain(transport, ReadMode::NonBlocking);
    let file: Arc<File> = Arc::clone(&FILE);
    let parts = (0..LEN >> 20).map(|_| Bucket::file(Arc::clone(&file), 0, 1 << 20));
    chain.pass(&mut parts.collect()).unwrap();
    chain.flush().unwrap();
    let mut most = 0;
    while chain.progress() == Progress::Pending {
        let writer = chain.terminal::<Writer<NonBlockingTransport>>().unwrap();
        if let Some(WaitsFor::Transport(interest)) = writer.waits_for() {
            crate::suite::lines::wait_by_poll(&near, interest);
        }
        let _ = chain.resume().unwrap();
        most = most.max(chain.alloc().stats().blocks_live);
    }
    assert!(most <= 20, "{most} blocks");
    let writer = chain.terminal::<Writer<NonBlockingTransport>>().unwrap();
    while writer.transport_mut().close(Close::Orderly).is_err() {
        crate::suite::lines::wait_by_poll(&near, Interest::Writable);
    }
    assert_eq!(reader.join().unwrap(), LEN);
}
