//! One connection on tokio: requests in, responses out, until either side is done.
//!
//! Invariants: a handler starts only when the body of the response before has left its filters, so that
//! only finished responses queue, in the writer. No byte of a request's body is ever parsed as a
//! request. A connection that waits for its next request holds no block.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use brigade::{Chain, End, Error, Progress, ReadCx, ReadMode, Result};
use brigade_net::{Close, NetworkReader, NetworkWriter, Source, TokioSocket};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use super::arrival::{Arrival, Awaited, Refusal};
use super::close::close_in_order;
use super::conn::{Shared, no_room};
use super::drive::{drive_until, hung_up, panicked, run_handler};
use super::ledger::Asked;
use super::line::{LineSource, Socket};
use super::live::Service;
use super::request::ParsedHead;
use super::rest::{Ended, Rest};
use super::settings::bounded;
use super::{Drain, Handler, HandlerFuture, Line, Request, Response, Settings};
use crate::{Exchange, Framing, RequestHead};

/// Serves one connection until it ends; `drain` asks it to end after the response that is running.
///
/// The future is cancel-safe in the sense that dropping it ends the connection at once, and every
/// filter is told that its client is gone.
///
/// # Errors
///
/// What ended the connection before its time: for a log. A client that leaves between two requests is
/// no error.
pub async fn serve_connection(
    line: impl Into<Line>,
    settings: Arc<Settings>,
    handler: Arc<dyn Handler>,
    drain: Drain,
) -> Result<()> {
    serve_line(line.into(), Service { handler, settings }.constant(), drain).await
}

/// The same with a service that may be exchanged meanwhile.
pub(super) async fn serve_line(
    line: Line,
    mut services: watch::Receiver<Service>,
    drain: Drain,
) -> Result<()> {
    let service = services.borrow_and_update().clone();
    let settings = &service.settings;
    let (socket, transport, source) = line.open()?;
    let peer = socket.peer();
    let writer = NetworkWriter::with_options(transport, settings.writer);
    let storage = settings.storage.clone().build();
    let chain = Chain::new(writer).mode(ReadMode::NonBlocking).storage(storage);
    let chain = chain.disk(settings.disk.make());
    let shared = Shared::new(chain, settings.write_timeout, settings.room_timeout);
    if let Some(ledger) = &settings.ledger {
        shared.note_in(ledger);
    }
    let reader = NetworkReader::new(settings.limits.max_head_bytes());
    let rest = Rest::new(drain.clone());
    let mut connection =
        Connection { socket, peer, shared, source, reader, services, service, drain, rest };
    let served = connection.serve().await;
    connection.close(served.is_ok()).await;
    served
}

/// A client whose next request is always there lets other connections have their turn after so many.
const TURN_REQUESTS: u64 = 16;

struct Connection {
    socket: Arc<Socket>,
    peer: Option<SocketAddr>,
    shared: Arc<Shared>,
    source: LineSource,
    reader: NetworkReader,
    services: watch::Receiver<Service>,
    service: Service, // What this request is answered with.
    drain: Drain,
    rest: Rest,
}

/// What came of waiting for bytes.
enum Came {
    Bytes,
    /// The client has ended its side, or the server drains.
    End,
    Late,
}

impl Connection {
    async fn serve(&mut self) -> Result<()> {
        for number in 1_u64.. {
            let closes = match self.next_head().await? {
                Arrival::End => true,
                Arrival::Head(head) => self.answer(*head).await?,
                Arrival::Refused(refusal) => self.refuse(*refusal).await?,
            };
            if closes || self.drain.is_draining() {
                return self.drained().await;
            }
            if number % TURN_REQUESTS == 0 {
                yield_now().await;
            }
        }
        Ok(())
    }

