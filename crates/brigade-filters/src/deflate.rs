//! `deflate`: compresses with gzip, for clients that accept it.
//!
//! Invariant: before every mark all bytes that were given before it are out, so that a client decodes
//! them then; a body that failed has no trailer, and never decodes as complete.
//!
//! Models mod_deflate, without these of its ways: other marks overtake what the encoder holds; `x-gzip`
//! and `*` are not understood; a tiny body has no Vary.

use std::io;

use brigade::{
    Brigade, Bucket, Effects, Entry, Error, Fill, FilterKind, Form, Next, OptionDoc, OutputFilter,
    Result, Spec,
};
use brigade_http::ResponseHead;
use flate2::{Compress, Compression, FlushCompress};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::fields;
use crate::left_alone::{LeftAlone, check_compressible};

/// What a window of 32 KiB and its tables take, measured.
const ENCODER_BYTES: usize = 372 * 1024;

/// Most calls of the encoder have nothing to give, and room is zeroed before it is lent; so the first
/// room is small.
const FIRST_ROOM_BYTES: usize = 256;

/// The whole of a compressed body of no bytes: header, an empty block, checksum and length.
const EMPTY: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Compresses with gzip (RFC 1952).
///
/// A FLUSH brings out all that was given before it; a second one adds no byte. Nothing is kept but the
/// encoder, about 372 KiB from the first byte of a body to its end.
///
/// If the head of a response goes by, it decides. Left alone is what is coded already, what is part of
/// something (206, Content-Range), has no body, must not be transformed (`Cache-Control: no-transform`),
/// is of a type that does not get smaller (pictures, films, archives), is known to be tiny, or goes to
/// a client that does not accept gzip (RFC 9110 §12.5.3). Otherwise the head gets `Content-Encoding:
/// gzip`; length, validators and ranges follow from the filter's effects. `Vary: Accept-Encoding` is
/// added whenever the answer to another client could be compressed. In a chain without heads every body
/// is.
///
/// Compressing a secret together with what an attacker chose lets the length tell the secret (BREACH):
/// leave such pages out.
///
/// ```
/// use std::io::Read;
///
/// use brigade::{Bucket, Chain, FilterKind, Member, recorder};
/// use brigade_filters::deflate::Deflate;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join(Member::new("deflate", FilterKind::CONTENT_SET, Deflate::new()));
/// for _ in 0..1000 {
///     chain.write(b"All work and no play makes Jack a dull boy.\n")?;
/// }
/// chain.pass_bucket(Bucket::eos())?;
/// assert!(record.bytes().len() < 500);
///
/// let mut text = String::new();
/// flate2::read::GzDecoder::new(&record.bytes()[..]).read_to_string(&mut text)?;
/// assert_eq!(text.lines().count(), 1000);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Deflate {
    level: u32,
    min_bytes: u64,
    encoder: Option<Compress>, // From the first byte of a body to its end.
    unflushed: bool,           // The encoder has been given bytes since its last flush.
    body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Compressed,
    /// The answer to HEAD: its head is that of a compressed body, and no bytes count.
    Unseen,
}

impl Default for Deflate {
    fn default() -> Self {
        Self { level: 6, min_bytes: 64, encoder: None, unflushed: false, body: Body::Compressed }
    }
}

impl Deflate {
    /// Compresses at level 6 what is not known to be shorter than 64 bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the level, from 0 (stored) over 1 (fast) to 9 (small).
    ///
    /// # Panics
    ///
    /// When `level` is above 9.
    #[must_use]
    pub fn level(mut self, level: u32) -> Self {
        assert!(level <= 9, "a level of {level}, the highest is 9");
        self.level = level;
        self
    }

    /// Sets below how many bytes a body is left alone, if its length is known when its head goes by.
    #[must_use]
    pub fn min_bytes(mut self, bytes: u64) -> Self {
        self.min_bytes = bytes;
        self
    }
}

