//! Whether the filters of rules that meet in one response can work in their order.
//!
//! Invariant: what is refused would go wrong for some request; it is found by asking for the narrowest
//! request that two rules have in common, which every rule that fits it will meet.

use brigade::{Form, Registry};

use super::chains::Rule;
use super::path::{Pattern, extension as extension_of};

/// A kind of response: what every one of it has in common.
struct Case<'r> {
    path: &'r Pattern,
    extension: Option<&'r str>,
    media: Option<&'r str>,
}

/// The first rule whose filters cannot work where they would stand, and why.
pub(super) fn wrong(registry: &Registry, rules: &[Rule]) -> Option<(usize, String)> {
    for (at, reader) in rules.iter().enumerate() {
        if let Some(what) = wrong_in(registry, [reader]) {
            return Some((at, what));
        }
        if !has(reader, Form::Plain) {
            continue;
        }
        for coder in rules[..at].iter().filter(|rule| makes_coded(rule)) {
            for case in cases(coder, reader) {
                if let Some(what) = wrong_in(registry, met(rules, &case)) {
                    return Some((at, format!("with those of {}: {what}", coder.origin)));
                }
            }
        }
    }
    None
}

fn wrong_in<'r>(registry: &Registry, rules: impl IntoIterator<Item = &'r Rule>) -> Option<String> {
    let filters = rules.into_iter().flat_map(|rule| &rule.filters);
    let specs: Vec<&str> = filters.map(|filter| filter.spec.as_str()).collect();
    registry.prepare_all(specs).err().map(|error| error.to_string())
}

fn has(rule: &Rule, form: Form) -> bool {
    rule.filters.iter().any(|filter| filter.prepared.reads() == Some(form))
}

fn makes_coded(rule: &Rule) -> bool {
    rule.filters.iter().any(|filter| filter.prepared.makes() == Some(Form::Coded))
}

/// The narrowest kinds of responses that two rules have in common.
fn cases<'r>(one: &'r Rule, other: &'r Rule) -> Vec<Case<'r>> {
    let Some(path) = one.path.narrower(&other.path) else { return Vec::new() };
    let mut cases = Vec::new();
    for extension in common(&one.extensions, &other.extensions, |one, other| one == other) {
        // One path has one extension, or none.
        let own = extension_of(path.as_str().as_bytes());
        if !path.is_below() && extension.is_some_and(|it| own != Some(it.as_bytes())) {
            continue;
        }
        for media in common(&one.types, &other.types, is_of) {
            cases.push(Case { path, extension, media });
        }
    }
    cases
}

/// What two lists have in common, where an empty one stands for everything, as `None` does here.
fn common<'r>(
    one: &'r [String],
    other: &'r [String],
    is_of: impl Fn(&str, &str) -> bool,
) -> Vec<Option<&'r str>> {
    match (one, other) {
        ([], []) => vec![None],
        (list, []) | ([], list) => list.iter().map(|item| Some(item.as_str())).collect(),
        (one, other) => {
            let both = one.iter().flat_map(|one| other.iter().map(move |other| (one, other)));
            let narrower = both.filter_map(|(one, other)| {
                if is_of(one, other) {
                    Some(Some(one.as_str()))
                } else {
                    is_of(other, one).then_some(Some(other.as_str()))
                }
            });
            narrower.collect()
        }
    }
}

/// Whether every response of type `narrow` is of type `wide`.
fn is_of(narrow: &str, wide: &str) -> bool {
    wide.strip_suffix('*').map_or(narrow == wide, |class| narrow.starts_with(class))
}

/// The rules that every response of a kind meets.
fn met<'r>(rules: &'r [Rule], case: &Case<'_>) -> Vec<&'r Rule> {
    let mut met = Vec::new();
    for rule in rules {
        let fits_type = case.media.map_or(rule.types.is_empty(), |media| rule.fits_type(media));
        if rule.fits(case.path.as_str().as_bytes(), case.extension.map(str::as_bytes)) {
            if fits_type {
                met.push(rule);
            }
            if rule.is_last {
                break;
            }
        }
    }
    met
}

