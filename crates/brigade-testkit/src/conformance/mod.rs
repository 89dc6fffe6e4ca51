//! Conformance: everything a filter promises, tried on any filter.
//!
//! Invariant: what a filter must make of an input is what it makes of it given plainly, in one piece;
//! its author has to say nothing else, and may say more.

mod memory;
mod plans;

use std::fmt;

use brigade::{Bucket, FilterKind, Member, OutputFilter};

use self::memory::Stream;
use crate::every_cut::every_cut;
use crate::trial::{Oracle, Plan, Subject, smallest, smallest_input, spy_on};
use crate::{Failure, Promise};

/// What is tried where nobody says what to try: text with line ends, markup and a character of more
/// than one byte.
const INPUT: &str = "Bäche\r\n<b>a\n";

/// Begins a check of the filters that `make` makes, one for each response.
///
/// ```
/// use brigade::{Brigade, Next, OutputFilter, Result};
/// use brigade_testkit::conformance;
///
/// struct Upper;
///
/// impl OutputFilter for Upper {
///     fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
///         while let Some(bucket) = next.read(input)? {
///             let out = match bucket.bytes() {
///                 Some(data) => next.alloc().copy(&data.to_ascii_uppercase()),
///                 None => bucket,
///             };
///             next.push(out)?;
///         }
///         Ok(())
///     }
/// }
///
/// conformance(|| Upper).turns("abc\r\ndef", "ABC\r\nDEF").check();
/// ```
///
/// A filter that breaks a promise, and what is said of it:
///
/// ```
/// use brigade::from_fn;
/// use brigade_testkit::{Promise, conformance};
///
/// // Numbers the lines, and takes every bucket for one.
/// let numbers = || {
///     let mut line = 0;
///     from_fn(move |input, next| {
///         while let Some(bucket) = next.read(input)? {
///             if bucket.is_data() {
///                 line += 1;
///                 let number = next.alloc().copy(format!("{line} ").as_bytes());
///                 next.push(number)?;
///             }
///             next.push(bucket)?;
///         }
///         Ok(())
///     })
/// };
/// let failure = conformance(numbers).input("one\ntwo\n").try_check().unwrap_err();
/// assert_eq!(failure.promise(), Promise::SameBytes);
/// assert_eq!(failure.given(), r#"TRANSIENT "o", TRANSIENT "n", EOS; in one call"#);
/// assert_eq!(failure.came(), r#""1 o2 n" (6 bytes), EOS after 6"#);
/// ```
pub fn conformance<'a, F: OutputFilter + 'static>(make: impl Fn() -> F + 'a) -> Conformance<'a> {
    Conformance {
        subject: Subject {
            make: Box::new(move |spied| {
                Member::new("under test", FilterKind::RESOURCE, spy_on(make(), spied))
            }),
            heads: Vec::new(),
            decode: Box::new(<[u8]>::to_vec),
            carry_bytes: 0,
            answers_errors: false,
        },
        inputs: Vec::new(),
        memory_bytes: 0,
        stream: Stream::default(),
        is_for_connections: false,
    }
}

/// A filter under test, and what its author says of it: see [`conformance`].
///
/// It is checked that:
///
/// - The same bytes come out however the input is cut and passed: every cut and pair of cuts, as
///   [`check_every_cut`](crate::check_every_cut) makes them, and a few hundred random mixtures of
///   kinds of data, empty pieces, marks and calls.
/// - Marks go on in their place, kinds too that no filter knows. A FLUSH changes no byte, the second in
///   a row adds none, and after it no more than the [carry](Self::carry) is kept. EOS comes once, and
///   last.
/// - Waiting loses nothing, wherever it happens: in a STREAM, above, below, at the peer; and whoever
///   waits is woken.
/// - Errors go up as they are: of a source, at each place in the input; of a filter below, at each
///   bucket. A body that ends in an ERROR ends in an ERROR.
/// - The filter is told each outcome once; it changes no more than it declares; it holds nothing when
///   it has stepped aside; it never panics.
/// - Its [memory](Self::memory) stays within what it states, at every step of a 64 MiB stream, given in
///   calls and as one bucket; of a line that never ends; and to a peer that takes nothing.
///
/// What is found is made as small as it can be: see [`Failure`].
pub struct Conformance<'a> {
    subject: Subject<'a>,
    inputs: Vec<Tried>,
    memory_bytes: usize,
    stream: Stream<'a>,
    is_for_connections: bool,
}

struct Tried {
    input: Vec<u8>,
    expected: Option<Vec<u8>>,
}

impl<'a> Conformance<'a> {
    /// Adds an input. Ten to thirty bytes, with all that the filter looks for and half of it, say all
    /// there is to say of most filters: the runs grow with the square of the input. Without one, a few
    /// lines of text are tried.
    #[must_use]
    pub fn input(mut self, input: impl AsRef<[u8]>) -> Self {
        self.inputs.push(Tried { input: input.as_ref().to_vec(), expected: None });
        self
    }

