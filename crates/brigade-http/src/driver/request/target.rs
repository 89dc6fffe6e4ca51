//! What a request is for: the request target and the Host field.
//!
//! Invariant: a host that comes out of here is a name, an IPv4 address or an IPv6 address in
//! brackets, with at most a port of 16 bits; it holds no user name, no percent-encoding, no list.

use std::net::Ipv6Addr;

use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Version};

use super::error::{Reason, RequestError};

/// Takes a target in origin form (`/path?query`) or absolute form (`http://host/path?query`) apart.
///
/// Not `*`, which only OPTIONS may ask for, nor `host:port`, which only CONNECT may: neither method
/// is served.
pub(super) fn parse(target: &[u8]) -> Result<(PathAndQuery, Option<Authority>), RequestError> {
    // `PathAndQuery` would cut it off without a word.
    if target.contains(&b'#') {
        return Err(Reason::Malformed("request target has a fragment").into());
    }
    if target.starts_with(b"/") {
        return Ok((path_and_query(target)?, None));
    }
    let Some(rest) = strip_scheme(target) else {
        return Err(Reason::Malformed("request target is neither a path nor an http URI").into());
    };
    let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority =
        authority_of(authority).ok_or(Reason::Malformed("request target has an invalid host"))?;
    let path = if path.starts_with(b"/") {
        path_and_query(path)?
    } else {
        path_and_query(&[b"/", path].concat())?
    };
    Ok((path, Some(authority)))
}

/// Checks the Host field: one in HTTP/1.1, at most one in HTTP/1.0, valid (RFC 9112 section 3.2).
///
/// An empty one is valid and names no host.
pub(super) fn host_field(
    headers: &HeaderMap,
    version: Version,
) -> Result<Option<Authority>, RequestError> {
    let mut fields = headers.get_all(HOST).iter();
    let Some(host) = fields.next() else {
        return match version {
            Version::HTTP_10 => Ok(None),
            _ => Err(Reason::FieldCount { field: "host", count: 0 }.into()),
        };
    };
    let others = fields.count();
    if others > 0 {
        return Err(Reason::FieldCount { field: "host", count: 1 + others }.into());
    }
    if host.is_empty() {
        return Ok(None);
    }
    let host = authority_of(host.as_bytes()).ok_or(Reason::Malformed("host field is invalid"))?;
    Ok(Some(host))
}

fn path_and_query(target: &[u8]) -> Result<PathAndQuery, RequestError> {
    PathAndQuery::try_from(target).map_err(|_| {
        Reason::Malformed("request target has a character that must be encoded").into()
    })
}

fn strip_scheme(target: &[u8]) -> Option<&[u8]> {
    ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme.as_bytes()).then_some(rest)
    })
}

/// `host` or `host:port`, or nothing when it is not valid.
///
/// Stricter than RFC 3986, whose names may have `!$&'()*+,;=~` and percent-encoding: no name that
/// resolves has them, and a page or a redirect that repeats the host stays harmless.
fn authority_of(text: &[u8]) -> Option<Authority> {
    let host_len = match text {
        [b'[', ..] => text.iter().position(|&byte| byte == b']')? + 1,
        _ => text.iter().position(|&byte| byte == b':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(host_len);
    let valid = is_host(host) && is_port(port);
    valid.then(|| Authority::try_from(text).ok()).flatten()
}

fn is_host(host: &[u8]) -> bool {
    match host {
        [b'[', address @ .., b']'] => {
            str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok())
        }
        name => {
            let in_name = |&byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !name.is_empty() && name.iter().all(in_name)
        }
    }
}

/// Nothing, a colon, or a colon and a number that fits a port.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] | [b':'] => true,
        [b':', digits @ ..] => {
            digits.iter().all(u8::is_ascii_digit)
                && str::from_utf8(digits).is_ok_and(|digits| digits.parse::<u16>().is_ok())
        }
        _ => false,
    }
}
