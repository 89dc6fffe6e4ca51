//! Every stock filter keeps every promise: the suite of the kit, over all entries of the registry.
//!
//! A filter that is new in the registry needs a case in `cases.rs`.

mod cases;

use std::collections::BTreeSet;
use std::thread;

use brigade::Registry;
use brigade_testkit::{Conformance, CountingAlloc, conformance};

use crate::cases::cases;

/// With it the suite measures the memory of filters.
#[global_allocator]
static COUNTING: CountingAlloc = CountingAlloc;

/// What is tried of a filter, and what it says of itself.
struct Case {
    spec: &'static str,
    say: fn(Conformance<'static>) -> Conformance<'static>,
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    registry
}

fn check(case: &Case) -> Result<(), String> {
    let prepared = registry().prepare(case.spec).map_err(|error| error.to_string())?;
    // The whole stream where filters are optimised, and a part of it elsewhere.
    let stream_bytes = if cfg!(debug_assertions) { 4 << 20 } else { 64 << 20 };
    let suite = conformance(move || prepared.filter()).for_connections().stream_bytes(stream_bytes);
    let suite = (case.say)(suite);
    suite.try_check().map_err(|failure| format!("{}: {failure}", case.spec))
}

#[test]
fn every_entry_of_the_registry_has_a_case() {
    let tried: BTreeSet<&str> =
        cases().iter().filter_map(|case| case.spec.split(' ').next()).collect();
    let registry = registry();
    let listed: BTreeSet<&str> = registry.entries().map(|entry| entry.name).collect();
    assert_eq!(
        listed, tried,
        "left: the registry, right: what cases.rs tries; add what is missing"
    );
}

#[test]
fn every_case_conforms() {
    // Side by side: allocations are counted by thread.
    let verdicts: Vec<Result<(), String>> = thread::scope(|scope| {
        let runs: Vec<_> =
            cases().into_iter().map(|case| scope.spawn(move || check(&case))).collect();
        runs.into_iter().map(|run| run.join().expect("the suite itself does not panic")).collect()
    });
    let failures: Vec<String> = verdicts.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
