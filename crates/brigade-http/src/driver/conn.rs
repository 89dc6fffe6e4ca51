//! What the driver of a connection and the response handle share: the chain, behind a mutex that is
//! never held across an await.
//!
//! Invariants: a handle works on the response it was made for; its number is checked at every call.
//! Whoever waits on a response or its connection is woken when that is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use brigade::{Chain, End, Error, ErrorKind, Progress, Result};
use brigade_net::{Close, NetworkWriter, TokioSocket, Transport, WaitsFor};
use http::StatusCode;
use tokio::time::Instant;

use super::ledger::{self, Asked, Ledger};
use super::line::{LineTransport, Socket};
use super::reply::Reply;
use super::settings::bounded;
use crate::{Exchange, RequestHead, StatusError};

pub(super) type Writer = NetworkWriter<LineTransport>;

/// A handle that writes without ever having to wait gives way to other tasks after this many bytes.
const GIVE_WAY_BYTES: usize = 256 * 1024;

/// A connection, shared.
#[derive(Debug)]
pub(super) struct Shared(Mutex<Conn>);

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) chain: Chain,
    pub(super) reply: Reply,
    pub(super) exchange: Exchange,
    /// The number of the response that is being made.
    serial: u64,
    handle: Handle,
    /// The driver is running the handler, and looks at the chain when that is done.
    in_handler: bool,
    /// The response before this one may be kept, to leave together with this one.
    is_behind: bool,
    has_ended: bool,
    driver: Waker,
    stall: Stall,
    ledger: Option<ledger::Line>,
}

/// What the handle of the current response is up to.
#[derive(Debug, Default)]
struct Handle {
    alive: bool,
    handler_done: bool,
    pause: Pause,
    given_bytes: usize,
    room: Option<Waker>,
    room_is_late: bool, // Its wait for room has taken too long: told once.
    gone: Option<Waker>,
}

impl Handle {
    /// Whether it is the turn of other tasks.
    fn gives_way(&self) -> bool {
        self.given_bytes >= GIVE_WAY_BYTES
    }
}

/// Why a handler that is pending may still have more to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pause {
    /// It waits for something else.
    #[default]
    Elsewhere,
    /// It waits for room in the chain.
    ForRoom,
    /// It gives way to other tasks.
    ForOthers,
}

/// How long nothing has left.
#[derive(Debug)]
struct Stall {
    client_limit: Duration,        // While the client takes nothing.
    room_limit: Duration,          // While the budget is used up.
    since: Option<(u64, Instant)>, // Bytes written by then.
}

impl Stall {
    fn new(write_timeout: Duration, room_timeout: Duration) -> Self {
        Self {
            client_limit: bounded(write_timeout),
            room_limit: bounded(room_timeout),
            since: None,
        }
    }
}

impl Shared {
    /// A connection whose peer may take nothing for `write_timeout`.
    pub(super) fn new(chain: Chain, write_timeout: Duration, room_timeout: Duration) -> Arc<Self> {
        let request = Arc::new(RequestHead::get(http::Uri::from_static("/")));
        let exchange = Exchange::new(request);
        Arc::new(Self(Mutex::new(Conn {
            chain,
            reply: Reply::new(exchange.clone()),
            exchange,
            serial: 0,
            handle: Handle::default(),
            in_handler: false,
            is_behind: false,
            has_ended: false,
            driver: Waker::noop().clone(),
            stall: Stall::new(write_timeout, room_timeout),
            ledger: None,
        })))
    }

    /// Keeps what becomes of its responses in `ledger`.
    pub(super) fn note_in(self: &Arc<Self>, ledger: &Ledger) {
        let line = ledger.open(self);
        let mut conn = self.lock();
        line.observe(&mut conn.chain);
        conn.ledger = Some(line);
    }

