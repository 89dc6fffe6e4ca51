//! Every cut: a filter makes the same of its input however that is cut into buckets and calls.
//!
//! Invariant: the case that a failure shows is the simplest there is: fewest cuts first, then the
//! plainest way to give them, then the earliest place.

use std::fmt;

use brigade::{Bucket, Member};

use crate::Failure;
use crate::trial::{Oracle, Plan, Subject, Way, places};

/// Checks that the filters `make` makes turn `input` into `expected`, however it is given.
///
/// The input is cut in no place, in each one, and in every pair of places, its ends included. At each
/// cut there is nothing, a piece of no bytes, a FLUSH, or a mark of a kind no filter knows. The pieces
/// are borrowed, in blocks, parts of a FILE, or come from a STREAM that has nothing before each; they
/// are passed together or one by one; above the filter, or below it, is another that waits before
/// every bucket, or the peer takes 5 bytes at a time.
///
/// Every time the bytes must be the expected ones; every mark must come out once, in order, behind the
/// bytes that a FLUSH would let go of, and before those of what was given after it; EOS must be the
/// last; and a chain that waits must have been woken.
///
/// The runs grow with the square of the input: some 180 for each pair of places. Inputs of 10 to 30
/// bytes say all there is to say of most filters.
///
/// # Panics
///
/// When the filter does not do that, with the simplest case that shows it, in words.
///
/// ```should_panic
/// use brigade::{Bucket, FilterKind, Member, from_fn};
/// use brigade_testkit::check_every_cut;
///
/// // Greets at every call: what is a call is not for a filter to know.
/// let greets = || {
///     let filter = from_fn(|input, next| {
///         next.push(Bucket::immortal(b"hello, "))?;
///         next.push_all(input)
///     });
///     Member::new("greets", FilterKind::RESOURCE, filter)
/// };
/// check_every_cut(greets, "world", "hello, world");
/// ```
#[track_caller]
pub fn check_every_cut<'a>(
    make: impl Fn() -> Member + 'a,
    input: impl AsRef<[u8]>,
    expected: impl AsRef<[u8]>,
) {
    Case::new(make, input, expected).check();
}

/// A filter, what it is given, and what must come out: [`check_every_cut`] with more to say.
///
/// ```
/// use brigade::{FilterKind, Member, from_fn};
/// use brigade_testkit::{Case, unknown_mark};
///
/// let pass = || {
///     Member::new("pass", FilterKind::RESOURCE, from_fn(|input, next| next.push_all(input)))
/// };
/// Case::new(pass, "abc", "abc").head(|| unknown_mark(0)).carry(0).check();
/// ```
pub struct Case<'a> {
    subject: Subject<'a>,
    input: Vec<u8>,
    expected: Vec<u8>,
}

impl<'a> Case<'a> {
    /// The filter that `make` makes turns `input` into `expected`.
    pub fn new(
        make: impl Fn() -> Member + 'a,
        input: impl AsRef<[u8]>,
        expected: impl AsRef<[u8]>,
    ) -> Self {
        Self {
            subject: Subject {
                make: Box::new(move |_spied| make()),
                heads: Vec::new(),
                decode: Box::new(<[u8]>::to_vec),
                carry_bytes: usize::MAX,
                answers_errors: false,
            },
            input: input.as_ref().to_vec(),
            expected: expected.as_ref().to_vec(),
        }
    }

    /// Adds a bucket that goes before the input, such as the head of a response. A filter may pass it
    /// on or make bytes of it.
    #[must_use]
    pub fn head(mut self, head: impl Fn() -> Bucket<'static> + 'a) -> Self {
        self.subject.heads.push(Box::new(head));
        self
    }

    /// Says how the output is read, for filters that encode: `decode` is given the output, whole or
    /// cut anywhere, and answers what a reader has by then. Everything is compared decoded.
    #[must_use]
    pub fn decode(mut self, decode: impl Fn(&[u8]) -> Vec<u8> + 'a) -> Self {
        self.subject.decode = Box::new(decode);
        self
    }

    /// Says how many bytes of (decoded) output the filter may keep after a FLUSH; without it, any
    /// number.
    #[must_use]
    pub fn carry(mut self, bytes: usize) -> Self {
        self.subject.carry_bytes = bytes;
        self
    }

    /// Checks every cut, as [`check_every_cut`] does.
    ///
    /// # Panics
    ///
    /// As [`check_every_cut`].
    #[track_caller]
    pub fn check(&self) {
        if let Err(failure) = self.verdict() {
            panic!("{failure}");
        }
    }

    /// The simplest case that fails, for who wants to look at it.
    ///
    /// # Errors
    ///
    /// What is broken, and the case that shows it.
    ///
    /// # Panics
    ///
    /// When no temporary file can be made.
    pub fn verdict(&self) -> Result<(), Failure> {
        let oracle = Oracle::new(&self.subject, &self.input, Some(&self.expected))?;
        oracle.check_carry()?;
        every_cut(&oracle, |plan| oracle.judge(plan))
    }
}

/// Tries every way to give the oracle's input, simplest first.
pub(crate) fn every_cut(
    oracle: &Oracle<'_>,
    mut judge: impl FnMut(&Plan) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (heads, len) = (oracle.subject().heads.len(), oracle.input().len());
    for cuts in 0..=2 {
        for way in Way::all(cuts) {
            for places in places(cuts, len) {
                judge(&way.plan(heads, len, &places))?;
            }
        }
    }
    Ok(())
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("input", &self.input.escape_ascii().to_string())
            .field("expected", &self.expected.escape_ascii().to_string())
            .field("heads", &self.subject.heads.len())
            .finish_non_exhaustive()
    }
}
