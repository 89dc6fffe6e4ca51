//! Marks that are lost or change places.

use brigade::{Brigade, Next, OutputFilter, Result, from_fn};
use brigade_testkit::Promise;

use super::check;

#[test]
fn marks_of_other_kinds_that_are_dropped() {
    let make = || {
        from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.is_data() || bucket.is_flush() || bucket.ends_body() {
                    next.push(bucket)?;
                }
            }
            Ok(())
        })
    };
    // Sed deletes them; ext filters drop them; CaseFilter makes empty data of them.
    check("dropped", make, |suite| suite, Promise::MarksInPlace);
}

/// Holds data until a FLUSH or the end, and lets other marks overtake it. DEFLATE, BROTLI_COMPRESS and
/// XLATEOUT do.
#[derive(Default)]
struct Late(Brigade<'static>);

impl OutputFilter for Late {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            if bucket.is_data() {
                self.0.push_back(bucket.set_aside(next.alloc()));
                continue;
            }
            if bucket.is_flush() || bucket.ends_body() {
                next.push_all(&mut std::mem::take(&mut self.0))?;
            }
            next.push(bucket)?;
        }
        Ok(())
    }
}

#[test]
fn mark_that_overtakes_the_bytes_before_it() {
    check("overtaken", Late::default, |suite| suite, Promise::MarksInPlace);
}

#[test]
fn flush_that_is_dropped() {
    let make = || {
        from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                if !bucket.is_flush() {
                    next.push(bucket)?;
                }
            }
            Ok(())
        })
    };
    // BUCKETEER and ext filters drop it, RATE_LIMIT holds one that is not the last bucket of its call.
    check("flush", make, |suite| suite, Promise::FlushLetsGo);
}

/// Passes whole lines, and at a FLUSH no other. SUBSTITUTE and Sed hold a line so.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    most_bytes: usize,
}

impl Lines {
    fn bounded() -> Self {
        Self { line: Vec::new(), most_bytes: 80 }
    }

    /// SUBSTITUTE and INCLUDES do not bound what they hold.
    fn unbounded() -> Self {
        Self { line: Vec::new(), most_bytes: usize::MAX }
    }
}

impl OutputFilter for Lines {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            for byte in bucket.bytes().unwrap_or_default() {
                self.line.push(*byte);
                if *byte == b'\n' || self.line.len() == self.most_bytes {
                    let line = next.alloc().copy(&self.line);
                    self.line.clear();
                    next.push(line)?;
                }
            }
            if bucket.is_data() {
                continue;
            }
            if bucket.ends_body() {
                let line = next.alloc().copy(&self.line);
                self.line.clear();
                next.push(line)?;
            }
            next.push(bucket)?;
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        self.line.len()
    }
}

#[test]
fn half_a_line_that_is_kept_at_a_flush() {
    check("line", Lines::bounded, |suite| suite.input("ab\ncd"), Promise::FlushLetsGo);
}

#[test]
fn line_that_is_held_until_it_ends_if_ever() {
    let make = Lines::unbounded;
    check(
        "unbounded",
        make,
        |suite| suite.input("ab\ncd").carry(80).memory(80),
        Promise::BoundedMemory,
    );
}
