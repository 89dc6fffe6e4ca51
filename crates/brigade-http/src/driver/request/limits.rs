//! How large a request head may be.
//!
//! Invariant: [`RequestLimits::max_head_bytes`] bytes are enough to hold any head the limits allow.

/// The largest request head a server takes; [`Default`] is right for most.
///
/// The limits are kept while the bytes come in: a client that never ends a line is refused with
/// the first byte over the limit. Models `LimitRequestLine` (8190), `LimitRequestFields` (100) and
/// httpd's 10 blank lines; unlike `LimitRequestFieldSize` the bytes of all fields count together,
/// since together they fill the memory.
///
/// ```
/// # use brigade_http::driver::request::RequestLimits;
/// let limits = RequestLimits::default().header_bytes(8 * 1024).header_count(50);
/// assert_eq!(limits.max_head_bytes(), 20 + 8190 + 2 + 8192 + 100 + 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    // Each counts what its setter says, line endings left out.
    pub(super) request_line_bytes: usize,
    pub(super) header_bytes: usize,
    pub(super) header_count: usize,
    pub(super) blank_lines: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            request_line_bytes: 8190,
            header_bytes: 32 * 1024,
            header_count: 100,
            blank_lines: 10,
        }
    }
}

impl RequestLimits {
    /// The longest target `http` can hold, 65,534 bytes: a longer line could not be parsed anyway.
    const MAX_REQUEST_LINE_BYTES: usize = u16::MAX as usize - 1;

    /// The most fields an `http::HeaderMap` can hold.
    const MAX_HEADER_COUNT: usize = 24_576;

    /// Sets the length in bytes of the longest request line, without its line ending: 8190 at
    /// first, 65,534 at most. A longer line is answered 414.
    #[must_use]
    pub fn request_line_bytes(mut self, bytes: usize) -> Self {
        self.request_line_bytes = bytes.min(Self::MAX_REQUEST_LINE_BYTES);
        self
    }

    /// Sets the bytes all header fields may have together, names and colons included, line endings
    /// not: 32 KiB at first. More is answered 431.
    #[must_use]
    pub fn header_bytes(mut self, bytes: usize) -> Self {
        self.header_bytes = bytes;
        self
    }

    /// Sets how many header fields a request may have: 100 at first, 24,576 at most. More is
    /// answered 431.
    #[must_use]
    pub fn header_count(mut self, count: usize) -> Self {
        self.header_count = count.min(Self::MAX_HEADER_COUNT);
        self
    }

    /// Sets how many blank lines before the request line are skipped: 10 at first. More is
    /// answered 400.
    ///
    /// Models RFC 9112 section 2.2: old clients send one after a body.
    #[must_use]
    pub fn blank_lines(mut self, count: usize) -> Self {
        self.blank_lines = count;
        self
    }

    /// The length in bytes of the longest head these limits allow, line endings included.
    ///
    /// Whoever holds as many bytes has a whole head or an error: [`HeadScan`](super::HeadScan)
    /// never answers that it needs more.
    pub fn max_head_bytes(&self) -> usize {
        let line_ends = self.blank_lines.saturating_add(self.header_count).saturating_add(2);
        self.request_line_bytes
            .saturating_add(self.header_bytes)
            .saturating_add(line_ends.saturating_mul(2))
    }
}