    /// Locks it. A panic in a filter poisons the lock, and has ended the connection.
    pub(super) fn lock(&self) -> MutexGuard<'_, Conn> {
        self.0.lock().unwrap_or_else(|poisoned| {
            let mut conn = PoisonError::into_inner(poisoned);
            // Wherever the filter stopped, nothing more may leave.
            conn.chain.abort(End::Failed);
            conn
        })
    }
}

impl Conn {
    /// Sets for how long nothing may leave, from now on.
    pub(super) fn set_patience(&mut self, write_timeout: Duration, room_timeout: Duration) {
        self.stall = Stall::new(write_timeout, room_timeout);
    }

    /// Tells the ledger, if there is one, that a response begins.
    pub(super) fn note_begin(&mut self, asked: Asked) {
        if self.ledger.is_some() {
            let written = self.written();
            let request = self.exchange.request().clone();
            self.ledger
                .as_mut()
                .into_iter()
                .for_each(|ledger| ledger.begin(&request, asked, written));
        }
    }

    /// Bytes that have left on this connection.
    fn written(&mut self) -> u64 {
        self.writer().map_or(0, |writer| writer.stats().bytes_written)
    }

    /// Begins the next response; answers the number its handle needs.
    pub(super) fn begin(&mut self, exchange: Exchange) -> Result<u64> {
        self.chain.begin_response()?;
        self.reply = Reply::new(exchange.clone());
        self.exchange = exchange;
        self.handle = Handle { alive: true, ..Handle::default() };
        Ok(self.serial)
    }

    /// Ends the response that has left the request's filters: a handle that is left can do no more.
    pub(super) fn end_response(&mut self) -> Result<()> {
        self.serial += 1;
        self.wake_all();
        self.is_behind = true;
        let told = self.ledger.as_ref().and_then(|ledger| ledger.produced(&self.exchange));
        self.chain.end_request(told)
    }

    /// Checks that the handle with this number may still do something.
    pub(super) fn check(&self, serial: u64) -> Result<()> {
        if let Some(end) = self.chain.aborted() {
            return Err(Error::new(ErrorKind::Aborted, format!("the connection ended: {end:?}")));
        }
        if serial != self.serial {
            let context = "go on with a response whose request has ended";
            return Err(Error::new(ErrorKind::Aborted, context));
        }
        Ok(())
    }

