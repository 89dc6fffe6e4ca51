//! Which filters a response goes through in another server: made once, shared by all that use them.
//!
//! Invariant: no filters cost nothing; a list of some is one `Arc`, and its filters are made anew for
//! each response.

use std::fmt;
use std::sync::{Arc, LazyLock};

use brigade::{
    AllocOptions, BlockCache, Budget, Chain, Error, FilterKind, Member, Prepared, ReadMode,
    Registry, Result,
};

use super::queue::Queue;
use crate::filters::{Conditional, Header};
use crate::{Exchange, HeaderOptions};

/// Blocks that the responses of one list hand to each other, at most: 8 MiB.
const CACHED_BLOCKS: usize = 1024;

/// The filters for responses of another server: from SPECs, from a registry, from closures.
///
/// Clones share. The order of equal kinds is the order in which they were added.
///
/// ```
/// use brigade::{FilterKind, Member, Registry, from_fn};
/// use brigade_http::body::Filters;
///
/// # fn main() -> brigade::Result<()> {
/// # let mut registry = Registry::new();
/// # registry.register(brigade::Entry::new("pass", FilterKind::RESOURCE, |_| {
/// #     Ok(|| from_fn(|input, next| next.push_all(input)))
/// # }));
/// let filters = Filters::from_specs(&registry, ["pass"])?.member(|| {
///     Member::new("own", FilterKind::RESOURCE, from_fn(|input, next| next.push_all(input)))
/// });
/// assert!(!filters.is_empty());
/// assert!(Filters::none().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Filters(Option<Arc<List>>);

#[derive(Clone)]
struct List {
    makes: Vec<Make>,
    options: Arc<HeaderOptions>,
    alloc: AllocOptions,
    report: Option<Arc<Report>>,
}

type Report = dyn Fn(&Error) + Send + Sync;

#[derive(Clone)]
enum Make {
    Prepared(Prepared),
    Own(Arc<dyn Fn() -> Member + Send + Sync>),
}

impl Filters {
    /// No filters: what has none goes through untouched.
    pub const fn none() -> Self {
        Self(None)
    }

    /// The filters that these SPECs name.
    ///
    /// # Errors
    ///
    /// As [`Registry::prepare`], from the first SPEC that is wrong.
    pub fn from_specs<S: AsRef<str>>(
        registry: &Registry,
        specs: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        specs.into_iter().try_fold(Self::none(), |filters, spec| {
            Ok(filters.prepared(registry.prepare(spec.as_ref())?))
        })
    }

    /// Adds a filter from a registry.
    #[must_use]
    pub fn prepared(self, filter: Prepared) -> Self {
        self.with(|list| list.makes.push(Make::Prepared(filter)))
    }

    /// Adds what `make` makes for each response.
    #[must_use]
    pub fn member(self, make: impl Fn() -> Member + Send + Sync + 'static) -> Self {
        self.with(|list| list.makes.push(Make::Own(Arc::new(make))))
    }

    /// Sets where the pages of responses that fail before their head has left come from.
    #[must_use]
    pub fn header_options(self, options: Arc<HeaderOptions>) -> Self {
        self.with(|list| list.options = options)
    }

    /// Sets what limits the blocks that all these responses hold together.
    #[must_use]
    pub fn budget(self, budget: Budget) -> Self {
        self.with(|list| list.alloc.budget = Some(budget))
    }

    /// Sets who is told of errors, those among them that the client is answered a whole page for: a
    /// log.
    #[must_use]
    pub fn report(self, tell: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.with(|list| list.report = Some(Arc::new(tell)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|list| list.makes.is_empty())
    }

    fn with(mut self, change: impl FnOnce(&mut List)) -> Self {
        change(Arc::make_mut(self.0.get_or_insert_default()));
        self
    }

    /// A chain of these filters that ends in a body.
    pub(crate) fn chain(&self) -> Chain {
        let chain = Chain::new(Queue::default()).mode(ReadMode::NonBlocking);
        let Some(list) = &self.0 else { return chain };
        let mut chain = chain.storage(list.alloc.clone().build());
        for make in &list.makes {
            chain.join_request(match make {
                Make::Prepared(filter) => filter.member(),
                Make::Own(make) => make(),
            });
        }
        chain
    }

    /// The same, for one exchange of HTTP: validators are judged below the filters, and what fails
    /// early becomes a whole answer.
    pub(crate) fn chain_for(&self, exchange: &Exchange) -> Chain {
        static DEFAULT: LazyLock<Arc<HeaderOptions>> = LazyLock::new(Arc::default);
        let options = self.0.as_ref().map_or(&*DEFAULT, |list| &list.options).clone();
        let header = Header::unwritten(exchange.clone(), options);
        let mut chain = self.chain();
        let kind = FilterKind::PROTOCOL;
        chain.join_request(Member::new("conditional", kind, Conditional::new()));
        chain.join_request(Member::new("header", kind.offset(5), header));
        chain
    }

    /// Tells of the error that `exchange` has met, if it has.
    pub(crate) fn report_of(&self, exchange: &Exchange) {
        if let Some(error) = exchange.error()
            && let Some(report) = self.0.as_ref().and_then(|list| list.report.as_ref())
        {
            report(error);
        }
    }
}

impl Default for List {
    fn default() -> Self {
        let options = AllocOptions::default();
        let cache = BlockCache::new(options.block_size, CACHED_BLOCKS);
        let alloc = options.cache(cache);
        Self { makes: Vec::new(), options: Arc::default(), alloc, report: None }
    }
}

impl fmt::Debug for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let makes = self.0.iter().flat_map(|list| &list.makes);
        let names = makes.map(|make| match make {
            Make::Prepared(filter) => filter.name(),
            Make::Own(_) => "(own)",
        });
        f.debug_list().entries(names).finish()
    }
}
