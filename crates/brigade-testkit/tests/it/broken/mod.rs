//! Filters that each break one promise, by a mistake that a filter of Apache's makes, and the words in
//! which the suite says so.
//!
//! The words are in `words/`; `WORDS=write cargo test` writes them anew.

mod bytes;
mod ends;
mod holds;
mod marks;

use std::path::Path;

use brigade::OutputFilter;
use brigade_testkit::{Conformance, Promise, conformance};

/// Checks that the suite names `promise`, in the words of the file `name`.
#[track_caller]
fn check<'a, F: OutputFilter + 'static>(
    name: &str,
    make: impl Fn() -> F + 'a,
    say: impl FnOnce(Conformance<'a>) -> Conformance<'a>,
    promise: Promise,
) {
    let failure = say(conformance(make).stream_bytes(4 << 20))
        .try_check()
        .expect_err("this filter breaks a promise");
    assert_eq!(failure.promise(), promise, "{failure}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/broken/words/{name}"));
    let words = without_long_numbers(&format!("{failure}\n"));
    if std::env::var_os("WORDS").is_some_and(|what| what == "write") {
        std::fs::write(&file, &words).expect("the words can be written");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(words, expected, "{} is not what is said", file.display());
}

/// What a filter uses of memory is not the same on every machine.
fn without_long_numbers(words: &str) -> String {
    let runs =
        words.as_bytes().chunk_by(|left, right| left.is_ascii_digit() == right.is_ascii_digit());
    let runs = runs.map(|run| match run {
        [digit, ..] if digit.is_ascii_digit() && run.len() > 4 => "many".into(),
        run => String::from_utf8_lossy(run),
    });
    runs.collect()
}
