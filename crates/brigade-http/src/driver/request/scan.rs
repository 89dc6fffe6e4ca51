//! Finds the end of a request head while its bytes come in, and counts them.
//!
//! Invariant: a byte is looked at once, however the head arrives (a trailing carriage return
//! twice), and the answer for some bytes is the same however they were cut.

use std::ops::Range;

use super::error::{Reason, RequestError};
use super::limits::RequestLimits;

/// How far the search for the end of a head has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScanState {
    /// Nothing is wrong so far, and the head goes on: read more.
    Incomplete,
    /// The head is whole.
    Complete {
        /// Its length in bytes, blank lines before it and the one that ends it included. What
        /// follows belongs to the body or to the next request.
        head_len: usize,
    },
}

/// The search for the end of one request head.
///
/// Checks what can be told byte by byte: lines end in CRLF, no control byte (the request line is
/// visible ASCII and spaces, a header line may also have tabs and bytes from 0x80), and
/// [`RequestLimits`]. [`parse_head`](super::parse_head) does the rest.
///
/// ```
/// # use brigade_http::driver::request::{HeadScan, RequestError, RequestLimits, ScanState};
/// # fn main() -> Result<(), RequestError> {
/// let limits = RequestLimits::default();
/// let mut scan = HeadScan::new();
/// let mut received = b"GET / HTTP/1.1\r\nHos".to_vec();
/// assert_eq!(scan.advance(&received, &limits)?, ScanState::Incomplete);
///
/// received.extend(b"t: example.com\r\n\r\nGET /next");
/// assert_eq!(scan.advance(&received, &limits)?, ScanState::Complete { head_len: 37 });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct HeadScan {
    // Invariant: bytes before `seen` are judged and never looked at again.
    seen: usize,
    // Where the line begins that `seen` is in. Invariant: `line_start <= seen`.
    line_start: usize,
    blank_lines: usize,
    // Empty until the request line has ended, which is when the header lines begin.
    request_line: Range<usize>,
    header_lines: usize,
    // Invariant: the bytes of all finished header lines, line endings left out.
    header_bytes: usize,
    // The last word on this head, repeated to whoever asks again.
    verdict: Option<Result<ScanState, RequestError>>,
}

impl HeadScan {
    /// A search that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on with the search; `bytes` are all bytes received so far, from the same first byte in
    /// every call.
    ///
    /// Only what is new since the last call is looked at. Once it is
    /// [`Complete`](ScanState::Complete) or an error, further calls answer the same.
    ///
    /// # Errors
    ///
    /// With 414 or 431 as soon as a limit is passed, with 400 for a line that does not end in CRLF,
    /// a byte that may not stand where it does, or too many blank lines.
    pub fn advance(
        &mut self,
        bytes: &[u8],
        limits: &RequestLimits,
    ) -> Result<ScanState, RequestError> {
        if let Some(verdict) = self.verdict {
            return verdict;
        }
        let state = self.scan(bytes, limits);
        if state != Ok(ScanState::Incomplete) {
            self.verdict = Some(state);
        }
        state
    }

    /// Whether a byte of the request itself has come in; blank lines before it do not count.
    ///
    /// Tells a connection that waits for its next request from one that has begun to send it.
    pub fn has_begun(&self) -> bool {
        self.in_headers() || self.seen > self.line_start
    }

    /// Where the request line is, without its line ending. Empty until it has ended.
    pub(super) fn request_line(&self) -> Range<usize> {
        self.request_line.clone()
    }

    /// How many header lines have ended.
    pub(super) fn header_lines(&self) -> usize {
        self.header_lines
    }

    fn in_headers(&self) -> bool {
        !self.request_line.is_empty()
    }

    fn scan(&mut self, bytes: &[u8], limits: &RequestLimits) -> Result<ScanState, RequestError> {
        // No range when the caller hands in fewer bytes than before: then nothing is new.
        while let Some(fresh) = bytes.get(self.seen..) {
            let run = if self.in_headers() {
                run_of(fresh, in_header_line)
            } else {
                run_of(fresh, in_request_line)
            };
            self.seen += run;
            self.check_limits(limits)?;
            let offset = self.seen;
            match fresh[run..] {
                [] | [b'\r'] => break,
                [b'\r', b'\n', ..] => {
                    if self.end_line(limits)? {
                        return Ok(ScanState::Complete { head_len: self.seen });
                    }
                }
                [b'\r', ..] => return Err(Reason::BareCarriageReturn { offset }.into()),
                [b'\n', ..] => return Err(Reason::BareLineFeed { offset }.into()),
                [byte, ..] => return Err(Reason::Byte { byte, offset }.into()),
            }
        }
        Ok(ScanState::Incomplete)
    }

    /// Checks the line up to `seen`, whether or not it has ended.
    fn check_limits(&self, limits: &RequestLimits) -> Result<(), RequestError> {
        let line_bytes = self.seen - self.line_start;
        let reason = if !self.in_headers() {
            let limit = limits.request_line_bytes;
            (line_bytes > limit).then_some(Reason::RequestLineBytes { limit })
        } else if line_bytes > 0 && self.header_lines >= limits.header_count {
            Some(Reason::HeaderCount { limit: limits.header_count })
        } else {
            let limit = limits.header_bytes;
            (self.header_bytes + line_bytes > limit).then_some(Reason::HeaderBytes { limit })
        };
        reason.map_or(Ok(()), |reason| Err(reason.into()))
    }

    /// Steps over the CRLF at `seen`; says whether that was the end of the head.
    fn end_line(&mut self, limits: &RequestLimits) -> Result<bool, RequestError> {
        let line = self.line_start..self.seen;
        self.seen += 2;
        self.line_start = self.seen;
        match (self.in_headers(), line.is_empty()) {
            (false, true) => {
                self.blank_lines += 1;
                if self.blank_lines > limits.blank_lines {
                    return Err(Reason::BlankLines { limit: limits.blank_lines }.into());
                }
            }
            (false, false) => self.request_line = line,
            (true, true) => return Ok(true),
            (true, false) => {
                self.header_lines += 1;
                self.header_bytes += line.len();
            }
        }
        Ok(false)
    }
}

/// Visible ASCII and the space.
fn in_request_line(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

/// What a field value may have (RFC 9110 section 5.5); a name may have less, which is checked later.
fn in_header_line(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}

/// How many bytes at the front are all `allowed`.
fn run_of(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> usize {
    // Without a way out in the middle of a block the compiler tests its bytes at once: twice as
    // fast as a plain search, on the head a browser sends.
    let whole = bytes
        .chunks_exact(16)
        .take_while(|block| block.iter().fold(true, |all, &byte| all & allowed(byte)));
    let run = whole.count() * 16;
    let rest = &bytes[run..];
    run + rest.iter().position(|&byte| !allowed(byte)).unwrap_or(rest.len())
}
