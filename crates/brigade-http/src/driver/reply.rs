//! A response while its handler makes it: the head until it is sent, and what came before it was.
//!
//! Invariant: the head goes down with the first full block, FLUSH or end. Until then nothing has left,
//! and the whole answer can be taken back.

use std::fmt;

use brigade::{Brigade, Bucket, Chain, Error, ErrorKind, Result};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::{Exchange, Framing, ResponseHead, Trailers};

/// How far a handler has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Finished,
    Failed,
}

/// What the blocking and the async handle have in common: it works on a chain that is lent.
#[derive(Debug)]
pub(super) struct Reply {
    exchange: Exchange,
    head: Option<ResponseHead>, // `None`: sent.
    first: Brigade<'static>,    // Body from before the head is sent: less than a block in memory.
    trailers: HeaderMap,
    state: State,
    gave_end: bool,
}

impl Reply {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self {
            head: Some(ResponseHead::new(StatusCode::OK, exchange.request().clone())),
            exchange,
            first: Brigade::new(),
            trailers: HeaderMap::new(),
            state: State::Open,
            gave_end: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the handler gave anything that has not gone down yet.
    pub(super) fn has_first(&self) -> bool {
        !self.first.is_empty()
    }

    /// Whether the answer is whole, whatever else is given: the head said that there is no body, or
    /// another answer has gone in this one's place.
    pub(super) fn is_unwanted(&self) -> bool {
        let is_replaced = self.exchange.has_ended() && !self.gave_end;
        is_replaced || self.exchange.framing() == Some(Framing::None)
    }

    /// The head, while it can be changed.
    pub(super) fn head(&mut self) -> Result<&mut ResponseHead> {
        self.check_open()?;
        self.head.as_mut().ok_or_else(|| {
            Error::new(ErrorKind::Committed, "change the head of a response that has been sent")
        })
    }

    pub(super) fn set_status(&mut self, status: StatusCode) -> Result<()> {
        if status.is_informational() {
            let context = format!("{status} is no final status; send it with interim");
            return Err(Error::new(ErrorKind::InvalidInput, context));
        }
        self.head()?.status = status;
        Ok(())
    }

    pub(super) fn header<N, V>(&mut self, name: N, value: V) -> Result<()>
    where
        N: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        let (name, value) = field(name, value)?;
        self.head()?.headers.append(name, value);
        Ok(())
    }

