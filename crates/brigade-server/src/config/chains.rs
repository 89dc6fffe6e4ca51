//! Which filters a response goes through: rules by path, extension and content type.
//!
//! Invariant: all that can be decided when a request is there is decided then; only what asks for the
//! content type waits for the response's head, in the place of its filter, and costs nothing if it is
//! of another type.

use std::sync::Arc;

use brigade::{Chain, Member, Prepared};
use brigade_http::{Choices, Choose, Condition, RequestHead};

use super::path::{Pattern, extension, plain};
use super::source::Origin;

/// Filters, and what responses go through them.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) path: Pattern,
    /// Without their dots, in small letters; empty: whatever it is.
    pub(crate) extensions: Vec<String>,
    /// Media types, such as `text/*`, in small letters; empty: whatever it is.
    pub(crate) types: Vec<String>,
    /// No rule after this one is looked at.
    pub(crate) is_last: bool,
    pub(crate) filters: Vec<Placed>,
    pub(crate) origin: Origin,
}

/// A filter of a rule.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) spec: String,
    pub(crate) prepared: Prepared,
    pub(crate) origin: Origin,
    /// With the condition of its rule, if that asks for the type.
    choices: Option<Arc<Choices>>,
}

impl Placed {
    /// `prepared`, which `spec` names, for responses of `types`.
    pub(crate) fn new(spec: &str, prepared: Prepared, types: &[String], origin: Origin) -> Self {
        let choices = (!types.is_empty()).then(|| {
            let none = Choices::new();
            Arc::new(types.iter().fold(none, |choices, media| {
                let prepared = prepared.clone();
                choices.when(Condition::content_type(media), move || prepared.member())
            }))
        });
        Self { spec: spec.to_owned(), prepared, origin, choices }
    }

    fn member(&self) -> Member {
        match &self.choices {
            None => self.prepared.member(),
            Some(choices) => {
                Member::new(self.prepared.name(), self.prepared.kind(), Choose::new(choices))
            }
        }
    }
}

impl Rule {
    /// Whether it is for a request of this path, which is plain, whatever the type of its response.
    pub(super) fn fits(&self, path: &[u8], extension: Option<&[u8]>) -> bool {
        let fits = |own: &String| {
            extension.is_some_and(|extension| extension.eq_ignore_ascii_case(own.as_bytes()))
        };
        self.path.fits(path) && (self.extensions.is_empty() || self.extensions.iter().any(fits))
    }

    /// Whether it is for responses of this type; `media` may be a class of types, such as `text/*`.
    pub(crate) fn fits_type(&self, media: &str) -> bool {
        let fits = |own: &String| match own.strip_suffix('*') {
            Some(class) => media.starts_with(class),
            None => media == own,
        };
        self.types.is_empty() || self.types.iter().any(fits)
    }
}

/// The rules of a server, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chains(Vec<Rule>);

impl Chains {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// These filters for every response.
    pub(crate) fn for_all(filters: Vec<Placed>) -> Self {
        if filters.is_empty() {
            // Then no request has to be looked at.
            return Self::default();
        }
        Self(vec![Rule {
            path: Pattern::all(),
            extensions: Vec::new(),
            types: Vec::new(),
            is_last: false,
            filters,
            origin: Origin::CommandLine,
        }])
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.0.iter()
    }

    /// The rules for the path of a request, as it came: all that fit, up to one that is the last.
    pub(crate) fn of(&self, path: &str) -> Vec<&Rule> {
        let mut found = Vec::new();
        self.each_of(path, |rule| found.push(rule));
        found
    }

    fn each_of<'c>(&'c self, path: &str, mut each: impl FnMut(&'c Rule)) {
        if self.0.is_empty() {
            return;
        }
        let path = plain(path);
        let extension = extension(&path);
        for rule in self.0.iter().filter(|rule| rule.fits(&path, extension)) {
            each(rule);
            if rule.is_last {
                break;
            }
        }
    }

    /// The filters for a request join its chain, which sorts them by kind.
    pub(crate) fn join(&self, request: &RequestHead, chain: &mut Chain) {
        self.each_of(request.uri.path(), |rule| {
            for filter in &rule.filters {
                chain.join_request(filter.member());
            }
        });
    }
}
