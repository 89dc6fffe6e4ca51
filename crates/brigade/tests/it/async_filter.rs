//! Filters that are futures: they wait on the chain's own waiting, and nothing of them outlives it.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use brigade::{
    AllocOptions, AsyncBody, AsyncFilter, Bucket, Budget, Chain, End, Error, ErrorKind, Progress,
    ReadMode, Result, recorder,
};
use brigade_testkit::Case;

use crate::clock::CountWakes;
use crate::failure::names;
use crate::kit::{Sip, Upper, Watched, file_of, finish, halting, member, pattern};

/// Is not ready the first time, and wakes at once.
fn yield_once() -> impl Future<Output = ()> + Send {
    let mut is_ready = false;
    poll_fn(move |cx| {
        if is_ready {
            return Poll::Ready(());
        }
        is_ready = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

async fn upper(mut body: AsyncBody) -> Result<()> {
    while let Some(bucket) = body.read().await {
        let out = match bucket.bytes() {
            Some(bytes) => Bucket::heap(bytes.to_ascii_uppercase()),
            None => bucket,
        };
        yield_once().await;
        body.push(out).await;
    }
    Ok(())
}

#[test]
fn future_makes_the_same_however_its_input_is_cut_and_waits() {
    Case::new(|| member("upper", AsyncFilter::new(upper)), "abc\r\nde", "ABC\r\nDE")
        .carry(0)
        .check();
}

#[test]
fn future_is_begun_for_each_body_of_a_connection() {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(member(
        "upper",
        AsyncFilter::new(move |body| {
            count.fetch_add(1, Ordering::Relaxed);
            upper(body)
        }),
    ));
    for text in [&b"one "[..], b"two "] {
        chain.begin_response().unwrap();
        chain.pass(&mut [Bucket::immortal(text), Bucket::eos()].into_iter().collect()).unwrap();
        finish(&mut chain);
    }
    assert_eq!((begun.load(Ordering::Relaxed), record.bytes()), (2, b"ONE TWO ".to_vec()));
}

#[test]
fn rest_of_a_body_goes_past_a_future_that_is_done() {
    let first_only = || {
        AsyncFilter::new(|mut body: AsyncBody| async move {
            if let Some(first) = body.read().await {
                body.push(Bucket::immortal(b">")).await;
                body.push(first).await;
            }
            Ok(())
        })
    };
    for is_request in [true, false] {
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal);
        let (filter, calls, _) = Watched::new(first_only());
        let filter = member("first", filter);
        if is_request {
            chain.join_request(filter);
        } else {
            chain.join(filter);
        }
        for piece in [&b"a"[..], b"b", b"c"] {
            chain.pass_bucket(Bucket::immortal(piece)).unwrap();
        }
        chain.pass_bucket(Bucket::eos()).unwrap();
        assert_eq!((record.bytes(), names(record.marks())), (b">abc".to_vec(), vec!["EOS".into()]));
        // A request's filter steps aside for good, a connection's has another body to come.
        assert_eq!(calls.load(Ordering::Relaxed), if is_request { 1 } else { 4 });
        if !is_request {
            chain.begin_response().unwrap();
            chain.pass_bucket(Bucket::immortal(b"d")).unwrap();
            assert_eq!(record.bytes(), b">abc>d");
        }
    }
}

#[test]
fn error_of_a_future_has_its_filters_name_and_one_that_keeps_the_end_is_caught() {
    let check = |filter: AsyncFilter, text: &str, marks: &[&str]| {
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal);
        chain.join_request(member("future", filter));
        let mut body = [Bucket::immortal(b"abc"), Bucket::eos()].into_iter().collect();
        let error = chain.pass(&mut body).unwrap_err();
        assert_eq!(
            (error.to_string(), names(record.marks())),
            (text.into(), marks.iter().map(ToString::to_string).collect())
        );
        assert_eq!(chain.held_bytes(), 0);
    };
    let fails = AsyncFilter::new(|mut body: AsyncBody| async move {
        let first = body.read().await;
        body.push(first.ok_or_else(|| Error::other("no body"))?).await;
        Err(Error::other("on purpose"))
    });
    check(fails, "filter future, at byte 3: on purpose", &["ERROR"]);
    let keeps = AsyncFilter::new(|mut body: AsyncBody| async move {
        while body.read().await.is_some() {}
        Ok(())
    });
    check(keeps, "filter future, at byte 3: kept the end of the body", &[]);
}

#[test]
fn wake_between_calls_wakes_the_chain_and_one_in_a_call_does_not() {
    let asked = Arc::new(Mutex::new((false, None::<Waker>)));
    let future = Arc::clone(&asked);
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let wakes = CountWakes::new();
    chain.set_waker(&wakes.waker());
    chain.join_request(member(
        "asks",
        AsyncFilter::new(move |mut body: AsyncBody| {
            let asked = Arc::clone(&future);
            async move {
                while let Some(bucket) = body.read().await {
                    yield_once().await;
                    poll_fn(|cx| {
                        let mut asked = asked.lock().unwrap();
                        asked.1 = Some(cx.waker().clone());
                        if asked.0 { Poll::Ready(()) } else { Poll::Pending }
                    })
                    .await;
                    body.push(bucket).await;
                }
                Ok(())
            }
        }),
    ));
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    assert_eq!((chain.resume().unwrap(), wakes.count()), (Progress::Pending, 0));
    asked.lock().unwrap().0 = true;
    let future = asked.lock().unwrap().1.take().unwrap();
    future.wake();
    assert_eq!(wakes.count(), 1);
    assert_eq!((chain.resume().unwrap(), record.bytes()), (Progress::Done, b"x".to_vec()));
    assert_eq!(wakes.count(), 1);
}

#[test]
fn future_that_wakes_itself_for_ever_leaves_others_their_turn() {
    let mut chain = Chain::new(recorder().0);
    let wakes = CountWakes::new();
    chain.set_waker(&wakes.waker());
    chain.join_request(member(
        "spins",
        AsyncFilter::new(|_| async {
            loop {
                yield_once().await;
            }
        }),
    ));
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    assert_eq!((chain.resume().unwrap(), wakes.count()), (Progress::Pending, 2));
}

/// Counts those of its kind that live.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn future_that_waits_is_dropped_with_its_chain_and_everything_is_freed() {
    for aborts in [true, false] {
        let alive = Arc::new(AtomicUsize::new(0));
        let budget = Budget::new(1 << 20);
        let mut chain = Chain::new(recorder().0)
            .storage(AllocOptions::default().budget(budget.clone()).build());
        let count = Arc::clone(&alive);
        let (filter, _, ends) = Watched::new(AsyncFilter::new(move |mut body: AsyncBody| {
            let alive = Alive::new(&count);
            async move {
                let _alive = alive;
                let _held = body.read().await;
                pending().await
            }
        }));
        chain.join_request(member("waits", filter));
        let piece = pattern(5000);
        chain.pass_bucket(Bucket::transient(&piece)).unwrap();
        chain.pass_bucket(Bucket::transient(&piece)).unwrap();
        assert_eq!((alive.load(Ordering::Relaxed), chain.progress()), (1, Progress::Pending));
        assert!(budget.held_bytes() > 0);
        if aborts {
            chain.abort(End::ClientGone);
        } else {
            drop(chain);
        }
        assert_eq!((alive.load(Ordering::Relaxed), ends.lock().unwrap().len()), (0, 1));
        assert_eq!(budget.held_bytes(), 0);
    }
}

