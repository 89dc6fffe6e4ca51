//! Blocking sockets: slow peers, time limits, resets, and files by `sendfile`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use brigade::{Brigade, Bucket, BucketAlloc, Chain, End, ErrorKind};
use brigade_net::{
    Close, NetworkReader, NetworkWriter, StdSource, StdTransport, Transport, WriterOptions,
};
use rustix::net::sockopt;

use crate::kit::{FILE, Line, PATTERN, file_of, fill};

type Writer = NetworkWriter<StdTransport>;

/// Longer than any of these tests takes: so that a broken one ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two ends of a connection whose buffers are as small as the system lets them be.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    sockopt::set_socket_recv_buffer_size(&listener, 512).unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    sockopt::set_socket_send_buffer_size(&near, 512).unwrap();
    for end in [&near, &far] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
        end.set_write_timeout(Some(PATIENCE)).unwrap();
    }
    (near, far)
}

/// Reads to the end, a little at a time.
fn read_slowly(mut stream: TcpStream) -> thread::JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut received = Vec::new();
        let mut room = [0; 1000];
        loop {
            match stream.read(&mut room)? {
                0 => return Ok(received),
                count => received.extend_from_slice(&room[..count]),
            }
            thread::yield_now();
        }
    })
}

#[test]
fn a_slow_reader_gets_every_byte_and_files_go_unread() {
    let (near, far) = connection();
    let reader = read_slowly(far);
    let mut chain = Chain::new(NetworkWriter::new(StdTransport::new(near)));
    let mut expected = Vec::new();
    for round in 0..5 {
        let pieces = [3000, 20, 70_000, 1, 2048, 8192].map(|len| &PATTERN[round..round + len]);
        let mut brigade: Brigade<'_> = pieces.into_iter().map(Bucket::transient).collect();
        brigade.insert_file(Arc::clone(&FILE), round as u64, 300_000);
        brigade.push_back(Bucket::flush());
        brigade.push_back(Bucket::transient(b"and a tail"));
        chain.pass(&mut brigade).unwrap();
        expected.extend_from_slice(&pieces.concat());
        expected.extend_from_slice(&PATTERN[round..round + 300_000]);
        expected.extend_from_slice(b"and a tail");
    }
    chain.flush().unwrap();
    let stats = chain.terminal::<Writer>().unwrap().stats();
    assert_eq!(stats.bytes_written, expected.len() as u64);
    assert_eq!(stats.file_bytes, 1_500_000);
    assert!(stats.send_file_calls >= 5, "{stats:?}");
    assert_eq!((chain.held_bytes(), chain.should_yield()), (0, false));
    drop(chain);
    assert!(reader.join().unwrap().unwrap() == expected);
}

#[test]
fn a_peer_that_takes_nothing_is_late_when_the_time_is_up() {
    let (near, far) = connection();
    let transport = StdTransport::new(near);
    transport.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut chain = Chain::new(NetworkWriter::new(transport));
    let answer = chain.pass_bucket(Bucket::transient(&PATTERN));
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(chain.aborted(), Some(End::Timeout));
    drop(far);

    let (near, far) = connection();
    let transport = StdTransport::new(near);
    transport.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut chain = Chain::new(NetworkWriter::new(transport));
    let answer = chain.pass_bucket(Bucket::file(Arc::clone(&FILE), 0, 1 << 20));
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::TimedOut);
    drop(far);
}

#[test]
fn a_peer_that_resets_is_gone() {
    let (near, far) = connection();
    sockopt::set_socket_linger(&far, Some(Duration::ZERO)).unwrap();
    drop(far);
    let mut chain = Chain::new(NetworkWriter::new(StdTransport::new(near)));
    let mut endless = (0..1000).map(|_| chain.write(b"tick").and_then(|()| chain.flush()));
    let error = endless.find_map(Result::err).expect("it learns that its peer is gone");
    assert_eq!(error.kind(), ErrorKind::ClientGone);
    assert_eq!(chain.aborted(), Some(End::ClientGone));
}

