//! What every filter of text does when the head of a response comes by.
//!
//! Invariant: bytes that are no text reach no filter of text. A coded body is decoded above it, or the
//! filter steps aside and says so once.

use brigade::{Error, ErrorKind, Next, Result};
use brigade_http::{ResponseHead, Warning};
use http::StatusCode;
use http::header::CONTENT_ENCODING;

use crate::fields;

/// What a filter of text does with the response whose head it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Works on it, and pushes the head.
    Work,
    /// Finishes what is begun, puts the head back to the front of its input, so that it goes on together
    /// with its body, and [steps aside](Next::step_aside): this body is no text.
    Aside,
    /// Puts the head back to the front of its input and returns: a decoder was inserted before it, and
    /// it is called again with the head and the body of plain text.
    Again,
}

/// Looks at the head of a response for the filter of text `name`.
///
/// Left alone is what is no text: a Content-Type other than `text/*`, JSON, XML, scripts and their like;
/// a part of something (206, Content-Range); another protocol (101). An interim head decides nothing.
///
/// A text that is coded with gzip or deflate has [`inflate`](crate::inflate) inserted before the filter,
/// and [`deflate`](crate::deflate) behind all filters of content, which codes it again for a client that
/// takes that; so filters of text below see text too. Any other coding, and a body that must not be
/// transformed, has the filter step aside, with one [`Warning`] for the operator.
///
/// ```
/// use brigade::{Brigade, Next, OutputFilter, Result};
/// use brigade_filters::text::{self, Step};
/// use brigade_http::ResponseHead;
///
/// struct Shout;
///
/// impl OutputFilter for Shout {
///     fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
///         while let Some(bucket) = next.read(input)? {
///             if let Some(head) = bucket.as_metadata::<ResponseHead>() {
///                 match text::meet("shout", head, next)? {
///                     Step::Work => next.push(bucket)?,
///                     Step::Aside => {
///                         input.push_front(bucket);
///                         next.step_aside();
///                         return Ok(());
///                     }
///                     Step::Again => {
///                         input.push_front(bucket);
///                         return Ok(());
///                     }
///                 }
///                 continue;
///             }
///             let out = match bucket.bytes() {
///                 Some(data) => next.alloc().copy(&data.to_ascii_uppercase()),
///                 None => bucket,
///             };
///             next.push(out)?;
///         }
///         Ok(())
///     }
/// }
/// ```
///
/// # Errors
///
/// As [`Next::push`].
pub fn meet(name: &'static str, head: &ResponseHead, next: &mut Next<'_, '_>) -> Result<Step> {
    if head.is_interim() {
        return Ok(Step::Work);
    }
    let is_text = fields::media_type(&head.headers).is_none_or(|media| fields::is_text(&media));
    let is_whole =
        head.status != StatusCode::SWITCHING_PROTOCOLS && !fields::is_partial(&head.headers);
    if !is_text || !is_whole {
        let what = if is_text { "a part of something" } else { "no text" };
        next.note(format_args!("left alone: it is {what}"));
        return Ok(Step::Aside);
    }
    if !fields::is_coded(&head.headers) {
        return Ok(Step::Work);
    }
    #[cfg(feature = "deflate")]
    if fields::codings(&head.headers).count() == 1 && crate::inflate::decodable(head).is_some() {
        recode(next)?;
        return Ok(Step::Again);
    }
    next.push(warning(name, head).into_bucket())?;
    Ok(Step::Aside)
}

/// Has a body decoded before the filter, and coded again behind all filters of content.
#[cfg(feature = "deflate")]
fn recode(next: &mut Next<'_, '_>) -> Result<()> {
    use brigade::{FilterKind, Member};

    let inflate = crate::inflate::Inflate::new();
    next.insert_before(Member::new("inflate", FilterKind::RESOURCE.offset(-1), inflate));
    let deflate = crate::deflate::Deflate::new();
    next.insert_by_kind(Member::new("deflate", FilterKind::CONTENT_SET, deflate))
}

fn warning(name: &'static str, head: &ResponseHead) -> Warning {
    let lines = head.headers.get_all(CONTENT_ENCODING).iter();
    let coding: Vec<String> =
        lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    let context = format!(
        "step aside: {} is coded ({}), and is not decoded here",
        head.request.uri.path(),
        coding.join(", ")
    );
    Warning::new(Error::new(ErrorKind::Unsupported, context).in_filter(name))
}