#[cfg(test)]
mod tests {
    use brigade::{Entry, FilterKind, from_fn};

    use super::super::chains::Placed;
    use super::super::source::Origin;
    use super::*;

    /// `words` reads text, `zip` codes it, `unzip` decodes it; all of one kind.
    fn registry() -> Registry {
        let make = |name| {
            Entry::new(name, FilterKind::RESOURCE, |_| {
                Ok(|| from_fn(|input, next| next.push_all(input)))
            })
        };
        let mut registry = Registry::new();
        registry.register(make("words").reads(Form::Plain));
        registry.register(make("zip").makes(Form::Coded));
        registry.register(make("unzip").makes(Form::Plain));
        registry
    }

    /// A rule of `path, extensions, types, filters`, words apart by spaces; `last` among the filters.
    fn rule([path, extensions, types, filters]: [&str; 4]) -> Rule {
        let registry = registry();
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (extensions, types) = (list(extensions), list(types));
        let specs = list(filters);
        let placed = specs.iter().filter(|spec| *spec != "last").map(|spec| {
            Placed::new(spec, registry.prepare(spec).unwrap(), &types, Origin::CommandLine)
        });
        Rule {
            path: Pattern::parse(path).unwrap(),
            is_last: specs.iter().any(|spec| spec == "last"),
            filters: placed.collect(),
            origin: Origin::CommandLine,
            extensions,
            types,
        }
    }

    /// Checks which of the rules is refused.
    #[track_caller]
    fn check(rules: &[[&str; 4]], refused: Option<usize>) {
        let read: Vec<Rule> = rules.iter().copied().map(rule).collect();
        let found = wrong(&registry(), &read);
        assert_eq!(found.as_ref().map(|(at, _)| *at), refused, "{rules:?}: {found:?}");
    }

    #[test]
    fn text_behind_a_coder_of_its_own_rule_is_refused() {
        check(&[["/", "", "", "zip words"]], Some(0));
        check(&[["/", "", "", "words zip"]], None);
        check(&[["/", "", "", "zip unzip words"]], None);
    }

    #[test]
    fn text_behind_a_coder_of_a_rule_that_it_meets_is_refused() {
        check(&[["/", "", "", "zip"], ["/docs/", "", "", "words"]], Some(1));
        check(&[["/docs/", "", "", "zip"], ["/", "", "", "words"]], Some(1));
        check(&[["/docs/a.html", "", "", "zip"], ["/docs/", "html", "text/*", "words"]], Some(1));
        check(&[["/", "html htm", "", "zip"], ["/", "txt htm", "", "words"]], Some(1));
        check(&[["/", "", "text/*", "zip"], ["/", "", "text/html", "words"]], Some(1));
        check(&[["/docs/", "", "", "words"], ["/", "", "", "zip"]], None);
    }

    #[test]
    fn rules_that_no_response_meets_together_may_have_any_order() {
        check(&[["/a/", "", "", "zip"], ["/b/", "", "", "words"]], None);
        check(&[["/", "html", "", "zip"], ["/", "txt", "", "words"]], None);
        check(&[["/a", "", "", "zip"], ["/", "html", "", "words"]], None);
        check(&[["/", "", "image/*", "zip"], ["/", "", "text/html", "words"]], None);
        check(&[["/", "", "", "zip last"], ["/", "", "", "words"]], None);
    }

    #[test]
    fn rule_between_that_decodes_makes_an_order_right_where_every_response_meets_it() {
        let (zip, words) = (["/a/", "", "", "zip"], ["/a/", "", "", "words"]);
        check(&[zip, ["/", "", "", "unzip"], words], None);
        check(&[zip, ["/a/b/", "", "", "unzip"], words], Some(2));
        check(&[zip, ["/", "", "text/*", "unzip"], words], Some(2));
    }
}
