//! Why a run of `brigade stream` could not be finished.
//!
//! Invariant: `Display` says what was tried and on what, and never repeats the cause, which
//! `source()` gives.

use std::error::Error;
use std::fmt;

/// What was tried, and what came in its way.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure with no cause below it.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: None }
    }

    /// Adds what it came from: an error, or the words of another process.
    #[must_use]
    pub(crate) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// An error and all its causes in one line, for a pipe that carries text only.
pub(crate) fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn failure_in_one_line_names_every_cause_once() {
        let inner = Failure::new("write 32 bytes").because(io::Error::other("the peer is gone"));
        let outer = Failure::new("serve the `bare` model").because(inner);
        let line = in_one_line(&outer);
        assert_eq!(line, "serve the `bare` model: write 32 bytes: the peer is gone");
    }
}
