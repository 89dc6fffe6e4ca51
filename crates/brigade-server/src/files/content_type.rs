//! The media type that a file's name asks for.
//!
//! Invariant: it depends on the name alone. Content is never sniffed: the same URL keeps its type.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The `Content-Type` for a file at `path`: by the extension, `application/octet-stream` for none
/// or an unknown one.
///
/// Text is called UTF-8, as nearly all of it is. XML is left alone: it names its encoding inside,
/// and a `charset` outside would overrule that (RFC 7303, 3.2).
pub(crate) fn of(path: &[u8]) -> Cow<'static, str> {
    match mime_guess::from_path(Path::new(OsStr::from_bytes(path))).first_raw() {
        None => Cow::Borrowed("application/octet-stream"),
        Some(text) if text.starts_with("text/") && text != "text/xml" => {
            Cow::Owned(format!("{text}; charset=utf-8"))
        }
        Some(other) => Cow::Borrowed(other),
    }
}
