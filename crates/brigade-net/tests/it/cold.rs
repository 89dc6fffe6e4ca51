//! Files that are not in memory: the writer waits for the disk as for a STREAM, and a pool reads what it
//! waits for. The disk is written down beforehand, and then a real one whose pages are dropped.

use std::fs::File;
use std::io::{self, IoSliceMut, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Wake, Waker};

use brigade::{Brigade, Bucket, Chain, Disk, ErrorKind, FileSlice, Progress, ReadMode};
use brigade_net::{DiskJob, More, NetworkWriter, PooledDisk, WaitsFor};
use brigade_testkit::{Call, ScriptedTransport, Wire};
use rustix::fs::{Advice, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};

use crate::kit::{FILE, PATTERN};
use crate::suite::PATIENCE;

/// A chain over a line that sends files, and one that reads them.
fn chains(disk: impl Fn() -> Box<dyn Disk>) -> [(Chain, Wire); 2] {
    [true, false].map(|sends_files| {
        let (transport, wire) = ScriptedTransport::new([]);
        let transport = if sends_files { transport.sending_files() } else { transport };
        let chain = Chain::new(NetworkWriter::new(transport)).mode(ReadMode::NonBlocking);
        (chain.disk(disk()), wire)
    })
}

fn waits_for(chain: &mut Chain) -> Option<WaitsFor> {
    chain.terminal::<NetworkWriter<ScriptedTransport>>().unwrap().waits_for()
}

/// What a [`Scripted`] disk has, up to where in the file. The test resumes, so nobody is woken.
#[derive(Default)]
struct Shelf {
    there: u64,
    fails: bool,
}

#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Shelf>>);

impl Scripted {
    fn bring(&self, there: u64) {
        self.0.lock().unwrap().there = there;
    }
}

impl Disk for Scripted {
    fn poll_ready(&mut self, part: FileSlice<'_>, _: &Waker) -> Poll<io::Result<()>> {
        let state = self.0.lock().unwrap();
        if part.offset + part.len <= state.there {
            return Poll::Ready(Ok(()));
        }
        if state.fails {
            return Poll::Ready(Err(io::Error::other("a bad sector")));
        }
        Poll::Pending
    }
}

#[test]
fn what_came_before_a_cold_file_leaves_and_the_file_follows_as_it_comes() {
    let disk = Scripted::default();
    for (mut chain, wire) in chains(|| Box::new(disk.clone())) {
        disk.bring(0);
        let mut response = Brigade::from(Bucket::immortal(b"head"));
        response.insert_file(Arc::clone(&FILE), 0, 600_000);
        response.push_back(Bucket::immortal(b"tail"));
        chain.pass(&mut response).unwrap();
        let head = Call::Write { slices: 1, bytes: 4, more: More::None, taken: 4 };
        assert_eq!(wire.calls(), [head], "what is before it waits for no disk");
        assert_eq!(waits_for(&mut chain), Some(WaitsFor::Waker));
        assert!(chain.should_yield());

        disk.bring(262_144 + 65_536);
        assert_eq!(chain.resume().unwrap(), Progress::Pending);
        let received = wire.received();
        assert!((262_144..=4 + 262_144 + 65_536).contains(&received.len()), "{}", received.len());
        assert!(received[4..] == PATTERN[..received.len() - 4]);

        disk.bring(600_000);
        while chain.resume().unwrap() == Progress::Pending {}
        assert!(wire.received() == [b"head", &PATTERN[..600_000], b"tail"].concat());
    }
}

#[test]
fn a_disk_that_fails_in_the_middle_of_a_file_ends_the_connection() {
    let disk = Scripted::default();
    disk.0.lock().unwrap().fails = true;
    for (mut chain, wire) in chains(|| Box::new(disk.clone())) {
        disk.bring(262_144);
        let file = Bucket::file(Arc::clone(&FILE), 0, 600_000);
        let mut answer = chain.pass(&mut [file].into_iter().collect());
        while answer.is_ok() && chain.progress() == Progress::Pending {
            answer = chain.resume().map(|_| ());
        }
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        let mut reason: &dyn std::error::Error = &error;
        while let Some(source) = reason.source() {
            reason = source;
        }
        assert_eq!(reason.to_string(), "a bad sector");
        assert!(wire.received_bytes() <= 262_144);
        assert!(chain.aborted().is_some());
    }
}

/// A file of the pattern whose pages are not in memory; `None`, and a word, where the system cannot do
/// that: it is the scripted disk then that shows what becomes of them.
fn cold_file(len: usize) -> Option<Arc<File>> {
    let mut file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    file.write_all(&PATTERN[..len]).unwrap();
    file.sync_all().unwrap();
    // No page comes but those that somebody reads.
    fadvise(&file, 0, None, Advice::Random).unwrap();
    let chill = || fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    chill();
    let answer =
        preadv2(&file, &mut [IoSliceMut::new(&mut [0])], len as u64 - 1, ReadWriteFlags::NOWAIT);
    if answer != Err(rustix::io::Errno::AGAIN) {
        eprintln!("no cold pages in {}: {answer:?}", env!("CARGO_TARGET_TMPDIR"));
        return None;
    }
    // Having been asked about, the page is on its way.
    while preadv2(&file, &mut [IoSliceMut::new(&mut [0])], len as u64 - 1, ReadWriteFlags::empty())
        != Ok(1)
    {}
    chill();
    Some(Arc::new(file))
}

