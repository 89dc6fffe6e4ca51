//! Filters by name: the text of a SPEC, what options it may have, and what is made of it.

use std::sync::{Arc, Mutex};

use brigade::{
    Bucket, Chain, Effects, Entry, ErrorKind, FilterKind, Form, OptionDoc, Registry, Spec, from_fn,
    recorder,
};
use proptest::prelude::*;

#[track_caller]
fn check_spec(text: &str, name: &str, words: &[&str], options: &[(&str, &str)]) {
    let spec: Spec = text.parse().unwrap();
    assert_eq!(spec.name(), name);
    assert_eq!(spec.words(), words);
    let seen: Vec<_> = spec.options().iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(seen, options);
    assert_eq!(spec.to_string().parse::<Spec>().unwrap(), spec);
}

#[test]
fn spec_is_a_name_words_and_options() {
    check_spec("deflate", "deflate", &[], &[]);
    check_spec("  deflate\tlevel=6 ", "deflate", &[], &[("level", "6")]);
    check_spec("substitute s/a=b/c/ limit=64", "substitute", &["s/a=b/c/"], &[("limit", "64")]);
    check_spec(r#"x "a b" k="c d" "k=v" """#, "x", &["a b", "k=v", ""], &[("k", "c d")]);
    check_spec(r#"x "a\"b\\c\d""#, "x", &[r#"a"b\c\d"#], &[]);
    check_spec(r"x a\b k=", "x", &[r"a\b"], &[("k", "")]);
    check_spec("x Key=1 =2", "x", &["Key=1", "=2"], &[]);
}

#[track_caller]
fn check_wrong(text: &str, message: &str) {
    let error = text.parse::<Spec>().unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InvalidInput, message));
}