#[test]
fn a_reset_reaches_the_peer_though_a_reader_shares_the_socket() {
    let (near, mut far) = connection();
    let mut transport = StdTransport::new(near);
    let _reader = transport.source();
    let mut byte = [0];
    transport.write(&[io::IoSlice::new(b"x")], brigade_net::More::None).unwrap();
    assert_eq!(far.read(&mut byte).unwrap(), 1);
    transport.close(Close::Reset).unwrap();
    let error = far.read(&mut byte).expect_err("a reset is no end");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_reset_throws_away_what_the_peer_has_not_taken() {
    let (near, mut far) = connection();
    near.set_nonblocking(true).unwrap();
    while (&near).write(&PATTERN).is_ok() {}
    let mut transport = StdTransport::new(near);
    transport.close(Close::Reset).unwrap();
    let mut received = Vec::new();
    let error = far.read_to_end(&mut received).expect_err("a cut response has no end");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn an_orderly_close_lets_the_peer_read_to_the_end_and_answer() {
    let (near, mut far) = connection();
    let mut line = Line::new(StdTransport::new(near), WriterOptions::default()).blocking();
    line.pass([Bucket::transient(b"last words"), Bucket::flush()]).unwrap();
    line.writer.transport_mut().close(Close::Orderly).unwrap();
    let mut received = Vec::new();
    far.read_to_end(&mut received).unwrap();
    assert_eq!(received, b"last words");
    far.write_all(b"good-bye").unwrap();
    far.shutdown(Shutdown::Write).unwrap();
    let source = line.writer.transport().source();
    let mut reader = NetworkReader::new(1000);
    while fill(&mut reader, &mut line.alloc, &source).unwrap() > 0 {}
    assert_eq!(reader.bytes(), b"good-bye");
}

#[test]
fn a_reader_that_waits_holds_no_block_and_is_late_when_the_time_is_up() {
    let (near, mut far) = connection();
    near.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let source = StdSource::new(near);
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(1000);
    assert!(!source.is_ready());
    let error = fill(&mut reader, &mut alloc, &source).unwrap_err();
    assert_eq!((error.kind(), alloc.stats().blocks_live), (ErrorKind::TimedOut, 0));
    far.write_all(b"GET /").unwrap();
    let waits = thread::spawn(move || {
        while !source.is_ready() {
            thread::yield_now();
        }
        source
    });
    let source = waits.join().unwrap();
    assert_eq!(fill(&mut reader, &mut alloc, &source).unwrap(), 5);
    assert_eq!(reader.bytes(), b"GET /");
    drop(far);
    while fill(&mut reader, &mut alloc, &source).unwrap() > 0 {}
    assert!(source.is_ready(), "the end can be read at once");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_the_system_cannot_send_is_read() {
    // The kernel makes its text as it is read, and sends none of it.
    let text = std::fs::read("/proc/self/auxv").unwrap();
    let (near, far) = connection();
    let reader = read_slowly(far);
    let mut line = Line::new(StdTransport::new(near), WriterOptions::default()).blocking();
    let file = std::fs::File::open("/proc/self/auxv").unwrap();
    line.pass([Bucket::file(file, 0, text.len() as u64)]).unwrap();
    let stats = line.writer.stats();
    assert_eq!((stats.file_bytes, stats.bytes_written), (0, text.len() as u64));
    drop(line);
    assert_eq!(reader.join().unwrap().unwrap(), text);
}

#[track_caller]
fn check_bad_file(file: std::fs::File, kind: ErrorKind, sent: &[u8]) {
    let (near, far) = connection();
    let reader = read_slowly(far);
    let mut line = Line::new(StdTransport::new(near), WriterOptions::default()).blocking();
    let error = line.pass([Bucket::file(file, 0, 2000)]).unwrap_err();
    assert_eq!(error.kind(), kind);
    drop(line);
    assert_eq!(reader.join().unwrap().unwrap(), sent);
}

#[test]
fn a_file_that_is_short_or_cannot_be_read_is_an_error() {
    check_bad_file(file_of(&PATTERN[..1000]), ErrorKind::Incomplete, &PATTERN[..1000]);
    let write_only = std::fs::File::options().write(true).open("/dev/null").unwrap();
    check_bad_file(write_only, ErrorKind::Io, b"");
}
