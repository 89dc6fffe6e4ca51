//! `substitute`: replaces one text by another.
//!
//! It finds the same places as one search over the whole body, however that comes in pieces: the
//! leftmost first, none overlapping another. What a piece ends in may be half a needle; that half is
//! part of the needle, so that a number stands for it and nothing is copied or held.
//!
//! Models mod_substitute with one fixed string, without its lines: nothing here grows until an LF
//! comes, and an empty FROM, which it replaces for ever, is refused.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use brigade::{
    Brigade, Bucket, BucketAlloc, Effects, Entry, Error, FilterKind, Form, Needle, Next, OptionDoc,
    OutputFilter, Result, Spec,
};
use brigade_http::ResponseHead;
use bytes::Bytes;

use crate::text::{self, Step};

/// Pieces up to this many bytes are copied together with what is around them. Splitting a bucket and
/// handing on its halves costs more than copying that much, and the writer would copy them anyway.
const COPIED_BYTES: usize = 1024;

/// How much one bucket may become before the peer is asked whether it keeps up.
const TURN_BYTES: u64 = 64 * 1024;

/// Marks that wait for the end of half a needle. More than that in the midst of one is nobody's
/// response; they go on before those few bytes.
const MARKS: usize = 16;

/// Replaces every FROM by TO, as `str::replace` does.
///
/// Bytes between two FROMs go on as they are, long runs without a copy, a FILE read piece by piece.
/// At a FLUSH all goes on but the beginning of a FROM that the body may end in; a mark in the midst of
/// it waits for its end, so that it keeps its place.
///
/// A response is left alone whose body is no text: one with a Content-Range, or a Content-Type other than
/// `text/*`, JSON, XML, scripts and their like. Without a Content-Type, or without a head in the chain,
/// it works on the bytes there are. A body that is coded is [decoded first](crate::text::meet), or left
/// alone with a warning.
///
/// ```
/// use brigade::{Chain, FilterKind, Member, recorder};
/// use brigade_filters::substitute::Substitute;
///
/// # fn main() -> brigade::Result<()> {
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// let substitute = Substitute::new("Apache", "httpd")?;
/// chain.join(Member::new("substitute", FilterKind::RESOURCE, substitute));
/// chain.write(b"served by Apa")?;
/// chain.flush()?;
/// assert_eq!(record.bytes(), b"served by ");
/// chain.write(b"che")?;
/// chain.flush()?;
/// assert_eq!(record.bytes(), b"served by httpd");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Substitute {
    rule: Arc<Rule>,
    /// How many bytes of FROM the body so far ends in: given, and not yet pushed.
    begun: usize,
    /// Marks among those bytes: how many are before each.
    marks: VecDeque<(usize, Bucket<'static>)>,
    /// Bytes to be pushed that were copied together. Empty between calls.
    run: Brigade<'static>,
}

#[derive(Debug)]
struct Rule {
    from: Needle,
    to: Bytes,
}

impl Substitute {
    /// Replaces `from` by `to`, which may be empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](brigade::ErrorKind::InvalidInput) when `from` is empty.
    pub fn new(from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<Self> {
        let to = Bytes::copy_from_slice(to.as_ref());
        Ok(Self::with(Arc::new(Rule { from: Needle::new(from)?, to })))
    }

    fn with(rule: Arc<Rule>) -> Self {
        Self { rule, begun: 0, marks: VecDeque::new(), run: Brigade::new() }
    }
}

impl OutputFilter for Substitute {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            if bucket.is_data() {
                if let Some(rest) = self.data(bucket, next)? {
                    input.push_front(rest);
                    return Err(Error::would_block());
                }
            } else if let Some(head) = bucket.as_metadata::<ResponseHead>() {
                match text::meet("substitute", head, next)? {
                    Step::Work => self.mark(bucket, next)?,
                    Step::Aside => {
                        self.finish(next)?;
                        input.push_front(bucket);
                        next.step_aside();
                        return Ok(());
                    }
                    Step::Again => {
                        input.push_front(bucket);
                        return Ok(());
                    }
                }
            } else {
                self.mark(bucket, next)?;
            }
        }
        Ok(())
    }

    fn effects(&self) -> Effects {
        if self.rule.from.len() == self.rule.to.len() {
            Effects::SameLength
        } else {
            Effects::Changes
        }
    }

    fn held_bytes(&self) -> usize {
        self.begun
    }
}

