//! Makes a [`ParsedHead`] of the bytes of a head, or says what is wrong with them.
//!
//! `httparse` takes the header lines apart. The request line is ours: `httparse` gives one error
//! for `HTTP/2.0` and for a space in the target, and refuses HTTP/1.2, which is to be read as 1.1.
//!
//! Invariant: what is accepted has one reading. Its host, its length and whether another request
//! may follow do not depend on which of several fields somebody believes.

use http::header::{HOST, HeaderName};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Version};

use super::error::{Reason, RequestError};
use super::framing::{self, AnnouncedBody};
use super::limits::RequestLimits;
use super::scan::{HeadScan, ScanState};
use super::target;

/// The head of a request, checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ParsedHead {
    /// GET or HEAD.
    pub method: Method,
    /// Path and query as received: neither decoded nor normalised, so `/%2e%2e/` is still to be
    /// judged. Begins with `/`, is ASCII and has no fragment.
    pub target: PathAndQuery,
    /// `HTTP_10` or `HTTP_11`; a later minor version counts as 1.1 (RFC 9110 section 2.5).
    pub version: Version,
    /// The header fields. Host is what `host` says.
    pub headers: HeaderMap,
    /// Whether bytes of a body follow the head. Until somebody reads them, nothing after the head
    /// may be taken for a request.
    pub body: AnnouncedBody,
    /// Whether the connection may carry another request after this one: what the client asked for
    /// (RFC 9112 section 9.3), and never with a body announced.
    pub keep_alive: bool,
    /// The host and port the request is for: of the target when it names one, else of the Host
    /// field. `None` when an HTTP/1.0 request has none, or when the Host field is empty.
    pub host: Option<Authority>,
}

/// Makes a [`ParsedHead`] of the head that `bytes` begin with; bytes after it are not looked at.
///
/// `bytes` are usually the first `head_len` that a [`HeadScan`] found, but need not be: the head is
/// checked again, so it is safe on anything.
///
/// ```
/// # use brigade_http::driver::request::{RequestError, RequestLimits, parse_head};
/// # fn main() -> Result<(), RequestError> {
/// let head = b"GET http://example.com/a?b=c HTTP/1.1\r\nHost: ignored\r\n\r\n";
/// let head = parse_head(head, &RequestLimits::default())?;
/// assert_eq!(head.target.path(), "/a");
/// assert_eq!(head.host.expect("the target names it"), "example.com");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What [`HeadScan::advance`] refuses. 505 for another major version. 400 for a malformed line,
/// a Host that is missing in HTTP/1.1, repeated or invalid, a body whose length has two readings.
/// Then 501 for a method nobody knows and 405 for a known one other than GET and HEAD. 400 at last
/// for a target that is neither a path nor an http URI.
pub fn parse_head(bytes: &[u8], limits: &RequestLimits) -> Result<ParsedHead, RequestError> {
    let mut scan = HeadScan::new();
    let ScanState::Complete { head_len } = scan.advance(bytes, limits)? else {
        return Err(Reason::Unfinished { bytes: bytes.len() }.into());
    };
    parse_scanned(bytes, &scan, head_len)
}

/// As [`parse_head`], of the head that `scan` found at the beginning of `bytes`.
pub(in crate::driver) fn parse_scanned(
    bytes: &[u8],
    scan: &HeadScan,
    head_len: usize,
) -> Result<ParsedHead, RequestError> {
    let line = scan.request_line();
    let fields = &bytes[line.end + 2..head_len];
    let (method, target, version) = parse_request_line(&bytes[line])?;
    let mut headers = parse_fields(fields, scan.header_lines())?;
    let mut host = target::host_field(&headers, version)?;
    let body = framing::announced_body(&headers, version)?;
    check_method(&method)?;
    let (target, authority) = target::parse(target)?;
    if let Some(authority) = authority {
        replace_host(&mut headers, &authority)?;
        host = Some(authority);
    }
    let keep_alive = body == AnnouncedBody::None && framing::wants_keep_alive(&headers, version);
    Ok(ParsedHead { method, target, version, headers, body, keep_alive, host })
}