/// A pool in which the test runs the jobs, when it likes.
fn held_pool() -> (PooledDisk<impl Fn(DiskJob) + Send>, mpsc::Receiver<DiskJob>) {
    let (give, jobs) = mpsc::channel();
    (PooledDisk::new(move |job| give.send(job).unwrap()), jobs)
}

struct Woken(mpsc::SyncSender<()>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        let _ = self.0.try_send(());
    }
}

fn woken() -> (Waker, mpsc::Receiver<()>) {
    let (send, woken) = mpsc::sync_channel(1);
    (Arc::new(Woken(send)).into(), woken)
}

/// Leads a cold file of `len` bytes to a peer; every job is run on a thread when it is there, but
/// dropped if `drops` says so.
#[track_caller]
fn check_cold(len: usize, sends_files: bool, drops: bool) {
    let Some(file) = cold_file(len) else { return };
    let (disk, jobs) = held_pool();
    let (transport, wire) = ScriptedTransport::new([]);
    let transport = if sends_files { transport.sending_files() } else { transport };
    let mut chain = Chain::new(NetworkWriter::new(transport)).mode(ReadMode::NonBlocking);
    chain = chain.disk(Box::new(disk));
    let (waker, woken) = woken();
    chain.set_waker(&waker);
    let mut response = Brigade::from(Bucket::immortal(b"head"));
    response.insert_file(file, 0, len as u64);
    chain.pass(&mut response).unwrap();
    assert_eq!((wire.received(), waits_for(&mut chain)), (b"head".to_vec(), Some(WaitsFor::Waker)));
    let mut ran = 0;
    while chain.progress() == Progress::Pending {
        if let Ok(job) = jobs.try_recv() {
            ran += 1;
            // Woken for nothing, it looks again: the question itself may have brought the page.
            let _ = chain.resume().unwrap();
            std::thread::spawn(move || if drops { drop(job) } else { job() });
        }
        woken.recv_timeout(PATIENCE).expect("whoever waits is woken");
        let _ = chain.resume().unwrap();
    }
    assert!(ran >= 1);
    assert!(wire.received() == [b"head", &PATTERN[..len]].concat());
}

#[test]
fn a_file_whose_pages_were_dropped_is_read_by_the_pool_and_arrives_whole() {
    for len in [1, 5000, 70_000, 300_000, 1 << 20] {
        check_cold(len, true, false);
        check_cold(len, false, false);
    }
}

#[test]
fn a_pool_that_drops_its_job_costs_a_wait_and_no_byte() {
    check_cold(5000, false, true);
    check_cold(300_000, true, true);
}

#[test]
fn a_file_in_memory_asks_nothing_of_the_pool() {
    let (transport, wire) = ScriptedTransport::new([]);
    let disk = PooledDisk::new(|_| panic!("the pattern was written a moment ago"));
    let writer = NetworkWriter::new(transport.sending_files());
    let mut chain = Chain::new(writer).mode(ReadMode::NonBlocking).disk(Box::new(disk));
    chain.pass_bucket(Bucket::file(Arc::clone(&FILE), 0, 1 << 20)).unwrap();
    while chain.resume().unwrap() == Progress::Pending {}
    assert!(wire.received() == *PATTERN);
}

#[test]
fn a_file_shorter_than_promised_is_incomplete_as_without_a_pool() {
    for (mut chain, _wire) in chains(|| Box::new(PooledDisk::new(|job| job()))) {
        let file = Bucket::file(Arc::clone(&FILE), (1 << 20) - 10, 300_000);
        let mut answer = chain.pass(&mut [file].into_iter().collect());
        while answer.is_ok() && chain.progress() == Progress::Pending {
            answer = chain.resume().map(|_| ());
        }
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Incomplete);
    }
}

#[test]
fn two_files_at_once_are_waited_for_one_after_the_other_and_neither_for_ever() {
    let (Some(one), Some(other)) = (cold_file(100_000), cold_file(200_000)) else { return };
    let (mut disk, jobs) = held_pool();
    let (waker, woken) = woken();
    let part = |file, len| FileSlice { file, offset: 0, len };
    assert!(disk.poll_ready(part(&one, 100_000), &waker).is_pending());
    assert!(disk.poll_ready(part(&other, 200_000), &waker).is_pending());
    assert_eq!(jobs.try_iter().map(|job| job()).count(), 1, "one at a time");
    woken.recv_timeout(PATIENCE).expect("both were woken by the one");
    // Whoever asks first is not in the way of the other.
    assert!(disk.poll_ready(part(&other, 200_000), &waker).is_pending());
    assert!(matches!(disk.poll_ready(part(&one, 100_000), &waker), Poll::Ready(Ok(()))));
    assert_eq!(jobs.try_iter().map(|job| job()).count(), 1);
    assert!(matches!(disk.poll_ready(part(&other, 200_000), &waker), Poll::Ready(Ok(()))));
}
