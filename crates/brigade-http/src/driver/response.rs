//! The response handle of async handlers.
//!
//! Invariant: a call that is cancelled while it waits has taken nothing; once it has begun to take, it
//! takes all without waiting.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::future::poll_fn;
use std::io::Read;
use std::marker::PhantomData;
use std::sync::{Arc, MutexGuard};

use brigade::{AllocStats, Bucket, Error, ErrorKind, Result};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::conn::{Conn, Shared};
use super::pump;

/// The response that a handler makes: owned, `Send`, and flat in memory however long it goes on.
///
/// The head goes down with the first full block (8 KiB), FLUSH or end; until then everything can be
/// taken back, by an error too. Every call that gives bytes first waits until the chain has room, so
/// that the client's pace is the handler's. A handler that awaits something else needs no flush: what
/// it gave is on its way by then.
///
/// Models what `request_rec` and `ap_rwrite` and its friends are to a content handler.
///
/// ```
/// use brigade_http::driver::{Request, Response};
///
/// async fn count(_request: Request, mut response: Response) -> brigade::Result<()> {
///     response.header("content-type", "text/plain")?;
///     for n in 0..1_000_000 {
///         response.print(format!("{n}\n")).await?;
///     }
///     Ok(())
/// }
/// ```
#[doc(alias = "ap_rwrite", alias = "request_rec")]
pub struct Response {
    shared: Arc<Shared>,
    serial: u64,
}

impl Response {
    pub(super) fn new(shared: Arc<Shared>, serial: u64) -> Self {
        Self { shared, serial }
    }

    /// Sets the status; 200 unless it is set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Committed`] when the head has been sent; [`ErrorKind::InvalidInput`] for 1xx.
    pub fn status(&mut self, status: StatusCode) -> Result<&mut Self> {
        self.lock()?.reply.set_status(status)?;
        Ok(self)
    }