impl OutputFilter for Deflate {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(mut bucket) = next.read(input)? {
            if let Some(head) = bucket.as_metadata_mut::<ResponseHead>()
                && self.encoder.is_none()
            {
                let known_bytes = known_bytes(head, input, next);
                if let Err(why) = self.prepare(head, known_bytes) {
                    next.note(format_args!("not compressed: {why}"));
                    next.effects(Effects::Same);
                    next.step_aside();
                    // Together with its body, whose length may be known by that.
                    input.push_front(bucket);
                    return Ok(());
                }
                next.push(bucket)?;
            } else if let Some(data) = bucket.bytes() {
                match self.body {
                    Body::Compressed => {
                        // A FLUSH right behind it asks the encoder for everything in the same call.
                        let flush = match input.front() {
                            Some(next) if next.is_flush() => FlushCompress::Sync,
                            _ => FlushCompress::None,
                        };
                        self.compress(data, flush, next)?;
                    }
                    Body::Unseen => next.push(bucket)?,
                }
            } else {
                self.mark(bucket, next)?;
            }
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        if self.encoder.is_some() { ENCODER_BYTES } else { 0 }
    }
}

impl Deflate {
    fn compress(
        &mut self,
        data: &[u8],
        flush: FlushCompress,
        next: &mut Next<'_, '_>,
    ) -> Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        self.unflushed = flush == FlushCompress::None;
        self.encode(data, flush, next)
    }

    fn mark<'b>(&mut self, bucket: Bucket<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if bucket.is_eos() {
            self.finish(next)?;
        } else if bucket.ends_body() {
            // A body that failed: no trailer, and nothing more of it.
            self.forget();
        } else if std::mem::take(&mut self.unflushed) {
            self.encode(&[], FlushCompress::Sync, next)?;
        }
        next.push(bucket)
    }

    fn finish(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        if self.encoder.is_some() {
            self.encode(&[], FlushCompress::Finish, next)?;
        } else if self.body == Body::Compressed {
            next.push(Bucket::immortal(EMPTY))?;
        }
        self.forget();
        Ok(())
    }

    /// Ready for the next body, if this is a connection's filter.
    fn forget(&mut self) {
        self.encoder = None;
        self.unflushed = false;
        self.body = Body::Compressed;
    }

    /// Gives `data` to the encoder and pushes what it gives.
    fn encode(
        &mut self,
        mut data: &[u8],
        flush: FlushCompress,
        next: &mut Next<'_, '_>,
    ) -> Result<()> {
        let level = Compression::new(self.level);
        let encoder = self.encoder.get_or_insert_with(|| Compress::new_gzip(level, 15));
        let mut room_bytes = FIRST_ROOM_BYTES;
        let mut was_filled = true;
        // An encoder that leaves room has taken all and has nothing more to give.
        while was_filled {
            let filled = next.alloc().fill(room_bytes, |room| {
                let (taken, given) = (encoder.total_in(), encoder.total_out());
                encoder.compress(data, room, flush).map_err(io::Error::other)?;
                data = &data[distance(taken, encoder.total_in())..];
                let given = distance(given, encoder.total_out());
                was_filled = given == room.len();
                Ok(given)
            });
            let filled = filled.map_err(|cause| Error::other("compress with gzip").because(cause));
            if let Fill::Data(piece) = filled? {
                next.push(piece)?;
            }
            room_bytes = next.alloc().block_size();
        }
        debug_assert!(data.is_empty(), "{} bytes were not compressed", data.len());
        Ok(())
    }

    /// Makes `head` say what it must, whether its body is to be compressed or not: then the answer says
    /// why.
    fn prepare(
        &mut self,
        head: &mut ResponseHead,
        known_bytes: Option<u64>,
    ) -> std::result::Result<(), LeftAlone> {
        if head.is_interim() {
            return Ok(()); // The head that counts is still to come.
        }
        check_compressible(head)?;
        if !fields::elements(&head.headers, VARY)
            .any(|field| field == "*" || field.eq_ignore_ascii_case("accept-encoding"))
        {
            head.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        // A 304 from above answers somebody who has this body as it is: nothing here concerns it.
        let is_whole = !fields::is_partial(&head.headers)
            && !matches!(head.status, StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED);
        if !is_whole {
            return Err(LeftAlone::Part);
        }
        if let Some(bytes) = known_bytes.filter(|bytes| *bytes < self.min_bytes) {
            return Err(LeftAlone::Tiny { bytes, min_bytes: self.min_bytes });
        }
        if !accepts_gzip(&head.request.headers) {
            return Err(LeftAlone::Unaccepted);
        }
        head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        if head.request.method == Method::HEAD {
            self.body = Body::Unseen;
        }
        Ok(())
    }
}

