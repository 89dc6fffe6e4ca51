//! Heads and trailers as bytes.
//!
//! Invariant: names and values come from `http`'s types, which hold no CR, LF or NUL, or from here; so
//! no field ends a line or a head before its time.

use brigade::{Bucket, BucketAlloc};
use http::{HeaderMap, StatusCode};

/// The head of a response, to be written.
pub(super) struct HeadLines<'h> {
    pub(super) status: StatusCode,
    pub(super) fields: &'h HeaderMap,
    /// Fields beside those; an empty value: none.
    pub(super) more: [(&'static str, &'h [u8]); 4],
}

impl HeadLines<'_> {
    /// All of it as one bucket, copied once.
    pub(super) fn to_bucket(&self, alloc: &mut BucketAlloc) -> Bucket<'static> {
        gather(alloc, |put| {
            // The server's own version, also to clients of HTTP/1.0 (RFC 9110 §2.5).
            put(b"HTTP/1.1 ");
            put(self.status.as_str().as_bytes());
            put(b" ");
            put(self.status.canonical_reason().unwrap_or_default().as_bytes());
            put(b"\r\n");
            put_fields(self.fields, put);
            for (name, value) in self.more.iter().filter(|(_, value)| !value.is_empty()) {
                put_field(name, value, put);
            }
            put(b"\r\n");
        })
    }
}

/// The last chunk with `trailers` after it, as one bucket.
pub(super) fn trailer_section(trailers: &HeaderMap, alloc: &mut BucketAlloc) -> Bucket<'static> {
    gather(alloc, |put| {
        put(b"0\r\n");
        put_fields(trailers, put);
        put(b"\r\n");
    })
}

fn put_fields(fields: &HeaderMap, put: &mut dyn FnMut(&[u8])) {
    for (name, value) in fields {
        put_field(name.as_str(), value.as_bytes(), put);
    }
}

fn put_field(name: &str, value: &[u8], put: &mut dyn FnMut(&[u8])) {
    put(name.as_bytes());
    put(b": ");
    put(value);
    put(b"\r\n");
}

/// Copies the pieces that `pieces` puts into one bucket; it is asked twice, first for their length.
fn gather(alloc: &mut BucketAlloc, pieces: impl Fn(&mut dyn FnMut(&[u8]))) -> Bucket<'static> {
    let mut len = 0;
    pieces(&mut |piece| len += piece.len());
    alloc.copy_with(len, |to| {
        let mut rest = to;
        pieces(&mut |piece| {
            let (now, later) = std::mem::take(&mut rest).split_at_mut(piece.len());
            now.copy_from_slice(piece);
            rest = later;
        });
    })
}
