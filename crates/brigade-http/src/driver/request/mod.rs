//! Reads the head of an HTTP/1 request: everything before the body.
//!
//! [`HeadScan`] finds where the head ends while its bytes come in; [`parse_head`] then makes a
//! [`ParsedHead`] of it. Neither reads a socket: they work on byte slices.
//!
//! Invariants: no input makes this panic; work is linear in the bytes received; what is allocated
//! is bounded by [`RequestLimits`]. Strict where two readers of the same bytes could disagree on
//! where a request ends (RFC 9112 sections 2.2, 3.2, 5.1 and 6.3), for that is how one request
//! hides another. Every [`RequestError`] means: answer with its status, then close the connection.

mod error;
mod framing;
mod limits;
mod parse;
mod scan;
mod target;

pub use error::RequestError;
pub use framing::AnnouncedBody;
pub use limits::RequestLimits;
pub(super) use parse::parse_scanned;
pub use parse::{ParsedHead, parse_head};
pub use scan::{HeadScan, ScanState};
