//! What comes out depends on how the input is given.

use brigade::{Brigade, Bucket, Effects, Error, Next, OutputFilter, Result, from_fn};
use brigade_testkit::Promise;

use super::check;

/// Makes Latin-1 of UTF-8. The half of a character that a bucket ends in is kept, and must be whole with
/// the next bucket. XLATEOUT fails so where a character is cut over three.
#[derive(Default)]
struct Latin1(Vec<u8>);

impl OutputFilter for Latin1 {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            let Some(data) = bucket.bytes().filter(|data| !data.is_empty()) else {
                next.push(bucket)?;
                continue;
            };
            let had_half = !self.0.is_empty();
            self.0.extend_from_slice(data);
            let whole = match std::str::from_utf8(&self.0) {
                Ok(text) => text.len(),
                Err(cut) if cut.valid_up_to() == 0 && had_half => {
                    return Err(Error::other("a character is not whole after two buckets"));
                }
                Err(cut) => cut.valid_up_to(),
            };
            let text = String::from_utf8_lossy(&self.0[..whole]);
            let latin: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
            self.0.drain(..whole);
            let out = next.alloc().copy(&latin);
            next.push(out)?;
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        self.0.len()
    }
}

#[test]
fn charset_that_keeps_half_a_character_for_one_bucket_only() {
    check("character", Latin1::default, |suite| suite.input("5 €").carry(2), Promise::SameBytes);
}

#[test]
fn upper_case_that_asks_for_bytes_and_never_reads() {
    let make = || {
        from_fn(|input, next| {
            while let Some(bucket) = input.pop_front() {
                let out = match bucket.bytes() {
                    Some(data) => next.alloc().copy(&data.to_ascii_uppercase()),
                    None => bucket,
                };
                next.push(out)?;
            }
            Ok(())
        })
    };
    // Models what a filter makes of a FILE that switches on the kinds it knows.
    check("unread", make, |suite| suite, Promise::EveryKind);
}

#[test]
fn empty_bucket_that_is_taken_for_the_end() {
    let make = || {
        let mut is_over = false;
        from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                is_over |= bucket.is_empty();
                if bucket.is_metadata() || !is_over {
                    next.push(bucket)?;
                }
            }
            Ok(())
        })
    };
    // SUBREQ_CORE peeks at the last bucket of a brigade that may be empty; BUFFER passes such.
    check("empty", make, |suite| suite, Promise::EmptyData);
}

/// Pads at every FLUSH what it codes in base64. DATA keeps up to two bytes for that reason.
#[derive(Default)]
struct Base64(Vec<u8>);

impl Base64 {
    fn push_coded(&mut self, count: usize, next: &mut Next<'_, '_>) -> Result<()> {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let data: Vec<u8> = self.0.drain(..count).collect();
        let mut coded = Vec::new();
        for three in data.chunks(3) {
            let mut bits = 0_usize;
            (0..3).for_each(|at| bits = bits << 8 | usize::from(*three.get(at).unwrap_or(&0)));
            for at in 0..4 {
                let letter = LETTERS[bits >> (18 - 6 * at) & 63];
                coded.push(if at <= three.len() { letter } else { b'=' });
            }
        }
        let out = next.alloc().copy(&coded);
        next.push(out)
    }
}

impl OutputFilter for Base64 {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            if let Some(data) = bucket.bytes() {
                self.0.extend_from_slice(data);
                self.push_coded(self.0.len() / 3 * 3, next)?;
                continue;
            }
            if bucket.is_flush() || bucket.is_eos() {
                self.push_coded(self.0.len(), next)?;
            }
            next.push(bucket)?;
        }
        Ok(())
    }
}

#[test]
fn base64_that_is_padded_at_a_flush() {
    let say = |suite: brigade_testkit::Conformance<'static>| suite.turns("abcde", "YWJjZGU=");
    check("padding", Base64::default, say, Promise::FlushKeepsBytes);
}

#[test]
fn length_that_is_said_to_stay_and_does_not() {
    struct Dots;
    impl OutputFilter for Dots {
        fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
            while let Some(bucket) = next.read(input)? {
                let out = match bucket.bytes() {
                    Some(data) => next.alloc().copy_with(data.len(), |to| to.fill(b'.')),
                    None => bucket,
                };
                next.push(out)?;
            }
            Ok(())
        }

        fn effects(&self) -> Effects {
            Effects::Same
        }
    }
    // SUBSTITUTE keeps the ETag of what it changes, XLATEIN the Content-Length.
    check("effects", || Dots, |suite| suite, Promise::HonestEffects);
}

#[test]
fn replacement_of_nothing_that_never_gets_on() {
    let make = || {
        from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                // As many as the match is long, and it is empty: `s/q*/Z/`.
                while bucket.bytes().is_some_and(|data| data.contains(&b'q')) {
                    next.push(Bucket::immortal(&[b'Z'; 4096]))?;
                }
                next.push(bucket)?;
            }
            Ok(())
        })
    };
    check("endless", make, |suite| suite.input("aqb"), Promise::BoundedMemory);
}
