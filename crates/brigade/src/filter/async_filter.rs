//! A filter written as a future: one that asks somebody else in the middle of a body.
//!
//! Invariants: the future is polled only while its filter is called, so it runs on the chain's own
//! waiting and needs no runtime; it is dropped with its chain. A wake that comes at any time is acted
//! on: in a call by another poll, out of one by the chain's waker.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::next::{PIECE_BUCKETS, PIECE_BYTES};
use super::{Next, OutputFilter};
use crate::{Brigade, Bucket, Error, Result};

type Work = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A future that wakes itself is polled so often in one call; then others have their turn.
const TURNS: usize = 32;

/// Makes a filter of a future, begun anew for each body.
///
/// The future [reads](AsyncBody::read) buckets and [pushes](AsyncBody::push) what shall go on, and
/// awaits whatever it likes in between: a verdict, a key, a cache. While it does, the chain keeps what
/// comes, a FILE unread, and pushes back; nothing blocks the thread. It keeps the promises of any
/// [`OutputFilter`]: every mark is pushed on, the EOS last. If it is done before, the rest of the body
/// goes past it.
///
/// It is polled when more of the body comes, or, once it waits for something else than the body, when
/// that wakes it. It costs a box a body and a lock a bucket.
///
/// ```
/// use std::sync::Arc;
/// use std::task::{Wake, Waker};
/// use std::thread::{self, Thread};
///
/// use brigade::{AsyncFilter, Bucket, Chain, Error, FilterKind, Member, Progress, recorder};
/// # use std::sync::Mutex;
/// # use std::task::Poll;
/// #
/// # async fn ask(question: String) -> bool {
/// #     let answer = Arc::new(Mutex::new((None, None::<Waker>)));
/// #     let service = Arc::clone(&answer);
/// #     thread::spawn(move || {
/// #         let mut slot = service.lock().unwrap();
/// #         slot.0 = Some(!question.contains("virus"));
/// #         if let Some(waker) = slot.1.take() {
/// #             waker.wake();
/// #         }
/// #     });
/// #     std::future::poll_fn(move |cx| {
/// #         let mut slot = answer.lock().unwrap();
/// #         slot.1 = Some(cx.waker().clone());
/// #         slot.0.map_or(Poll::Pending, Poll::Ready)
/// #     })
/// #     .await
/// # }
///
/// struct Unpark(Thread);
/// impl Wake for Unpark {
///     fn wake(self: Arc<Self>) {
///         self.0.unpark();
///     }
/// }
///
/// # fn main() -> brigade::Result<()> {
/// // `ask` sends its question to another service, and wakes who awaits the answer.
/// let scan = AsyncFilter::new(|mut body| async move {
///     while let Some(bucket) = body.read().await {
///         if let Some(bytes) = bucket.bytes() {
///             if !ask(String::from_utf8_lossy(bytes).into_owned()).await {
///                 return Err(Error::other("the scanner said no"));
///             }
///         }
///         body.push(bucket).await;
///     }
///     Ok(())
/// });
///
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.set_waker(&Waker::from(Arc::new(Unpark(thread::current()))));
/// chain.join_request(Member::new("scan", FilterKind::RESOURCE, scan));
/// chain.write(b"a harmless text")?;
/// chain.pass_bucket(Bucket::eos())?;
/// while chain.resume()? == Progress::Pending {
///     thread::park();
/// }
/// assert_eq!(record.bytes(), b"a harmless text");
/// # Ok(())
/// # }
/// ```
pub struct AsyncFilter {
    begin: Box<dyn FnMut(AsyncBody) -> Work + Send>,
    state: State,
    slot: Arc<Slot>,
    waker: Waker, // Of `slot`.
}

enum State {
    /// Before a body.
    Before,
    In(Work),
    /// The future is done, and the body is not.
    Past,
}

impl AsyncFilter {
    /// Makes a filter that calls `begin` for each body, and drives the future it answers.
    pub fn new<B, W>(mut begin: B) -> Self
    where
        B: FnMut(AsyncBody) -> W + Send + 'static,
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let slot = Arc::new(Slot::default());
        Self {
            begin: Box::new(move |body| Box::pin(begin(body))),
            state: State::Before,
            waker: Waker::from(Arc::clone(&slot)),
            slot,
        }
    }
}

/// The body that goes through an [`AsyncFilter`], as its future sees it.
pub struct AsyncBody(Arc<Slot>);