impl Substitute {
    /// Pushes what becomes of `bucket`. What it answers is the rest of one that became so much that
    /// the chain holds back.
    fn data<'b>(
        &mut self,
        mut bucket: Bucket<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Result<Option<Bucket<'b>>> {
        if self.begun > 0 {
            let taken = self.go_on(bucket.bytes().unwrap_or_default(), next)?;
            bucket.advance(taken as u64)?;
            if bucket.is_empty() {
                return Ok(None);
            }
        }
        self.replace(bucket, next)
    }

    /// Goes on with the FROM that the pieces before ended in; answers how many bytes of `data` are
    /// dealt with.
    fn go_on(&mut self, data: &[u8], next: &mut Next<'_, '_>) -> Result<usize> {
        let carried = self.rule.from.carry_on(self.begun, data);
        self.release(carried.given, next)?;
        self.begun = carried.begun;
        if carried.is_found {
            // A mark in the midst of what is replaced goes before it: it cannot be behind more
            // than there would be if the body ended at the mark.
            self.release_marks(next)?;
            let to = shared(next.alloc(), &self.rule.to, 0..self.rule.to.len());
            next.push(to)?;
        }
        Ok(carried.taken)
    }

    /// Replaces in one piece, before which nothing is begun.
    fn replace<'b>(
        &mut self,
        mut bucket: Bucket<'b>,
        next: &mut Next<'_, 'b>,
    ) -> Result<Option<Bucket<'b>>> {
        let Self { rule, run, .. } = self;
        let mut done = 0; // Bytes of the bucket that have been dealt with.
        let mut made: u64 = 0;
        loop {
            let data = &bucket.bytes().unwrap_or_default()[done..];
            let Some(gap) = rule.from.find(data) else { break };
            if gap <= COPIED_BYTES {
                run.write(next.alloc(), &data[..gap]);
                done += gap + rule.from.len();
            } else {
                push_run(run, next)?;
                bucket.advance(done as u64)?;
                let rest = bucket.split_at(gap as u64)?;
                next.push(std::mem::replace(&mut bucket, rest))?;
                done = rule.from.len();
            }
            made += (gap + rule.to.len()) as u64;
            if rule.to.len() <= COPIED_BYTES {
                run.write(next.alloc(), &rule.to);
            } else {
                push_run(run, next)?;
                next.push(Bucket::heap(rule.to.clone()))?;
            }
            if made > TURN_BYTES {
                made = 0;
                push_run(run, next)?;
                if next.should_yield() {
                    bucket.advance(done as u64)?;
                    return Ok(Some(bucket));
                }
            }
        }
        self.rest(bucket, done, next)?;
        Ok(None)
    }

    /// Pushes what is behind the last FROM of a bucket, but for the beginning of one at its end.
    fn rest<'b>(
        &mut self,
        mut bucket: Bucket<'b>,
        done: usize,
        next: &mut Next<'_, 'b>,
    ) -> Result<()> {
        let data = &bucket.bytes().unwrap_or_default()[done..];
        self.begun = self.rule.from.begun_at_end(data);
        let gap = data.len() - self.begun;
        if !self.run.is_empty() && gap <= COPIED_BYTES {
            self.run.write(next.alloc(), &data[..gap]);
            return push_run(&mut self.run, next);
        }
        push_run(&mut self.run, next)?;
        if done > 0 {
            bucket.advance(done as u64)?;
        }
        if self.begun > 0 {
            drop(bucket.split_at(gap as u64)?);
            if gap == 0 {
                return Ok(());
            }
        }
        next.push(bucket)
    }

    fn mark<'b>(&mut self, bucket: Bucket<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if bucket.ends_body() || bucket.is_eor() || bucket.is_eoc() {
            self.finish(next)?;
        } else if bucket.is_flush() || self.marks.len() == MARKS {
            // A FLUSH cannot wait for bytes that may never come.
            self.release_marks(next)?;
        } else if self.begun > 0 {
            self.marks.push_back((self.begun, bucket.set_aside(next.alloc())));
            return Ok(());
        }
        next.push(bucket)
    }

    /// No more comes: what is begun is no FROM.
    fn finish(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        let begun = std::mem::take(&mut self.begun);
        self.release(begun, next)
    }

    /// Pushes the first `count` bytes of those begun, and the marks among them and right after them.
    fn release(&mut self, count: usize, next: &mut Next<'_, '_>) -> Result<()> {
        let mut from = 0;
        while self.marks.front().is_some_and(|(at, _)| *at <= count) {
            let Some((at, mark)) = self.marks.pop_front() else { break };
            self.push_begun(from..at, next)?;
            next.push(mark)?;
            from = at;
        }
        self.marks.iter_mut().for_each(|(at, _)| *at -= count);
        self.push_begun(from..count, next)
    }

    fn push_begun(&self, range: Range<usize>, next: &mut Next<'_, '_>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let bytes = shared(next.alloc(), self.rule.from.bytes(), range);
        next.push(bytes)
    }

    fn release_marks(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        self.marks.drain(..).try_for_each(|(_, mark)| next.push(mark))
    }
}

