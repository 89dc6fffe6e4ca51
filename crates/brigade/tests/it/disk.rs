//! FILE behind a disk that is asked first: what is not there is waited for, as for a STREAM, and no byte
//! is lost or read before.

use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use brigade::{
    Brigade, Bucket, BucketAlloc, Chain, Disk, ErrorKind, FileSlice, FilterKind, Member, Next,
    OutputFilter, Progress, ReadCx, ReadMode, Result, SubChain, recorder,
};

use crate::kit::{Upper, file_of, member, pattern};

/// What a disk was asked: from where, how many bytes.
type Asked = Arc<Mutex<Vec<(u64, u64)>>>;

/// A disk that has nothing the first time it is asked for a place, and fails from a place on.
#[derive(Default)]
struct Asleep {
    asked: Asked,
    fails_from: Option<u64>,
}

impl Disk for Asleep {
    fn poll_ready(&mut self, part: FileSlice<'_>, waker: &Waker) -> Poll<io::Result<()>> {
        if self.fails_from.is_some_and(|from| part.offset >= from) {
            return Poll::Ready(Err(io::Error::other("a bad sector")));
        }
        let mut asked = self.asked.lock().unwrap();
        let is_new = asked.last() != Some(&(part.offset, part.len));
        asked.push((part.offset, part.len));
        if is_new {
            waker.wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads all of a FILE of `len` bytes; answers what the disk was asked, each place twice.
#[track_caller]
fn check_asks(mode: ReadMode, len: usize, expected: &[(u64, u64)]) {
    let bytes = pattern(len);
    let mut alloc = BucketAlloc::new();
    let mut disk = Asleep::default();
    let asked = disk.asked.clone();
    let mut cx = ReadCx::new(&mut alloc, mode).with_disk(&mut disk);
    let mut bucket = Bucket::file(file_of(&bytes), 0, len as u64);
    let mut read = Vec::new();
    loop {
        match bucket.read(&mut cx) {
            Ok(None) => break,
            Ok(Some(piece)) => read.extend_from_slice(piece.bytes().unwrap()),
            Err(error) => assert!(error.is_would_block(), "{error}"),
        }
    }
    assert!(read == bytes, "{} bytes of {len}", read.len());
    let twice: Vec<_> = expected.iter().flat_map(|place| [*place, *place]).collect();
    assert_eq!(*asked.lock().unwrap(), twice);
}

#[test]
fn file_is_asked_for_piece_by_piece_before_it_is_read() {
    check_asks(ReadMode::NonBlocking, 100, &[(0, 100)]);
    check_asks(ReadMode::NonBlocking, 65_536, &[(0, 65_536)]);
    check_asks(ReadMode::NonBlocking, 150_000, &[(0, 65_536), (65_536, 65_536), (131_072, 18_928)]);
}

#[test]
fn file_in_a_blocking_read_is_read_whatever_the_disk_has() {
    check_asks(ReadMode::Blocking, 150_000, &[]);
}

#[test]
fn file_that_is_waited_for_takes_no_storage() {
    for len in [100, 150_000] {
        let mut alloc = BucketAlloc::new();
        let mut disk = Asleep::default();
        let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking).with_disk(&mut disk);
        let mut bucket = Bucket::file(file_of(&pattern(len)), 0, len as u64);
        assert!(bucket.read(&mut cx).unwrap_err().is_would_block());
        alloc.trim();
        assert_eq!((bucket.len(), alloc.stats().blocks_live), (Some(len as u64), 0));
    }
}

#[test]
fn disk_that_fails_fails_the_file_where_it_is_and_keeps_its_reason() {
    for (len, at) in [(100, 0), (150_000, 65_536)] {
        let mut alloc = BucketAlloc::new();
        let mut disk = Asleep { fails_from: Some(at), ..Asleep::default() };
        let mut cx = ReadCx::new(&mut alloc, ReadMode::NonBlocking).with_disk(&mut disk);
        let mut bucket = Bucket::file(file_of(&pattern(len)), 0, len as u64);
        let error = loop {
            match bucket.read(&mut cx) {
                Ok(_) => {}
                Err(error) if error.is_would_block() => {}
                Err(error) => break error,
            }
        };
        let left = len as u64 - at;
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(error.to_string(), format!("read a file at byte {at}, {left} bytes to go"));
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("a bad sector"));
    }
}

#[test]
fn filter_that_reads_a_file_waits_for_it_and_what_was_before_it_goes_down() {
    let bytes = pattern(100_000);
    let (terminal, record) = recorder();
    let disk = Box::new(Asleep::default());
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking).disk(disk);
    chain.join(member("upper", Upper));
    let mut brigade = Brigade::from(Bucket::immortal(b"HEAD"));
    brigade.insert_file(file_of(&bytes), 0, 100_000);
    chain.pass(&mut brigade).unwrap();
    assert_eq!((record.bytes(), chain.progress()), (b"HEAD".to_vec(), Progress::Pending));
    let mut calls = 0;
    while chain.resume().unwrap() == Progress::Pending {
        calls += 1;
    }
    assert_eq!(calls, 1, "a wait for each piece");
    assert!(record.bytes() == [b"HEAD", &*bytes.to_ascii_uppercase()].concat());
}

#[test]
fn chain_inside_a_filter_gets_at_files_as_the_one_around_it() {
    struct Include(Option<SubChain>);
    impl OutputFilter for Include {
        fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
            loop {
                if let Some(sub) = &mut self.0 {
                    while let Some(bucket) = sub.read(next)? {
                        next.push(bucket)?;
                    }
                    self.0 = None;
                }
                let Some(bucket) = next.read(input)? else { return Ok(()) };
                if bucket.bytes() != Some(b"@") {
                    next.push(bucket)?;
                    continue;
                }
                let sub = self.0.insert(SubChain::new(next, 1000));
                sub.join(Member::new("upper", FilterKind::RESOURCE, Upper));
                let mut page = Brigade::from(Bucket::file(file_of(b"the page"), 0, 8));
                page.push_back(Bucket::eos());
                sub.pass(&mut page);
            }
        }
    }
    let (terminal, record) = recorder();
    let disk = Asleep::default();
    let asked = disk.asked.clone();
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking).disk(Box::new(disk));
    chain.join(member("include", Include(None)));
    let page = [Bucket::immortal(b"@"), Bucket::immortal(b", a file"), Bucket::flush()];
    chain.pass(&mut page.into_iter().collect()).unwrap();
    assert_eq!(chain.progress(), Progress::Pending);
    while chain.resume().unwrap() == Progress::Pending {}
    chain.pass_bucket(Bucket::file(file_of(b", and one more"), 0, 14)).unwrap();
    while chain.resume().unwrap() == Progress::Pending {}
    assert_eq!(record.bytes(), b"THE PAGE, a file, and one more");
    assert_eq!(*asked.lock().unwrap(), [(0, 8), (0, 8), (0, 14), (0, 14)]);
}