    /// Adds an input, and what must become of it ([decoded](Self::decode)).
    #[must_use]
    pub fn turns(mut self, input: impl AsRef<[u8]>, into: impl AsRef<[u8]>) -> Self {
        let expected = Some(into.as_ref().to_vec());
        self.inputs.push(Tried { input: input.as_ref().to_vec(), expected });
        self
    }

    /// Adds a bucket that goes before the input: the head of a response, for a filter that reads it.
    /// The filter may pass it on or make bytes of it.
    #[must_use]
    pub fn with_head(mut self, head: impl Fn() -> Bucket<'static> + 'a) -> Self {
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

    /// Says how many bytes of (decoded) output the filter may keep after a FLUSH: 0 unless it is said.
    #[must_use]
    pub fn carry(mut self, bytes: usize) -> Self {
        self.subject.carry_bytes = bytes;
        self
    }

    /// Says how many bytes of memory the filter may need beside what any filter may: 0 unless it is
    /// said.
    ///
    /// What is measured are the blocks of its chain and what it says itself; in a program whose
    /// allocator is [`CountingAlloc`](crate::CountingAlloc), all it allocates.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Says what is streamed to measure its memory: `make` makes the pieces. Without it that is the
    /// input, over and over.
    #[must_use]
    pub fn stream<I>(mut self, make: impl Fn() -> I + 'a) -> Self
    where
        I: Iterator<Item = Vec<u8>> + Send + 'static,
    {
        self.stream.make = Some(Box::new(move || Box::new(make())));
        self
    }

    /// Says how many bytes of the input, over and over, are streamed: 64 MiB unless it is said.
    #[must_use]
    pub fn stream_bytes(mut self, bytes: u64) -> Self {
        self.stream.bytes = bytes;
        self
    }

    /// Says that the filter may make a whole answer of an ERROR, as a protocol does that has not sent
    /// its head yet.
    #[must_use]
    pub fn answers_errors(mut self) -> Self {
        self.subject.answers_errors = true;
        self
    }

    /// Says that the filter may be a connection's, which sees one response after another: each must
    /// come out as the first does, also after one that failed.
    #[must_use]
    pub fn for_connections(mut self) -> Self {
        self.is_for_connections = true;
        self
    }

    /// Checks everything.
    ///
    /// # Panics
    ///
    /// When a promise is broken, with the words of the [`Failure`].
    #[track_caller]
    pub fn check(&self) {
        if let Err(failure) = self.try_check() {
            panic!("{failure}");
        }
    }

    /// Checks everything, for who wants to look at the first failure.
    ///
    /// # Errors
    ///
    /// What is broken, and the smallest run found that shows it.
    ///
    /// # Panics
    ///
    /// When no temporary file can be made.
    pub fn try_check(&self) -> Result<(), Failure> {
        let default = Tried { input: INPUT.into(), expected: None };
        let inputs = match &self.inputs[..] {
            [] => std::slice::from_ref(&default),
            inputs => inputs,
        };
        inputs.iter().try_for_each(|tried| self.check_input(tried))?;
        inputs.iter().try_for_each(|tried| {
            memory::check(&self.subject, &self.stream, &tried.input, self.memory_bytes)
        })
    }

    fn check_input(&self, tried: &Tried) -> Result<(), Failure> {
        let Tried { input, expected } = tried;
        let oracle = match Oracle::new(&self.subject, input, expected.as_deref()) {
            Ok(oracle) => oracle,
            Err(failure) if failure.promise() == Promise::TakesInput => return Err(failure),
            Err(failure) => return Err(smallest_input(&self.subject, input, failure)),
        };
        let judge = |plan: &Plan| {
            let verdict = oracle.judge(plan);
            verdict.map_err(|failure| smallest(&self.subject, input, plan.clone(), failure))
        };
        let (heads, len) = (self.subject.heads.len(), input.len());
        plans::flushes(heads, len, 1).iter().try_for_each(judge)?;
        every_cut(&oracle, judge)?;
        plans::flushes(heads, len, 2).iter().try_for_each(judge)?;
        plans::faults(heads, len).iter().try_for_each(judge)?;
        plans::ends(heads, len).iter().try_for_each(judge)?;
        if self.is_for_connections {
            plans::again(heads, len).iter().try_for_each(judge)?;
        }
        plans::mixtures(heads, len).try_for_each(|plan| judge(&plan))
    }
}

impl fmt::Debug for Conformance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance")
            .field("inputs", &self.inputs.len())
            .field("heads", &self.subject.heads.len())
            .field("carry_bytes", &self.subject.carry_bytes)
            .field("memory_bytes", &self.memory_bytes)
            .finish_non_exhaustive()
    }
}
