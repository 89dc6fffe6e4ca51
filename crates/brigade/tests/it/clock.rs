//! A clock that a test moves, and wakers that are counted or queue who is to run: an event loop on one
//! thread, without a second passing.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};

/// Milliseconds since the test began. Clones are the same clock.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Times>>);

#[derive(Default)]
struct Times {
    now: u64,
    /// When, and a number that tells those of one time apart.
    timers: BTreeMap<(u64, u64), Waker>,
    last: u64,
}

impl Clock {
    pub(crate) fn now(&self) -> u64 {
        self.0.lock().unwrap().now
    }

    /// Wakes `waker` at that time.
    pub(crate) fn wake_at(&self, at: u64, waker: Waker) {
        let mut times = self.0.lock().unwrap();
        times.last += 1;
        let key = (at, times.last);
        times.timers.insert(key, waker);
    }

    pub(crate) fn sleep(&self, ms: u64) -> impl Future<Output = ()> + Send + use<> {
        let (clock, until) = (self.clone(), self.now() + ms);
        poll_fn(move |cx| {
            if clock.now() >= until {
                return Poll::Ready(());
            }
            clock.wake_at(until, cx.waker().clone());
            Poll::Pending
        })
    }

    /// Moves on to the next timer and wakes all that are due then; whether there was one.
    pub(crate) fn advance(&self) -> bool {
        let due: Vec<Waker> = {
            let mut times = self.0.lock().unwrap();
            let Some(&(at, _)) = times.timers.keys().next() else { return false };
            times.now = times.now.max(at);
            let later = times.timers.split_off(&(at + 1, 0));
            std::mem::replace(&mut times.timers, later).into_values().collect()
        };
        due.into_iter().for_each(Waker::wake);
        true
    }

    pub(crate) fn timers(&self) -> usize {
        self.0.lock().unwrap().timers.len()
    }
}

/// Counts how often it is woken.
pub(crate) struct CountWakes(AtomicUsize);

impl CountWakes {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(0)))
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Who is to run, each once however often it is woken.
#[derive(Clone, Default)]
pub(crate) struct Ready(Arc<Mutex<BTreeSet<usize>>>);

impl Ready {
    /// A waker that puts `id` in the queue.
    pub(crate) fn waker(&self, id: usize) -> Waker {
        struct Queue(Ready, usize);
        impl Wake for Queue {
            fn wake(self: Arc<Self>) {
                self.0.0.lock().unwrap().insert(self.1);
            }
        }
        Waker::from(Arc::new(Queue(self.clone(), id)))
    }

    /// All that are in the queue.
    pub(crate) fn take(&self) -> BTreeSet<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
