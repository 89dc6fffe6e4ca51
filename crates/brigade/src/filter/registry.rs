//! Filters by name, so that chains come from configuration.
//!
//! Invariant: options are checked when a SPEC is prepared, never while a response is on its way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::member::fingerprint_of;
use super::{Effects, FilterKind, Form, Member, OutputFilter, Spec};
use crate::{Error, ErrorKind, Result};

type Make = Arc<dyn Fn() -> Box<dyn OutputFilter> + Send + Sync>;
type Build = Box<dyn Fn(&Spec) -> Result<Make> + Send + Sync>;

/// An option of a filter, for people.
#[derive(Debug, Clone, Copy)]
pub struct OptionDoc {
    /// How it is written: `level=N`, or what a word is: `s/FROM/TO/`.
    pub form: &'static str,
    /// What it does, and its default.
    pub help: &'static str,
}

impl OptionDoc {
    fn key(&self) -> Option<&'static str> {
        self.form.split_once('=').map(|(key, _)| key).filter(|key| !key.contains('/'))
    }
}

/// A filter that can be named: what it is, and how it is built from its options.
///
/// Models `ap_filter_rec_t`.
#[doc(alias = "ap_filter_rec_t", alias = "ap_register_output_filter")]
pub struct Entry {
    /// The name in a SPEC.
    pub name: &'static str,
    /// Where it sits.
    pub kind: FilterKind,
    /// The most it does to a body.
    pub effects: Effects,
    /// The most bytes it keeps after a FLUSH, said for people: "none", "half a needle".
    pub carry: &'static str,
    /// The most memory it holds between calls, said for people.
    pub memory: &'static str,
    /// One line: what it does.
    pub summary: &'static str,
    /// When to use it and what it leaves alone, in a few sentences; may be empty.
    pub docs: &'static str,
    /// A SPEC that works, to try; empty: the name alone does.
    pub example: &'static str,
    /// Its options; an empty list refuses all.
    pub options: &'static [OptionDoc],
    /// In what form it must find the bytes; `None`: in any.
    pub reads: Option<Form>,
    /// In what form it leaves them; `None`: as they came.
    pub makes: Option<Form>,
    build: Build,
}

impl Entry {
    /// An entry that builds by `build`: called once for each SPEC with its options, it answers what
    /// makes a filter for each response.
    ///
    /// ```
    /// use brigade::{Effects, Entry, FilterKind, from_fn};
    ///
    /// let entry = Entry::new("pass", FilterKind::RESOURCE, |_spec| {
    ///     Ok(|| from_fn(|input, next| next.push_all(input)))
    /// })
    /// .effects(Effects::Same)
    /// .summary("hands everything on");
    /// assert_eq!(entry.name, "pass");
    /// ```
    pub fn new<F, M>(
        name: &'static str,
        kind: FilterKind,
        build: impl Fn(&Spec) -> Result<M> + Send + Sync + 'static,
    ) -> Self
    where
        F: OutputFilter + 'static,
        M: Fn() -> F + Send + Sync + 'static,
    {
        Self {
            name,
            kind,
            effects: Effects::Changes,
            carry: "none",
            memory: "none",
            summary: "",
            docs: "",
            example: "",
            options: &[],
            reads: None,
            makes: None,
            build: Box::new(move |spec| {
                let make = build(spec)?;
                Ok(Arc::new(move || Box::new(make()) as Box<dyn OutputFilter>))
            }),
        }
    }

    /// Says the most it does to a body.
    #[must_use]
    pub fn effects(mut self, effects: Effects) -> Self {
        self.effects = effects;
        self
    }

    /// Says what it keeps after a FLUSH.
    #[must_use]
    pub fn carry(mut self, carry: &'static str) -> Self {
        self.carry = carry;
        self
    }

    /// Says the most memory it holds between calls.
    #[must_use]
    pub fn memory(mut self, memory: &'static str) -> Self {
        self.memory = memory;
        self
    }

    /// Says what it does, in one line.
    #[must_use]
    pub fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// Says when to use it and what it leaves alone.
    #[must_use]
    pub fn docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Gives a SPEC that works, to try.
    ///
    /// ```
    /// use brigade::{Entry, FilterKind, OptionDoc, from_fn};
    ///
    /// const LEVEL: OptionDoc = OptionDoc { form: "level=N", help: "how hard it tries; default 6" };
    /// let entry = Entry::new("press", FilterKind::CONTENT_SET, |_spec| {
    ///     Ok(|| from_fn(|input, next| next.push_all(input)))
    /// })
    /// .options(&[LEVEL])
    /// .example("press level=9");
    /// assert_eq!(entry.example_spec(), "press level=9");
    /// ```
    #[must_use]
    pub fn example(mut self, spec: &'static str) -> Self {
        self.example = spec;
        self
    }

