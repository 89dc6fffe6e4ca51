//! CHUNK: the chunked transfer coding (RFC 9112 §7.1).
//!
//! Invariants: a chunk is announced only when all its data is at hand, in memory or by a FILE's
//! promise, and goes down whole; so waiting never leaves one half written. The last chunk is written
//! for EOS alone: a body that ends in ERROR stays open, and the peer sees that it is cut short.

use brigade::{Brigade, Bucket, BucketAlloc, Next, OutputFilter, Result};
use http::HeaderMap;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, HOST, HeaderName, MAX_FORWARDS, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING,
};

use super::wire::trailer_section;
use crate::Trailers;

/// Frames a body in chunks: one for each run of data up to a FLUSH, the end, or the end of a call.
///
/// Data of known length is framed unread, so that a FILE can still be sent by `sendfile`; data of
/// unknown length is read, a chunk for each piece. No byte of a body is copied. The [`Trailers`] of a
/// HEADERS bucket follow the last chunk, but for fields that a recipient acts on before the body.
///
/// The [header filter](super::Header) inserts it where a response needs it. Models
/// `ap_http_chunk_filter`, which ends a body that failed well, unless it failed with 502.
#[derive(Debug, Default)]
#[doc(alias = "ap_http_chunk_filter")]
pub struct Chunk {
    trailers: HeaderMap, // Of the body that is on its way.
}

impl Chunk {
    /// Makes the filter.
    pub fn new() -> Self {
        Self::default()
    }

    fn mark<'b>(&mut self, mut mark: Bucket<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if let Some(Trailers(more)) = mark.as_metadata_mut() {
            self.trailers.extend(std::mem::take(more));
            return Ok(());
        }
        if mark.ends_body() {
            let trailers = std::mem::take(&mut self.trailers);
            if mark.is_eos() {
                let last = last_chunk(trailers, next.alloc());
                next.push(last)?;
            }
        }
        next.push(mark)
    }
}

/// Fields that frame, route or authorise, or say how the body is coded: a recipient that believed them
/// in a trailer could be made to disagree with one that did not (RFC 9110 §6.5.1).
const TOO_LATE: [HeaderName; 13] = [
    AUTHORIZATION,
    CACHE_CONTROL,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    HOST,
    MAX_FORWARDS,
    SET_COOKIE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
];

impl OutputFilter for Chunk {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while !input.is_empty() {
            let run = Run::at_front_of(input);
            if run.buckets == 0 {
                // A mark, or data that only reading will measure.
                match next.read(input)? {
                    Some(piece) if piece.is_data() => {
                        let len = piece.len().unwrap_or(0);
                        push_chunk(len, std::iter::once(piece), next)?;
                    }
                    Some(mark) => self.mark(mark, next)?,
                    None => {}
                }
                continue;
            }
            push_chunk(
                run.bytes,
                std::iter::from_fn(|| input.pop_front()).take(run.buckets),
                next,
            )?;
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        self.trailers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
    }
}

/// Buckets at the front of a brigade that make one chunk.
#[derive(Default)]
struct Run {
    buckets: usize,
    bytes: u64,
}

impl Run {
    fn at_front_of(brigade: &Brigade<'_>) -> Self {
        let mut run = Self::default();
        for bucket in brigade {
            if bucket.is_flush() || bucket.ends_body() || bucket.as_metadata::<Trailers>().is_some()
            {
                break;
            }
            // Marks of other kinds are no end of a chunk: they keep their place within it.
            let Some(bytes) = bucket.len().and_then(|len| run.bytes.checked_add(len)) else {
                break;
            };
            run.bytes = bytes;
            run.buckets += 1;
        }
        run
    }
}

/// Pushes `data`, which is `len` bytes long, as one chunk. No bytes make no chunk, since that would be
/// the last one.
fn push_chunk<'b>(
    len: u64,
    data: impl Iterator<Item = Bucket<'b>>,
    next: &mut Next<'_, 'b>,
) -> Result<()> {
    if len > 0 {
        let size = size_line(len, next.alloc());
        next.push(size)?;
    }
    for bucket in data {
        next.push(bucket)?;
    }
    if len > 0 { next.push(Bucket::immortal(b"\r\n")) } else { Ok(()) }
}

/// The chunk of no bytes, the trailers and an empty line.
fn last_chunk(mut trailers: HeaderMap, alloc: &mut BucketAlloc) -> Bucket<'static> {
    if trailers.is_empty() {
        return Bucket::immortal(b"0\r\n\r\n");
    }
    TOO_LATE.iter().for_each(|field| drop(trailers.remove(field)));
    trailer_section(&trailers, alloc)
}

/// The length in hexadecimal, and CRLF.
fn size_line(len: u64, alloc: &mut BucketAlloc) -> Bucket<'static> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut line = *b"................\r\n";
    let mut rest = len;
    let mut at = 16;
    loop {
        at -= 1;
        line[at] = DIGITS[(rest & 0xf) as usize];
        rest >>= 4;
        if rest == 0 {
            return alloc.copy(&line[at..]);
        }
    }
}
