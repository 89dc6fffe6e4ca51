//! The tools that are filters keep the promises of filters, and do what they are for.

use brigade::{Bucket, Chain, FilterKind, Member, OutputFilter, Registry, recorder};
use brigade_testkit::{RandomCut, brigade, bucketeer, conformance, register_tools, tap};

/// The calls that come out of `filter` when `text` is passed as one bucket.
fn calls(filter: impl OutputFilter + 'static, text: &str) -> Vec<String> {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(Member::new("tool", FilterKind::RESOURCE, filter));
    let (tap, tapped) = tap();
    chain.join(Member::new("tap", FilterKind::RESOURCE, tap));
    chain.pass(&mut brigade![text, EOS]).expect("the tools take text");
    drop(record);
    tapped.calls()
}

#[test]
fn bucketeer_conforms_and_takes_its_control_bytes_out() {
    conformance(bucketeer).turns("a\x02bc\x10\x10d\x02", "abcd").stream_bytes(1 << 20).check();
}

#[test]
fn bucketeer_cuts_flushes_and_passes_where_it_is_told() {
    let expected = [r#"TRANSIENT "a", TRANSIENT "b""#, r#"TRANSIENT "c", FLUSH, EOS"#];
    assert_eq!(calls(bucketeer(), "a\x02b\x10c\x06"), expected);
}

#[test]
fn bucketeer_keeps_flushes_that_come_and_empty_data() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(Member::new("bucketeer", FilterKind::RESOURCE, bucketeer()));
    let (tap, tapped) = tap();
    chain.join(Member::new("tap", FilterKind::RESOURCE, tap));
    chain.pass(&mut brigade!["a", "", FLUSH, "\x06", EOS]).unwrap();
    assert_eq!(tapped.calls(), [r#"TRANSIENT "a", TRANSIENT "", FLUSH, FLUSH, EOS"#]);
    assert_eq!(record.bytes(), b"a");
}

#[test]
fn random_cut_conforms() {
    conformance(|| RandomCut::new(1).most_bytes(3)).stream_bytes(1 << 20).check();
}

#[test]
fn random_cut_with_the_same_seed_cuts_the_same_and_with_another_not() {
    let text = "which of many places is this text cut in?";
    let cut = |seed| calls(RandomCut::new(seed), text);
    assert_eq!(cut(1), cut(1));
    assert_ne!(cut(1), cut(2));
}

#[test]
fn tap_conforms_and_shows_a_file_that_goes_by_unread() {
    // Its record is all it keeps.
    conformance(|| tap().0).stream_bytes(20_000).check();
    let file = std::fs::File::open("Cargo.toml").unwrap();
    let (terminal, _record) = recorder();
    let mut chain = Chain::new(terminal);
    let (tap, tapped) = tap();
    chain.join(Member::new("tap", FilterKind::RESOURCE, tap));
    chain.pass_bucket(Bucket::file(file, 0, 10)).unwrap();
    assert_eq!(tapped.calls(), ["FILE of 10 bytes"]);
}

#[test]
fn tools_can_be_named_and_refuse_wrong_options() {
    let mut registry = Registry::new();
    register_tools(&mut registry);
    let names: Vec<&str> = registry.entries().map(|entry| entry.name).collect();
    assert_eq!(names, ["bucketeer", "randomcut", "waits"]);
    assert!(registry.entries().all(|entry| !entry.summary.is_empty()));
    let wrong = registry.prepare("randomcut most=0").unwrap_err().to_string();
    assert_eq!(wrong, "randomcut: option most cannot be 0: a piece has a byte at least");
}

#[test]
fn responses_through_randomcut_are_cut_in_different_places() {
    let mut registry = Registry::new();
    register_tools(&mut registry);
    let randomcut = registry.prepare("randomcut seed=5 most=4").unwrap();
    let text = "which of many places is this text cut in?";
    assert_ne!(calls(randomcut.filter(), text), calls(randomcut.filter(), text));
}