    /// The SPEC of the [example](Self::example), or the name, which is one too.
    pub fn example_spec(&self) -> &'static str {
        if self.example.is_empty() { self.name } else { self.example }
    }

    /// Lists its options.
    #[must_use]
    pub fn options(mut self, options: &'static [OptionDoc]) -> Self {
        self.options = options;
        self
    }

    /// Says in what form it must find the bytes: one that looks for text in them says
    /// [`Form::Plain`], and is refused [behind](Registry::prepare_all) one that codes them.
    #[must_use]
    pub fn reads(mut self, form: Form) -> Self {
        self.reads = Some(form);
        self
    }

    /// Says in what form it leaves the bytes: [`Form::Coded`] if it compresses, [`Form::Plain`] if it
    /// decompresses.
    #[must_use]
    pub fn makes(mut self, form: Form) -> Self {
        self.makes = Some(form);
        self
    }

    fn check(&self, spec: &Spec) -> Result<()> {
        let known = || -> String {
            let forms: Vec<&str> = self.options.iter().map(|option| option.form).collect();
            if forms.is_empty() {
                "it has none".into()
            } else {
                format!("it has {}", forms.join(", "))
            }
        };
        for (key, _) in spec.options() {
            if !self.options.iter().any(|option| option.key() == Some(key)) {
                return Err(spec.wrong(format!("there is no option {key}; {}", known())));
            }
        }
        let takes_words = self.options.iter().any(|option| option.key().is_none());
        match spec.words() {
            [word, ..] if !takes_words => {
                Err(spec.wrong(format!("{word:?} is no option; {}", known())))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A filter with its options checked: makes one instance for each response. Clones are cheap.
#[derive(Clone)]
pub struct Prepared {
    name: &'static str,
    kind: FilterKind,
    fingerprint: u64,
    reads: Option<Form>,
    makes: Option<Form>,
    make: Make,
}

impl Prepared {
    /// The filter's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it sits.
    pub fn kind(&self) -> FilterKind {
        self.kind
    }

    /// In what form it must find the bytes, as its [entry](Entry::reads) says.
    pub fn reads(&self) -> Option<Form> {
        self.reads
    }

    /// In what form it leaves the bytes, as its [entry](Entry::makes) says.
    pub fn makes(&self) -> Option<Form> {
        self.makes
    }

    /// A new instance, to [join](super::Chain::join_request) a chain.
    pub fn member(&self) -> Member {
        Member::new(self.name, self.kind, self.filter()).with_fingerprint(self.fingerprint)
    }

    /// A new instance without its name and place: for who wraps it in a filter of his own, or puts it
    /// under test.
    ///
    /// ```
    /// use brigade::{Effects, Entry, FilterKind, OutputFilter, Registry, from_fn};
    ///
    /// # fn main() -> brigade::Result<()> {
    /// let mut registry = Registry::new();
    /// registry.register(Entry::new("pass", FilterKind::RESOURCE, |_spec| {
    ///     Ok(|| from_fn(|input, next| next.push_all(input)))
    /// }));
    /// let filter = registry.prepare("pass")?.filter();
    /// assert_eq!(filter.effects(), Effects::Changes); // What it says, not what its entry does.
    /// # Ok(())
    /// # }
    /// ```
    pub fn filter(&self) -> Box<dyn OutputFilter> {
        (self.make)()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The filters that can be named.
///
/// ```
/// use brigade::{Chain, Entry, FilterKind, Registry, from_fn, recorder};
///
/// # fn main() -> brigade::Result<()> {
/// let mut registry = Registry::new();
/// registry.register(Entry::new("pass", FilterKind::RESOURCE, |_spec| {
///     Ok(|| from_fn(|input, next| next.push_all(input)))
/// }));
/// let pass = registry.prepare("pass")?;
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join_request(pass.member());
/// chain.write(b"hello")?;
/// chain.flush()?;
/// assert_eq!(record.bytes(), b"hello");
///
/// let wrong = registry.prepare("pass level=9").unwrap_err();
/// assert_eq!(wrong.to_string(), "pass: there is no option level; it has none");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Registry {
    entries: BTreeMap<&'static str, Entry>,
}

impl Registry {
    /// Makes a registry without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry; one of the same name is replaced.
    pub fn register(&mut self, entry: Entry) {
        self.entries.insert(entry.name, entry);
    }

    /// The entries, by name.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Checks a SPEC and prepares its filter.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`], saying which name or option is wrong and which there are.
    pub fn prepare(&self, spec: &str) -> Result<Prepared> {
        let parsed: Spec = spec.parse()?;
        let Some(entry) = self.entries.get(parsed.name()) else {
            let names: Vec<&str> = self.entries.keys().copied().collect();
            let (name, names) = (parsed.name(), names.join(", "));
            let context = format!("there is no filter {name:?}; there are {names}");
            return Err(Error::new(ErrorKind::InvalidInput, context));
        };
        entry.check(&parsed)?;
        let make = (entry.build)(&parsed)?;
        let fingerprint = fingerprint_of(&parsed.to_string());
        let Entry { name, kind, reads, makes, .. } = *entry;
        Ok(Prepared { name, kind, fingerprint, reads, makes, make })
    }
}
