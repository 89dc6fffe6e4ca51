//! The same driver on a thread: one connection at a time, calls that wait, no lock.
//!
//! Invariant: what holds for [`serve_connection`](super::serve_connection) holds here; only the waiting
//! is done by the thread.

mod response;

use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use brigade::{Chain, End, ErrorKind, Progress, ReadCx, ReadMode, Result};
use brigade_net::{Close, NetworkReader, NetworkWriter, StdSource, StdTransport, Transport};

pub use self::response::Response;
use super::accept::{accept_blocking, unpark_this_thread};
use super::arrival::{Arrival, Awaited, Refusal};
use super::close::linger_blocking;
use super::conn::no_room;
use super::drive::panicked;
use super::reply::Reply;
use super::request::ParsedHead;
use super::settings::bounded;
use super::{Request, Settings};
use crate::{Exchange, Framing, RequestHead};

/// A socket's time limit cannot be none at all.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// The writer at the end of a blocking connection's chain.
pub type Writer = NetworkWriter<StdTransport>;

/// Makes responses on the thread of the connection. Any
/// `Fn(&Request, &mut Response<'_>) -> Result<()>` is one; `Ok` finishes the response.
pub trait Handler {
    /// Makes a response.
    ///
    /// # Errors
    ///
    /// Whatever ends the response: a whole error response if nothing has left yet.
    fn call(&self, request: &Request, response: &mut Response<'_>) -> Result<()>;
}

impl<F: Fn(&Request, &mut Response<'_>) -> Result<()>> Handler for F {
    fn call(&self, request: &Request, response: &mut Response<'_>) -> Result<()> {
        self(request, response)
    }
}

/// Serves one connection on this thread until it ends.
///
/// # Errors
///
/// What ended the connection before its time: for a log.
pub fn serve_connection(
    stream: TcpStream,
    settings: &Settings,
    handler: &impl Handler,
) -> Result<()> {
    // Gathering is the writer's; the system must not wait for more.
    let _ = stream.set_nodelay(true);
    stream.set_write_timeout(Some(bounded(settings.write_timeout).max(SHORTEST_WAIT)))?;
    let stream = Arc::new(stream);
    let writer = NetworkWriter::with_options(StdTransport::new(stream.clone()), settings.writer);
    let mut chain = Chain::new(writer).mode(ReadMode::Blocking);
    chain = chain.storage(settings.storage.clone().build());
    let waker = unpark_this_thread();
    chain.set_waker(&waker);
    let reader = NetworkReader::new(settings.limits.max_head_bytes());
    let source = StdSource::new(stream.clone());
    let mut connection = Connection { stream, source, chain, reader, waker, settings, torn: false };
    let served = connection.serve(handler);
    connection.close(served.is_ok());
    served
}

/// Accepts the next connection, to be [served](serve_connection): on this thread, or on one of its own.
///
/// While the [budget](Settings::storage) is used up it waits for room first; who connects meanwhile
/// waits in the system's queue. It waits too while the system has no descriptor left, and passes over
/// those who are gone before they were accepted. Several threads may accept from one listener.
///
/// ```no_run
/// use std::net::TcpListener;
/// use std::sync::Arc;
/// use brigade_http::driver::blocking::{Response, accept, serve_connection};
/// use brigade_http::driver::{Request, Settings};
///
/// fn hello(_: &Request, response: &mut Response<'_>) -> brigade::Result<()> {
///     response.write(b"hello\n")
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = TcpListener::bind("127.0.0.1:8080")?;
/// let settings = Arc::new(Settings::default());
/// loop {
///     let stream = accept(&listener, &settings)?;
///     let settings = settings.clone();
///     std::thread::spawn(move || serve_connection(stream, &settings, &hello));
/// }
/// # }
/// ```
///
/// # Errors
///
/// When the listener breaks.
pub fn accept(listener: &TcpListener, settings: &Settings) -> Result<TcpStream> {
    accept_blocking(listener, settings.storage.budget.as_ref())
}

/// Waits while the budget, a filter or a source of the chain has to be waited for; by `idle` what was
/// given so far leaves meanwhile.
fn wait_until(
    chain: &mut Chain,
    room_timeout: Duration,
    mut idle: impl FnMut(&mut Chain) -> Result<()>,
    is_reached: impl Fn(&Chain) -> bool,
) -> Result<()> {
    while !is_reached(chain) {
        idle(chain)?;
        if !chain.alloc().waits_for_budget() {
            std::thread::park();
        } else if !park_for(room_timeout) {
            if chain.progress() == Progress::Pending {
                chain.abort(End::Timeout); // What is in the middle of it cannot even be failed.
            }
            return Err(no_room());
        }
        let _ = chain.resume()?;
    }
    Ok(())
}

/// Waits to be woken; `false`: it took longer than `limit`.
fn park_for(limit: Duration) -> bool {
    let begun = Instant::now();
    std::thread::park_timeout(bounded(limit));
    begun.elapsed() < limit
}

struct Connection<'s> {
    stream: Arc<TcpStream>,
    source: StdSource,
    chain: Chain,
    reader: NetworkReader,
    waker: Waker, // Of this thread.
    settings: &'s Settings,
    torn: bool, // A body without framing failed: only a reset tells.
}

