//! A disk that is slow stops the response that needs it and no other, whether its file is sent or read by
//! a filter.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use brigade::{Disk, Entry, FileSlice, FilterKind, Registry, from_fn};
use brigade_http::driver::{Handler, Request, Response, Settings};
use brigade_net::{DiskJob, PooledDisk};

use super::{PATIENCE, Running};

/// More than two windows, and no multiple of a piece.
const LEN: usize = 700_000;

static BODY: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..LEN).map(|at| b"a slow disk "[(at + at / 4096) % 12]).collect());

/// In a place where the system can forget what it has read, if there is one.
fn file() -> Arc<File> {
    let mut file = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    file.write_all(&BODY).unwrap();
    Arc::new(file)
}

/// Answers with the file, but at `/` at once.
fn handler(file: Arc<File>) -> impl Handler {
    move |request: Request, mut response: Response| {
        let file = file.clone();
        async move {
            match request.path() {
                "/" => response.write(b"hello").await,
                _ => response.send_file(file, 0, LEN as u64).await,
            }
        }
    }
}

/// With a filter that reads every byte and changes none.
fn with_reader(settings: Settings) -> Settings {
    let mut registry = Registry::new();
    registry.register(Entry::new("read", FilterKind::CONTENT_SET, |_spec| {
        Ok(|| {
            from_fn(|input, next| {
                while let Some(bucket) = next.read(input)? {
                    next.push(bucket)?;
                }
                Ok(())
            })
        })
    }));
    settings.filter(registry.prepare("read").unwrap())
}

/// A disk that has nothing until the test says so.
#[derive(Clone, Default)]
struct Stopped(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Stopped {
    fn is_asked(&self) -> bool {
        !self.0.lock().unwrap().1.is_empty()
    }

    fn start(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        state.1.drain(..).for_each(Waker::wake);
    }
}

impl Disk for Stopped {
    fn poll_ready(&mut self, _: FileSlice<'_>, waker: &Waker) -> Poll<io::Result<()>> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(Ok(()));
        }
        state.1.push(waker.clone());
        Poll::Pending
    }
}

/// On one worker thread: others are answered while the disk does nothing, and then the file arrives.
#[track_caller]
fn check_stopped(settings: Settings) {
    let disk = Stopped::default();
    let lent = disk.clone();
    let running = Running::with(settings.disk(move || Box::new(lent.clone())), handler(file()));
    let mut slow = running.client();
    slow.get("/file");
    let mut others: Vec<_> = (0..4).map(|_| running.client()).collect();
    let mut after_it_was_asked = 0;
    let late = Instant::now() + PATIENCE;
    while after_it_was_asked < 20 {
        assert!(Instant::now() < late, "the disk was never asked");
        after_it_was_asked += u32::from(disk.is_asked());
        others.iter_mut().for_each(|other| assert_eq!(other.ask("/").body, b"hello"));
    }
    disk.start();
    let answer = slow.answer();
    assert!(answer.is_complete && answer.body == *BODY, "{}", answer.head);
    assert!(slow.lives_on("/"));
}

#[test]
fn others_are_answered_while_a_file_that_is_sent_waits_for_the_disk() {
    check_stopped(Settings::default());
}

#[test]
fn others_are_answered_while_a_filter_waits_for_the_disk() {
    check_stopped(with_reader(Settings::default()));
}

#[test]
fn client_that_leaves_while_its_file_is_waited_for_leaves_nothing_behind() {
    let disk = Stopped::default();
    let lent = disk.clone();
    let settings = Settings::default().disk(move || Box::new(lent.clone()));
    let file = file();
    let running = Running::with(settings, handler(file.clone()));
    let mut slow = running.client();
    slow.get("/file");
    let mut other = running.client();
    let late = Instant::now() + PATIENCE;
    while !disk.is_asked() {
        assert!(Instant::now() < late, "the disk was never asked");
        assert_eq!(other.ask("/").body, b"hello");
    }
    slow.reset();
    // The test's and the handler's are left when the response has been dropped.
    while Arc::strong_count(&file) > 2 {
        assert_eq!(other.ask("/").body, b"hello");
        assert!(Instant::now() < late, "the file is still held");
    }
}

/// Forgets what the system has of `file`; whether it can.
#[cfg(target_os = "linux")]
fn drop_pages(file: &File) -> bool {
    use rustix::fs::{Advice, fadvise};
    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    file.sync_all().unwrap();
    // No page comes but those that somebody reads.
    fadvise(file, 0, None, Advice::Random).unwrap();
    fadvise(file, 0, None, Advice::DontNeed).unwrap();
    let last = LEN as u64 - 1;
    let mut byte = [0];
    let answer = preadv2(file, &mut [io::IoSliceMut::new(&mut byte)], last, ReadWriteFlags::NOWAIT);
    if answer != Err(Errno::AGAIN) {
        eprintln!("no cold pages in {}: {answer:?}", env!("CARGO_TARGET_TMPDIR"));
    }
    answer == Err(Errno::AGAIN)
}

/// The same with a real disk and the driver's own way to it; its reads begin when the test says so.
#[track_caller]
#[cfg(target_os = "linux")]
fn check_dropped_pages(settings: Settings) {
    let (give, jobs) = mpsc::channel::<DiskJob>();
    let settings = settings.disk(move || {
        let give = give.clone();
        Box::new(PooledDisk::new(move |job| give.send(job).unwrap()))
    });
    let file = file();
    if !drop_pages(&file) {
        return;
    }
    let running = Running::with(settings, handler(file));
    let mut slow = running.client();
    slow.get("/file");
    let mut held = Some(jobs.recv_timeout(PATIENCE).expect("a file that is not in memory"));
    for _ in 0..20 {
        assert_eq!(running.client().ask("/").body, b"hello");
    }
    let reading = std::thread::spawn(move || slow.answer());
    while !reading.is_finished() {
        match held.take().map_or_else(|| jobs.recv_timeout(Duration::from_millis(1)), Ok) {
            Ok(job) => job(),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let answer = reading.join().unwrap();
    assert!(answer.is_complete && answer.body == *BODY, "{}", answer.head);
}

#[test]
#[cfg(target_os = "linux")]
fn others_are_answered_while_dropped_pages_of_a_file_are_read() {
    check_dropped_pages(Settings::default());
    check_dropped_pages(with_reader(Settings::default()));
}

#[test]
#[cfg(target_os = "linux")]
fn file_whose_pages_were_dropped_arrives_whole_where_nothing_is_set() {
    for settings in [Settings::default(), with_reader(Settings::default())] {
        let file = file();
        drop_pages(&file);
        let running = Running::with(settings, handler(file));
        let answer = running.client().ask("/file");
        assert!(answer.is_complete && answer.body == *BODY, "{}", answer.head);
    }
}