fn distance(from: u64, to: u64) -> usize {
    usize::try_from(to - from).expect("no more than the slice that was lent")
}

/// How long the body is, where that is known when its head goes by.
fn known_bytes(head: &ResponseHead, input: &Brigade<'_>, next: &Next<'_, '_>) -> Option<u64> {
    let told =
        head.headers.get(CONTENT_LENGTH).filter(|_| next.effects_above() != Effects::Changes);
    if let Some(told) = told.and_then(|value| value.to_str().ok()?.parse().ok()) {
        return Some(told);
    }
    let here = if input.ends_body() { input.len_bytes() } else { None };
    // Who answers HEAD need not make a body, and one not made has no length.
    here.filter(|bytes| *bytes > 0 || head.request.method != Method::HEAD)
}

/// Whether a client takes gzip, and would not rather have the body as it is (RFC 9110 §12.5.3). One
/// that says nothing gets it as it is.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut x_gzip, mut identity, mut any) = (None, None, None, None);
    for element in fields::elements(headers, ACCEPT_ENCODING) {
        let (coding, parameters) = element.split_once(';').unwrap_or((element, ""));
        let weight = weight(parameters);
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" => gzip = Some(weight),
            "x-gzip" => x_gzip = Some(weight),
            "identity" => identity = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(x_gzip).or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.or(any).unwrap_or(0)
}

/// The weight among `parameters`, in thousandths; one that is malformed accepts nothing.
fn weight(parameters: &str) -> u16 {
    let named = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
    let Some((_, value)) = named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("q"))
    else {
        return 1000;
    };
    let (whole, places) = value.split_once('.').unwrap_or((value, ""));
    let is_number = places.len() <= 3 && places.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{places:0<3}").parse();
    match (whole, thousandths) {
        ("0", Ok(thousandths)) if is_number => thousandths,
        ("1", Ok(0)) if is_number => 1000,
        _ => 0,
    }
}

/// What `deflate` is in a registry, with its options.
pub fn entry() -> Entry {
    const LEVEL: OptionDoc =
        OptionDoc { form: "level=N", help: "0 stored, 1 fast … 9 small; default 6" };
    const MIN_BYTES: OptionDoc = OptionDoc {
        form: "min_bytes=N",
        help: "leave shorter bodies alone, if the length is known; default 64",
    };
    Entry::new("deflate", FilterKind::CONTENT_SET, |spec| {
        let Options { level, min_bytes } = options_of(spec)?;
        Ok(move || Deflate::new().level(level).min_bytes(min_bytes))
    })
    .memory("372 KiB while a body is on its way")
    .summary("compresses with gzip, for clients that accept it")
    .docs(
        "Leaves alone what is coded already, partial content, and whoever does not accept gzip, and says Vary for \
         all. A FLUSH lets go of all that came before it.",
    )
    .example("deflate level=9")
    .makes(Form::Coded)
    .options(&[LEVEL, MIN_BYTES])
}

struct Options {
    level: u32,
    min_bytes: u64,
}

fn options_of(spec: &Spec) -> Result<Options> {
    let default = Deflate::new();
    let level = spec.option("level")?.unwrap_or(default.level);
    if level > 9 {
        return Err(spec.wrong(format!("option level cannot be {level}: it goes from 0 to 9")));
    }
    let min_bytes = spec.option("min_bytes")?.unwrap_or(default.min_bytes);
    Ok(Options { level, min_bytes })
}