impl Connection<'_> {
    fn serve(&mut self, handler: &impl Handler) -> Result<()> {
        loop {
            let exchange = match self.next_head()? {
                Arrival::End => return Ok(()),
                Arrival::Head(head) => self.answer(*head, handler)?,
                Arrival::Refused(refusal) => self.refuse(*refusal)?,
            };
            self.torn = exchange.has_failed() && exchange.framing() == Some(Framing::Close);
            // The next request may be here already: its handler may take long, and the thread with it.
            self.chain.idle()?;
            if exchange.closes() {
                return Ok(());
            }
        }
    }

    fn next_head(&mut self) -> Result<Arrival> {
        let mut awaited = Awaited::default();
        let mut deadline = Instant::now() + bounded(self.settings.keep_alive_timeout);
        loop {
            if let Some(arrival) = awaited.take(&mut self.reader, &self.settings.limits) {
                return Ok(arrival);
            }
            if awaited.begins() {
                deadline = Instant::now() + bounded(self.settings.header_timeout);
            }
            match self.read_some(deadline) {
                Ok(0) => return Ok(Arrival::End),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return Ok(awaited.late(&self.reader));
                }
                Err(error) if awaited.is_left(&error) => return Ok(Arrival::End),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what comes until `deadline`.
    fn read_some(&mut self, deadline: Instant) -> Result<usize> {
        loop {
            // Whatever comes next, it is waited for without a block.
            self.reader.set_aside();
            self.chain.trim();
            let left = deadline.saturating_duration_since(Instant::now());
            if self.reader.poll_room(self.chain.alloc(), &self.waker).is_pending() {
                if left.is_zero() {
                    return Err(no_room());
                }
                std::thread::park_timeout(left);
                continue;
            }
            // Not at all would be for ever.
            self.stream.set_read_timeout(Some(left.max(SHORTEST_WAIT)))?;
            let cx = ReadCx::new(self.chain.alloc(), ReadMode::Blocking);
            match self.reader.fill(&mut cx.with_waker(&self.waker), &self.source) {
                // The socket waits: the room has gone meanwhile.
                Err(error) if error.is_would_block() => {}
                answer => return answer,
            }
        }
    }

    fn answer(&mut self, parsed: ParsedHead, handler: &impl Handler) -> Result<Exchange> {
        let keep_alive = parsed.keep_alive;
        let head = RequestHead::from(parsed);
        if !self.has_room()? {
            return self.refuse(Refusal { error: no_room(), request: head });
        }
        let head = Arc::new(head);
        let exchange = Exchange::new(head.clone());
        if !keep_alive {
            exchange.close_after();
        }
        let mut reply = self.begin(&exchange)?;
        let request = Request::new(head, self.stream.peer_addr().ok());
        let mut response = Response {
            chain: &mut self.chain,
            reply: &mut reply,
            stream: &self.stream,
            room_timeout: self.settings.room_timeout,
            in_chain: false,
        };
        let call = AssertUnwindSafe(|| handler.call(&request, &mut response));
        let answered = catch_unwind(call);
        let in_chain = response.in_chain;
        let answer = answered.unwrap_or_else(|_| {
            if in_chain {
                // Wherever the filter stopped, nothing more may leave.
                self.chain.abort(End::Failed);
            }
            Err(panicked())
        });
        self.end(&mut reply, answer)?;
        self.settings.report_exchange(&exchange);
        Ok(exchange)
    }

    /// Waits until the next response may be begun. `false`: the budget was used up for too long.
    fn has_room(&mut self) -> Result<bool> {
        if self.settings.storage.budget.is_some() {
            // The next request may be here already. It must not use up what this one waits for, now or
            // while its handler runs.
            self.reader.set_aside();
        }
        let room_timeout = self.settings.room_timeout;
        let goes_on = |chain: &Chain| !chain.should_yield();
        match wait_until(&mut self.chain, room_timeout, Chain::idle, goes_on) {
            Ok(()) => Ok(true),
            Err(error) if self.chain.aborted().is_some() => Err(error),
            Err(_) => Ok(false),
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> Result<Exchange> {
        let exchange = Exchange::new(Arc::new(refusal.request));
        exchange.close_after();
        let mut reply = self.begin(&exchange)?;
        reply.fail(&mut self.chain, refusal.error);
        self.end(&mut reply, Ok(()))?;
        Ok(exchange)
    }

    fn begin(&mut self, exchange: &Exchange) -> Result<Reply> {
        self.chain.begin_response()?;
        self.settings.join(&mut self.chain, exchange);
        Ok(Reply::new(exchange.clone()))
    }

    /// Ends the response as the handler did, and lets its filters wait for the outcome.
    fn end(&mut self, reply: &mut Reply, answer: Result<()>) -> Result<()> {
        let finished = match answer {
            Ok(()) if !reply.is_open() => Ok(()),
            Ok(()) => reply.finish(&mut self.chain),
            Err(error) => Err(error),
        };
        if let Err(error) = finished {
            reply.fail(&mut self.chain, error);
        }
        let has_left = |chain: &Chain| chain.progress() == Progress::Done;
        let room_timeout = self.settings.room_timeout;
        if let Err(error) = wait_until(&mut self.chain, room_timeout, Chain::idle, has_left) {
            reply.fail(&mut self.chain, error.clone());
            if self.chain.aborted().is_some() {
                return Err(error);
            }
        }
        self.chain.end_request(None)
    }

    fn close(mut self, in_order: bool) {
        let how = if in_order && !self.torn { Close::Orderly } else { Close::Reset };
        if let Some(writer) = self.chain.terminal::<Writer>() {
            // A connection that is gone cannot be closed any better.
            let _ = writer.transport_mut().close(how);
        }
        if how == Close::Orderly {
            linger_blocking(&self.stream);
        }
    }
}
