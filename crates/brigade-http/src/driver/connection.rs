//! One connection on tokio: requests in, responses out, until either side is done.
//!
//! Invariants: a handler starts only when the body of the response before has left its filters, so that
//! only finished responses queue, in the writer. No byte of a request's body is ever parsed as a
//! request. A connection that waits for its next request holds no block.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use brigade::{Chain, End, Error, Progress, ReadMode, Result};
use brigade_net::{Close, NetworkReader, NetworkWriter, TokioSource, TokioTransport, Transport};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::close::linger;
use super::conn::Shared;
use super::drive::{drive, drive_until_done, panicked, run_handler};
use super::refusal::{refused, too_late};
use super::request::{HeadScan, ParsedHead, ScanState, parse_head};
use super::{Drain, Handler, HandlerFuture, Request, Response, Settings};
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
    stream: TcpStream,
    settings: Arc<Settings>,
    handler: Arc<dyn Handler>,
    drain: Drain,
) -> Result<()> {
    let peer = stream.peer_addr().ok();
    // Gathering is the writer's; the system must not wait for more.
    let _ = stream.set_nodelay(true);
    let stream = Arc::new(stream);
    let writer = NetworkWriter::with_options(TokioTransport::new(stream.clone()), settings.writer);
    let chain = Chain::new(writer).mode(ReadMode::NonBlocking);
    let shared = Shared::new(chain, &settings);
    let reader = NetworkReader::new(settings.limits.max_head_bytes());
    let source = TokioSource::new(stream.clone());
    let mut connection =
        Connection { stream, peer, shared, source, reader, settings, handler, drain };
    let served = connection.serve().await;
    connection.close(served.is_ok()).await;
    served
}

struct Connection {
    stream: Arc<TcpStream>,
    peer: Option<SocketAddr>,
    shared: Arc<Shared>,
    source: TokioSource,
    reader: NetworkReader,
    settings: Arc<Settings>,
    handler: Arc<dyn Handler>,
    drain: Drain,
}

/// What came of waiting for a request.
enum Arrival {
    Head(Box<ParsedHead>),
    Refused(Error),
    End,
}

impl Connection {
    async fn serve(&mut self) -> Result<()> {
        loop {
            let closes = match self.next_head().await? {
                Arrival::End => return Ok(()),
                Arrival::Head(head) => self.answer(*head).await?,
                Arrival::Refused(error) => self.refuse(error).await?,
            };
            if closes || self.drain.is_draining() {
                return self.drained().await;
            }
        }
    }

    /// Reads the next head, while finished responses still leave.
    async fn next_head(&mut self) -> Result<Arrival> {
        let mut scan = HeadScan::new();
        let mut deadline = Instant::now() + self.settings.keep_alive_timeout;
        let mut has_begun = false;
        loop {
            match scan.advance(self.reader.bytes(), &self.settings.limits) {
                Err(error) => return Ok(Arrival::Refused(refused(&error))),
                Ok(ScanState::Complete { head_len }) => {
                    let parsed = parse_head(self.reader.bytes(), &self.settings.limits);
                    self.reader.consume(head_len);
                    return Ok(match parsed {
                        Ok(head) => Arrival::Head(Box::new(head)),
                        Err(error) => Arrival::Refused(refused(&error)),
                    });
                }
                Ok(_) => {}
            }
            if scan.has_begun() && !has_begun {
                has_begun = true;
                deadline = Instant::now() + self.settings.header_timeout;
            }
            if !self.read_some(has_begun, deadline).await? {
                let late = has_begun && Instant::now() >= deadline;
                return Ok(if late { Arrival::Refused(too_late()) } else { Arrival::End });
            }
        }
    }

