//! Ends and errors that do not arrive as they are.

use brigade::{Bucket, from_fn};
use brigade_testkit::Promise;

use super::check;

#[test]
fn end_that_is_made_anew_beside_the_one_that_came() {
    let make = || {
        from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.is_eos() {
                    next.push(Bucket::eos())?;
                }
                next.push(bucket)?;
            }
            Ok(())
        })
    };
    // XLATEOUT makes an EOS of its own.
    check("twice", make, |suite| suite, Promise::EndsOnce);
}

#[test]
fn error_from_below_that_is_ignored() {
    let make = || {
        from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                let _ = next.push(bucket);
            }
            Ok(())
        })
    };
    // proxy-html ignores what passing answers.
    check("ignored", make, |suite| suite.input("ab"), Promise::HandsErrorsUp);
}

#[test]
fn failed_body_that_ends_as_if_it_were_whole() {
    let make = || {
        from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.ends_body() {
                    next.push(Bucket::immortal(b"0\r\n\r\n"))?;
                }
                next.push(bucket)?;
            }
            Ok(())
        })
    };
    // CHUNK ends a body that failed well; ext filters of 2.4 ignore that their program failed.
    let decode = |out: &[u8]| out.strip_suffix(b"0\r\n\r\n").unwrap_or(out).to_vec();
    check("whole", make, |suite| suite.input("ab").decode(decode), Promise::HandsErrorsUp);
}

#[test]
fn error_bucket_that_nobody_thought_of() {
    let make = || {
        from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                assert!(bucket.is_data() || bucket.as_error().is_none(), "an ERROR, here?");
                next.push(bucket)?;
            }
            Ok(())
        })
    };
    // xml2enc asserts that every bucket can be set aside; an ERROR kills the process.
    check("panic", make, |suite| suite, Promise::NeverPanics);
}

#[test]
fn state_of_one_response_that_is_left_for_the_next() {
    let make = || {
        let mut has_greeted = false;
        from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.is_data() && !has_greeted {
                    has_greeted = true;
                    next.push(Bucket::immortal(b"hello, "))?;
                }
                has_greeted &= !bucket.is_eos(); // And not at an ERROR.
                next.push(bucket)?;
            }
            Ok(())
        })
    };
    check("again", make, |suite| suite.input("ab").for_connections(), Promise::BeginsAnew);
}
