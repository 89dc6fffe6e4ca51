//! The suite passes filters that keep their promises.

use brigade::{Brigade, Bucket, Effects, Error, ErrorKind, Next, OutputFilter, Result, from_fn};
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
    conformance(Words::default)
        .turns("ab cd e", "ab cd e")
        .carry(2)
        .memory(WORD_BYTES)
        .stream_bytes(1 << 20)
        .check();
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

#[test]
fn wrong_length_is_caught_by_the_chain_or_by_the_suite() {
    struct Doubles;
    impl OutputFilter for Doubles {
        fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
            while let Some(bucket) = next.read(input)? {
                if let Some(data) = bucket.bytes() {
                    let again = next.alloc().copy(data);
                    next.push(again)?;
                }
                next.push(bucket)?;
            }
            Ok(())
        }

        fn effects(&self) -> Effects {
            Effects::SameLength
        }
    }
    let failure = conformance(|| Doubles).try_check().unwrap_err();
    assert_eq!(failure.promise(), Promise::HonestEffects);
}

/// Adds to a list at every call. That list is all of its memory, and no block has anything of it.
#[test]
fn bytes_that_are_kept_of_every_call_are_counted() {
    let keeps = || {
        let mut lens = Vec::new();
        from_fn(move |input, next| {
            lens.push(input.len());
            next.push_all(input)
        })
    };
    let failure = conformance(keeps).input("ab").try_check().unwrap_err();
    assert_eq!(failure.promise(), Promise::BoundedMemory);
}

#[test]
fn memory_that_is_held_and_not_told_is_found() {
    let says_nothing = || {
        let mut held = Vec::new();
        from_fn(move |input, next| {
            if held.is_empty() {
                held = vec![0_u8; 1 << 20];
            }
            next.push_all(input)
        })
    };
    let failure = conformance(says_nothing).input("ab").memory(1 << 20).try_check().unwrap_err();
    assert_eq!(failure.promise(), Promise::BoundedMemory);
    assert!(failure.wrong().ends_with("held_bytes() says 0"), "{failure}");
}

#[test]
fn filter_that_panics_in_the_midst_of_a_stream_is_caught() {
    let counts = || {
        let mut left: u32 = 1 << 20;
        from_fn(move |input, next| {
            let bytes = input.len_bytes().unwrap_or(0);
            left =
                left.checked_sub(u32::try_from(bytes).unwrap()).expect("a body of a MiB at most");
            next.push_all(input)
        })
    };
    let failure = conformance(counts).input("ab").try_check().unwrap_err();
    assert_eq!(failure.promise(), Promise::NeverPanics);
}

#[test]
fn filter_that_refuses_what_is_too_large_passes() {
    let limits = || {
        let mut left: usize = 1 << 20;
        from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                let len = bucket.bytes().map_or(0, <[u8]>::len);
                let Some(rest) = left.checked_sub(len) else {
                    return Err(Error::new(ErrorKind::TooLarge, "pass more than a MiB"));
                };
                left = rest;
                next.push(bucket)?;
            }
            Ok(())
        })
    };
    conformance(limits).input("ab").check();
}