    /// Adds a header field.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Committed`] when the head has been sent; [`ErrorKind::InvalidInput`] for a name or
    /// value that no field can have.
    pub fn header<N, V>(&mut self, name: N, value: V) -> Result<&mut Self>
    where
        N: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        self.lock()?.reply.header(name, value)?;
        Ok(self)
    }

    /// Lets `edit` change all header fields at once: what many responses have in common can be kept
    /// as a map, and cloned into each.
    ///
    /// ```
    /// use brigade_http::driver::{Request, Response};
    /// use http::HeaderMap;
    ///
    /// async fn answer(_: Request, mut response: Response, common: &HeaderMap) -> brigade::Result<()> {
    ///     response.headers(|headers| headers.clone_from(common))?;
    ///     response.write(b"hello\n").await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Committed`] when the head has been sent.
    pub fn headers(&mut self, edit: impl FnOnce(&mut HeaderMap)) -> Result<&mut Self> {
        edit(&mut self.lock()?.reply.head()?.headers);
        Ok(self)
    }

    /// Sends an interim response at once, before the head: 103 with the links that the answer will need,
    /// or 102. It goes through every filter; clients of HTTP/1.0 are spared it. Models
    /// `ap_send_interim_response`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Committed`] when the head has been sent; [`ErrorKind::InvalidInput`] for a status
    /// that is not interim, and for 100, which is for who reads the request's body; else as
    /// [`write`](Self::write).
    #[doc(alias = "ap_send_interim_response")]
    pub async fn interim(&mut self, status: StatusCode, headers: HeaderMap) -> Result<()> {
        self.give(0, |conn| conn.reply.interim(&mut conn.chain, status, headers)).await
    }

    /// Adds a trailer field. It is sent after a chunked body, else dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a name or value that no field can have.
    pub fn trailer<N, V>(&mut self, name: N, value: V) -> Result<&mut Self>
    where
        N: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        self.lock()?.reply.trailer(name, value)?;
        Ok(self)
    }

    /// Gives bytes. Small pieces gather; nothing is kept of them once they have left. Models
    /// `ap_rwrite`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Aborted`] once the client is gone, or once the head was sent of a response that has
    /// no body (to HEAD, 304): answer it from the handler. What a filter answered.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.shared.lock().gather(self.serial, bytes) {
            return Ok(());
        }
        self.give(bytes.len(), |conn| conn.reply.write(&mut conn.chain, bytes)).await
    }

    /// Gives text: `response.print(format!("{n}\n")).await?`, or anything that can be displayed. Not
    /// `format_args!`: what it borrows would be held across the await, and is not `Send`. Models
    /// `ap_rprintf`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    #[doc(alias = "ap_rprintf")]
    pub async fn print(&mut self, text: impl fmt::Display) -> Result<()> {
        let text = text.to_string();
        self.write(text.as_bytes()).await
    }

    /// Lets all that was given reach the client now. Models `ap_rflush`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    #[doc(alias = "ap_rflush")]
    pub async fn flush(&mut self) -> Result<()> {
        self.give(0, |conn| conn.reply.flush(&mut conn.chain)).await
    }

    /// Gives `len` bytes of a file, from `offset`: unread if no filter must see them.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write). A file that turns out shorter ends the connection.
    #[doc(alias = "ap_send_fd")]
    pub async fn send_file(
        &mut self,
        file: impl Into<Arc<File>>,
        offset: u64,
        len: u64,
    ) -> Result<()> {
        self.send(Bucket::file(file, offset, len)).await
    }

    /// Gives what `reader` gives until it ends; it is read on a thread of its own, at the client's
    /// pace.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn send_stream(&mut self, reader: impl Read + Send + 'static) -> Result<()> {
        self.send(pump(reader)).await
    }

    /// Gives a bucket of any kind.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn send(&mut self, bucket: Bucket<'static>) -> Result<()> {
        self.room().await?;
        let len = bucket.bytes().map_or(0, <[u8]>::len);
        let mut conn = self.lock()?;
        let Conn { reply, chain, .. } = &mut *conn;
        let answer = reply.send(chain, bucket);
        conn.gave(len);
        answer
    }

    /// Waits for room, then gives a guard that locks once for many writes. It is not `Send`: it cannot
    /// be held across an await.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn writer(&mut self) -> Result<Writer<'_>> {
        self.room().await?;
        Ok(Writer { conn: self.lock()?, serial: self.serial, not_send: PhantomData })
    }

    /// Ends the body. A handler that answers `Ok` need not call it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn finish(self) -> Result<()> {
        self.give(0, |conn| conn.reply.finish(&mut conn.chain)).await
    }

    /// Ends the response in an error: a whole error response if nothing has left, else an end that
    /// nobody takes for complete. Answering `Err` from the handler does the same.
    pub fn abort(self, error: Error) {
        if let Ok(mut conn) = self.lock() {
            conn.fail(error);
            conn.gave(0);
        }
    }

    /// Waits until the client is gone (a reset or a hang-up; a client that only ends its side may
    /// still read), or this response is over: nobody wants more of it. Cancel-safe.
    pub async fn closed(&self) {
        poll_fn(|cx| self.shared.lock().poll_gone(self.serial, cx)).await;
    }

    /// Whether the client is gone, or this response is over: [`closed`](Self::closed) without waiting.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_over(self.serial)
    }

    /// What the connection's storage did and holds.
    pub fn storage(&self) -> AllocStats {
        self.shared.lock().chain.alloc().stats()
    }

    async fn room(&self) -> Result<()> {
        poll_fn(|cx| self.shared.lock().poll_room(self.serial, cx)).await
    }

    async fn give(&self, bytes: usize, give: impl FnOnce(&mut Conn) -> Result<()>) -> Result<()> {
        self.room().await?;
        let mut conn = self.lock()?;
        let answer = give(&mut conn);
        conn.gave(bytes);
        answer
    }

    fn lock(&self) -> Result<MutexGuard<'_, Conn>> {
        let conn = self.shared.lock();
        conn.check(self.serial)?;
        Ok(conn)
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.shared.lock().dropped(self.serial);
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("number", &self.serial).finish_non_exhaustive()
    }
}

/// Gives many pieces under one lock: see [`Response::writer`].
#[derive(Debug)]
pub struct Writer<'r> {
    conn: MutexGuard<'r, Conn>,
    serial: u64,
    not_send: PhantomData<Cell<()>>,
}

impl Writer<'_> {
    /// Gives bytes without waiting.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`] when the chain has no room, or other tasks must have their turn: nothing
    /// was taken. Drop this and wait for the next [`Response::writer`]. Else as [`Response::write`].
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.conn.gather(self.serial, bytes) { Ok(()) } else { self.write_on(bytes) }
    }

    #[cold]
    fn write_on(&mut self, bytes: &[u8]) -> Result<()> {
        if self.conn.must_pause() {
            return Err(Error::new(ErrorKind::WouldBlock, "the chain takes no more now"));
        }
        let Conn { reply, chain, .. } = &mut *self.conn;
        let answer = reply.write(chain, bytes);
        self.conn.gave(bytes.len());
        answer
    }
}
