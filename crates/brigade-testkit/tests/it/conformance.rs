//! The suite passes filters that keep their promises.

use brigade::{Brigade, Bucket, Effects, Next, OutputFilter, Result, from_fn};
use brigade_testkit::{Promise, conformance, unknown_mark};

/// Hands everything on, bucket by bucket.
fn pass() -> impl OutputFilter {
    from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            next.push(bucket)?;
        }
        Ok(())
    })
}

/// The longest word that is joined.
const WORD_BYTES: usize = 64;

/// Joins the bytes of a word, and pushes it when a space, or the end, shows that it is whole.
#[derive(Default)]
struct Words(Vec<u8>);

impl OutputFilter for Words {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            for byte in bucket.bytes().unwrap_or_default() {
                self.0.push(*byte);
                if *byte == b' ' || self.0.len() == WORD_BYTES {
                    self.push_word(next)?;
                }
            }
            if bucket.is_metadata() {
                if bucket.ends_body() {
                    self.push_word(next)?;
                }
                next.push(bucket)?;
            }
        }
        Ok(())
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }

    fn held_bytes(&self) -> usize {
        self.0.len()
    }
}

impl Words {
    fn push_word(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        let word = next.alloc().copy(&self.0);
        self.0.clear();
        next.push(word)
    }
}

#[test]
fn honest_filter_passes() {
    conformance(pass).check();
}

#[test]
fn filter_that_keeps_its_declared_carry_passes() {
    conformance(Words::default).turns("ab cd e", "ab cd e").carry(2).memory(WORD_BYTES).check();
}

#[test]
fn filter_that_keeps_more_than_its_carry_breaks_a_promise() {
    let failure = conformance(Words::default).input("ab cd e").carry(1).try_check().unwrap_err();
    assert_eq!(failure.promise(), Promise::FlushLetsGo);
    assert_eq!(failure.wrong(), "after a FLUSH it keeps 2 bytes, its carry is 1");
}

#[test]
fn filter_that_steps_aside_at_its_head_passes() {
    let leaves = || {
        from_fn(|input, next| {
            next.step_aside();
            next.push_all(input)
        })
    };
    conformance(leaves).with_head(|| unknown_mark(0)).check();
}

#[test]
fn wrong_expectation_is_told_with_the_input_it_was_said_of() {
    let failure = conformance(pass).turns("abc", "abd").try_check().unwrap_err();
    assert_eq!(failure.promise(), Promise::TakesInput);
    assert_eq!(failure.given(), r#"TRANSIENT "abc", EOS; in one call"#);
}

#[test]
fn protocol_may_answer_an_error_with_a_whole_body() {
    let answers = || {
        from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                let is_error = bucket.as_error().is_some();
                next.push(if is_error { Bucket::eos() } else { bucket })?;
            }
            Ok(())
        })
    };
    conformance(answers).answers_errors().check();
    let failure = conformance(answers).try_check().unwrap_err();
    assert_eq!(failure.promise(), Promise::HandsErrorsUp);
    assert_eq!(failure.wrong(), "the ERROR comes out as EOS");
}
