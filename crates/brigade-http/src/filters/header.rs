//! HEADER: the commit. It turns RESPONSE into bytes and decides how the body is framed.
//!
//! Invariants: nothing but marks and interim heads leaves before the head, and exactly one final head
//! leaves. A body leaves in the framing that was decided with the head, or is seen to be cut short.

use std::sync::Arc;

use brigade::{
    Brigade, Bucket, Effects, Error, ErrorKind, FilterKind, Member, Next, OutputFilter, Result,
};
use http::Version;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, SERVER, TRANSFER_ENCODING, UPGRADE};

use super::error_page::{make_error_head, status_of};
use super::framing::{Body, Plan, check_count, has_head};
use super::wire::HeadLines;
use super::{Chunk, HeaderOptions, apply_effects, body_end, is_foreign_mark};
use crate::head::has_connection_option;
use crate::{Exchange, Framing, ResponseHead, Warning};

/// Turns RESPONSE into bytes, and answers for what comes after it.
///
/// The moment RESPONSE reaches it is the commit, unless an ERROR is in the same call. **Before** it an
/// ERROR becomes a complete error response, and the connection lives on; so does a breach of the order
/// RESPONSE, data, EOS, or a Content-Length that is seen to be wrong, but then the connection closes.
/// **After** it an ERROR goes on as it is, in EOS's place: the body lacks its terminator, and
/// [`Exchange::fail`] has the connection closed. A failed response never looks complete.
///
/// | answer | framing | fields |
/// |---|---|---|
/// | to HEAD | [`None`](Framing::None) | as to GET, where that is known without the body |
/// | 1xx, 204, 304 | `None` | neither |
/// | with Content-Length | [`Length`](Framing::Length) | Content-Length; bytes are counted against it |
/// | else, to HTTP/1.1 | [`Chunked`](Framing::Chunked) | Transfer-Encoding; [`Chunk`] is inserted |
/// | else | [`Close`](Framing::Close) | `Connection: close` |
///
/// Content-Length is the handler's, or [`ContentLength`](super::ContentLength)'s. A
/// Transfer-Encoding or Keep-Alive that a handler sets is dropped; its `Connection: close` is obeyed.
/// The body of an answer that has none is discarded: a FILE goes unread. Interim heads (1xx) are
/// written to HTTP/1.1 clients at once and commit nothing.
///
/// Models `ap_http_header_filter`.
#[derive(Debug)]
#[doc(alias = "ap_http_header_filter")]
pub struct Header {
    exchange: Exchange,
    options: Arc<HeaderOptions>,
    body: Body,
    form: Form,
}

/// As what a head leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The lines of HTTP/1.1.
    Lines,
    /// RESPONSE, for a server that writes heads and frames bodies itself.
    Mark,
}

impl Header {
    /// The filter for one exchange.
    pub fn new(exchange: Exchange, options: Arc<HeaderOptions>) -> Self {
        Self { exchange, options, body: Body::Before, form: Form::Lines }
    }

    /// The filter for an exchange in a server that writes heads and frames bodies itself: all the same,
    /// but that the final head leaves as RESPONSE, its fields of framing untouched. Interim heads go
    /// nowhere.
    #[cfg(feature = "body")]
    pub(crate) fn unwritten(exchange: Exchange, options: Arc<HeaderOptions>) -> Self {
        Self { form: Form::Mark, ..Self::new(exchange, options) }
    }

