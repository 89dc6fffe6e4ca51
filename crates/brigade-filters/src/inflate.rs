//! `inflate`: decodes gzip and deflate, so that filters of text see text.
//!
//! Invariants: what has been given is decoded and out before any mark goes on, and before more is read.
//! A body that is cut short, damaged, or has bytes behind its end fails: it never passes for whole. What
//! a byte may become is bounded.
//!
//! Models mod_deflate's INFLATE, without these of its ways: garbage behind the end is ignored; a body
//! cut short is noticed only by what is missing of its trailer; zlib's format is not known.

use std::io;

use brigade::{
    Brigade, Bucket, Effects, Entry, Error, ErrorKind, Fill, FilterKind, Form, Next, OptionDoc,
    OutputFilter, Result, Spec,
};
use brigade_http::ResponseHead;
use flate2::{Decompress, FlushDecompress, Status};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::fields;

/// What a window of 32 KiB and its tables take, measured.
const DECODER_BYTES: usize = 48 * 1024;

/// The ratio is not looked at before so much has come out: short texts repeat themselves.
const FREE_BYTES: u64 = 1024 * 1024;

/// How much may come of what is in memory before the peer is asked whether it keeps up.
const TURN_BYTES: u64 = 64 * 1024;

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 1952; also said as `x-gzip`.
    Gzip,
    /// RFC 1950, or, as some have always sent it, RFC 1951 alone.
    Deflate,
}

impl Coding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }
}

/// Decodes gzip (RFC 1952, any number of members) and deflate (RFC 1950 or RFC 1951).
///
/// The head of the response decides: it works on a body whose last Content-Encoding is one of these,
/// takes that coding off the head, and steps aside from every other, from parts (206, Content-Range),
/// from what has no body, and from what must not be transformed (`Cache-Control: no-transform`). In a
/// chain without heads it decodes gzip.
///
/// All that was given is out before a FLUSH goes on; nothing is kept but the decoder, 48 KiB from the
/// first byte of a body to its end. A body of no bytes at all stays one.
///
/// Behind the last member of gzip there may be zeroes, as tapes pad with; anything else there, or behind
/// the end of deflate, is an error: bytes that cannot be decoded are not dropped in silence.
///
/// A few bytes can be made to decode to terabytes. From 1 MiB on, a body that comes out more than 200
/// times as long as it came in fails; and a body longer than [`limit_bytes`](Self::limit_bytes).
///
/// ```
/// use brigade::{Bucket, Chain, FilterKind, Member, recorder};
/// use brigade_filters::{deflate::Deflate, inflate::Inflate};
///
/// # fn main() -> brigade::Result<()> {
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join(Member::new("deflate", FilterKind::RESOURCE, Deflate::new()));
/// chain.join(Member::new("inflate", FilterKind::RESOURCE, Inflate::new()));
/// chain.write(b"there and back again")?;
/// chain.pass_bucket(Bucket::eos())?;
/// assert_eq!(record.bytes(), b"there and back again");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias = "INFLATE")]
pub struct Inflate {
    max_ratio: Option<u64>,
    limit_bytes: Option<u64>,
    coding: Coding,
    at: At,
    taken_bytes: u64, // Of this body.
    made_bytes: u64,  // Of this body.
    made_since: u64,  // Since the peer was asked.
}

/// Where in a body the decoder is.
#[derive(Debug)]
enum At {
    /// Before its first byte.
    Start,
    /// In a member of gzip, or in deflate.
    Within(Decompress),
    /// Behind a member of gzip: another may follow, or zeroes.
    Between,
    /// In the zeroes behind the last member, or behind the end of deflate.
    End,
    /// The answer to HEAD: no bytes count.
    Unseen,
}

impl Default for Inflate {
    fn default() -> Self {
        Self {
            max_ratio: Some(200),
            limit_bytes: None,
            coding: Coding::Gzip,
            at: At::Start,
            taken_bytes: 0,
            made_bytes: 0,
            made_since: 0,
        }
    }
}

impl Inflate {
    /// Decodes bodies that come out at most 200 times as long as they came in, of any length.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many times as long a body may come out, once that is more than 1 MiB; `None`: any.
    /// Models `DeflateInflateRatioLimit`.
    #[must_use]
    #[doc(alias = "DeflateInflateRatioLimit")]
    pub fn max_ratio(mut self, ratio: Option<u64>) -> Self {
        self.max_ratio = ratio;
        self
    }

    /// Sets how many bytes may come out; `None`: any number. Models `DeflateInflateLimitRequestBody`.
    #[must_use]
    #[doc(alias = "DeflateInflateLimitRequestBody")]
    pub fn limit_bytes(mut self, bytes: Option<u64>) -> Self {
        self.limit_bytes = bytes;
        self
    }