#[test]
fn slow_peer_holds_back_a_future_that_makes_much_of_little() {
    const TIMES: usize = 200;
    let piece = pattern(16 * 1024);
    let (terminal, given) = Sip::new(50_000, 64 * 1024);
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    let made = piece.clone();
    chain.join_request(member(
        "repeats",
        AsyncFilter::new(move |mut body: AsyncBody| {
            let made = made.clone();
            async move {
                while let Some(bucket) = body.read().await {
                    if bucket.is_data() {
                        for _ in 0..TIMES {
                            body.push(Bucket::heap(made.clone())).await;
                        }
                    } else {
                        body.push(bucket).await;
                    }
                }
                Ok(())
            }
        }),
    ));
    chain.pass(&mut [Bucket::immortal(b"x"), Bucket::eos()].into_iter().collect()).unwrap();
    let mut most = 0;
    while chain.resume().unwrap() == Progress::Pending {
        most = most.max(chain.held_bytes());
    }
    assert!(most <= 3 * 64 * 1024, "{most} bytes held");
    assert!(given.lock().unwrap().bytes == piece.repeat(TIMES));
}

#[test]
fn file_below_a_future_that_waits_stays_unread_and_a_stream_loses_nothing() {
    let mut chain = Chain::new(recorder().0);
    chain.join_request(member("waits", AsyncFilter::new(|_| pending())));
    chain.pass_bucket(Bucket::file(file_of(b""), 0, 1 << 40)).unwrap();
    assert_eq!((chain.resume().unwrap(), chain.held_bytes()), (Progress::Pending, 0));
    assert_eq!(chain.alloc().stats().copied_bytes, 0);

    let (terminal, given) = Sip::new(3, 8);
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    chain.join_request(member("above", Upper));
    chain.join_request(member("future", AsyncFilter::new(upper)));
    chain
        .pass(&mut [halting(&[b"one ", b"two ", b"three"]), Bucket::eos()].into_iter().collect())
        .unwrap();
    finish(&mut chain);
    assert_eq!(given.lock().unwrap().bytes, b"ONE TWO THREE");
}

