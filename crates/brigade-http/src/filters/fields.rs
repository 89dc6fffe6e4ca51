//! Which fields describe a body, and so leave a head together with it.

use http::HeaderMap;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, HeaderName,
    LAST_MODIFIED, TRAILER, TRANSFER_ENCODING,
};

/// Hashes of the bytes: RFC 9530, RFC 3230, RFC 1864.
pub(super) fn drop_digests(headers: &mut HeaderMap) {
    for field in ["content-digest", "repr-digest", "digest", "content-md5"] {
        headers.remove(field);
    }
}

/// What the body is, and how it travels.
pub(super) fn drop_body_fields(headers: &mut HeaderMap) {
    const FIELDS: [HeaderName; 7] = [
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        CONTENT_LENGTH,
        CONTENT_RANGE,
        CONTENT_TYPE,
        TRAILER,
        TRANSFER_ENCODING,
    ];
    drop_fields(headers, &FIELDS);
    drop_digests(headers);
}

/// What may be done with the body: a cache must not keep what came in its place for as long.
pub(super) fn drop_terms_of_use(headers: &mut HeaderMap) {
    const FIELDS: [HeaderName; 4] = [ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, EXPIRES];
    drop_fields(headers, &FIELDS);
}

/// By what the body is known.
pub(super) fn drop_identity(headers: &mut HeaderMap) {
    drop_fields(headers, &[CONTENT_LOCATION, ETAG, LAST_MODIFIED]);
}

fn drop_fields(headers: &mut HeaderMap, fields: &[HeaderName]) {
    for field in fields {
        headers.remove(field);
    }
}
