//! What is held, lost or left.

use brigade::{Brigade, Next, OutputFilter, Result, from_fn};
use brigade_testkit::{Promise, unknown_mark};

use super::check;

/// Reads all there is before it pushes any. CaseFilter, xml2enc and DUMPIO do: files and pipes land in
/// memory.
#[derive(Default)]
struct ReadsAll(Brigade<'static>);

impl OutputFilter for ReadsAll {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            let is_data = bucket.is_data();
            self.0.push_back(bucket.set_aside(next.alloc()));
            if !is_data {
                next.push_all(&mut std::mem::take(&mut self.0))?;
            }
        }
        next.push_all(&mut std::mem::take(&mut self.0))
    }

    fn held_bytes(&self) -> usize {
        self.0.len_bytes().and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX)
    }
}

#[test]
fn stream_that_is_read_to_its_end_before_any_is_pushed() {
    check("all", ReadsAll::default, |suite| suite.input("ab"), Promise::BoundedMemory);
}

#[test]
fn pieces_in_a_local_variable_that_are_lost_when_it_waits() {
    let make = || {
        from_fn(|input, next| {
            let mut all = Brigade::new();
            while let Some(bucket) = next.read(input)? {
                all.push_back(bucket);
            }
            next.push_all(&mut all)
        })
    };
    // BUFFER collects before it passes; its author could count on reads that block.
    check("lost", make, |suite| suite.input("ab"), Promise::LosesNothing);
}

#[test]
fn tail_that_is_left_for_the_next_call() {
    let make = || {
        from_fn(|input, next| {
            while input.len_bytes().is_none_or(|len| len >= 2) || input.ends_body() {
                let Some(bucket) = next.read(input)? else { break };
                next.push(bucket)?;
            }
            Ok(())
        })
    };
    // RATE_LIMIT leaves a tail shorter than a piece for the next call.
    check("left", make, |suite| suite.input("abc"), Promise::TakesAll);
}

#[test]
fn bytes_that_were_looked_at_and_forgotten_when_stepping_aside() {
    let make = || {
        let mut seen = Vec::new();
        from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                let Some(data) = bucket.bytes() else {
                    next.push(bucket)?;
                    continue;
                };
                seen.extend_from_slice(data);
                if !b"<html>".starts_with(&seen) {
                    next.step_aside();
                    return Ok(());
                }
            }
            Ok(())
        })
    };
    // xml2enc looks for a charset in the first bytes, and leaves the rest as it is.
    let say = |suite: brigade_testkit::Conformance<'static>| {
        suite.with_head(|| unknown_mark(0)).input("<p>")
    };
    check("aside", make, say, Promise::StepsAsideClean);
}
