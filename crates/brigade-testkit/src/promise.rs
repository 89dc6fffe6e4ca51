//! What a filter promises, and how to mend one that does not keep it.

use std::fmt;

/// A promise that every filter makes by being one: see [`OutputFilter`](brigade::OutputFilter).
///
/// ```
/// use brigade_testkit::Promise;
///
/// assert_eq!(Promise::MarksInPlace.to_string(), "marks go on in their place");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Promise {
    /// It takes the input it is tried with, and makes of it what its author says.
    TakesInput,
    /// The same bytes come out however the input is cut into buckets and calls.
    SameBytes,
    /// Data of every kind is treated alike: in memory, in a FILE, from a STREAM.
    EveryKind,
    /// Data of no bytes is data, and no end.
    EmptyData,
    /// Marks go on in their place, unknown kinds too.
    MarksInPlace,
    /// A FLUSH changes no byte.
    FlushKeepsBytes,
    /// After a FLUSH at most the declared carry is kept, and the FLUSH goes on.
    FlushLetsGo,
    /// The body ends once, after its last byte.
    EndsOnce,
    /// A call that answers `Ok` has taken every bucket.
    TakesAll,
    /// Waiting loses nothing, and whoever waits is woken.
    LosesNothing,
    /// An error goes up as it is, and a body that failed never looks complete.
    HandsErrorsUp,
    /// Its memory stays within what it states.
    BoundedMemory,
    /// It changes no more than it declares.
    HonestEffects,
    /// When it steps aside it has nothing left.
    StepsAsideClean,
    /// It is told the end of its response once.
    ToldOnce,
    /// A connection's filter begins every response anew.
    BeginsAnew,
    /// It never panics, whatever it is given.
    NeverPanics,
}

impl Promise {
    /// What a filter that breaks it should do instead: a sentence or two, and a line of code where one
    /// helps.
    pub fn mend(self) -> &'static str {
        match self {
            Self::TakesInput => TAKES_INPUT,
            Self::SameBytes => SAME_BYTES,
            Self::EveryKind => EVERY_KIND,
            Self::EmptyData => EMPTY_DATA,
            Self::MarksInPlace => MARKS_IN_PLACE,
            Self::FlushKeepsBytes => FLUSH_KEEPS_BYTES,
            Self::FlushLetsGo => FLUSH_LETS_GO,
            Self::EndsOnce => ENDS_ONCE,
            Self::TakesAll => TAKES_ALL,
            Self::LosesNothing => LOSES_NOTHING,
            Self::HandsErrorsUp => HANDS_ERRORS_UP,
            Self::BoundedMemory => BOUNDED_MEMORY,
            Self::HonestEffects => HONEST_EFFECTS,
            Self::StepsAsideClean => STEPS_ASIDE_CLEAN,
            Self::ToldOnce => TOLD_ONCE,
            Self::BeginsAnew => BEGINS_ANEW,
            Self::NeverPanics => NEVER_PANICS,
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TakesInput => "it takes the input it is tried with",
            Self::SameBytes => "the same bytes come out however the input is cut",
            Self::EveryKind => "data of every kind is treated alike",
            Self::EmptyData => "data of no bytes is data, and no end",
            Self::MarksInPlace => "marks go on in their place",
            Self::FlushKeepsBytes => "a FLUSH changes no byte",
            Self::FlushLetsGo => "a FLUSH lets go of all but the carry",
            Self::EndsOnce => "the body ends once, after its last byte",
            Self::TakesAll => "a call that answers Ok has taken every bucket",
            Self::LosesNothing => "waiting loses nothing",
            Self::HandsErrorsUp => "errors go up, and a failed body never looks complete",
            Self::BoundedMemory => "its memory stays within what it states",
            Self::HonestEffects => "it changes no more than it declares",
            Self::StepsAsideClean => "when it steps aside it has nothing left",
            Self::ToldOnce => "it is told the end of its response once",
            Self::BeginsAnew => "every response begins anew",
            Self::NeverPanics => "it never panics",
        })
    }
}

const TAKES_INPUT: &str = "\
Given its input in one piece, it should make of it what you say, without an error. Give the
suite an input that the filter takes (`.input(…)`), and the head that it looks for, if it looks
for one (`.with_head(…)`).";

const SAME_BYTES: &str = "\
Where the input is cut says nothing: what you look for may begin in one bucket and end in
another, or in another call. Keep the beginning in a field until you have seen the rest.";

const EVERY_KIND: &str = "\
Take buckets with `next.read(input)?`, which gives the bytes of a FILE and a STREAM too, and ask
whether there are bytes, never which kind of bucket it is:
    match bucket.bytes() { Some(data) => …, None => … }";

const EMPTY_DATA: &str = "\
A bucket of no bytes is an empty piece of data, and may come anywhere. The end of the body is a
mark: `bucket.is_eos()`.";

const MARKS_IN_PLACE: &str = "\
Push every mark where you meet it, whether you know its kind or not. What you hold and can let
go of goes before it; what you cannot, after it.
    None => next.push(bucket)?,";

const FLUSH_KEEPS_BYTES: &str = "\
A FLUSH says that the bytes so far are wanted now, not that a line, a word or the body is over.
Push what is finished, keep what is not, and change nothing.";

const FLUSH_LETS_GO: &str = "\
At a FLUSH push everything but what depends on bytes that are still to come, then push the FLUSH.
Say with `.carry(bytes)` how much that may be: 0 for most filters.";

const ENDS_ONCE: &str = "\
At EOS push what you still hold, then push that EOS, once. Nothing comes after it, and a bucket of
your own is never needed.
    if bucket.is_eos() { next.push(rest)? }
    next.push(bucket)?";

const TAKES_ALL: &str = "\
Read until there is no more, and hand up every error with `?`, `WouldBlock` too: the chain then
keeps what is left and calls again.
    while let Some(bucket) = next.read(input)? { … }";

const LOSES_NOTHING: &str = "\
`next.read(input)?` leaves the call when it has to wait, and what is only in a local variable is
lost. Push each bucket, or keep it in a field, before you read the next. Who answers `WouldBlock`
himself first puts back what he took (`input.push_front`) and sees that `next.waker()` is woken.";

const HANDS_ERRORS_UP: &str = "\
Hand up every error of `next.read` and `next.push` with `?`, as it is. An ERROR in the place of
EOS ends a body that failed: push it on, and no trailer, checksum or closing text before it.
    if bucket.is_eos() { next.push(trailer)? } // not ends_body()";

const BOUNDED_MEMORY: &str = "\
Push what you make before you read the next piece, and bound what you keep: an input may go on for
ever, and may never have the line end you wait for. Say with `.memory(bytes)` what it needs, and
by `held_bytes()` what it holds between calls.";

const HONEST_EFFECTS: &str = "\
A protocol keeps lengths, digests and validators by what `effects()` answers. `Same` means not one
byte changes, `SameLength` that their number does not. In doubt: `Effects::Changes`.";

const STEPS_ASIDE_CLEAN: &str = "\
Push what you hold before `next.step_aside()`: you are not called again in this response.";

const TOLD_ONCE: &str = "\
The chain tells a filter the outcome by `on_end`, once. A filter that has another inside hands it
on.";

const BEGINS_ANEW: &str = "\
A connection's filter sees one response after another. At the end of a body, EOS or ERROR, set
every field back to what it was at first:
    if bucket.ends_body() { self.forget() }";

const NEVER_PANICS: &str = "\
Whatever comes from outside may be cut anywhere, empty, or of a kind that did not exist when the
filter was written. Index with `get`, count with checked sums, and answer an error.";
