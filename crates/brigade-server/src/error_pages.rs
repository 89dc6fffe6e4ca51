//! Error pages of the operator's: files, read when the server starts.
//!
//! Invariant: a page that is there at the start is there for as long as the server runs; answering an
//! error opens no file, which might fail for the same reason.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use brigade::{Bucket, Error, ErrorKind, Result};
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
    let status = parse_status(status).map_err(|why| why.unwrap_or_else(form))?;
    if path.is_empty() {
        return Err(form());
    }
    Ok(PageArg { status, path: path.into() })
}

/// Reads a status that an error page can answer; `None`: it is no status at all.
pub(crate) fn parse_status(text: &str) -> Result<StatusCode, Option<String>> {
    let status: StatusCode = text.parse().map_err(|_| None)?;
    if !status.is_client_error() && !status.is_server_error() {
        let why = format!("{status} is answered by no error page; those from 400 to 599 are");
        return Err(Some(why));
    }
    Ok(status)
}

impl PageArg {
    pub(crate) fn new(status: StatusCode, path: PathBuf) -> Self {
        Self { status, path }
    }
}

/// The pages of a server, read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pages(Vec<Page>);

#[derive(Debug, Clone)]
struct Page {
    status: StatusCode,
    path: PathBuf,
    media: HeaderValue,
    bytes: Bytes,
}

impl Pages {
    /// Reads a page.
    ///
    /// # Errors
    ///
    /// What is wrong with the file; a second page for one status.
    pub(crate) fn add(&mut self, arg: &PageArg) -> Result<()> {
        let PageArg { status, path } = arg;
        if self.file(*status).is_some() {
            let context = format!("two error pages for {status}");
            return Err(Error::new(ErrorKind::InvalidInput, context));
        }
        let media = HeaderValue::from_str(&content_type(path.as_os_str().as_encoded_bytes()))
            .map_err(|cause| Error::other("name the type of an error page").because(cause))?;
        let bytes = read(arg)?;
        self.0.push(Page { status: *status, path: path.clone(), media, bytes });
        Ok(())
    }

    /// Which file answers this status.
    pub(crate) fn file(&self, status: StatusCode) -> Option<&Path> {
        self.0.iter().find(|page| page.status == status).map(|page| &*page.path)
    }

    /// Each status and its file.
    pub(crate) fn files(&self) -> impl Iterator<Item = (StatusCode, &Path)> {
        self.0.iter().map(|page| (page.status, &*page.path))
    }

    /// The header filter's options, with these pages; other errors have the short page.
    pub(crate) fn options(&self) -> HeaderOptions {
        let pages = self.0.clone();
        HeaderOptions::default().error_page(move |status, _request| {
            let page = pages.iter().find(|page| page.status == status)?;
            Some(ErrorPage::new(page.media.clone(), Bucket::heap(page.bytes.clone())))
        })
    }
}

fn read(arg: &PageArg) -> Result<Bytes> {
    let what = || format!("read {}, the error page for {}", arg.path.display(), arg.status);
    let mut page = Vec::new();
    File::open(&arg.path)
        .and_then(|file| file.take(MAX_PAGE_BYTES + 1).read_to_end(&mut page))
        .map_err(|cause| Error::new(ErrorKind::Io, what()).because(cause))?;
    if page.len() as u64 > MAX_PAGE_BYTES {
        let context = format!("{}: it is over {MAX_PAGE_BYTES} bytes", what());
        return Err(Error::new(ErrorKind::TooLarge, context));
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
