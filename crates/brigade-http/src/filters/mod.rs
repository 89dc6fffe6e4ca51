//! The protocol's filters: they make an HTTP/1.1 response of a RESPONSE and a body.
//!
//! Top to bottom: [`Conditional`] answers 304 and 412, [`ContentLength`] says a length that is known,
//! [`Header`] turns RESPONSE into bytes and decides how the body is framed, [`Chunk`] frames it where
//! the header filter chose chunks. They sit below every filter that changes content, so that they see
//! what the client will see.
//!
//! Invariant: none of them reads data of known length. A FILE leaves them as it came.

mod chunk;
mod conditional;
mod content_length;
mod date;
mod effects;
mod entity_tag;
mod error_page;
mod fields;
mod framing;
mod header;
mod options;
mod wire;

use std::sync::Arc;

use brigade::{Brigade, Bucket, Chain, Error, FilterKind, Member, Next, Result};

pub use self::chunk::Chunk;
pub use self::conditional::Conditional;
pub use self::content_length::ContentLength;
pub use self::effects::apply_effects;
pub use self::error_page::{ErrorPage, StatusError, status_of, with_status};
pub use self::header::Header;
pub use self::options::HeaderOptions;
use crate::{Exchange, ResponseHead, Trailers};

/// The protocol's filters join `chain` for the response that begins: [`Conditional`],
/// [`ContentLength`] and [`Header`], which inserts [`Chunk`] if it is needed.
///
/// ```
/// use std::sync::Arc;
/// use brigade::{Brigade, Bucket, Chain, recorder};
/// use brigade_http::{Exchange, HeaderOptions, RequestHead, ResponseHead, join_protocol};
/// use http::StatusCode;
///
/// # fn main() -> brigade::Result<()> {
/// let request = Arc::new(RequestHead::get("/".parse().unwrap()));
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// let options = HeaderOptions::default().clock(|| std::time::UNIX_EPOCH);
/// join_protocol(&mut chain, &Exchange::new(request.clone()), &Arc::new(options));
///
/// let mut response = Brigade::new();
/// response.push_back(ResponseHead::new(StatusCode::OK, request).into_bucket());
/// response.push_back(Bucket::immortal(b"hello\n"));
/// response.push_back(Bucket::eos());
/// chain.pass(&mut response)?;
/// assert_eq!(
///     String::from_utf8(record.bytes()).unwrap(),
///     "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nhello\n"
/// );
/// # Ok(())
/// # }
/// ```
pub fn join_protocol(chain: &mut Chain, exchange: &Exchange, options: &Arc<HeaderOptions>) {
    let kind = FilterKind::PROTOCOL;
    let header = Header::new(exchange.clone(), options.clone());
    chain.join_request(Member::new("conditional", kind, Conditional::new()));
    chain.join_request(Member::new("content_length", kind.offset(1), ContentLength::new()));
    chain.join_request(Member::new("header", kind.offset(5), header));
}

/// Lets `edit` see the final head, as the filters above leave it, and what is in `input` after it;
/// then this filter steps aside. What comes before the final head is handed on.
fn edit_final_head<'b>(
    input: &mut Brigade<'b>,
    next: &mut Next<'_, 'b>,
    edit: impl FnOnce(&mut ResponseHead, &mut Brigade<'b>, &mut Next<'_, 'b>),
) -> Result<()> {
    while let Some(mut bucket) = input.pop_front() {
        match bucket.as_metadata_mut::<ResponseHead>() {
            Some(head) if !head.is_interim() => {
                apply_effects(head, next.effects_above(), next.fingerprint_above());
                edit(head, input, next);
                input.push_front(bucket);
                next.step_aside();
                return Ok(());
            }
            _ => next.push(bucket)?,
        }
    }
    Ok(())
}

/// How the body ends in `input`, if it does: well, or in an error.
fn body_end<'r>(input: &'r Brigade<'_>) -> Option<Result<(), &'r Error>> {
    if !input.ends_body() {
        return None;
    }
    let end = input.iter().find(|bucket| bucket.ends_body())?;
    Some(end.as_error().map_or(Ok(()), Err))
}

/// Whether this is a mark that belongs to no response in particular.
pub(crate) fn is_foreign_mark(bucket: &Bucket<'_>) -> bool {
    bucket.is_metadata()
        && !bucket.ends_body()
        && bucket.as_metadata::<ResponseHead>().is_none()
        && bucket.as_metadata::<Trailers>().is_none()
}