impl AsyncBody {
    /// Waits for the next bucket: a mark, or data with its bytes in memory. `None`: the end of the body
    /// has been read.
    ///
    /// Dropping it before it is ready loses nothing.
    pub async fn read(&mut self) -> Option<Bucket<'static>> {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            match state.input.take() {
                Some(bucket) => {
                    state.has_ended = bucket.ends_body();
                    Poll::Ready(Some(bucket))
                }
                None if state.has_ended => Poll::Ready(None),
                None => {
                    state.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Gives a bucket to the filters below, once there is room: a piece (64 KiB) at a time goes down,
    /// and none while the chain [holds back](Next::should_yield).
    ///
    /// Dropping it before it is ready means that the bucket was not pushed.
    pub async fn push(&mut self, bucket: Bucket<'static>) {
        let mut bucket = Some(bucket);
        poll_fn(|cx| {
            let mut state = self.0.lock();
            let output = &mut state.output;
            if output.resident_bytes() >= PIECE_BYTES || output.len() >= PIECE_BUCKETS {
                state.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            output.extend(bucket.take());
            Poll::Ready(())
        })
        .await;
    }
}

/// What a future and its filter share.
#[derive(Default)]
struct Slot {
    state: Mutex<Shared>,
    is_called: AtomicBool,
    woken: AtomicBool,
}

#[derive(Default)]
struct Shared {
    input: Option<Bucket<'static>>,
    output: Brigade<'static>,
    has_ended: bool,       // The end of the body was read.
    reader: Option<Waker>, // Who waits for input,
    writer: Option<Waker>, // and who for room in the output.
    chain: Option<Waker>,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The filter does these two the other way round, so that one of both sees the other.
        self.woken.store(true, Ordering::SeqCst);
        if !self.is_called.load(Ordering::SeqCst) {
            let chain = self.lock().chain.clone();
            chain.into_iter().for_each(Waker::wake);
        }
    }
}

impl OutputFilter for AsyncFilter {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        self.slot.lock().chain = Some(next.waker().clone());
        self.slot.is_called.store(true, Ordering::SeqCst);
        let answer = self.go_on(input, next);
        self.slot.is_called.store(false, Ordering::SeqCst);
        answer.inspect_err(|error| {
            if !error.is_would_block() {
                self.state = State::Past;
                self.slot.lock().output.clear();
            } else if self.slot.woken.load(Ordering::SeqCst) {
                next.waker().wake_by_ref(); // Woken since the last poll.
            }
        })
    }

    fn held_bytes(&self) -> usize {
        let state = self.slot.lock();
        let input = state.input.as_ref().and_then(Bucket::bytes).map_or(0, <[u8]>::len);
        input + usize::try_from(state.output.resident_bytes()).unwrap_or(usize::MAX)
    }
}

impl Drop for AsyncFilter {
    /// A future that waits for its body has the slot keep the slot's own waker: that ring is opened.
    fn drop(&mut self) {
        self.state = State::Past; // The future first, which may look into the slot.
        let left = std::mem::take(&mut *self.slot.lock());
        drop(left); // Outside the lock: foreign code may be behind a waker.
    }
}

/// What a future that was polled wants.
enum Wish {
    /// It is done.
    Nothing,
    Input,
    Room,
    /// Something else, which wakes it.
    Other,
}

impl AsyncFilter {
    fn go_on<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        let mut turns = 0;
        loop {
            let wish = match &mut self.state {
                State::Past if next.is_requests() => {
                    next.step_aside();
                    return Ok(());
                }
                State::Past => {
                    let Some(bucket) = input.pop_front() else { return Ok(()) };
                    if bucket.ends_body() {
                        self.state = State::Before;
                    }
                    next.push(bucket)?;
                    continue;
                }
                State::Before if input.is_empty() => return Ok(()),
                State::Before => {
                    self.slot.lock().has_ended = false;
                    self.state = State::In((self.begin)(AsyncBody(Arc::clone(&self.slot))));
                    continue;
                }
                State::In(work) => poll(work, &self.slot, &self.waker)?,
            };
            self.push_out(next)?;
            match wish {
                Wish::Nothing => self.done(input),
                Wish::Input => match next.read(input)? {
                    Some(bucket) => self.give(bucket.set_aside(next.alloc())),
                    None => return Ok(()),
                },
                Wish::Room => {
                    next.hand_down()?;
                    if next.should_yield() {
                        return Err(Error::would_block());
                    }
                    let writer = self.slot.lock().writer.take();
                    writer.into_iter().for_each(Waker::wake);
                }
                Wish::Other if turns < TURNS && self.slot.woken.load(Ordering::SeqCst) => {
                    turns += 1;
                }
                Wish::Other => return Err(Error::would_block()),
            }
        }
    }

    /// The future is done. What it did not read goes past it.
    fn done(&mut self, input: &mut Brigade<'_>) {
        let mut state = self.slot.lock();
        if let Some(unread) = state.input.take() {
            input.push_front(unread);
        }
        self.state = if state.has_ended { State::Before } else { State::Past };
    }

    fn give(&self, bucket: Bucket<'static>) {
        let mut state = self.slot.lock();
        state.input = Some(bucket);
        let reader = state.reader.take();
        drop(state); // Foreign code may be behind a waker.
        reader.into_iter().for_each(Waker::wake);
    }

    fn push_out(&self, next: &mut Next<'_, '_>) -> Result<()> {
        let mut output = std::mem::take(&mut self.slot.lock().output);
        let answer = super::map::push_out(&mut output, next);
        output.clear();
        self.slot.lock().output = output; // Its storage is used again.
        answer
    }
}

fn poll(work: &mut Work, slot: &Slot, waker: &Waker) -> Result<Wish> {
    slot.woken.store(false, Ordering::SeqCst);
    if let Poll::Ready(answer) = work.as_mut().poll(&mut Context::from_waker(waker)) {
        return answer.map(|()| Wish::Nothing);
    }
    let state = slot.lock();
    Ok(match (&state.writer, &state.reader) {
        (Some(_), _) => Wish::Room,
        (None, Some(_)) => Wish::Input,
        (None, None) => Wish::Other,
    })
}

impl fmt::Debug for AsyncFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Before => "before a body",
            State::In(_) => "in a body",
            State::Past => "past its work",
        };
        f.debug_struct("AsyncFilter").field("state", &state).finish_non_exhaustive()
    }
}

impl fmt::Debug for AsyncBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("AsyncBody")
            .field("input", &state.input)
            .field("output", &state.output)
            .finish_non_exhaustive()
    }
}
