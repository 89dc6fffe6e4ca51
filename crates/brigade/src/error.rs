//! The one error of all crates: what was tried, on what, in which filter, and why.
//!
//! Invariant: an [`Error`] is one word wide, so that `Result<()>` travels in a register.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;
use std::{fmt, io};

/// A result whose error is [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, for code to decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing can be had or taken now; the waker is called when it is worth another try.
    WouldBlock,
    /// The chain refuses: an earlier hard error ended this connection.
    Aborted,
    /// The peer went away: reset, hung up, or closed its end.
    ClientGone,
    /// A time limit ran out.
    TimedOut,
    /// The operating system answered an error.
    Io,
    /// Fewer bytes were there than were promised or asked for.
    Incomplete,
    /// A stated limit would have been passed.
    TooLarge,
    /// An argument, an option or the data itself is not acceptable.
    InvalidInput,
    /// This kind of bucket, transport or platform cannot do it.
    Unsupported,
    /// A filter broke one of its promises; the message says which.
    Contract,
    /// Too late: the head of the response has been sent.
    Committed,
    /// Anything else: a handler's or a filter's own failure.
    Other,
}

/// What was tried, on what, and why it failed.
///
/// The chain adds the name of the filter in which an error began, and the byte offset reached
/// there. `Display` is for people and never repeats [`source`](StdError::source).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    context: Cow<'static, str>,
    filter: Option<Cow<'static, str>>,
    position: Option<usize>,
    offset_bytes: Option<u64>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error of `kind`; `context` says what was tried, with the numbers.
    ///
    /// ```
    /// use brigade::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::TooLarge, "hold a line of 70000 bytes, limit 65536");
    /// assert_eq!(error.to_string(), "hold a line of 70000 bytes, limit 65536");
    /// ```
    pub fn new(kind: ErrorKind, context: impl Into<Cow<'static, str>>) -> Self {
        let context = context.into();
        Self(Box::new(Inner {
            kind,
            context,
            filter: None,
            position: None,
            offset_bytes: None,
            source: None,
        }))
    }

    /// Makes an error of kind [`ErrorKind::Other`].
    pub fn other(context: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Other, context)
    }

    /// Answers that nothing can be had or taken now. Whoever returns it has arranged for the
    /// chain's waker to be called.
    #[cold]
    pub fn would_block() -> Self {
        Self::new(ErrorKind::WouldBlock, "nothing to be had now")
    }

    /// Keeps what caused this error, for [`source`](StdError::source).
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(cause.into()));
        self
    }

    /// Names the filter in which the error began. The chain does it; the first name stays.
    #[must_use]
    pub fn in_filter(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.filter.get_or_insert_with(|| name.into());
        self
    }

    /// Says where in its chain the filter is. The first position stays.
    #[must_use]
    pub(crate) fn at_position(mut self, position: usize) -> Self {
        self.0.position.get_or_insert(position);
        self
    }

    /// Says how many bytes the filter had been given in this response. The first offset stays.
    #[must_use]
    pub fn at_byte(mut self, offset_bytes: u64) -> Self {
        self.0.offset_bytes.get_or_insert(offset_bytes);
        self
    }

    /// What went wrong, for code.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether this only asks for patience.
    pub fn is_would_block(&self) -> bool {
        self.0.kind == ErrorKind::WouldBlock
    }

    /// The filter in which the error began, once a chain has seen it.
    pub fn filter(&self) -> Option<&str> {
        self.0.filter.as_deref()
    }

    /// Where in its chain that filter was, 1 for the uppermost: what tells two of one name apart.
    pub fn position(&self) -> Option<usize> {
        self.0.position
    }

    /// How many bytes that filter had been given in this response.
    pub fn offset_bytes(&self) -> Option<u64> {
        self.0.offset_bytes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.filter, self.0.offset_bytes) {
            (Some(filter), Some(offset)) => {
                write!(f, "filter {filter}, at byte {offset}: {}", self.0.context)
            }
            (Some(filter), None) => write!(f, "filter {filter}: {}", self.0.context),
            _ => f.write_str(&self.0.context),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("context", &self.0.context);
        if let Some(filter) = &self.0.filter {
            out.field("filter", filter);
        }
        if let Some(position) = self.0.position {
            out.field("position", &position);
        }
        if let Some(offset) = self.0.offset_bytes {
            out.field("offset_bytes", &offset);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Keeps the cause; its kind decides ours. An `Error` that travelled inside an `io::Error`, as
/// readers over filters make them, comes out as it went in.
impl From<io::Error> for Error {
    fn from(cause: io::Error) -> Self {
        let cause = match cause.downcast::<Error>() {
            Ok(ours) => return ours,
            Err(cause) => cause,
        };
        let kind = match cause.kind() {
            io::ErrorKind::WouldBlock => ErrorKind::WouldBlock,
            io::ErrorKind::TimedOut => ErrorKind::TimedOut,
            io::ErrorKind::UnexpectedEof => ErrorKind::Incomplete,
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected => ErrorKind::ClientGone,
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => ErrorKind::InvalidInput,
            io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Io,
        };
        Self::new(kind, "input or output").because(cause)
    }
}

/// For readers and writers built over a chain: the whole error travels inside.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::WouldBlock => io::ErrorKind::WouldBlock,
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::ClientGone => io::ErrorKind::ConnectionReset,
            ErrorKind::Aborted => io::ErrorKind::ConnectionAborted,
            ErrorKind::Incomplete => io::ErrorKind::UnexpectedEof,
            ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
            ErrorKind::Unsupported => io::ErrorKind::Unsupported,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
