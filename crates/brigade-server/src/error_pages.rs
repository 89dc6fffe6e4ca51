//! Error pages of the operator's: files, read when the server starts.
//!
//! Invariant: a page that is there at the start is there for as long as the server runs; answering an
//! error opens no file, which might fail for the same reason.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use brigade::{Bucket, ErrorKind};
use brigade_http::{ErrorPage, HeaderOptions};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use crate::files::content_type;

/// More than that is no message to a person; and it is kept in memory.
const MAX_PAGE_BYTES: u64 = 1024 * 1024;

/// `404=FILE`: which file answers which status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageArg {
    status: StatusCode,
    path: PathBuf,
}

/// Reads one argument.
pub(crate) fn parse(text: &str) -> Result<PageArg, String> {
    let form = || format!("{text:?} is not of the form STATUS=FILE, such as 404=lost.html");
    let (status, path) = text.split_once('=').ok_or_else(form)?;
    let status: StatusCode = status.parse().map_err(|_| form())?;
    if !status.is_client_error() && !status.is_server_error() {
        return Err(format!("{status} is answered by no error page; those from 400 to 599 are"));
    }
    if path.is_empty() {
        return Err(form());
    }
    Ok(PageArg { status, path: path.into() })
}

/// The header filter's options, with these pages; other errors have the short page.
///
/// # Errors
///
/// What is wrong with a file; two pages for one status.
pub(crate) fn options(args: &[PageArg]) -> Result<HeaderOptions, Box<dyn Error + Send + Sync>> {
    let mut pages: Vec<(StatusCode, HeaderValue, Bytes)> = Vec::new();
    for arg in args {
        if pages.iter().any(|(status, ..)| *status == arg.status) {
            return Err(format!("two error pages for {}", arg.status).into());
        }
        let media = content_type(arg.path.as_os_str().as_encoded_bytes());
        pages.push((arg.status, HeaderValue::from_str(&media)?, read(arg)?));
    }
    Ok(HeaderOptions::default().error_page(move |status, _request| {
        let (_, media, page) = pages.iter().find(|(of, ..)| *of == status)?;
        Some(ErrorPage::new(media.clone(), Bucket::heap(page.clone())))
    }))
}

fn read(arg: &PageArg) -> brigade::Result<Bytes> {
    let what = || format!("read {}, the error page for {}", arg.path.display(), arg.status);
    let mut page = Vec::new();
    File::open(&arg.path)
        .and_then(|file| file.take(MAX_PAGE_BYTES + 1).read_to_end(&mut page))
        .map_err(|cause| brigade::Error::new(ErrorKind::Io, what()).because(cause))?;
    if page.len() as u64 > MAX_PAGE_BYTES {
        let context = format!("{}: it is over {MAX_PAGE_BYTES} bytes", what());
        return Err(brigade::Error::new(ErrorKind::TooLarge, context));
    }
    Ok(page.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argument_is_a_status_and_a_file() {
        let page = parse("404=a=b.html").unwrap();
        assert_eq!((page.status, page.path), (StatusCode::NOT_FOUND, PathBuf::from("a=b.html")));
        for wrong in ["", "404", "404=", "=x", "abc=x", "200=x", "304=x", "99=x", "600=x"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
