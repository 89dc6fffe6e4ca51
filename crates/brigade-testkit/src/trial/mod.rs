//! One run of a filter, and what is wrong with it: what every check of the kit is made of.

mod blame;
mod drive;
mod excerpt;
mod judge;
mod plan;
mod probe;
mod shrink;
mod spy;
mod ways;

use brigade::{Bucket, Member};

pub(crate) use self::drive::words;
pub(crate) use self::judge::Oracle;
pub(crate) use self::plan::{Around, Calls, Item, Plan, Source};
pub(crate) use self::shrink::{smallest, smallest_input};
pub(crate) use self::spy::{Spied, spy_on};
pub(crate) use self::ways::{Way, places};

/// What a reader has of an output, whole or cut off.
pub(crate) type Decode<'a> = dyn Fn(&[u8]) -> Vec<u8> + 'a;

/// The filter under test, and what its author says of it.
pub(crate) struct Subject<'a> {
    /// Makes one for a run. What [`spy_on`] tells of it goes to the `Spied`, if it is used at all.
    pub(crate) make: Box<dyn Fn(&Spied) -> Member + 'a>,
    pub(crate) heads: Vec<Box<dyn Fn() -> Bucket<'static> + 'a>>,
    pub(crate) decode: Box<Decode<'a>>,
    pub(crate) carry_bytes: usize,
    /// Whether it may make a whole answer of an ERROR.
    pub(crate) answers_errors: bool,
}

impl Subject<'_> {
    pub(crate) fn head_names(&self) -> Vec<String> {
        self.heads.iter().map(|head| head().kind_name().to_owned()).collect()
    }
}
