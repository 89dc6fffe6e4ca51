//! The check passes filters that keep their promises and names the promise that others break.

use brigade::{Brigade, Bucket, Error, FilterKind, Member, Next, OutputFilter, Result, from_fn};
use brigade_testkit::{Case, check_every_cut, unknown_mark};

fn member(filter: impl OutputFilter + 'static) -> Member {
    Member::new("under test", FilterKind::RESOURCE, filter)
}

/// Writes every byte in capitals: honest.
fn upper() -> Member {
    member(from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            let out = match bucket.bytes() {
                Some(data) => next.alloc().copy(&data.to_ascii_uppercase()),
                None => bucket,
            };
            next.push(out)?;
        }
        Ok(())
    }))
}

/// Checks that `make` fails the check on "abcab", with words that contain each of `said`.
#[track_caller]
fn check_is_caught(make: impl Fn() -> Member, expected: &str, said: &[&str]) {
    check_case_is_caught(&Case::new(make, "abcab", expected), said);
}

#[track_caller]
fn check_case_is_caught(case: &Case<'_>, said: &[&str]) {
    let broken = case.verdict().expect_err("this filter breaks a promise").to_string();
    for words in said {
        assert!(broken.contains(words), "{words:?} is not in:\n{broken}");
    }
}

#[test]
fn honest_filter_passes() {
    check_every_cut(upper, "abc\r\ndef", "ABC\r\nDEF");
}

#[test]
fn empty_input_is_an_input() {
    check_every_cut(upper, "", "");
}

#[test]
fn wrong_expectation_shows_the_plain_case() {
    check_is_caught(
        upper,
        "ABCAb",
        &[
            "the bytes differ from byte 4 on: expected \"ABCAb\" (5 bytes), came \"ABCAB\"",
            "given: TRANSIENT \"abcab\", EOS; in one call",
        ],
    );
}

#[test]
fn filter_that_looks_for_ab_in_one_bucket_only_is_caught() {
    let make = || {
        member(from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                let out = match bucket.bytes() {
                    Some(data) => {
                        let text = String::from_utf8_lossy(data).replace("ab", "x");
                        next.alloc().copy(text.as_bytes())
                    }
                    None => bucket,
                };
                next.push(out)?;
            }
            Ok(())
        }))
    };
    // The cut comes at its earliest place, without anything else.
    check_is_caught(make, "xcx", &["TRANSIENT \"a\", TRANSIENT \"bcab\", EOS; in one call"]);
}

#[test]
fn filter_that_drops_unknown_marks_is_caught() {
    let make = || {
        member(from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.is_data() || bucket.is_flush() || bucket.is_eos() {
                    next.push(bucket)?;
                }
            }
            Ok(())
        }))
    };
    check_is_caught(make, "abcab", &["the marks MARK-1, EOS come out as EOS"]);
}

#[test]
fn filter_that_drops_flush_is_caught() {
    let make = || {
        member(from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                if !bucket.is_flush() {
                    next.push(bucket)?;
                }
            }
            Ok(())
        }))
    };
    check_is_caught(make, "abcab", &["the marks FLUSH, EOS come out as EOS"]);
}

/// Holds data until a FLUSH or the end; other marks go on at once.
#[derive(Default)]
struct Buffers(Brigade<'static>);

impl OutputFilter for Buffers {
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
fn filter_whose_marks_overtake_data_is_caught() {
    check_is_caught(|| member(Buffers::default()), "abcab", &["MARK-1 overtakes bytes"]);
}

#[test]
fn filter_that_hands_marks_on_at_the_end_of_a_call_is_caught() {
    let make = || {
        member(from_fn(|input, next| {
            let mut marks = Brigade::new();
            while let Some(bucket) = next.read(input)? {
                if bucket.is_data() {
                    next.push(bucket)?;
                } else {
                    marks.push_back(bucket);
                }
            }
            next.push_all(&mut marks)
        }))
    };
    check_is_caught(make, "abcab", &["lags behind: 5 bytes are before it"]);
}

#[test]
fn filter_that_lets_data_which_is_not_in_memory_slip_by_is_caught() {
    let make = || {
        member(from_fn(|input, next| {
            while let Some(bucket) = input.pop_front() {
                let out = match bucket.bytes() {
                    Some(data) => next.alloc().copy(&data.to_ascii_uppercase()),
                    None => bucket,
                };
                next.push(out)?;
            }
            Ok(())
        }))
    };
    check_is_caught(make, "ABCAB", &["FILE \"abcab\", EOS; in one call"]);
}

#[test]
fn filter_that_takes_an_empty_piece_for_the_end_is_caught() {
    let make = || {
        let mut has_ended = false;
        member(from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                has_ended |= bucket.is_empty();
                if bucket.is_metadata() || !has_ended {
                    next.push(bucket)?;
                }
            }
            Ok(())
        }))
    };
    check_is_caught(make, "abcab", &["TRANSIENT \"\", TRANSIENT \"abcab\", EOS"]);
}

