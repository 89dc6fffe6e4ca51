//! Filters, and the chain that leads brigades through them.
//!
//! Data flows one way: the owner of a chain passes a brigade at its top, each filter pushes what it
//! makes of it to the next, and the terminal takes what leaves the last.

mod async_filter;
mod carry;
mod chain;
mod effects;
mod kind;
mod map;
mod member;
mod next;
mod node;
mod observer;
mod order;
mod outbox;
mod owner;
mod progress;
mod record;
mod registry;
mod request;
mod response;
mod run;
mod shared;
mod spec;
mod terminal;
mod whole;

pub use self::async_filter::{AsyncBody, AsyncFilter};
pub use self::carry::{
    Carried, Line, LineCarry, Needle, NeedleCarry, Over, Sought, Text, Utf8Carry,
};
pub use self::chain::Chain;
pub use self::effects::Effects;
pub use self::kind::FilterKind;
pub use self::map::{map_bytes, map_lines};
pub use self::member::Member;
pub use self::next::Next;
pub use self::node::FilterStats;
pub use self::observer::{Answer, Note, Observer, Pass, Place, Read, Returned};
pub use self::order::Form;
pub use self::outbox::{Outbox, SubChain};
pub use self::progress::Progress;
pub use self::record::{Record, Recorder, recorder};
pub use self::registry::{Entry, OptionDoc, Prepared, Registry};
pub use self::spec::Spec;
pub use self::terminal::Terminal;
pub use self::whole::WholeBody;
use crate::{Brigade, Outcome, Result};

/// Takes a brigade, changes it, and pushes it on.
///
/// A filter keeps four promises; the types and the chain keep the rest. The bytes that come out are
/// the same however the input is cut into buckets and calls. Marks go on in their place, unknown
/// kinds too, and a FLUSH changes no byte. After a FLUSH it keeps at most its declared carry, and at
/// EOS it finishes, then pushes the EOS. Its memory stays within what it states.
///
/// Models `ap_out_filter_func`; see the crate's first page for the smallest honest one.
#[doc(alias = "ap_out_filter_func", alias = "ap_filter_t")]
pub trait OutputFilter: Send {
    /// Takes every bucket out of `input` and [pushes](Next::push) what shall go on.
    ///
    /// Buckets may be left in `input` only by a filter that waits (it answers
    /// [`WouldBlock`](crate::ErrorKind::WouldBlock), usually the `?` of [`Next::read`] does, and is
    /// called again with what it left), that steps aside, or that inserts another before itself.
    /// What was pushed goes down then too.
    ///
    /// # Errors
    ///
    /// Any error but `WouldBlock` ends the response: the chain adds the filter's name and calls it no
    /// more. What the failed call pushed is dropped, unless the body ends in it; its EOS, and any that
    /// comes later, goes on as an ERROR with this error in it.
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()>;

    /// The most this filter may do to a body; asked when it joins a chain. It can be lowered for one
    /// response by [`Next::effects`].
    fn effects(&self) -> Effects {
        Effects::Changes
    }

    /// Bytes kept between calls, in fields; the chain counts what it keeps itself.
    fn held_bytes(&self) -> usize {
        0
    }

    /// Whether it takes what it is given also while the chain below takes no more, up to a bound of its
    /// own: then nobody above is held back until it [waits](crate::ErrorKind::WouldBlock) itself. Asked
    /// when it joins a chain. See [`Next::call_when_free`].
    fn absorbs(&self) -> bool {
        false
    }

    /// Is told once how the response ended, after its last byte has left or never will. For filters of
    /// a request: a connection's filter outlives many, and is only dropped.
    fn on_end(&mut self, _outcome: &Outcome) {}
}

impl<T: OutputFilter + ?Sized> OutputFilter for Box<T> {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        (**self).filter(input, next)
    }

    fn effects(&self) -> Effects {
        (**self).effects()
    }

    fn held_bytes(&self) -> usize {
        (**self).held_bytes()
    }

    fn absorbs(&self) -> bool {
        (**self).absorbs()
    }

    fn on_end(&mut self, outcome: &Outcome) {
        (**self).on_end(outcome);
    }
}

/// Makes a filter of a closure.
///
/// ```
/// use brigade::{Bucket, Chain, FilterKind, Member, from_fn, recorder};
///
/// # fn main() -> brigade::Result<()> {
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// let dots = from_fn(|input, next| {
///     while let Some(bucket) = next.read(input)? {
///         let is_data = bucket.is_data();
///         next.push(bucket)?;
///         if is_data {
///             next.push(Bucket::immortal(b"."))?;
///         }
///     }
///     Ok(())
/// });
/// chain.join(Member::new("dots", FilterKind::RESOURCE, dots));
/// chain.pass_bucket(Bucket::transient(b"one"))?;
/// chain.pass_bucket(Bucket::transient(b"two"))?;
/// assert_eq!(record.bytes(), b"one.two.");
/// # Ok(())
/// # }
/// ```
pub fn from_fn<F>(filter: F) -> impl OutputFilter
where
    F: for<'b> FnMut(&mut Brigade<'b>, &mut Next<'_, 'b>) -> Result<()> + Send,
{
    struct FromFn<F>(F);

    impl<F> OutputFilter for FromFn<F>
    where
        F: for<'b> FnMut(&mut Brigade<'b>, &mut Next<'_, 'b>) -> Result<()> + Send,
    {
        fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
            (self.0)(input, next)
        }
    }

    FromFn(filter)
}
