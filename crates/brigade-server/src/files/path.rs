//! A request's path, decoded once.
//!
//! Invariant: `names` are the names of files, one after the other: none is empty, `.` or `..`, none
//! holds a slash or a NUL. So joined with slashes they only lead down (symbolic links aside, which
//! are the kernel's to judge), and encoded again they are a path that begins with one slash.
//!
//! The rules, each a choice:
//! - `%XX` is decoded once: `%252e` is the name `%2e`. A `%` without two hex digits is refused, not
//!   guessed at.
//! - A name that *decodes* to `.` or `..` is refused like a plain one. A client resolves those
//!   before it sends (RFC 3986, 5.2.4), so who sends one means no good.
//! - `%2F` is a byte of a name (RFC 3986, 2.2), and no file's name has one: not found. It never
//!   separates.
//! - `\` is no URI character and browsers write `/` for it: refused. `%5C` is a byte of a name as
//!   on any Unix, and separates nothing. So are bytes that are no UTF-8: an "overlong" dot is no
//!   dot to the kernel.
//! - Several slashes count as one, as in httpd and nginx.
//! - What follows `?` plays no part in finding a file.

use std::borrow::Cow;

use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, percent_encode, utf8_percent_encode,
};

use super::error::NotServed;

/// What a directory is asked for by its path with a slash at the end.
const INDEX: &[u8] = b"index.html";

/// Everything but the characters of a path segment, RFC 3986 `pchar`.
const NOT_IN_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// What a query may not hold as it is. A `%` stays: the client encoded what it wanted encoded.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A request's path, decoded and checked, and its query.
#[derive(Debug)]
pub(super) struct RequestPath<'a> {
    // Invariant: names joined by single slashes, without one at either end; empty for the root.
    names: Vec<u8>,
    ends_in_slash: bool,
    query: Option<&'a str>,
}

impl<'a> RequestPath<'a> {
    /// Decodes a path, and a query behind it, as they came with a request.
    ///
    /// # Errors
    ///
    /// [`NotServed::BadPath`] or [`NotServed::NotFound`] for a path that can name no file, by the
    /// rules above.
    pub(super) fn parse(path_and_query: &'a str) -> Result<Self, NotServed> {
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        if !path.starts_with('/') {
            return Err(NotServed::BadPath("it does not begin with a slash"));
        }
        if path.bytes().any(|byte| byte.is_ascii_control() || matches!(byte, b' ' | b'#' | b'\\')) {
            return Err(NotServed::BadPath("it holds a character that must be encoded"));
        }
        if !every_escape_is_whole(path) {
            return Err(NotServed::BadPath("a percent sign without two hexadecimal digits"));
        }
        let mut names = Vec::with_capacity(path.len() + INDEX.len());
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let name = Cow::from(percent_decode_str(segment));
            check_name(&name)?;
            if !names.is_empty() {
                names.push(b'/');
            }
            names.extend_from_slice(&name);
        }
        Ok(Self { names, ends_in_slash: path.ends_with('/'), query })
    }

    /// The path alone: its names, each after a slash, and the slash at its end if it has one.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub(super) fn plain(path_and_query: &'a str) -> Result<Cow<'a, [u8]>, NotServed> {
        let path = path_and_query.split('?').next().unwrap_or_default();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_plain = path.starts_with('/')
            && path.bytes().zip(path.bytes().skip(1).chain([b'a'])).all(|pair| match pair {
                // Neither an empty name nor one that may be a dot segment.
                (b'/', next) => !matches!(next, b'/' | b'.'),
                (byte, _) => is_name(byte),
            });
        if is_plain {
            return Ok(Cow::Borrowed(path.as_bytes()));
        }
        let Self { names, ends_in_slash, .. } = Self::parse(path)?;
        let mut plain = vec![b'/'];
        plain.extend(&names);
        if ends_in_slash && !names.is_empty() {
            plain.push(b'/');
        }
        Ok(Cow::Owned(plain))
    }

    /// The path to open, relative to the root and never empty: a path with a slash at its end
    /// stands for its index.
    ///
    /// To open the index at once, rather than the directory and then its index, saves two system
    /// calls, and asks only for the permission to search the directory. If the path is a file's, it
    /// fails with ENOTDIR as it should.
    pub(super) fn to_open(&self) -> Cow<'_, [u8]> {
        if !self.ends_in_slash {
            return Cow::Borrowed(&self.names);
        }
        let mut path = self.names.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(INDEX);
        Cow::Owned(path)
    }

    /// Whether the client meant a directory.
    pub(super) fn ends_in_slash(&self) -> bool {
        self.ends_in_slash
    }

    /// The same path with a slash at its end, and the query, encoded for a `Location` field.
    ///
    /// Encoded anew from the names, not copied: so it holds nothing that is not visible ASCII and
    /// begins with exactly one slash, however the request spelt it.
    pub(super) fn location_with_slash(&self) -> String {
        let mut location = String::with_capacity(self.names.len() + 2);
        for name in self.names.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
            location.push('/');
            location.extend(percent_encode(name, NOT_IN_SEGMENT));
        }
        location.push('/');
        if let Some(query) = self.query {
            location.push('?');
            location.extend(utf8_percent_encode(query, NOT_IN_QUERY));
        }
        location
    }
}

/// What stands behind the first `names` names of a request's path, undecoded and with its query; empty
/// when the path ends there without a slash.
pub(crate) fn behind(path_and_query: &str, names: usize) -> &str {
    let (path, _) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let mut at = 0;
    for _ in 0..names {
        let name = path[at..].trim_start_matches('/');
        at = path.len() - name.len();
        match name.find('/') {
            Some(len) => at += len,
            None => return "",
        }
    }
    &path_and_query[at..]
}

fn every_escape_is_whole(path: &str) -> bool {
    let digits = |after: &str| {
        after.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    path.split('%').skip(1).all(digits)
}

fn check_name(name: &[u8]) -> Result<(), NotServed> {
    match name {
        b"." | b".." => Err(NotServed::BadPath("a dot segment")),
        name if name.contains(&0) => Err(NotServed::BadPath("a NUL")),
        name if name.contains(&b'/') => {
            Err(NotServed::NotFound("no file's name has a slash in it"))
        }
        _ => Ok(()),
    }
}