fn parse_request_line(line: &[u8]) -> Result<(Method, &[u8], Version), RequestError> {
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        let count = line.split(|&byte| byte == b' ').count();
        return Err(Reason::Words { count }.into());
    };
    let method = Method::from_bytes(method).map_err(|_| Reason::Malformed("method is no token"))?;
    Ok((method, target, parse_version(version)?))
}

fn parse_version(version: &[u8]) -> Result<Version, RequestError> {
    match *version {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'] => Ok(Version::HTTP_10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Ok(Version::HTTP_11),
        // There is no major version 0 to not support: HTTP/0.9 had no version in its request line.
        [b'H', b'T', b'T', b'P', b'/', major @ b'2'..=b'9', b'.', minor @ b'0'..=b'9'] => {
            Err(Reason::MajorVersion { major: major - b'0', minor: minor - b'0' }.into())
        }
        _ => Err(Reason::Malformed("version is not of the form HTTP/1.1").into()),
    }
}

/// As many header lines are taken apart without an allocation.
const FEW: usize = 24;

/// Takes `count` header lines and the blank line after them apart.
fn parse_fields(lines: &[u8], count: usize) -> Result<HeaderMap, RequestError> {
    let (mut few, mut many) = ([httparse::EMPTY_HEADER; FEW], Vec::new());
    let room = match few.get_mut(..count) {
        Some(few) => few,
        None => {
            many.resize(count, httparse::EMPTY_HEADER);
            &mut many
        }
    };
    let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(lines, room) else {
        return Err(explain(lines, count));
    };
    let mut headers = HeaderMap::try_with_capacity(count).map_err(|_| full(0))?;
    for (field, number) in fields.iter().zip(1..) {
        let fault = |fault| Reason::HeaderLine { number, fault };
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| fault(BAD_NAME))?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| fault(BAD_VALUE))?;
        append(&mut headers, name, value)?;
    }
    Ok(headers)
}

const BAD_NAME: &str = "has a name that is no token";
const BAD_VALUE: &str = "has an invalid value";

/// Finds the line that `httparse` refused: it does not say which it was, or why.
fn explain(lines: &[u8], count: usize) -> RequestError {
    let fault = |line: &[u8]| {
        let colon = line.iter().position(|&byte| byte == b':');
        match (line, colon.map(|colon| &line[..colon])) {
            ([b' ' | b'\t', ..], _) => Some("begins with white space (a folded line)"),
            (_, None) => Some("has no colon"),
            (_, Some([])) => Some("has no name"),
            (_, Some([.., b' ' | b'\t'])) => Some("has white space before its colon"),
            (_, Some(name)) => HeaderName::from_bytes(name).err().map(|_| BAD_NAME),
        }
    };
    let lines = lines.split(|&byte| byte == b'\n').take(count);
    lines
        .zip(1..)
        .find_map(|(line, number)| fault(line).map(|fault| Reason::HeaderLine { number, fault }))
        .unwrap_or(Reason::Malformed("header lines are malformed"))
        .into()
}

fn append(
    headers: &mut HeaderMap,
    name: HeaderName,
    value: HeaderValue,
) -> Result<(), RequestError> {
    let count = headers.len();
    headers.try_append(name, value).map(drop).map_err(|_| full(count).into())
}

/// `http` says that its map is full by an error, where its plain methods would panic.
fn full(limit: usize) -> Reason {
    Reason::HeaderCount { limit }
}

/// Makes the Host field say what the target says, so that nobody reads the other one (RFC 9112
/// section 3.2.2).
fn replace_host(headers: &mut HeaderMap, authority: &Authority) -> Result<(), RequestError> {
    let value = HeaderValue::from_str(authority.as_str())
        .map_err(|_| Reason::Malformed("authority is no field value"))?;
    headers.remove(HOST);
    append(headers, HOST, value)
}

fn check_method(method: &Method) -> Result<(), RequestError> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        Method::OPTIONS
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::TRACE
        | Method::CONNECT
        | Method::PATCH
        | Method::QUERY => Err(Reason::MethodNotAllowed.into()),
        _ => Err(Reason::UnknownMethod.into()),
    }
}
