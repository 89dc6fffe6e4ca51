//! The response handle of blocking handlers.
//!
//! Invariant: a call returns when the chain has room for more, or has failed.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

#[cfg(doc)]
use brigade::ErrorKind;
use brigade::{Bucket, Chain, Progress, Result};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::super::reply::Reply;
use super::wait_until;

/// The response that a blocking handler makes: it borrows the chain, and every call waits until the
/// client has room.
pub struct Response<'c> {
    pub(super) chain: &'c mut Chain,
    pub(super) reply: &'c mut Reply,
    pub(super) stream: &'c TcpStream,
    pub(super) room_timeout: Duration,
    pub(super) in_chain: bool,
}

impl Response<'_> {
    /// Sets the status; 200 unless it is set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Committed`] when the head has been sent; [`ErrorKind::InvalidInput`] for 1xx.
    pub fn status(&mut self, status: StatusCode) -> Result<&mut Self> {
        self.reply.set_status(status)?;
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
        self.reply.header(name, value)?;
        Ok(self)
    }

    /// Lets `edit` change all header fields at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Committed`] when the head has been sent.
    pub fn headers(&mut self, edit: impl FnOnce(&mut HeaderMap)) -> Result<&mut Self> {
        edit(&mut self.reply.head()?.headers);
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
    pub fn interim(&mut self, status: StatusCode, headers: HeaderMap) -> Result<()> {
        self.end(|reply, chain| reply.interim(chain, status, headers))
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
        self.reply.trailer(name, value)?;
        Ok(self)
    }

    /// Gives bytes. Small pieces gather; nothing is kept of them once they have left. Models
    /// `ap_rwrite`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Aborted`] or [`ErrorKind::ClientGone`] once the client is gone,
    /// [`ErrorKind::TimedOut`] when it takes nothing for too long; what a filter answered.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        // The chain gathers nothing before the head is sent, nor after the end.
        if self.chain.gather(bytes) { Ok(()) } else { self.write_on(bytes) }
    }

    #[cold]
    fn write_on(&mut self, bytes: &[u8]) -> Result<()> {
        self.give(|reply, chain| reply.write(chain, bytes))
    }

    /// Formats: `response.print(format_args!("{n}\n"))?`. Models `ap_rprintf`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn print(&mut self, text: fmt::Arguments<'_>) -> Result<()> {
        self.give(|reply, chain| reply.print(chain, text))
    }

    /// Lets all that was given reach the client now. A blocking handler that waits for something else
    /// calls it first: nobody can do it for it. Models `ap_rflush`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn flush(&mut self) -> Result<()> {
        self.end(Reply::flush)
    }

    /// Gives `len` bytes of a file, from `offset`: unread if no filter must see them.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn send_file(&mut self, file: impl Into<Arc<File>>, offset: u64, len: u64) -> Result<()> {
        self.send(Bucket::file(file, offset, len))
    }

    /// Gives what `reader` gives until it ends.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); what the reader answered.
    pub fn send_stream(&mut self, reader: impl Read + Send + 'static) -> Result<()> {
        self.send(Bucket::stream(reader))
    }

    /// Gives a bucket of any kind.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn send(&mut self, bucket: Bucket<'static>) -> Result<()> {
        self.give(|reply, chain| reply.send(chain, bucket))
    }

    /// Ends the body. A handler that answers `Ok` need not call it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn finish(&mut self) -> Result<()> {
        self.end(Reply::finish)
    }

    /// Whether the client is gone: it reset the connection or hung up. Asks the system, without
    /// waiting; a client that only ended its side may still read.
    pub fn is_closed(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        if self.chain.aborted().is_some() {
            return true;
        }
        let mut fds = [PollFd::new(self.stream, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let polled = poll(&mut fds, Some(&now));
        polled.is_ok() && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
    }

    /// The chain that the response goes through: for its counters.
    pub fn chain(&mut self) -> &mut Chain {
        self.chain
    }

    /// Waits until there is room, then gives.
    fn give(&mut self, give: impl FnOnce(&mut Reply, &mut Chain) -> Result<()>) -> Result<()> {
        self.in_chain = true;
        let room = self.room();
        self.in_chain = false;
        room.and_then(|()| self.end(give))
    }

    /// Gives what needs no room, then waits while a filter or a source of the chain does. What the
    /// budget lacks for more is waited for when more is given: there may be none.
    fn end(&mut self, give: impl FnOnce(&mut Reply, &mut Chain) -> Result<()>) -> Result<()> {
        self.in_chain = true;
        let answer = give(self.reply, self.chain).and_then(|()| {
            let goes_on =
                |chain: &Chain| chain.progress() == Progress::Done || !chain.should_yield();
            wait_until(self.chain, self.room_timeout, Chain::idle, goes_on)
        });
        self.in_chain = false;
        answer
    }

    /// Waits for room, and holds nothing meanwhile: neither what has gone down nor what has not.
    fn room(&mut self) -> Result<()> {
        let idle = |chain: &mut Chain| self.reply.idle(chain);
        wait_until(self.chain, self.room_timeout, idle, |chain| !chain.should_yield())
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("reply", &self.reply).finish_non_exhaustive()
    }
}
