//! The filters as a configuration names them.

use brigade::{Effects, FilterKind, Registry};

fn registry() -> Registry {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    registry
}

#[track_caller]
fn check_refused(spec: &str, said: &str) {
    assert_eq!(registry().prepare(spec).unwrap_err().to_string(), said);
}

#[test]
fn registry_lists_every_filter_with_its_place_and_effects() {
    let listed: Vec<(&str, FilterKind, Effects)> =
        registry().entries().map(|entry| (entry.name, entry.kind, entry.effects)).collect();
    let expected = [
        ("collect", FilterKind::NETWORK.offset(-1), Effects::Same),
        #[cfg(feature = "deflate")]
        ("deflate", FilterKind::CONTENT_SET, Effects::Changes),
        #[cfg(feature = "deflate")]
        ("inflate", FilterKind::RESOURCE.offset(-1), Effects::Changes),
        ("pass", FilterKind::RESOURCE, Effects::Same),
        #[cfg(feature = "spill")]
        ("spill", FilterKind::NETWORK.offset(-1), Effects::Same),
        ("substitute", FilterKind::RESOURCE, Effects::Changes),
    ];
    assert_eq!(listed, expected);
    assert!(registry().entries().all(|entry| !entry.summary.is_empty()));
}

#[test]
fn pass_with_an_option_is_refused() {
    check_refused("pass fast=1", "pass: there is no option fast; it has none");
}

#[test]
fn substitute_without_a_whole_rule_is_refused() {
    let rule = |rule: &str, said: &str| {
        check_refused(
            &format!("substitute {rule}"),
            &format!("substitute: the rule {rule:?} {said}"),
        );
    };
    check_refused("substitute", "substitute: say what to replace by what: s/FROM/TO/");
    check_refused(
        "substitute s/a b/c/",
        "substitute: one rule, s/FROM/TO/, not 2; quote one that has spaces, name the filter once \
         for each",
    );
    rule("a/b/", "is not of the form s/FROM/TO/");
    rule("s", "is not of the form s/FROM/TO/");
    rule("s/a", "has no / at its end, as s/FROM/TO/ has");
    rule("s/a/b", "has no / at its end, as s/FROM/TO/ has");
    rule("s//b/", "has an empty FROM");
    rule("s/a/b/g", "has flags, \"g\"; there are none: all is replaced");
    rule(r"s\a\b\", "cannot have a backslash between its parts");
    rule(r"s/a\n/b/", r"has \n: a backslash goes before / or another backslash");
    rule(r"s/a/b\", "ends in a backslash");
}

/// Their kinds keep them in the right order, whatever order they are named in.
#[cfg(feature = "deflate")]
#[test]
fn filter_of_text_runs_before_one_that_compresses() {
    let prepared = registry().prepare_all(["deflate", "substitute s/a/b/"]).unwrap();
    let names: Vec<&str> = prepared.iter().map(brigade::Prepared::name).collect();
    assert_eq!(names, ["substitute", "deflate"]);
    let mut registry = registry();
    let text = brigade::Entry::new("late", FilterKind::CONNECTION, |_| {
        Ok(|| brigade::from_fn(|input, next| next.push_all(input)))
    });
    registry.register(text.reads(brigade::Form::Plain));
    let error = registry.prepare_all(["late", "deflate"]).unwrap_err();
    let said = "late reads plain bytes and would come behind deflate, which codes them; their kinds allow \
                none that can: deflate is ContentSet, late is Connection";
    assert_eq!(error.to_string(), said);
}

#[cfg(feature = "deflate")]
#[test]
fn deflate_with_a_wrong_option_is_refused() {
    check_refused("deflate level=10", "deflate: option level cannot be 10: it goes from 0 to 9");
    check_refused("deflate level=best", "deflate: option level cannot be \"best\"");
    check_refused("deflate 6", "deflate: \"6\" is no option; it has level=N, min_bytes=N");
    check_refused(
        "deflate size=1",
        "deflate: there is no option size; it has level=N, min_bytes=N",
    );
}

#[cfg(feature = "deflate")]
#[test]
fn inflate_with_a_wrong_option_is_refused() {
    check_refused("inflate ratio=much", "inflate: option ratio cannot be \"much\"");
    check_refused("inflate limit=-1", "inflate: option limit cannot be \"-1\"");
}

#[cfg(feature = "spill")]
#[test]
fn spill_into_a_place_where_no_file_can_be_made_is_refused() {
    let nowhere = "spill: no file can be made in /nowhere/at/all";
    check_refused("spill dir=/nowhere/at/all", nowhere);
    check_refused("collect limit=1k", "collect: option limit cannot be \"1k\"");
}