#[test]
fn read_that_is_dropped_before_it_is_ready_loses_nothing() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member(
        "impatient",
        AsyncFilter::new(|mut body: AsyncBody| async move {
            loop {
                let mut read = Box::pin(body.read());
                // Polled once, and given up if there is nothing.
                let ready = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await;
                drop(read);
                match ready {
                    Poll::Ready(Some(bucket)) => body.push(bucket).await,
                    Poll::Ready(None) => return Ok(()),
                    Poll::Pending => yield_once().await,
                }
            }
        }),
    ));
    for piece in [&b"a"[..], b"b", b"c"] {
        chain.pass_bucket(Bucket::immortal(piece)).unwrap();
    }
    chain.pass_bucket(Bucket::eos()).unwrap();
    finish(&mut chain);
    assert_eq!((record.bytes(), names(record.marks())), (b"abc".to_vec(), vec!["EOS".into()]));
}

#[test]
fn source_that_fails_ends_the_body_and_the_future_with_it() {
    let mut chain = Chain::new(recorder().0);
    chain.join_request(member("future", AsyncFilter::new(upper)));
    let error = chain.pass_bucket(Bucket::file(file_of(b"short"), 0, 10)).unwrap_err();
    assert_eq!((error.kind(), error.filter()), (ErrorKind::Incomplete, Some("future")));
}

#[test]
fn answer_that_comes_from_another_thread_at_any_time_is_never_missed() {
    const BUCKETS: usize = 2000;
    let (ask, asked) = std::sync::mpsc::channel::<Arc<Mutex<(bool, Option<Waker>)>>>();
    let service = thread::spawn(move || {
        for answer in asked {
            let mut slot = answer.lock().unwrap();
            slot.0 = true;
            let waker = slot.1.take();
            drop(slot);
            waker.into_iter().for_each(Waker::wake);
        }
    });
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.set_waker(&Waker::from(Arc::new(Unpark(thread::current()))));
    let filter = AsyncFilter::new(move |mut body: AsyncBody| {
        let ask = ask.clone();
        async move {
            while let Some(bucket) = body.read().await {
                let answer = Arc::new(Mutex::new((false, None)));
                ask.send(Arc::clone(&answer)).unwrap();
                poll_fn(|cx| {
                    let mut slot = answer.lock().unwrap();
                    slot.1 = Some(cx.waker().clone());
                    if slot.0 { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                body.push(bucket).await;
            }
            Ok(())
        }
    });
    chain.join_request(member("asks", filter));
    chain.pass(&mut (0..BUCKETS).map(|_| Bucket::immortal(b"x")).collect()).unwrap();
    while chain.resume().unwrap() == Progress::Pending {
        let begun = Instant::now();
        thread::park_timeout(Duration::from_secs(20));
        assert!(begun.elapsed() < Duration::from_secs(20), "after {} bytes", record.bytes().len());
    }
    assert_eq!(record.bytes().len(), BUCKETS);
    drop(chain);
    service.join().unwrap();
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
