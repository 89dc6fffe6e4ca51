//! The error of all crates: what it says, what it keeps, and how it travels as an `io::Error`.

use std::error::Error as StdError;
use std::io;

use brigade::{Error, ErrorKind};

#[test]
fn error_says_what_was_tried_and_never_repeats_its_cause() {
    let error =
        Error::new(ErrorKind::Io, "write bucket 3 (40 bytes)").because(io::Error::other("e"));
    assert_eq!(error.to_string(), "write bucket 3 (40 bytes)");
    assert_eq!(error.source().unwrap().to_string(), "e");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(Error::other("x").source().is_none() && Error::other("x").kind() == ErrorKind::Other);
}

#[test]
fn first_filter_and_first_offset_stay() {
    let error = Error::other("no").in_filter("upper").at_byte(7);
    assert_eq!(error.to_string(), "filter upper, at byte 7: no");
    let error = error.in_filter("outer").at_byte(9);
    assert_eq!((error.filter(), error.offset_bytes()), (Some("upper"), Some(7)));
    assert_eq!(Error::other("no").in_filter("upper").to_string(), "filter upper: no");
}

#[test]
fn clone_shares_the_cause() {
    let error = Error::other("no").because("why").in_filter("f").at_byte(1);
    let clone = error.clone();
    assert_eq!(clone.to_string(), error.to_string());
    assert!(std::ptr::eq(clone.source().unwrap(), error.source().unwrap()));
    let shown = format!("{clone:?}");
    for part in ["Other", "\"no\"", "filter: \"f\"", "offset_bytes: 1", "why"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[track_caller]
fn check_from_io(kind: io::ErrorKind, expected: ErrorKind) {
    let error = Error::from(io::Error::new(kind, "cause"));
    assert_eq!((error.kind(), error.source().unwrap().to_string()), (expected, "cause".into()));
}

#[test]
fn kind_of_an_io_error_decides_ours() {
    check_from_io(io::ErrorKind::WouldBlock, ErrorKind::WouldBlock);
    check_from_io(io::ErrorKind::TimedOut, ErrorKind::TimedOut);
    check_from_io(io::ErrorKind::UnexpectedEof, ErrorKind::Incomplete);
    check_from_io(io::ErrorKind::BrokenPipe, ErrorKind::ClientGone);
    check_from_io(io::ErrorKind::ConnectionReset, ErrorKind::ClientGone);
    check_from_io(io::ErrorKind::ConnectionAborted, ErrorKind::ClientGone);
    check_from_io(io::ErrorKind::NotConnected, ErrorKind::ClientGone);
    check_from_io(io::ErrorKind::InvalidInput, ErrorKind::InvalidInput);
    check_from_io(io::ErrorKind::InvalidData, ErrorKind::InvalidInput);
    check_from_io(io::ErrorKind::Unsupported, ErrorKind::Unsupported);
    check_from_io(io::ErrorKind::PermissionDenied, ErrorKind::Io);
}

#[test]
fn error_that_travels_as_an_io_error_comes_out_as_it_went_in() {
    let kinds = [
        (ErrorKind::WouldBlock, io::ErrorKind::WouldBlock),
        (ErrorKind::TimedOut, io::ErrorKind::TimedOut),
        (ErrorKind::ClientGone, io::ErrorKind::ConnectionReset),
        (ErrorKind::Aborted, io::ErrorKind::ConnectionAborted),
        (ErrorKind::Incomplete, io::ErrorKind::UnexpectedEof),
        (ErrorKind::InvalidInput, io::ErrorKind::InvalidInput),
        (ErrorKind::Unsupported, io::ErrorKind::Unsupported),
        (ErrorKind::Contract, io::ErrorKind::Other),
    ];
    for (kind, as_io) in kinds {
        let error = Error::new(kind, "tried").in_filter("f").at_byte(3);
        let travelling = io::Error::from(error);
        assert_eq!(travelling.kind(), as_io);
        let back = Error::from(travelling);
        assert_eq!((back.kind(), back.to_string()), (kind, "filter f, at byte 3: tried".into()));
    }
}
