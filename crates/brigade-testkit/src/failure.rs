//! What a check says of a filter that breaks a promise.

use std::error::Error;
use std::fmt;

use crate::Promise;

/// A promise that a filter broke: which, the smallest run found that shows it, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    promise: Promise,
    wrong: String,
    given: String,
    came: String,
}

impl Failure {
    pub(crate) fn new(promise: Promise, wrong: String, given: String, came: String) -> Self {
        Self { promise, wrong, given, came }
    }

    /// The promise.
    pub fn promise(&self) -> Promise {
        self.promise
    }

    /// What went into the chain, by how many calls, among what neighbours.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// What came out: bytes, and the marks with the number of bytes before each.
    pub fn came(&self) -> &str {
        &self.came
    }

    /// What is wrong with that.
    pub fn wrong(&self) -> &str {
        &self.wrong
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { promise, wrong, given, came } = self;
        writeln!(f, "a promise is broken: {promise}")?;
        writeln!(f, "  given: {given}")?;
        writeln!(f, "  came:  {came}")?;
        writeln!(f, "  wrong: {wrong}")?;
        for line in promise.mend().lines() {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl Error for Failure {}
