//! The reader: one run of bytes however they come, bounded, and nothing held at rest.

use std::cell::Cell;
use std::io::{self, Read};

use brigade::{BucketAlloc, ErrorKind};
use brigade_net::{NetworkReader, Source};

use crate::kit::fill;

/// Gives the next of `pieces` to each read, then the end.
fn source<'p>(pieces: &'p [&'p [u8]]) -> impl FnMut(&mut [u8]) -> io::Result<usize> + 'p {
    let mut pieces = pieces.iter();
    move |mut room| {
        let mut piece = pieces.next().copied().unwrap_or_default();
        let count = piece.read(&mut room[..])?;
        room = &mut room[count..];
        assert!(piece.is_empty(), "{} bytes find no room, {} left", piece.len(), room.len());
        Ok(count)
    }
}

#[test]
fn a_run_that_came_at_once_is_shown_where_it_was_received() {
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(1000);
    assert_eq!(fill(&mut reader, &mut alloc, source(&[b"GET /"])).unwrap(), 5);
    assert_eq!((reader.bytes(), reader.is_empty()), (&b"GET /"[..], false));
    assert_eq!(alloc.stats().copied_bytes, 5);
}

#[test]
fn a_run_that_came_in_pieces_is_one_run() {
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(1000);
    let mut source = source(&[b"GE", b"T", b" / HT", b"TP/1.1"]);
    while fill(&mut reader, &mut alloc, &mut source).unwrap() > 0 {}
    assert_eq!(reader.bytes(), b"GET / HTTP/1.1");
    reader.consume(4);
    assert_eq!(reader.bytes(), b"/ HTTP/1.1");
    assert_eq!(fill(&mut reader, &mut alloc, |_: &mut [u8]| Ok(0)).unwrap(), 0);
    assert_eq!(reader.bytes(), b"/ HTTP/1.1", "the end takes nothing away");
}

#[test]
fn what_is_left_after_a_consume_goes_on_with_what_comes() {
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(1000);
    let mut source = source(&[b"one;tw", b"o;th", b"ree;fo", b"ur;"]);
    let mut seen = Vec::new();
    loop {
        while let Some(at) = reader.bytes().iter().position(|&byte| byte == b';') {
            seen.push(String::from_utf8(reader.bytes()[..at].to_vec()).unwrap());
            reader.consume(at + 1);
        }
        if fill(&mut reader, &mut alloc, &mut source).unwrap() == 0 {
            break;
        }
    }
    assert_eq!(seen, ["one", "two", "three", "four"]);
    assert!(reader.is_empty());
}

#[test]
fn an_empty_reader_holds_no_block_and_no_buffer() {
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(1000);
    let mut source = source(&[b"head", b"GET", b" / "]);
    fill(&mut reader, &mut alloc, &mut source).unwrap();
    alloc.trim();
    assert_eq!(alloc.stats().blocks_live, 1);
    reader.consume(4);
    alloc.trim();
    assert_eq!(alloc.stats().blocks_live, 0);

    fill(&mut reader, &mut alloc, &mut source).unwrap();
    fill(&mut reader, &mut alloc, &mut source).unwrap();
    alloc.trim();
    assert_eq!(alloc.stats().blocks_live, 0, "what came in pieces is in a buffer of its own");
    reader.consume(6);
    assert!(reader.is_empty() && reader.bytes().is_empty());
}

#[test]
fn no_more_is_taken_than_the_limit_allows() {
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(10);
    let endless = |room: &mut [u8]| {
        room.fill(b'x');
        Ok(room.len())
    };
    assert_eq!(fill(&mut reader, &mut alloc, endless).unwrap(), 10);
    let error = fill(&mut reader, &mut alloc, endless).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.to_string(), "receive more than 10 bytes before some are consumed");
    reader.consume(3);
    assert_eq!(fill(&mut reader, &mut alloc, endless).unwrap(), 3);
    assert_eq!(reader.bytes(), b"xxxxxxxxxx");
}

#[test]
fn a_head_that_comes_byte_by_byte_costs_time_and_memory_in_proportion() {
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(64 * 1024);
    for _ in 0..64 * 1024 {
        let one = |room: &mut [u8]| {
            room[0] = b'x';
            Ok(1)
        };
        assert_eq!(fill(&mut reader, &mut alloc, one).unwrap(), 1);
    }
    assert_eq!(reader.bytes().len(), 64 * 1024);
    let stats = alloc.stats();
    assert!(stats.blocks_created <= 2 && stats.copied_bytes == 64 * 1024, "{stats:?}");
}

#[track_caller]
fn check_error(cause: io::ErrorKind, kind: ErrorKind) {
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(1000);
    fill(&mut reader, &mut alloc, source(&[b"some"])).unwrap();
    let error = fill(&mut reader, &mut alloc, |_: &mut [u8]| Err(cause.into())).unwrap_err();
    assert_eq!((error.kind(), reader.bytes()), (kind, &b"some"[..]));
}

#[test]
fn what_a_source_answers_is_told_and_what_was_received_stays() {
    check_error(io::ErrorKind::WouldBlock, ErrorKind::WouldBlock);
    check_error(io::ErrorKind::ConnectionReset, ErrorKind::ClientGone);
    check_error(io::ErrorKind::TimedOut, ErrorKind::TimedOut);
    check_error(io::ErrorKind::PermissionDenied, ErrorKind::Io);
}

#[test]
fn an_interrupted_read_is_tried_again() {
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(1000);
    let mut interrupted = false;
    let source = |room: &mut [u8]| {
        interrupted = !interrupted;
        if interrupted { Err(io::ErrorKind::Interrupted.into()) } else { (&b"ok"[..]).read(room) }
    };
    assert_eq!(fill(&mut reader, &mut alloc, source).unwrap(), 2);
}

#[test]
fn a_source_is_waited_for_before_there_is_room_and_without_a_block() {
    struct Patient<'w>(&'w Cell<usize>);
    impl Source for Patient<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            (&b"x"[..]).read(room)
        }
        fn wait(&mut self) -> io::Result<()> {
            self.0.set(self.0.get() + 1);
            if self.0.get() % 2 == 1 { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
        }
    }
    let waits = Cell::new(0);
    let mut alloc = BucketAlloc::new();
    let mut reader = NetworkReader::new(1000);
    for received in 0..3 {
        let error = fill(&mut reader, &mut alloc, Patient(&waits)).unwrap_err();
        alloc.trim();
        let holds = (reader.bytes().len(), alloc.stats().blocks_live);
        assert_eq!((error.kind(), holds), (ErrorKind::TimedOut, (received, 0)));
        assert_eq!(fill(&mut reader, &mut alloc, Patient(&waits)).unwrap(), 1);
    }
}

#[test]
#[should_panic(expected = "consume 3 bytes of 2")]
fn more_than_is_held_cannot_be_consumed() {
    let mut reader = NetworkReader::new(1000);
    fill(&mut reader, &mut BucketAlloc::new(), source(&[b"ab"])).unwrap();
    reader.consume(3);
}
