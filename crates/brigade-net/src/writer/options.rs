//! How much a network writer holds and gives at a time, and what it counts.

use crate::Interest;

/// The limits of a network writer: where to start, and rarely worth changing.
///
/// ```
/// use brigade_net::WriterOptions;
///
/// let patient = WriterOptions::default().limit_bytes(256 * 1024).max_pipelined(16);
/// assert_eq!((patient.limit_bytes, patient.small_bytes), (262_144, 2_048));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriterOptions {
    /// More bytes in memory than these must be written before a pass returns, or the writer says
    /// that it [should yield](brigade::Terminal::should_yield). 64 KiB. Models
    /// `FlushMaxThreshold`.
    pub limit_bytes: usize,
    /// More finished responses than these must be written before a pass returns: 4. Models
    /// `FlushMaxPipelined`.
    pub max_pipelined: usize,
    /// Pieces shorter than this are copied together, longer ones are written from where they are:
    /// one write of a gathered run beats a vectored one of many short slices. 2 KiB.
    pub small_bytes: usize,
    /// A FILE of no more bytes than these, with bytes before it, is read and goes in one call with
    /// them: that costs less than a call of its own. 8 KiB.
    pub read_file_bytes: u64,
    /// The most bytes of a FILE sent by one system call. 256 KiB; a chain in blocking mode, whose thread
    /// nobody else waits for, sends four times as many.
    pub file_window: u64,
    /// The most bytes of FILE and STREAM that a non-blocking chain gives away before it lets other
    /// connections have their turn. 256 KiB.
    pub turn_bytes: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            limit_bytes: 64 * 1024,
            max_pipelined: 4,
            small_bytes: 2 * 1024,
            read_file_bytes: 8 * 1024,
            file_window: 256 * 1024,
            turn_bytes: 256 * 1024,
        }
    }
}

impl WriterOptions {
    /// Sets how many bytes in memory may wait to be written.
    #[must_use]
    pub fn limit_bytes(mut self, bytes: usize) -> Self {
        self.limit_bytes = bytes;
        self
    }

    /// Sets how many finished responses may wait to be written.
    #[must_use]
    pub fn max_pipelined(mut self, responses: usize) -> Self {
        self.max_pipelined = responses;
        self
    }

    /// Sets below how many bytes pieces are copied together.
    #[must_use]
    pub fn small_bytes(mut self, bytes: usize) -> Self {
        self.small_bytes = bytes;
        self
    }

    /// Sets up to how many bytes a FILE is read.
    #[must_use]
    pub fn read_file_bytes(mut self, bytes: u64) -> Self {
        self.read_file_bytes = bytes;
        self
    }

    /// Sets how many bytes of a FILE go by one system call; at least one does.
    #[must_use]
    pub fn file_window(mut self, bytes: u64) -> Self {
        self.file_window = bytes.max(1);
        self
    }

    /// Sets how many bytes of FILE and STREAM are one turn; at least one is.
    #[must_use]
    pub fn turn_bytes(mut self, bytes: u64) -> Self {
        self.turn_bytes = bytes.max(1);
        self
    }
}

/// What a network writer did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriterStats {
    /// Calls of [`Transport::write`](crate::Transport::write), those that took nothing included.
    pub write_calls: u64,
    /// Calls of [`Transport::send_file`](crate::Transport::send_file), those that took nothing
    /// included.
    pub send_file_calls: u64,
    /// Bytes that the transport took, those of files included.
    pub bytes_written: u64,
    /// Bytes of files that went unread.
    pub file_bytes: u64,
}

/// What must happen before a network writer that stopped can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitsFor {
    /// The transport took no more: resume when it is ready.
    Transport(Interest),
    /// The chain's waker is called when it is worth another try: a STREAM had nothing; a FILE is not in
    /// memory; the budget is used up; or others have their turn, and it is called at once.
    Waker,
}