#[test]
fn filter_that_reads_all_before_it_pushes_is_caught() {
    let make = || {
        member(from_fn(|input, next| {
            let mut all = Brigade::new();
            while let Some(bucket) = next.read(input)? {
                all.push_back(bucket);
            }
            next.push_all(&mut all)
        }))
    };
    check_is_caught(make, "abcab", &["waiting STREAM"]);
}

#[test]
fn filter_that_changes_bytes_at_a_flush_is_caught() {
    let make = || {
        member(from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.is_flush() {
                    next.push(Bucket::immortal(b"\n"))?;
                }
                next.push(bucket)?;
            }
            Ok(())
        }))
    };
    check_is_caught(make, "abcab", &["the bytes differ from byte 0 on", "FLUSH"]);
}

#[test]
fn filter_that_keeps_more_than_its_carry_is_caught() {
    let make = || {
        let mut held = Brigade::new();
        member(from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.is_data() {
                    held.push_back(bucket.set_aside(next.alloc()));
                    continue;
                }
                if bucket.is_eos() {
                    next.push_all(&mut std::mem::take(&mut held))?;
                }
                next.push(bucket)?;
            }
            Ok(())
        }))
    };
    check_case_is_caught(
        &Case::new(make, "abcab", "abcab").carry(2),
        &["after a FLUSH it keeps 3 bytes, its carry is 2", "TRANSIENT \"abc\", FLUSH"],
    );
}

#[test]
fn filter_that_waits_without_arranging_to_be_woken_is_caught() {
    let make = || {
        let mut has_waited = false;
        member(from_fn(move |input, next| {
            if !has_waited {
                has_waited = true;
                return Err(Error::would_block());
            }
            next.push_all(input)
        }))
    };
    check_is_caught(make, "abcab", &["nothing will wake the chain"]);
}

#[test]
fn filter_that_fails_is_named_with_its_cause() {
    let make = || {
        member(from_fn(
            |_, _| Err(Error::other("look at the input").because("the battery is flat")),
        ))
    };
    check_is_caught(
        make,
        "abcab",
        &["filter under test", "look at the input: the battery is flat"],
    );
}

#[test]
fn filter_that_ends_twice_is_caught() {
    let make = || {
        member(from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                if bucket.is_eos() {
                    next.push(Bucket::eos())?;
                }
                next.push(bucket)?;
            }
            Ok(())
        }))
    };
    check_is_caught(make, "abcab", &["pushed a second end of the body"]);
}

#[test]
fn head_may_go_on_or_become_bytes() {
    let pass = || member(from_fn(|input, next| next.push_all(input)));
    Case::new(pass, "abc", "abc").head(|| unknown_mark(0)).carry(0).check();
    let spells = || {
        member(from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                let is_head = bucket.kind_name() == "MARK-0";
                next.push(if is_head { Bucket::immortal(b"HEAD\n") } else { bucket })?;
            }
            Ok(())
        }))
    };
    Case::new(spells, "abc", "HEAD\nabc").head(|| unknown_mark(0)).carry(0).check();
}

#[test]
fn output_that_is_decoded_is_compared_as_its_reader_has_it() {
    // Every byte doubled; a reader of half a pair has nothing of it.
    let doubles = || {
        member(from_fn(|input, next| {
            while let Some(bucket) = next.read(input)? {
                let out = match bucket.bytes() {
                    Some(data) => {
                        let twice: Vec<u8> = data.iter().flat_map(|byte| [*byte; 2]).collect();
                        next.alloc().copy(&twice)
                    }
                    None => bucket,
                };
                next.push(out)?;
            }
            Ok(())
        }))
    };
    let halve = |bytes: &[u8]| bytes.chunks_exact(2).map(|pair| pair[0]).collect();
    Case::new(doubles, "abcab", "abcab").decode(halve).carry(0).check();
}