    pub(super) fn trailer<N, V>(&mut self, name: N, value: V) -> Result<()>
    where
        N: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        self.check_open()?;
        let (name, value) = field(name, value)?;
        self.trailers.append(name, value);
        Ok(())
    }

    /// Sends a head before the head that counts.
    pub(super) fn interim(
        &mut self,
        chain: &mut Chain,
        status: StatusCode,
        headers: HeaderMap,
    ) -> Result<()> {
        let request = self.head()?.request.clone();
        let head = ResponseHead { headers, ..ResponseHead::new(status, request) };
        if !head.is_interim() || status == StatusCode::CONTINUE {
            let context =
                format!("send {status} before the head: it is no interim status of a handler's");
            return Err(Error::new(ErrorKind::InvalidInput, context));
        }
        chain.pass_bucket(head.into_bucket())
    }

    #[inline]
    pub(super) fn write(&mut self, chain: &mut Chain, bytes: &[u8]) -> Result<()> {
        if self.head.is_none() && self.state == State::Open {
            return if chain.gather(bytes) { Ok(()) } else { self.write_on(chain, bytes) };
        }
        self.write_first(chain, bytes)
    }

    /// Takes `bytes` if the chain only has to copy them beside what was written before.
    #[inline]
    pub(super) fn gather(&self, chain: &mut Chain, bytes: &[u8]) -> bool {
        self.head.is_none() && self.state == State::Open && chain.gather(bytes)
    }

    #[cold]
    fn write_on(&mut self, chain: &mut Chain, bytes: &[u8]) -> Result<()> {
        self.check_wanted()?;
        chain.write(bytes)
    }

    #[cold]
    fn write_first(&mut self, chain: &mut Chain, bytes: &[u8]) -> Result<()> {
        self.check_open()?;
        let room = chain.alloc().block_size() as u64 - self.first.resident_bytes();
        if bytes.len() as u64 <= room {
            self.first.write(chain.alloc(), bytes);
            return Ok(());
        }
        self.send_head(chain)?;
        chain.write(bytes)
    }

    pub(super) fn print(&mut self, chain: &mut Chain, text: fmt::Arguments<'_>) -> Result<()> {
        struct To<'t>(&'t mut Reply, &'t mut Chain, Result<()>);
        impl fmt::Write for To<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.2 = self.0.write(self.1, text.as_bytes());
                if self.2.is_ok() { Ok(()) } else { Err(fmt::Error) }
            }
        }
        let mut to = To(self, chain, Ok(()));
        // A `Display` of the caller's that fails ends the text early; ours is the error that counts.
        let _ = fmt::Write::write_fmt(&mut to, text);
        to.2
    }

    /// Gives a bucket of the body, such as a FILE. One that is not in memory can still be taken back.
    pub(super) fn send(&mut self, chain: &mut Chain, bucket: Bucket<'static>) -> Result<()> {
        self.check_open()?;
        if self.head.is_some() {
            self.first.push_back(bucket);
            let is_full = self.first.resident_bytes() > chain.alloc().block_size() as u64;
            return if is_full { self.send_head(chain) } else { Ok(()) };
        }
        self.check_wanted()?;
        chain.pass_bucket(bucket)
    }

    pub(super) fn flush(&mut self, chain: &mut Chain) -> Result<()> {
        self.check_open()?;
        if self.head.is_some() {
            self.first.push_back(Bucket::flush());
            return self.send_head(chain);
        }
        self.check_wanted()?;
        chain.flush()
    }

    /// Lets what the handler gave reach the peer, if it gave anything since the last FLUSH.
    pub(super) fn idle(&mut self, chain: &mut Chain) -> Result<()> {
        if self.has_first() && self.is_open() {
            return self.flush(chain);
        }
        chain.idle()
    }

    /// Ends the body.
    pub(super) fn finish(&mut self, chain: &mut Chain) -> Result<()> {
        self.check_open()?;
        let trailers = std::mem::take(&mut self.trailers);
        let mut end = std::mem::take(&mut self.first);
        if let Some(head) = self.head.take() {
            end.push_front(head.into_bucket());
        }
        if !trailers.is_empty() {
            end.push_back(Trailers(trailers).into_bucket());
        }
        end.push_back(Bucket::eos());
        self.gave_end = true;
        chain.pass(&mut end)?;
        self.state = State::Finished;
        Ok(())
    }

    /// Ends the body in an error: a whole error response if nothing has left, else an end that nobody
    /// takes for complete.
    pub(super) fn fail(&mut self, chain: &mut Chain, mut error: Error) {
        if self.is_open() && self.is_unwanted() {
            // The answer was whole with its head, and a handler that stops for that has not failed.
            if error.kind() != ErrorKind::Aborted {
                self.exchange.record(&error);
            }
            match self.finish(chain) {
                Ok(()) => return,
                Err(late) => error = late,
            }
        }
        let was = std::mem::replace(&mut self.state, State::Failed);
        if was == State::Failed {
            return;
        }
        self.exchange.record(&error);
        if self.exchange.is_committed() {
            // A filter below the header filter can fail after the end was passed: nobody else knows.
            self.exchange.fail();
        }
        if was == State::Finished {
            return; // The end of the body is on its way, and has become one of a failed body.
        }
        self.first.clear();
        chain.take_back();
        let mut end = Brigade::new();
        if !self.exchange.is_committed() {
            let head = self.head.take();
            let head = head.unwrap_or_else(|| {
                let request = self.exchange.request().clone();
                ResponseHead::new(StatusCode::INTERNAL_SERVER_ERROR, request)
            });
            end.push_back(head.into_bucket());
        }
        end.push_back(Bucket::error(error));
        if chain.pass(&mut end).is_err() {
            // Not even the error went through: a broken connection is all that is left to say.
            chain.abort(brigade::End::Failed);
        }
    }

    fn send_head(&mut self, chain: &mut Chain) -> Result<()> {
        if let Some(head) = self.head.take() {
            self.first.push_front(head.into_bucket());
        }
        chain.pass(&mut std::mem::take(&mut self.first))
    }

    fn check_wanted(&self) -> Result<()> {
        if self.is_unwanted() {
            let context = "send the body of a response that has none, or was replaced";
            return Err(Error::new(ErrorKind::Aborted, context));
        }
        Ok(())
    }

    fn check_open(&self) -> Result<()> {
        match self.state {
            State::Open => Ok(()),
            State::Finished => {
                Err(Error::new(ErrorKind::Committed, "go on with a response that is finished"))
            }
            State::Failed => {
                Err(Error::new(ErrorKind::Aborted, "go on with a response that failed"))
            }
        }
    }
}

fn field<N, V>(name: N, value: V) -> Result<(HeaderName, HeaderValue)>
where
    N: TryInto<HeaderName, Error: Into<http::Error>>,
    V: TryInto<HeaderValue, Error: Into<http::Error>>,
{
    let wrong = |cause: http::Error| {
        Error::new(ErrorKind::InvalidInput, "set a header field").because(cause)
    };
    let name = name.try_into().map_err(|cause| wrong(cause.into()))?;
    let value = value.try_into().map_err(|cause| wrong(cause.into()))?;
    Ok((name, value))
}