    /// Waits until the chain has room for more from the handle with this number.
    pub(super) fn poll_room(&mut self, serial: u64, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.handle.pause = Pause::Elsewhere;
        if let Err(error) = self.check(serial) {
            return Poll::Ready(Err(error));
        }
        let handle = &mut self.handle;
        if std::mem::take(&mut handle.room_is_late) {
            return Poll::Ready(Err(no_room()));
        }
        if self.chain.should_yield() {
            handle.pause = Pause::ForRoom;
            handle.room = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if handle.gives_way() {
            handle.given_bytes = 0;
            handle.pause = Pause::ForOthers;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes `bytes` from the handle with this number if they only have to be copied beside what it wrote
    /// before, within a block; says whether it did. That needs no room, so that of the writes that fill a
    /// block one asks whether there is some.
    #[inline]
    pub(super) fn gather(&mut self, serial: u64, bytes: &[u8]) -> bool {
        let is_taken = serial == self.serial
            && self.chain.aborted().is_none()
            && !self.handle.gives_way()
            && self.reply.gather(&mut self.chain, bytes);
        if is_taken {
            self.gave(bytes.len());
        }
        is_taken
    }

    /// Whether the handle must pause before it gives more.
    pub(super) fn must_pause(&self) -> bool {
        self.chain.should_yield() || self.handle.gives_way()
    }

    /// Notes what the handle gave, and lets the driver look at it if it does not anyway.
    #[inline]
    pub(super) fn gave(&mut self, bytes: usize) {
        self.handle.given_bytes += bytes;
        if !self.in_handler {
            self.driver.wake_by_ref();
        }
    }

    /// Whether no more is wanted of the handle with this number.
    pub(super) fn is_over(&self, serial: u64) -> bool {
        self.check(serial).is_err() || self.reply.is_unwanted()
    }

    /// Waits until the client is gone, or the response with this number is over.
    pub(super) fn poll_gone(&mut self, serial: u64, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_over(serial) {
            return Poll::Ready(());
        }
        self.handle.gone = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The handle with this number is dropped. What follows is the driver's to do: the handle may have
    /// been dropped by a panic, in which no filter must run.
    pub(super) fn dropped(&mut self, serial: u64) {
        if serial == self.serial {
            self.handle.alive = false;
            self.driver.wake_by_ref();
        }
    }

    /// Fails a response that nobody is left to finish.
    pub(super) fn fail_if_dropped(&mut self) {
        if self.handle.handler_done && !self.handle.alive && self.reply.is_open() {
            self.fail(Error::other("the response was dropped before it was finished"));
        }
    }

    /// The handler is done.
    pub(super) fn handled(&mut self, answer: Result<()>) {
        self.handle.handler_done = true;
        match answer {
            // A handle that went to another task goes on there.
            Ok(()) if self.handle.alive || !self.reply.is_open() => {}
            Ok(()) => {
                if let Err(error) = self.reply.finish(&mut self.chain) {
                    self.fail(error);
                }
            }
            Err(error) => self.fail(error),
        }
    }

    /// Answers a request that no handler is asked about.
    pub(super) fn refuse(&mut self, error: Error) {
        self.handle.handler_done = true;
        self.reply.fail(&mut self.chain, error);
    }

    /// Fails the response that is being made.
    pub(super) fn fail(&mut self, error: Error) {
        self.reply.fail(&mut self.chain, error);
    }

    /// Whether the response has been made, and has left the request's filters; or never will.
    pub(super) fn is_done(&self) -> bool {
        let over = self.chain.aborted().is_some()
            || !self.reply.is_open() && self.chain.has_left_request();
        self.handle.handler_done && over
    }

    /// The handler has its turn: it needs nobody to wake the driver.
    pub(super) fn before_handler(&mut self) {
        self.in_handler = true;
        // Why it paused before does not matter: it may have given that call up.
        self.handle.pause = Pause::Elsewhere;
    }

    /// The handler had its turn.
    pub(super) fn after_turn(&mut self) {
        self.in_handler = false;
        if self.reply.is_unwanted() {
            wake(&mut self.handle.gone);
        }
    }

    /// After the handler had its turn: if it has nothing to give now, what it gave must not wait.
    pub(super) fn after_handler(&mut self) -> Result<()> {
        self.after_turn();
        let has_more = match self.handle.pause {
            Pause::Elsewhere => false,
            // What a filter waits for may take long; what the peer takes goes on by itself.
            Pause::ForRoom => self.is_blocked(),
            Pause::ForOthers => {
                self.handle.pause = Pause::Elsewhere;
                true
            }
        };
        // A response that is done may leave together with the next one.
        if has_more || self.is_done() || self.chain.aborted().is_some() {
            return Ok(());
        }
        self.idle()
    }

    /// Nothing comes now: what was given must not wait.
    pub(super) fn idle(&mut self) -> Result<()> {
        if std::mem::take(&mut self.is_behind) && !self.reply.has_first() {
            return self.chain.flush();
        }
        self.reply.idle(&mut self.chain)
    }

    /// Gives away what the peer takes, and registers for when it takes more.
    pub(super) fn poll_write(&mut self, socket: &Socket, cx: &mut Context<'_>) -> Result<()> {
        self.drive_by(cx.waker());
        while self.chain.progress() == Progress::Pending {
            let _ = self.chain.resume()?;
            // TLS may have to hear its peer before it writes.
            let waits_for = self.writer().and_then(|writer| writer.waits_for());
            let Some(WaitsFor::Transport(interest)) = waits_for else { break };
            if socket.poll_ready(interest, cx).is_pending() {
                break;
            }
        }
        self.wake_for_room();
        Ok(())
    }

    /// Wakes `driver` when something can go on.
    pub(super) fn drive_by(&mut self, driver: &Waker) {
        self.driver.clone_from(driver);
        self.chain.set_waker(driver);
    }

    /// Lets a handle go on that waits for room, if there is some.
    pub(super) fn wake_for_room(&mut self) {
        // Asked only for a handle that waits: whoever asks stands in line for room in the budget, and
        // is woken in place of others.
        if self.handle.room.is_some() && !self.chain.should_yield() {
            wake(&mut self.handle.room);
        }
    }

    /// When nothing will have left for too long, unless something does.
    pub(super) fn stalls_at(&mut self) -> Option<Instant> {
        let limit = if self.is_blocked() {
            self.stall.client_limit
        } else if self.is_held_back() {
            self.stall.room_limit
        } else {
            self.stall.since = None;
            return None;
        };
        let written = self.writer()?.stats().bytes_written;
        match self.stall.since {
            Some((before, since)) if before == written => Some(since + limit),
            _ => {
                let now = Instant::now();
                self.stall.since = Some((written, now));
                Some(now + limit)
            }
        }
    }

    /// What is wrong when nothing has left for too long.
    pub(super) fn stalled(&mut self) -> Error {
        let client = "the client took nothing for too long";
        if self.is_blocked() { Error::new(ErrorKind::TimedOut, client) } else { no_room() }
    }

    /// Tells the handle that it has waited too long for room, as a blocking one is told: its handler can
    /// still fail, and the client is answered. `false`: the head is on its way, or it is not the handle
    /// that waits.
    pub(super) fn gives_room_up(&mut self) -> bool {
        let may_answer = self.reply.is_open() && !self.exchange.is_committed();
        if !may_answer || self.handle.pause != Pause::ForRoom || self.is_blocked() {
            return false;
        }
        self.handle.pause = Pause::Elsewhere;
        self.handle.room_is_late = true;
        self.stall.since = None;
        wake(&mut self.handle.room);
        true
    }

    /// Whether the response cannot go on for want of budget, and for nothing else.
    fn is_held_back(&mut self) -> bool {
        let wants_more =
            self.handle.pause == Pause::ForRoom || self.chain.progress() == Progress::Pending;
        wants_more && self.chain.alloc().waits_for_budget()
    }

    /// Ends the connection, once: every filter is told, and whoever waits for room or for this learns
    /// it. `Reset` for one that ends before its time: nothing may look complete.
    pub(super) fn end(&mut self, end: End, how: Close) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        self.chain.abort(end);
        let written = self.written();
        if let Some(ledger) = &self.ledger {
            ledger.broken(&self.exchange, self.chain.aborted().unwrap_or(end), written);
        }
        if let Some(writer) = self.writer() {
            // A connection that is gone cannot be closed any better.
            let _ = writer.transport_mut().close(how);
        }
        self.wake_all();
    }

    fn wake_all(&mut self) {
        wake(&mut self.handle.room);
        wake(&mut self.handle.gone);
    }

    /// Whether the peer takes nothing now.
    fn is_blocked(&mut self) -> bool {
        self.writer().is_some_and(|writer| writer.is_blocked())
    }

    pub(super) fn writer(&mut self) -> Option<&mut Writer> {
        self.chain.terminal::<Writer>()
    }
}

/// What becomes of a response that waits too long for what others hold.
pub(super) fn no_room() -> Error {
    Error::new(ErrorKind::TimedOut, "wait for room in the memory budget")
        .because(StatusError::new(StatusCode::SERVICE_UNAVAILABLE))
}

/// Lets whoever waits look again.
fn wake(waiting: &mut Option<Waker>) {
    if let Some(waker) = waiting.take() {
        waker.wake();
    }
}