    /// Hands on what may come before the head, and commits it.
    fn begin<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if let Some(Err(error)) = body_end(input) {
            let error = error.clone();
            return self.answer_error(&error, input, next);
        }
        while let Some(mut bucket) = input.pop_front() {
            if let Some(head) = bucket.as_metadata_mut::<ResponseHead>() {
                if head.is_interim() {
                    self.push_interim(head, next)?;
                    continue;
                }
                apply_effects(head, next.effects_above(), next.fingerprint_above());
                return match Plan::new(head, input, self.exchange.request()) {
                    Ok(plan) => self.commit(head, &plan, input, next),
                    Err(error) => {
                        input.push_front(bucket);
                        self.refuse(error, input, next)
                    }
                };
            }
            if let Some(warning) = bucket.as_metadata::<Warning>() {
                self.exchange.warn(warning.error());
                continue;
            }
            let is_early = bucket.is_data() && !bucket.is_empty();
            if is_early || bucket.is_eos() {
                let context = format!("send a {} before any RESPONSE", bucket.kind_name());
                return self.refuse(Error::new(ErrorKind::Contract, context), input, next);
            }
            next.push(bucket)?;
        }
        Ok(())
    }

    /// Answers 500 for a breach of contract, and says whose it is.
    fn refuse<'b>(
        &mut self,
        error: Error,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Result<()> {
        // Nobody knows what else will come.
        self.exchange.close_after();
        self.answer_error(&error, input, next)?;
        Err(error)
    }

    /// Sends a complete error response in the place of what is in `input`, but for its marks.
    fn answer_error<'b>(
        &mut self,
        error: &Error,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Result<()> {
        next.note(format_args!("replaced by an error page: {error}"));
        self.exchange.record(error);
        let request = self.exchange.request().clone();
        let mut head = ResponseHead::new(status_of(error), request.clone());
        while let Some(bucket) = input.pop_front() {
            if bucket.ends_body() {
                break;
            }
            if let Some(replaced) = bucket.as_metadata::<ResponseHead>() {
                if !replaced.is_interim() {
                    head = replaced.clone();
                }
            } else if is_foreign_mark(&bucket) {
                next.push(bucket)?;
            }
        }
        let page = self.options.page(status_of(error), &request);
        let page = make_error_head(&mut head, error, page);
        // If the page has to be waited for, the chain keeps it.
        let after_end = std::mem::take(input).into_iter().filter(is_foreign_mark);
        input.extend([page, Bucket::eos()].into_iter().chain(after_end));
        let plan = Plan::new(&head, input, &request)?;
        // Whatever else the filters above make is not part of it.
        next.discard_body();
        self.commit(&mut head, &plan, input, next)
    }

    fn push_interim(&self, head: &mut ResponseHead, next: &mut Next<'_, '_>) -> Result<()> {
        if self.exchange.request().version < Version::HTTP_11 || self.form == Form::Mark {
            return Ok(()); // RFC 9110 §15.2: it would take it for the answer.
        }
        for field in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            head.headers.remove(field);
        }
        let more = [("", &b""[..]); 4];
        let lines = HeadLines { status: head.status, fields: &head.headers, more };
        let lines = lines.to_bucket(next.alloc());
        next.push(lines)?;
        next.push(Bucket::flush())
    }

    /// Sends the head, and what is in `input` after it.
    fn commit<'b>(
        &mut self,
        head: &mut ResponseHead,
        plan: &Plan,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Result<()> {
        note_framing(plan.framing, next);
        if has_connection_option(&head.headers, "close") {
            next.note(format_args!("closed: the head says Connection: close"));
            self.exchange.close_after();
        }
        if plan.framing == Framing::Close {
            self.exchange.close_after();
        }
        self.exchange.commit_status(head.status);
        let head = match self.form {
            Form::Lines => {
                plan.apply(head);
                self.lines(head, plan.says_chunked, next)
            }
            Form::Mark => head.take().into_bucket(),
        };
        next.push(head)?;
        self.exchange.commit(plan.framing);
        self.body = plan.body;
        match plan.framing {
            Framing::None => next.discard_body(),
            Framing::Chunked if self.form == Form::Lines => {
                next.insert_below(Member::new("chunk", FilterKind::TRANSCODE, Chunk::new()))?;
            }
            Framing::Length | Framing::Chunked | Framing::Close => {}
        }
        self.go_on(input, next)
    }

    fn lines(
        &self,
        head: &ResponseHead,
        says_chunked: bool,
        next: &mut Next<'_, '_>,
    ) -> Bucket<'static> {
        let fields = &head.headers;
        let date = if fields.contains_key(DATE) { None } else { self.options.date_field() };
        let server = self.options.server_field().filter(|_| !fields.contains_key(SERVER));
        let closes = self.exchange.closes();
        let is_old = self.exchange.request().version < Version::HTTP_11;
        let connection: &[u8] = match (closes, fields.contains_key(UPGRADE)) {
            (true, false) => b"close",
            (true, true) => b"close, upgrade",
            (false, _) if is_old => b"keep-alive",
            (false, true) => b"upgrade",
            (false, false) => b"",
        };
        let coding: &[u8] = if says_chunked { b"chunked" } else { b"" };
        let more = [
            ("transfer-encoding", coding),
            ("connection", connection),
            ("date", date.as_ref().map_or(b"", |date| &date[..])),
            ("server", server.map_or(b"", |server| server.as_bytes())),
        ];
        HeadLines { status: head.status, fields, more }.to_bucket(next.alloc())
    }

    /// Hands on the body after the head.
    fn go_on<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        match self.body {
            Body::Ended => after_end(input, next),
            // What came with the head is below the place where the chain drops data.
            Body::Absent => {
                input.drop_data();
                self.hand_on(input, next)
            }
            _ if input.len_bytes().is_none() => self.read(input, next),
            _ => self.hand_on(input, next),
        }
    }

    /// Hands on data that has to be read to be measured: a source that fails then fails here, where
    /// the exchange is told.
    fn read<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        let mut piece = Brigade::new();
        while let Some(front) = input.front() {
            let read = match front.len() {
                Some(_) => Ok(input.pop_front()),
                None => next.read(input),
            };
            match read {
                Ok(bucket) => piece.extend(bucket),
                Err(error) if error.is_would_block() => return Err(error),
                Err(error) => return Err(self.failed(error)),
            }
            if let Err(error) = self.go_on(&mut piece, next) {
                // The chain makes an ERROR of an EOS among what is left.
                input.prepend(&mut piece);
                return Err(error);
            }
        }
        Ok(())
    }

    fn hand_on<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if has_head(input) {
            let context = "send a RESPONSE after the head has been sent";
            return Err(self.failed(Error::new(ErrorKind::Committed, context)));
        }
        if let Body::Counted { promised, sent } = self.body {
            let sent = check_count(sent, promised, input).map_err(|error| self.failed(error))?;
            self.body = Body::Counted { promised, sent };
        }
        if let Some(end) = body_end(input) {
            self.body = Body::Ended;
            self.exchange.end();
            if let Err(error) = end {
                self.failed(error.clone());
            }
        }
        next.push_all(input)
    }

    /// Has the connection closed for `error`.
    fn failed(&self, error: Error) -> Error {
        self.exchange.record(&error);
        self.exchange.fail();
        error
    }
}

impl OutputFilter for Header {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        match self.body {
            Body::Before => self.begin(input, next),
            _ => self.go_on(input, next),
        }
    }
}

/// Says why the body is framed as it is, where that is not by a length.
fn note_framing(framing: Framing, next: &mut Next<'_, '_>) {
    let why = match next.effects_above() {
        Effects::Changes => "a filter above may change it",
        Effects::Same | Effects::SameLength => "its maker did not say it",
    };
    match framing {
        Framing::Chunked => next.note(format_args!("chunked: the length is not known, {why}")),
        Framing::Close => next.note(format_args!(
            "closed: the length is not known, {why}, and HTTP/1.0 has no chunks"
        )),
        Framing::None | Framing::Length => {}
    }
}

/// What was replaced by an error page goes on being made: nothing but marks goes further.
fn after_end<'b>(input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
    while let Some(bucket) = input.pop_front() {
        if is_foreign_mark(&bucket) || bucket.ends_body() {
            next.push(bucket)?;
        }
    }
    Ok(())
}