    /// Decodes what is in memory of `bucket`. What the chain cannot take now goes back to `input`.
    fn data<'b>(
        &mut self,
        mut bucket: Bucket<'b>,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Result<()> {
        if let At::Unseen = self.at {
            return next.push(bucket);
        }
        loop {
            let data = bucket.bytes().unwrap_or_default();
            let (taken, more) = self.step(data, next)?;
            bucket.advance(taken as u64)?;
            if !more && bucket.is_empty() {
                return Ok(());
            }
            if self.made_since > TURN_BYTES {
                self.made_since = 0;
                if next.should_yield() {
                    // Also when it is empty: the decoder has more of what it was given.
                    input.push_front(bucket);
                    return Err(Error::would_block());
                }
            }
        }
    }

    /// One step of decoding: how many bytes of `data` are dealt with, and whether the decoder has more
    /// of them.
    fn step(&mut self, data: &[u8], next: &mut Next<'_, '_>) -> Result<(usize, bool)> {
        if let At::Start | At::Between = self.at
            && let Some(first) = data.first()
        {
            self.at = self.member(*first);
        }
        match &mut self.at {
            At::Within(_) => self.decode(data, next),
            At::End => self.padding(data).map(|()| (data.len(), false)),
            At::Start | At::Between | At::Unseen => Ok((data.len(), false)),
        }
    }

    /// What begins with this byte.
    fn member(&self, first: u8) -> At {
        match (&self.at, self.coding) {
            (At::Between, _) if first != 0x1f => At::End,
            (_, Coding::Gzip) => At::Within(Decompress::new_gzip(15)),
            // zlib says its method, 8, in the low half. To deflate alone that would be a stored block
            // with something in the padding behind its type; nobody makes that.
            (_, Coding::Deflate) => At::Within(Decompress::new(first & 0x0f == 8)),
        }
    }

    fn decode(&mut self, data: &[u8], next: &mut Next<'_, '_>) -> Result<(usize, bool)> {
        let At::Within(decoder) = &mut self.at else { return Ok((0, false)) };
        let (taken, made) = (decoder.total_in(), decoder.total_out());
        let room_bytes = next.alloc().block_size();
        let mut answer = Ok(Status::Ok);
        let filled = next.alloc().fill(room_bytes, |room| {
            answer = decoder.decompress(data, room, FlushDecompress::Sync);
            Ok(usize::try_from(decoder.total_out() - made).unwrap_or(0))
        });
        let (taken, made) = (decoder.total_in() - taken, decoder.total_out() - made);
        self.taken_bytes += taken;
        self.made_bytes += made;
        self.made_since += made;
        let status = answer.map_err(|cause| self.wrong(io::Error::other(cause)))?;
        self.check_limits()?;
        if let Fill::Data(piece) = filled.map_err(Error::from)? {
            next.push(piece)?;
        }
        if status == Status::StreamEnd {
            self.at = if self.coding == Coding::Gzip { At::Between } else { At::End };
        }
        let is_full = made == room_bytes as u64 && status != Status::StreamEnd;
        Ok((usize::try_from(taken).unwrap_or(data.len()), is_full))
    }

    fn padding(&mut self, data: &[u8]) -> Result<()> {
        let is_padding = self.coding == Coding::Gzip && data.iter().all(|byte| *byte == 0);
        if is_padding || data.is_empty() {
            return Ok(());
        }
        let (name, count) = (self.coding.name(), data.len());
        let context = format!("decode {name}: {count} bytes or more are behind its end");
        Err(Error::new(ErrorKind::InvalidInput, context))
    }

    fn wrong(&self, cause: io::Error) -> Error {
        let (name, made) = (self.coding.name(), self.made_bytes);
        let context = format!("decode {name}: it is damaged; {made} bytes came of it");
        Error::new(ErrorKind::InvalidInput, context).because(cause)
    }

    fn check_limits(&self) -> Result<()> {
        let (made, taken) = (self.made_bytes, self.taken_bytes);
        let what = match (self.limit_bytes, self.max_ratio) {
            (Some(limit), _) if made > limit => format!("limit {limit}"),
            (_, Some(ratio)) if made > FREE_BYTES && made > taken.saturating_mul(ratio) => {
                format!("limit {ratio} for each byte")
            }
            _ => return Ok(()),
        };
        let name = self.coding.name();
        let context = format!("decode {name}: {made} bytes came of {taken}, {what}");
        Err(Error::new(ErrorKind::TooLarge, context))
    }

    fn mark<'b>(
        &mut self,
        mark: Bucket<'b>,
        input: &mut Brigade<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Result<()> {
        if mark.is_eos() && matches!(self.at, At::Within(_)) {
            // The chain makes an ERROR of it.
            input.push_front(mark);
            let (name, made) = (self.coding.name(), self.made_bytes);
            let context = format!("decode {name}: it is cut short; {made} bytes came of it");
            return Err(Error::new(ErrorKind::Incomplete, context));
        }
        if mark.ends_body() {
            // Ready for the next body, if this is a connection's filter.
            *self =
                Self { max_ratio: self.max_ratio, limit_bytes: self.limit_bytes, ..Self::new() };
        }
        next.push(mark)
    }

    /// Takes the coding off `head`, and decodes its body from here on.
    fn begin(&mut self, head: &mut ResponseHead, coding: Coding) {
        take_off(&mut head.headers);
        self.coding = coding;
        if head.request.method == Method::HEAD {
            self.at = At::Unseen;
        }
    }
}

