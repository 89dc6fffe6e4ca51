//! Where a part of the configuration was written.

use std::fmt;
use std::sync::Arc;

/// A place in the file, or the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag, or what goes without saying.
    CommandLine,
    /// A line of a file.
    File { name: Arc<str>, line: usize },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("the command line"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
        }
    }
}
