//! `pass`: hands everything on.
//!
//! The shortest filter there is: what it is given goes on in one move, a FILE unread. It shows what a
//! filter costs that does nothing.

use brigade::{Brigade, Effects, Entry, FilterKind, Next, OutputFilter, Result};

/// Hands everything on.
///
/// ```
/// use brigade::{Chain, FilterKind, Member, recorder};
/// use brigade_filters::pass::Pass;
///
/// # fn main() -> brigade::Result<()> {
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join(Member::new("pass", FilterKind::RESOURCE, Pass));
/// chain.write(b"as it is")?;
/// chain.flush()?;
/// assert_eq!(record.bytes(), b"as it is");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Pass;

impl OutputFilter for Pass {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        next.push_all(input)
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }
}

/// What `pass` is in a registry: it has no options.
pub fn entry() -> Entry {
    Entry::new("pass", FilterKind::RESOURCE, |_spec| Ok(|| Pass))
        .effects(Effects::Same)
        .summary("hands everything on")
        .docs("To measure what a filter costs that does nothing, and to say `nothing` in a choice.")
}