fn push_run(run: &mut Brigade<'static>, next: &mut Next<'_, '_>) -> Result<()> {
    while let Some(bucket) = run.pop_front() {
        next.push(bucket)?;
    }
    Ok(())
}

/// A bucket of bytes that the rule owns: a copy of few, a share of many.
fn shared(alloc: &mut BucketAlloc, bytes: &Bytes, range: Range<usize>) -> Bucket<'static> {
    if range.len() <= COPIED_BYTES {
        alloc.copy(&bytes[range])
    } else {
        Bucket::heap(bytes.slice(range))
    }
}

/// What `substitute` is in a registry: its one word is the rule, `s/FROM/TO/`.
///
/// The character after the `s` stands between the parts; a backslash makes it, or a backslash, part of
/// a text. A rule with spaces is quoted, `substitute "s/old name/new name/"`; for several rules, name
/// the filter once for each.
pub fn entry() -> Entry {
    const RULE: OptionDoc = OptionDoc {
        form: "s/FROM/TO/",
        help: "what to replace by what; / may be any character, \\ before it makes it text",
    };
    Entry::new("substitute", FilterKind::RESOURCE, |spec| {
        let rule = Arc::new(rule_of(spec)?);
        Ok(move || Substitute::with(rule.clone()))
    })
    .carry("less than FROM")
    .memory("16 marks")
    .summary("replaces one text by another, in text")
    .docs(
        "FROM is text, not a pattern, and every one is replaced, wherever the body is cut. A response that is no text \
         is left alone; one that is coded is decoded for it and coded again.",
    )
    .example("substitute s/Apache/httpd/")
    .reads(Form::Plain)
    .options(&[RULE])
}

fn rule_of(spec: &Spec) -> Result<Rule> {
    let word = match spec.words() {
        [word] => word,
        [] => return Err(spec.wrong("say what to replace by what: s/FROM/TO/")),
        words => {
            return Err(spec.wrong(format!(
                "one rule, s/FROM/TO/, not {}; quote one that has spaces, name the filter once for each",
                words.len()
            )));
        }
    };
    let wrong = |what: &str| spec.wrong(format!("the rule {word:?} {what}"));
    let mut chars = word.chars();
    let (Some('s'), Some(delimiter)) = (chars.next(), chars.next()) else {
        return Err(wrong("is not of the form s/FROM/TO/"));
    };
    if delimiter == '\\' {
        return Err(wrong("cannot have a backslash between its parts"));
    }
    let mut part = || part_of(&mut chars, delimiter).map_err(|what| wrong(&what));
    let (from, to) = (part()?, part()?);
    match chars.as_str() {
        "" => {}
        flags => {
            return Err(wrong(&format!("has flags, {flags:?}; there are none: all is replaced")));
        }
    }
    let from = Needle::new(from).map_err(|_| wrong("has an empty FROM"))?;
    Ok(Rule { from, to: to.into() })
}

/// The text up to the next delimiter.
fn part_of(chars: &mut std::str::Chars<'_>, delimiter: char) -> Result<String, String> {
    let mut part = String::new();
    loop {
        match chars.next() {
            Some(end) if end == delimiter => return Ok(part),
            Some('\\') => match chars.next() {
                Some(plain) if plain == delimiter || plain == '\\' => part.push(plain),
                // Not silently a backslash, or what a regular expression makes of it.
                Some(other) => {
                    return Err(format!(
                        "has \\{other}: a backslash goes before {delimiter} or another backslash"
                    ));
                }
                None => return Err("ends in a backslash".to_owned()),
            },
            Some(plain) => part.push(plain),
            None => return Err(format!("has no {delimiter} at its end, as s/FROM/TO/ has")),
        }
    }
}
