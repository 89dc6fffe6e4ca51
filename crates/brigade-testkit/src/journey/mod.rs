//! The journey of a response: what went from whom to whom in a chain, to be drawn, saved and gone again.
//!
//! Invariant: events are in the order in which they happened, and name places that `places` holds.

mod escape;
mod file;
mod record;
mod replay;

use serde::{Deserialize, Serialize};

pub use self::record::Recorder;
pub use self::replay::Marks;

/// What happened in a chain while a [`Recorder`] looked.
///
/// It can be [saved](Self::save) and [loaded](Self::load), and what went into one of its filters can be
/// [led through a filter once more](Self::replay): a test of what happened in production.
///
/// ```
/// use brigade::{Bucket, Chain, FilterKind, Member, map_bytes, recorder};
/// use brigade_testkit::journey::{Marks, Part, Recorder};
///
/// # fn main() -> brigade::Result<()> {
/// let upper = || {
///     let upper = map_bytes(|bytes, out| {
///         out.put(&bytes.to_ascii_uppercase());
///         Ok(())
///     });
///     Member::new("upper", FilterKind::RESOURCE, upper)
/// };
/// let mut chain = Chain::new(recorder().0);
/// chain.join(upper());
/// chain.observe(Recorder::bodies(1 << 20, &chain));
/// chain.write(b"a body")?;
/// chain.pass_bucket(Bucket::eos())?;
/// let journey = chain.observer::<Recorder>().map(Recorder::take).unwrap_or_default();
///
/// let again = journey.replay("upper", [upper()], Marks::default())?;
/// assert_eq!(journey.out_of("upper"), again.out_of("upper"));
/// let body = Part::Data(b"A BODY".to_vec());
/// assert_eq!(again.out_of("upper"), Some(vec![body, Part::Mark("EOS".into(), String::new())]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journey {
    /// The names of the places, in the order in which they were met: the owner of the chain, filters,
    /// the terminal. Events name them by their index.
    pub places: Vec<String>,
    /// The places from top to bottom.
    pub order: Vec<usize>,
    /// What happened.
    pub events: Vec<Event>,
    /// The recorder's limit was reached: what came later is missing.
    pub is_cut: bool,
}

/// One thing that happened, and the blocks of the chain's storage then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What it was.
    #[serde(flatten)]
    pub what: What,
    /// A character a block, in the order of their keys: `#` some bucket is in it, `o` it is being
    /// filled, `-` no bucket is in it, a space there is none.
    pub blocks: String,
}

/// What happened. Places are indices of [`Journey::places`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum What {
    /// A brigade went from one place to another.
    #[allow(missing_docs)] // From where, and to where.
    Pass {
        from: usize,
        to: usize,
        /// The chain keeps it for now, because who it is for waits.
        is_kept: bool,
        /// What was in it.
        buckets: Vec<SeenBucket>,
    },
    /// Data that was not in memory was read for a filter.
    Read {
        /// The filter.
        place: usize,
        /// The kind it was.
        kind: String,
        /// What came of it.
        piece: SeenBucket,
    },
    /// A filter or the terminal returned.
    Return {
        /// Who.
        place: usize,
        /// How.
        answer: SeenAnswer,
        /// Bytes in memory that it keeps.
        held_bytes: u64,
    },
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SeenAnswer {
    /// All was taken.
    Done,
    /// It waits.
    Waits,
    /// It stepped aside.
    SteppedAside,
    /// It failed with this error.
    Failed(String),
}

/// A bucket, as it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenBucket {
    /// The name of its kind.
    pub kind: String,
    /// Whether it is a mark.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_mark: bool,
    /// Its length in bytes, if it was known. Marks have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub len: Option<u64>,
    /// The bytes that were kept, from its first: all of them, or fewer, or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "escape")]
    pub bytes: Vec<u8>,
    /// What a mark says, as the recorder was told to write it down.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The block it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<usize>,
}

impl SeenBucket {
    /// Whether all its bytes were kept.
    pub fn is_whole(&self) -> bool {
        self.is_mark || self.len == Some(self.bytes.len() as u64)
    }
}

/// A run of bytes, however it was cut, or a mark: its kind, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// At least one byte.
    Data(Vec<u8>),
    /// A mark.
    Mark(String, String),
}

impl Journey {
    /// What left a place, by its name. `None`: there is no such place, or not all bytes were kept.
    pub fn out_of(&self, place: &str) -> Option<Vec<Part>> {
        let place = self.place(place)?;
        let mut parts = Parts::default();
        for event in &self.events {
            match &event.what {
                What::Pass { from, buckets, .. } if *from == place => parts.extend(buckets)?,
                _ => {}
            }
        }
        (!self.is_cut).then_some(parts.0)
    }

    /// The index of the place of this name, the uppermost of more.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.order
            .iter()
            .copied()
            .find(|&place| self.places.get(place).is_some_and(|at| at == name))
    }
}

#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn extend(&mut self, buckets: &[SeenBucket]) -> Option<()> {
        for bucket in buckets {
            if !bucket.is_whole() {
                return None;
            }
            match self.0.last_mut() {
                _ if bucket.is_mark => {
                    self.0.push(Part::Mark(bucket.kind.clone(), bucket.text.clone()));
                }
                _ if bucket.bytes.is_empty() => {}
                Some(Part::Data(run)) => run.extend_from_slice(&bucket.bytes),
                _ => self.0.push(Part::Data(bucket.bytes.clone())),
            }
        }
        Some(())
    }
}