    /// Reads the next head, while finished responses still leave.
    async fn next_head(&mut self) -> Result<Arrival> {
        let mut awaited = Awaited::default();
        let mut deadline = None;
        loop {
            if let Some(arrival) = awaited.take(&mut self.reader, &self.service.settings.limits) {
                return Ok(arrival);
            }
            if awaited.begins() {
                deadline = Some(Instant::now() + bounded(self.service.settings.header_timeout));
            }
            match self.read_some(awaited.has_begun(), &mut deadline).await {
                Ok(Came::Bytes) => {}
                Ok(Came::End) => return Ok(Arrival::End),
                Ok(Came::Late) => return Ok(awaited.late(&self.reader)),
                Err(error) if awaited.is_left(&error) => return Ok(Arrival::End),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what there is. Without a `deadline` the time that a connection may be idle runs from when
    /// the last response has left: what a slow client still takes is no idleness.
    async fn read_some(&mut self, has_begun: bool, deadline: &mut Option<Instant>) -> Result<Came> {
        loop {
            let read = poll_fn(|cx| Poll::Ready(self.poll_read(cx))).await;
            let has_room = match read {
                Poll::Ready(Ok(Some(0))) => return Ok(Came::End),
                Poll::Ready(Ok(Some(_))) => return Ok(Came::Bytes),
                Poll::Ready(Ok(None)) => true,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => false,
            };
            let is_leaving = self.rest()?;
            if !is_leaving {
                deadline.get_or_insert_with(|| {
                    Instant::now() + bounded(self.service.settings.keep_alive_timeout)
                });
            }
            let interest = (&self.source).waits_for();
            let Self { socket, shared, reader, rest, .. } = self;
            let mut client = |cx: &mut Context<'_>| {
                if has_room {
                    socket.poll_ready(interest, cx).map_err(Error::from)
                } else {
                    poll_room(reader, shared, cx).map(Ok)
                }
            };
            let ended = poll_fn(|cx| match client(cx) {
                Poll::Ready(came) => Poll::Ready(came.map(|()| None)),
                Poll::Pending => rest.poll_end(*deadline, !has_begun, cx).map(|end| Ok(Some(end))),
            });
            let ended = if is_leaving {
                tokio::select! {
                    biased;
                    ended = ended => ended?,
                    left = drive_until(socket, shared, has_left) => left.map(|()| None)?,
                }
            } else {
                ended.await?
            };
            match ended {
                None => {}
                Some(Ended::Late) => return Ok(Came::Late),
                Some(Ended::Drains) => return Ok(Came::End),
            }
        }
    }

    /// Nothing is there to be read: what was answered must not wait for what is asked next, and what is
    /// not needed meanwhile is given back. Says whether anything is still leaving.
    fn rest(&mut self) -> Result<bool> {
        let mut conn = self.shared.lock();
        conn.idle()?;
        let is_leaving = !has_left(&conn.chain);
        if !is_leaving {
            // The reader is in no block either while it waits.
            conn.chain.trim();
        }
        Ok(is_leaving)
    }

    /// Reads what is there; `None`: nothing. Waits only for room in the budget.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<usize>>> {
        let mut conn = self.shared.lock();
        let alloc = conn.chain.alloc();
        ready!(self.reader.poll_room(alloc, cx.waker()));
        let mut cx = ReadCx::new(alloc, ReadMode::NonBlocking).with_waker(cx.waker());
        Poll::Ready(match self.reader.fill(&mut cx, &self.source) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.is_would_block() => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// Takes over what has been exchanged since the last request.
    fn renew(&mut self) {
        // Closed: nobody can exchange it, and it is still what it was.
        if self.services.has_changed().unwrap_or(false) {
            self.service = self.services.borrow_and_update().clone();
            let Settings { write_timeout, room_timeout, .. } = *self.service.settings;
            self.shared.lock().set_patience(write_timeout, room_timeout);
        }
    }

    /// Lets the handler answer; says whether the connection closes.
    async fn answer(&mut self, parsed: ParsedHead) -> Result<bool> {
        self.renew();
        let keep_alive = parsed.keep_alive;
        let head = RequestHead::from(parsed);
        if !self.has_room().await? {
            return self.refuse(Refusal { error: no_room(), request: head }).await;
        }
        let head = Arc::new(head);
        let exchange = Exchange::new(head.clone());
        if !keep_alive || self.drain.is_draining() {
            exchange.close_after();
        }
        let asked = if self.drain.is_draining() { Asked::Late } else { Asked::Well };
        let serial = self.begin(&exchange, asked)?;
        let response = Response::new(self.shared.clone(), serial);
        let request = Request::new(head, self.peer);
        // A handler may panic before it has made its future.
        let call = catch_unwind(AssertUnwindSafe(|| self.service.handler.call(request, response)));
        let call = call.unwrap_or_else(|_| Box::pin(async { Err(panicked()) }));
        self.run(&exchange, Some(call)).await
    }

    /// Waits until the next response may be begun: responses that a client does not read must not pile
    /// up, however short they are, nor those of many clients. `false`: the budget was used up for too
    /// long.
    async fn has_room(&mut self) -> Result<bool> {
        let room = drive_until(&self.socket, &self.shared, |chain| !chain.should_yield());
        let Some(budget) = &self.service.settings.storage.budget else {
            return room.await.map(|()| true);
        };
        // The next request may be here already. It must not use up what this one waits for, now or
        // while its handler runs.
        self.reader.set_aside();
        if !budget.is_exhausted() {
            return room.await.map(|()| true);
        }
        self.shared.lock().chain.trim();
        match timeout(self.service.settings.room_timeout, room).await {
            Ok(room) => room.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Answers a request that no handler is asked about, and closes.
    async fn refuse(&mut self, refusal: Refusal) -> Result<bool> {
        let exchange = Exchange::new(Arc::new(refusal.request));
        exchange.close_after();
        self.begin(&exchange, Asked::Badly)?;
        self.shared.lock().refuse(refusal.error);
        self.run(&exchange, None).await
    }

    fn begin(&mut self, exchange: &Exchange, asked: Asked) -> Result<u64> {
        let mut conn = self.shared.lock();
        let serial = conn.begin(exchange.clone())?;
        conn.note_begin(asked);
        self.service.settings.join(&mut conn.chain, exchange);
        Ok(serial)
    }

    /// Runs the handler until the body has left the request's filters; they then wait in the EOR bucket
    /// for the outcome.
    async fn run(&mut self, exchange: &Exchange, call: Option<HandlerFuture>) -> Result<bool> {
        let asked = call.is_some();
        run_handler(&self.socket, &self.shared, call).await?;
        self.shared.lock().end_response()?;
        // What is wrong with a request is for its client to know.
        if asked {
            self.service.settings.report_exchange(exchange);
        }
        Ok(exchange.closes())
    }

    /// Lets all that was answered leave; what still waits for a source is of no use to a client that is
    /// gone.
    async fn drained(&mut self) -> Result<()> {
        self.shared.lock().idle()?;
        tokio::select! {
            biased;
            left = drive_until(&self.socket, &self.shared, has_left) => left,
            () = self.socket.gone() => Err(hung_up()),
        }
    }

    async fn close(&mut self, in_order: bool) {
        let how = {
            let mut conn = self.shared.lock();
            let torn =
                conn.exchange.has_failed() && conn.exchange.framing() == Some(Framing::Close);
            let how = if in_order && !torn { Close::Orderly } else { Close::Reset };
            conn.end(End::ClientGone, how);
            how
        };
        if how == Close::Orderly {
            close_in_order(&self.socket, &self.shared).await;
        }
    }
}

impl Drop for Connection {
    /// Ends a connection that was given up, by its owner or by a panic in a filter: a response that is
    /// cut off must not look complete, and a handle that is left in a task must not wait for ever.
    fn drop(&mut self) {
        self.shared.lock().end(End::ClientGone, Close::Reset);
    }
}

/// Whether the budget lets a connection read, which wakes its task when it does.
fn poll_room(reader: &mut NetworkReader, shared: &Shared, cx: &mut Context<'_>) -> Poll<()> {
    reader.poll_room(shared.lock().chain.alloc(), cx.waker())
}

/// Whether all that was answered has left.
fn has_left(chain: &Chain) -> bool {
    chain.progress() == Progress::Done
}