impl OutputFilter for Inflate {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(mut bucket) = next.read(input)? {
            if bucket.is_data() {
                self.data(bucket, input, next)?;
            } else if let Some(head) = bucket.as_metadata_mut::<ResponseHead>()
                && matches!(self.at, At::Start)
                && !head.is_interim()
            {
                let Some(coding) = decodable(head) else {
                    next.effects(Effects::Same);
                    next.step_aside();
                    // Together with its body, whose length may be known by that.
                    input.push_front(bucket);
                    return Ok(());
                };
                self.begin(head, coding);
                next.push(bucket)?;
            } else {
                self.mark(bucket, input, next)?;
            }
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        if let At::Within(_) = self.at { DECODER_BYTES } else { 0 }
    }
}

/// The coding that can be taken off the body of `head`, if it has one that is known here, is whole and
/// may be transformed.
pub(crate) fn decodable(head: &ResponseHead) -> Option<Coding> {
    let headers = &head.headers;
    let bodiless = head.status.is_informational()
        || matches!(
            head.status,
            StatusCode::NO_CONTENT
                | StatusCode::RESET_CONTENT
                | StatusCode::NOT_MODIFIED
                | StatusCode::PARTIAL_CONTENT
        );
    let is_text = headers.get_all(CONTENT_ENCODING).iter().all(|line| line.to_str().is_ok());
    if bodiless || fields::is_partial(headers) || !is_text || is_fixed(headers) {
        return None;
    }
    let last = fields::codings(headers).last()?;
    if last.eq_ignore_ascii_case("gzip") || last.eq_ignore_ascii_case("x-gzip") {
        Some(Coding::Gzip)
    } else if last.eq_ignore_ascii_case("deflate") {
        Some(Coding::Deflate)
    } else {
        None
    }
}

/// Whether nobody may transform the body (RFC 9111 §5.2.2.6).
fn is_fixed(headers: &HeaderMap) -> bool {
    fields::elements(headers, CACHE_CONTROL)
        .any(|directive| directive.eq_ignore_ascii_case("no-transform"))
}

/// Leaves of the codings all but the last.
fn take_off(headers: &mut HeaderMap) {
    let codings: Vec<&str> = fields::codings(headers).collect();
    let left = codings[..codings.len().saturating_sub(1)].join(", ");
    match HeaderValue::from_str(&left) {
        Ok(left) if !left.is_empty() => drop(headers.insert(CONTENT_ENCODING, left)),
        _ => drop(headers.remove(CONTENT_ENCODING)),
    }
}

/// What `inflate` is in a registry, with its options.
pub fn entry() -> Entry {
    const RATIO: OptionDoc = OptionDoc {
        form: "ratio=N",
        help: "how many times as long a body may come out, from 1 MiB on, or `none`; default 200",
    };
    const LIMIT: OptionDoc = OptionDoc {
        form: "limit=BYTES",
        help: "how many bytes may come out, or `none`; default none",
    };
    Entry::new("inflate", FilterKind::RESOURCE.offset(-1), |spec| {
        let default = Inflate::new();
        let ratio = number_or_none(spec, "ratio", default.max_ratio)?;
        let limit = number_or_none(spec, "limit", default.limit_bytes)?;
        Ok(move || Inflate::new().max_ratio(ratio).limit_bytes(limit))
    })
    .docs(
        "For a body that comes coded and is to be read here. A body that comes out too long for what went in is an \
         error, since it may be an attack.",
    )
    .example("inflate limit=1000000")
    .makes(Form::Plain)
    .memory("48 KiB while a body is on its way")
    .summary("decodes gzip and deflate, so that filters of text see text")
    .options(&[RATIO, LIMIT])
}

fn number_or_none(spec: &Spec, key: &str, default: Option<u64>) -> Result<Option<u64>> {
    match spec.option::<String>(key)?.as_deref() {
        None => Ok(default),
        Some("none") => Ok(None),
        Some(_) => spec.option::<u64>(key),
    }
}