#[test]
fn spec_that_cannot_be_read_says_why() {
    check_wrong("", r#"the filter "" begins with no name"#);
    check_wrong(r#""quoted" x"#, r#"the filter "\"quoted\" x" begins with no name"#);
    check_wrong("level=6", r#"the filter "level=6" begins with no name"#);
    check_wrong(r#"x "open"#, r#"the filter "x \"open" has a quote that is not closed"#);
    check_wrong("x k=1 k=2", "x: option k is given twice");
}

#[test]
fn option_value_that_does_not_parse_names_filter_option_and_value() {
    let spec: Spec = "x level=high".parse().unwrap();
    assert_eq!(spec.option::<u32>("limit").unwrap(), None);
    let error = spec.option::<u32>("level").unwrap_err();
    assert_eq!(error.to_string(), r#"x: option level cannot be "high""#);
    assert!(std::error::Error::source(&error).is_some());
}

proptest! {
    #[test]
    fn spec_written_and_read_again_is_the_same(
        words in prop::collection::vec(".{0,8}", 0..4),
        values in prop::collection::vec(".{0,8}", 0..3),
    ) {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = String::from("name");
        for word in &words {
            text.extend([" ", &quote(word)]);
        }
        for (key, value) in ["a", "b_c", "d"].iter().zip(&values) {
            text.extend([" ", key, "=", &quote(value)]);
        }
        let spec: Spec = text.parse().unwrap();
        prop_assert_eq!(spec.words(), &words[..]);
        let seen: Vec<_> = spec.options().iter().map(|(_, value)| value.clone()).collect();
        prop_assert_eq!(seen, values);
        prop_assert_eq!(spec.to_string().parse::<Spec>().unwrap(), spec);
    }

    #[test]
    fn spec_of_any_text_is_read_or_refused_without_a_panic(text in ".{0,40}") {
        if let Ok(spec) = text.parse::<Spec>() {
            prop_assert_eq!(spec.to_string().parse::<Spec>().unwrap(), spec);
        }
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register(
        Entry::new("append", FilterKind::CONTENT_SET, |spec: &Spec| {
            let times: usize = spec.option("times")?.unwrap_or(1);
            let text: Arc<str> = spec.words().concat().into();
            Ok(move || {
                let text = Arc::clone(&text);
                from_fn(move |input, next| {
                    while let Some(bucket) = next.read(input)? {
                        if bucket.is_eos() {
                            for _ in 0..times {
                                let piece = next.alloc().copy(text.as_bytes());
                                next.push(piece)?;
                            }
                        }
                        next.push(bucket)?;
                    }
                    Ok(())
                })
            })
        })
        .options(&[
            OptionDoc { form: "TEXT", help: "what is appended" },
            OptionDoc { form: "times=N", help: "how often; 1" },
        ])
        .effects(Effects::Changes)
        .carry("nothing")
        .memory("none")
        .summary("appends"),
    );
    registry.register(Entry::new("pass", FilterKind::RESOURCE, |_spec: &Spec| {
        Ok(|| from_fn(|input, next| next.push_all(input)))
    }));
    registry
}

#[test]
fn prepared_filter_is_made_anew_for_each_chain_with_its_options() {
    let prepared = registry().prepare("append \"!\" times=3").unwrap();
    assert_eq!((prepared.name(), prepared.kind()), ("append", FilterKind::CONTENT_SET));
    for _ in 0..2 {
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal);
        chain.join_request(prepared.member());
        chain.write(b"hey").unwrap();
        chain.pass_bucket(Bucket::eos()).unwrap();
        assert_eq!(record.bytes(), b"hey!!!");
    }
}

#[test]
fn wrong_name_or_option_says_what_there_is() {
    let check = |spec: &str, message: &str| {
        let error = registry().prepare(spec).unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InvalidInput, message));
    };
    check("gzip", r#"there is no filter "gzip"; there are append, pass"#);
    check("pass level=9", "pass: there is no option level; it has none");
    check("pass fast", r#"pass: "fast" is no option; it has none"#);
    check("append a lines=9", "append: there is no option lines; it has TEXT, times=N");
    check("append a times=x", r#"append: option times cannot be "x""#);
}

#[test]
fn entries_come_by_name_and_a_later_one_replaces() {
    let mut registry = registry();
    registry.register(
        Entry::new("pass", FilterKind::NETWORK, |_spec: &Spec| {
            Ok(|| from_fn(|input, next| next.push_all(input)))
        })
        .summary("another"),
    );
    let entries: Vec<_> = registry.entries().map(|entry| (entry.name, entry.summary)).collect();
    assert_eq!(entries, [("append", "appends"), ("pass", "another")]);
}

#[test]
fn same_options_give_the_same_fingerprint_and_others_another() {
    fn fingerprint(spec: &str) -> u64 {
        let seen = Arc::new(Mutex::new(0));
        let mut chain = Chain::new(recorder().0);
        chain.join(registry().prepare(spec).unwrap().member());
        let told = Arc::clone(&seen);
        let probe = from_fn(move |input, next| {
            *told.lock().unwrap() = next.fingerprint_above();
            next.push_all(input)
        });
        chain.join(brigade::Member::new("probe", FilterKind::NETWORK, probe));
        chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
        *seen.lock().unwrap()
    }
    assert_eq!(fingerprint("append a times=2"), fingerprint("append  \"a\"  times=\"2\""));
    assert_ne!(fingerprint("append a times=2"), fingerprint("append a times=3"));
    // Caches keep what is made of it: it must stay the same in every release.
    assert_eq!(fingerprint("append a times=2"), FINGERPRINT);
}

/// The names in their order, or why there is none.
fn order(specs: &[&str]) -> Result<Vec<&'static str>, String> {
    let mut registry = Registry::new();
    let pass = || Ok(|| from_fn(|input, next| next.push_all(input)));
    let content = FilterKind::CONTENT_SET;
    registry.register(Entry::new("any", FilterKind::RESOURCE, move |_| pass()));
    for (name, kind) in [("text", content), ("words", content), ("early", FilterKind::RESOURCE)] {
        registry.register(Entry::new(name, kind, move |_| pass()).reads(Form::Plain));
    }
    let late = Entry::new("late", FilterKind::TRANSCODE, move |_| pass());
    registry.register(late.reads(Form::Plain));
    registry.register(Entry::new("zip", content, move |_| pass()).makes(Form::Coded));
    registry.register(Entry::new("unzip", content, move |_| pass()).makes(Form::Plain));
    let prepared = registry.prepare_all(specs).map_err(|error| error.to_string())?;
    Ok(prepared.iter().map(brigade::Prepared::name).collect())
}

#[test]
fn filters_of_a_chain_are_prepared_in_the_order_in_which_they_will_run() {
    assert_eq!(order(&["late", "text", "any"]).unwrap(), ["any", "text", "late"]);
    assert_eq!(order(&["zip", "early"]).unwrap(), ["early", "zip"]);
    assert_eq!(order(&["zip", "unzip", "text"]).unwrap(), ["zip", "unzip", "text"]);
    assert_eq!(order(&[]).unwrap(), [""; 0]);
}

#[test]
fn order_that_cannot_work_is_refused_with_the_one_that_can() {
    let check = |specs: &[&str], message: &str| assert_eq!(order(specs).unwrap_err(), message);
    let said =
        "text reads plain bytes and would come behind zip, which codes them; this order can work: ";
    check(&["zip", "text"], &format!("{said}text, zip"));
    check(&["any", "zip", "text", "words"], &format!("{said}any, text, words, zip"));
    check(&["unzip", "zip", "text", "zip"], &format!("{said}unzip, text, zip, zip"));
    let said = "late reads plain bytes and would come behind zip, which codes them; ";
    let kinds = "their kinds allow none that can: zip is ContentSet, late is Transcode";
    check(&["late", "zip"], &format!("{said}{kinds}"));
    check(
        &["zip", "gone"],
        "there is no filter \"gone\"; there are any, early, late, text, unzip, words, zip",
    );
    assert_eq!(order(&["late", "zip", "unzip"]).unwrap(), ["zip", "unzip", "late"]);
}

const FINGERPRINT: u64 = 6_737_159_866_712_471_839;