    /// Reads what there is. `false`: the client has ended its side, time is up, or the server drains.
    async fn read_some(&mut self, has_begun: bool, deadline: Instant) -> Result<bool> {
        loop {
            let read = self.try_read()?;
            match read {
                Some(0) => return Ok(false),
                Some(_) => return Ok(true),
                None => {}
            }
            // Nothing is there now: what was answered must not wait for what is asked next.
            {
                let mut conn = self.shared.lock();
                conn.chain.idle()?;
                if self.reader.is_empty() && conn.chain.progress() == Progress::Done {
                    conn.chain.trim();
                }
            }
            let ready = async {
                let readable = self.stream.readable();
                tokio::select! {
                    ready = readable => ready.map(|()| true).map_err(Error::from),
                    ended = drive(&self.stream, &self.shared) => ended.map(|()| false),
                    () = self.drain.begun(), if !has_begun => Ok(false),
                }
            };
            match timeout_at(deadline, ready).await {
                Ok(Ok(true)) => {}
                Ok(other) => return other,
                Err(_) => return Ok(false),
            }
        }
    }

    /// `None`: nothing is there.
    fn try_read(&mut self) -> Result<Option<usize>> {
        let mut conn = self.shared.lock();
        match self.reader.fill(conn.chain.alloc(), &self.source) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.is_would_block() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lets the handler answer; says whether the connection closes.
    async fn answer(&mut self, parsed: ParsedHead) -> Result<bool> {
        let keep_alive = parsed.keep_alive;
        let head = Arc::new(RequestHead::from(parsed));
        let exchange = Exchange::new(head.clone());
        if !keep_alive || self.drain.is_draining() {
            exchange.close_after();
        }
        let serial = self.begin(&exchange)?;
        let response = Response::new(self.shared.clone(), serial);
        let request = Request::new(head, self.peer);
        // A handler may panic before it has made its future.
        let call = catch_unwind(AssertUnwindSafe(|| self.handler.call(request, response)));
        let call = call.unwrap_or_else(|_| Box::pin(async { Err(panicked()) }));
        self.run(&exchange, Some(call)).await
    }

    /// Answers a request that could not be read, and closes.
    async fn refuse(&mut self, error: Error) -> Result<bool> {
        let head = Arc::new(RequestHead::get(http::Uri::from_static("/")));
        let exchange = Exchange::new(head);
        exchange.close_after();
        self.begin(&exchange)?;
        self.shared.lock().refuse(error);
        self.run(&exchange, None).await
    }

    fn begin(&mut self, exchange: &Exchange) -> Result<u64> {
        let mut conn = self.shared.lock();
        let serial = conn.begin(exchange.clone())?;
        self.settings.join(&mut conn.chain, exchange);
        Ok(serial)
    }

    /// Runs the handler until the body has left the request's filters; they then wait in the EOR bucket
    /// for the outcome.
    async fn run(&mut self, exchange: &Exchange, call: Option<HandlerFuture>) -> Result<bool> {
        let asked = call.is_some();
        run_handler(&self.stream, &self.shared, call).await?;
        self.shared.lock().chain.end_request(None)?;
        // What is wrong with a request is for its client to know.
        if let Some(error) = exchange.error().filter(|_| asked) {
            self.settings.report_error(error);
        }
        Ok(exchange.closes())
    }

    /// Lets all that is pending leave.
    async fn drained(&mut self) -> Result<()> {
        self.shared.lock().chain.idle()?;
        drive_until_done(&self.stream, &self.shared).await
    }

    async fn close(self, in_order: bool) {
        let how = {
            let mut conn = self.shared.lock();
            let torn =
                conn.exchange.has_failed() && conn.exchange.framing() == Some(Framing::Close);
            let how = if in_order && !torn { Close::Orderly } else { Close::Reset };
            if how == Close::Reset {
                conn.abort(End::ClientGone);
            }
            if let Some(writer) = conn.writer() {
                // A connection that is gone cannot be closed any better.
                let _ = writer.transport_mut().close(how);
            }
            how
        };
        if how == Close::Orderly {
            linger(&self.stream).await;
        }
    }
}
