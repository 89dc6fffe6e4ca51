//! What the tests of the protocol's filters share: a chain for one exchange, data that must not be
//! read, and an oracle that takes a response apart by rules too simple to be wrong.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use brigade::{
    Brigade, Bucket, Chain, Data, Member, Metadata, Progress, ReadCx, ReadMode, Record, Result,
    StreamData, recorder,
};
use brigade_http::{Exchange, HeaderOptions, RequestHead, ResponseHead, join_protocol};
use http::{HeaderName, HeaderValue, Method, StatusCode, Version};

/// A GET of `/` over HTTP/1.1 with these fields.
pub(crate) fn get(fields: &[(&'static str, &str)]) -> RequestHead {
    let mut head = RequestHead::get("/".parse().unwrap());
    for (name, value) in fields {
        head.headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    head
}

pub(crate) fn head(fields: &[(&'static str, &str)]) -> RequestHead {
    RequestHead { method: Method::HEAD, ..get(fields) }
}

/// A GET over HTTP/1.0.
pub(crate) fn old(fields: &[(&'static str, &str)]) -> RequestHead {
    RequestHead { version: Version::HTTP_10, ..get(fields) }
}

/// A chain with the protocol's filters, for one exchange, and what left it.
pub(crate) struct Rig {
    pub(crate) chain: Chain,
    pub(crate) exchange: Exchange,
    record: Record,
}

impl Rig {
    pub(crate) fn new(request: RequestHead) -> Self {
        Self::with(request, [])
    }

    /// With more filters.
    pub(crate) fn with(request: RequestHead, members: impl IntoIterator<Item = Member>) -> Self {
        Self::with_options(request, HeaderOptions::default().clock(|| UNIX_EPOCH), members)
    }

    pub(crate) fn with_options(
        request: RequestHead,
        options: HeaderOptions,
        members: impl IntoIterator<Item = Member>,
    ) -> Self {
        Self::sharing(request, &Arc::new(options), members)
    }

    pub(crate) fn sharing(
        request: RequestHead,
        options: &Arc<HeaderOptions>,
        members: impl IntoIterator<Item = Member>,
    ) -> Self {
        let exchange = Exchange::new(Arc::new(request));
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
        members.into_iter().for_each(|member| chain.join_request(member));
        join_protocol(&mut chain, &exchange, options);
        Self { chain, exchange, record }
    }

    /// The RESPONSE of a handler: `status` with these fields.
    pub(crate) fn response(&self, status: u16, fields: &[(&'static str, &str)]) -> Bucket<'static> {
        let status = StatusCode::from_u16(status).unwrap();
        let mut head = ResponseHead::new(status, self.exchange.request().clone());
        head.headers = get(fields).headers;
        head.into_bucket()
    }

    /// Passes these buckets in one call, and goes on until nothing waits.
    pub(crate) fn pass<'b>(&mut self, buckets: impl IntoIterator<Item = Bucket<'b>>) -> Result<()> {
        self.chain.pass(&mut buckets.into_iter().collect::<Brigade<'b>>())?;
        while self.chain.progress() == Progress::Pending {
            let _ = self.chain.resume()?;
        }
        Ok(())
    }

    /// All that left so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.record.bytes()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// The names of the marks that left so far.
    pub(crate) fn marks(&self) -> Vec<String> {
        self.record.marks().into_iter().map(|(_, name)| name).collect()
    }

    /// The response that left.
    #[track_caller]
    pub(crate) fn reply(&self) -> Reply {
        Reply::parse(&self.bytes())
    }
}

/// A response, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    /// What follows the head, as it came.
    pub(crate) rest: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let end = text.find("\r\n\r\n").unwrap_or_else(|| panic!("a head without end: {text:?}"));
        let mut lines = text[..end].split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let fields = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { status, fields, rest: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(field, _)| field == name);
        let value = values.next().map(|(_, value)| &**value);
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// The body as a client decodes it that sees the connection end after it; `None` when that client
    /// misses something.
    pub(crate) fn body(&self) -> Option<Vec<u8>> {
        let length = self.field("content-length");
        match self.field("transfer-encoding") {
            Some("chunked") => {
                assert_eq!(length, None, "framed twice: {self:?}");
                dechunk(&self.rest).map(|(body, _)| body)
            }
            Some(other) => panic!("coded as {other}"),
            None => match length {
                Some(length) if length.parse() == Ok(self.rest.len()) => Some(self.rest.clone()),
                Some(_) => None,
                None => Some(self.rest.clone()),
            },
        }
    }
}

/// The body and the trailers of a chunked body that is all of `bytes`; `None` when it is cut short.
#[track_caller]
pub(crate) fn dechunk(mut bytes: &[u8]) -> Option<(Vec<u8>, String)> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let digits = std::str::from_utf8(&bytes[..end]).unwrap();
        assert!(digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{digits:?}");
        let len = usize::from_str_radix(digits, 16).unwrap();
        bytes = &bytes[end + 2..];
        if len == 0 {
            let trailers = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(trailers.ends_with("\r\n"), "{trailers:?}");
            return Some((body, trailers));
        }
        body.extend_from_slice(bytes.get(..len)?);
        assert_eq!(bytes.get(len..len + 2)?, b"\r\n", "after a chunk of {len} bytes");
        bytes = &bytes[len + 2..];
    }
}

/// Data that nobody may read.
pub(crate) struct NeverRead(pub(crate) Option<u64>);

impl NeverRead {
    /// As a FILE: of known length.
    pub(crate) fn file(len: u64) -> Bucket<'static> {
        Bucket::of(Self(Some(len)))
    }

    /// As a STREAM: of unknown length.
    pub(crate) fn stream() -> Bucket<'static> {
        Bucket::of(Self(None))
    }
}

impl Data for NeverRead {
    fn name(&self) -> &'static str {
        "UNREAD"
    }

    fn len(&self) -> Option<u64> {
        self.0
    }

    fn read(&mut self, _cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        panic!("somebody read {:?} bytes", self.0);
    }
}

/// A STREAM of these pieces that has nothing yet before each of them, and before its end.
pub(crate) fn stream(pieces: &'static [&'static [u8]]) -> Bucket<'static> {
    let mut pieces = pieces.iter();
    let mut is_ready = false;
    Bucket::of(StreamData::ready(move |room, waker| {
        is_ready = !is_ready;
        if is_ready {
            waker.wake_by_ref();
            return Err(std::io::ErrorKind::WouldBlock.into());
        }
        let piece = *pieces.next().unwrap_or(&&b""[..]);
        room[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }))
}

/// A STREAM that fails.
pub(crate) fn broken_stream() -> Bucket<'static> {
    let fail = || std::io::Error::other("the source is gone");
    Bucket::of(StreamData::ready(move |_, _| Err(fail())))
}

/// A mark of a kind that no filter knows.
#[derive(Debug)]
pub(crate) struct Unknown;

impl Unknown {
    pub(crate) fn bucket() -> Bucket<'static> {
        Bucket::metadata(Self)
    }
}

impl Metadata for Unknown {
    fn name(&self) -> &'static str {
        "UNKNOWN"
    }
}
