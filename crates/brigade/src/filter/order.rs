//! Whether filters can work in the order in which they will run.
//!
//! Invariant: what is refused says which order can work, if any can.

use super::{Prepared, Registry};
use crate::{Error, ErrorKind, Result};

/// What the bytes of a body are, to those who have to make sense of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// As they were written: text is text.
    Plain,
    /// Compressed, encrypted or otherwise coded as a whole.
    Coded,
}

impl Registry {
    /// Checks the SPECs of one chain and prepares their filters, in the order in which they will run:
    /// by kind, equal kinds as given.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare); [`ErrorKind::InvalidInput`] for an order that cannot work, a
    /// filter that [reads plain bytes](super::Entry::reads) behind one that [codes](super::Entry::makes)
    /// them, saying which order can.
    ///
    /// ```
    /// use brigade::{Entry, FilterKind, Form, Registry, from_fn};
    ///
    /// # fn main() -> brigade::Result<()> {
    /// # let mut registry = Registry::new();
    /// # let pass = || from_fn(|input, next| next.push_all(input));
    /// let words = Entry::new("words", FilterKind::RESOURCE, move |_spec| Ok(pass)).reads(Form::Plain);
    /// let zip = Entry::new("zip", FilterKind::RESOURCE, move |_spec| Ok(pass)).makes(Form::Coded);
    /// # registry.register(words);
    /// # registry.register(zip);
    /// registry.prepare_all(["words", "zip"])?;
    /// let error = registry.prepare_all(["zip", "words"]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "words reads plain bytes and would come behind zip, which codes them; this order can work: \
    ///      words, zip"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn prepare_all<S: AsRef<str>>(
        &self,
        specs: impl IntoIterator<Item = S>,
    ) -> Result<Vec<Prepared>> {
        let prepared: Result<Vec<Prepared>> =
            specs.into_iter().map(|spec| self.prepare(spec.as_ref())).collect();
        let mut filters = prepared?;
        filters.sort_by_key(Prepared::kind);
        let Some((reader, coder)) = wrong_pair(&filters) else { return Ok(filters) };
        let mended = mended(&filters);
        let way_out = match wrong_pair(&mended) {
            None => format!("this order can work: {}", listed(&mended)),
            Some((reader, coder)) => {
                let said = |at: usize| format!("{} is {}", mended[at].name(), mended[at].kind());
                format!("their kinds allow none that can: {}, {}", said(coder), said(reader))
            }
        };
        let context = format!(
            "{} reads plain bytes and would come behind {}, which codes them; {way_out}",
            filters[reader].name(),
            filters[coder].name(),
        );
        Err(Error::new(ErrorKind::InvalidInput, context))
    }
}

/// A filter that reads plain bytes where they are coded, and the one that coded them.
fn wrong_pair(filters: &[Prepared]) -> Option<(usize, usize)> {
    let mut coder = None;
    for (at, filter) in filters.iter().enumerate() {
        if let (Some(Form::Plain), Some(coder)) = (filter.reads(), coder) {
            return Some((at, coder));
        }
        match filter.makes() {
            Some(Form::Coded) => coder = Some(at),
            Some(Form::Plain) => coder = None,
            None => {}
        }
    }
    None
}

/// The same filters, each that reads plain bytes moved before the coder of its kind that it is behind.
fn mended(filters: &[Prepared]) -> Vec<Prepared> {
    let mut filters = filters.to_vec();
    while let Some((reader, coder)) = wrong_pair(&filters) {
        if filters[reader].kind() != filters[coder].kind() {
            break;
        }
        filters[coder..=reader].rotate_right(1);
    }
    filters
}

fn listed(filters: &[Prepared]) -> String {
    filters.iter().map(Prepared::name).collect::<Vec<_>>().join(", ")
}
