//! Promises that are not kept, by filters and by terminals, and what the chain makes of them.

use brigade::{
    Brigade, Bucket, Chain, Effects, End, Error, ErrorKind, Next, OutputFilter, ReadCx, Result,
    Terminal, from_fn, recorder,
};

use crate::failure::names;
use crate::kit::{Watched, member, push_each};

#[track_caller]
fn check_contract(filter: impl OutputFilter + 'static, text: &str) {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("bad", filter));
    let mut input: Brigade<'_> = [Bucket::immortal(b"abc"), Bucket::eos()].into_iter().collect();
    let error = chain.pass(&mut input).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Contract);
    assert_eq!(error.to_string(), format!("filter bad, at byte {text}"));
    assert_eq!(names(record.marks()), ["ERROR"]);
}

#[test]
fn filter_that_leaves_its_input_is_caught() {
    let text = "0: answered Ok and left 2 buckets in its input";
    check_contract(from_fn(|_, _| Ok(())), text);
    let text = "3: answered Ok and left 1 buckets in its input";
    check_contract(
        from_fn(|input, next| input.pop_front().map_or(Ok(()), |bucket| next.push(bucket))),
        text,
    );
}

#[test]
fn filter_that_keeps_the_end_of_the_body_is_caught() {
    let keeps = from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            if !bucket.is_eos() {
                next.push(bucket)?;
            }
        }
        Ok(())
    });
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("bad", keeps));
    let error = chain.pass_bucket(Bucket::eos()).unwrap_err();
    assert_eq!(error.to_string(), "filter bad, at byte 0: kept the end of the body");
    assert_eq!(names(record.marks()), [""; 0]);
}

/// Adds a byte, whatever it says.
struct Lies(Effects);

impl OutputFilter for Lies {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = next.read(input)? {
            if bucket.ends_body() {
                next.push(Bucket::immortal(b"+"))?;
            }
            next.push(bucket)?;
        }
        Ok(())
    }

    fn effects(&self) -> Effects {
        self.0
    }
}

#[test]
fn filter_that_lies_about_its_effects_is_caught_in_debug_builds() {
    if cfg!(debug_assertions) {
        check_contract(Lies(Effects::Same), "3: declares Same, was given 3 bytes and pushed 4");
        let text = "3: declares SameLength, was given 3 bytes and pushed 4";
        check_contract(Lies(Effects::SameLength), text);
    }
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("honest", Lies(Effects::Changes)));
    chain.pass(&mut [Bucket::immortal(b"a"), Bucket::eos()].into_iter().collect()).unwrap();
    assert_eq!(record.bytes(), b"a+");
}

#[test]
fn lengths_are_counted_for_each_response_of_a_connections_filter() {
    for at_once in [true, false] {
        let mut chain = Chain::new(recorder().0);
        chain.join(member("pass", With(Effects::Same)));
        for turn in 0..3u8 {
            chain.begin_response().unwrap();
            let data = vec![turn; usize::from(turn) * 7];
            let buckets = [Bucket::transient(&data), Bucket::eos()];
            if at_once {
                chain.pass(&mut buckets.into_iter().collect()).unwrap();
            } else {
                buckets.into_iter().for_each(|bucket| chain.pass_bucket(bucket).unwrap());
            }
        }
        if cfg!(debug_assertions) {
            chain.join(member("lies", Lies(Effects::Same)));
            chain.begin_response().unwrap();
            chain.pass_bucket(Bucket::eos()).unwrap_err();
        }
    }
}

struct With(Effects);

impl OutputFilter for With {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        next.push_all(input)
    }

    fn effects(&self) -> Effects {
        self.0
    }
}

#[test]
fn data_pushed_behind_the_end_of_a_body_never_goes_down() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member(
        "late",
        from_fn(|input, next| {
            next.push_all(input)?;
            next.push(Bucket::immortal(b"x"))
        }),
    ));
    let error = chain.pass_bucket(Bucket::eos()).unwrap_err();
    assert_eq!(error.to_string(), "filter late, at byte 0: pushed data after the end of the body");
    assert_eq!((record.bytes(), names(record.marks())), (vec![], vec!["EOS".into()]));
}

/// Fails when a body ends twice: what a filter does that is given more than there is.
fn counts_ends() -> impl OutputFilter {
    let mut ends = 0;
    from_fn(move |input, next| {
        while let Some(bucket) = next.read(input)? {
            ends += usize::from(bucket.ends_body());
            if ends > 1 {
                return Err(Error::other("the body ends twice"));
            }
            next.push(bucket)?;
        }
        Ok(())
    })
}

#[track_caller]
fn check_second_end(filter: impl OutputFilter + 'static, marks: &[&str]) {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("twice", filter));
    chain.join_request(member("below", counts_ends()));
    let mut input: Brigade<'_> = [Bucket::immortal(b"abc"), Bucket::eos()].into_iter().collect();
    let error = chain.pass(&mut input).unwrap_err();
    let text = "filter twice, at byte 3: pushed a second end of the body";
    assert_eq!((error.to_string(), error.position()), (text.into(), Some(1)));
    assert_eq!(names(record.marks()), marks);
    assert!(chain.has_left_request());
    chain.end_request(None).unwrap();
}

#[test]
fn second_end_of_a_body_is_blamed_on_the_filter_that_pushed_it_and_goes_no_further() {
    let together = from_fn(|input, next| {
        while let Some(bucket) = input.pop_front() {
            next.push(bucket)?;
        }
        next.push(Bucket::eos())
    });
    check_second_end(together, &["ERROR"]);
    let apart = from_fn(|input, next| {
        next.push_all(input)?;
        next.push(Bucket::eos())
    });
    check_second_end(apart, &["EOS"]);
    let both_apart = from_fn(|input, next| {
        next.push_all(input)?;
        next.push_all(&mut Brigade::from(Bucket::eos()))
    });
    check_second_end(both_apart, &["EOS"]);
}

#[test]
fn second_end_without_a_first_from_above_is_blamed_too() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let ends_twice = from_fn(|input, next| {
        input.clear();
        next.push(Bucket::eos())?;
        next.push(Bucket::eos())
    });
    chain.join_request(member("twice", ends_twice));
    chain.join_request(member("below", counts_ends()));
    let error = chain.pass_bucket(Bucket::immortal(b"abc")).unwrap_err();
    let text = "filter twice, at byte 3: pushed a second end of the body";
    assert_eq!(error.to_string(), text);
    assert_eq!(names(record.marks()), ["ERROR"]);
    chain.pass_bucket(Bucket::eos()).unwrap();
    assert_eq!(names(record.marks()), ["ERROR"]);
}

#[test]
fn connections_filter_that_ends_a_body_it_was_not_given_is_blamed() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let ends = from_fn(|input, next| {
        next.push_all(input)?;
        next.push(Bucket::eos())
    });
    chain.join(member("ends", ends));
    let error = chain.pass_bucket(Bucket::immortal(b"abc")).unwrap_err();
    let text = "filter ends, at byte 3: pushed an end of a body that it was not given";
    assert_eq!((error.to_string(), record.bytes()), (text.into(), b"abc".to_vec()));
    assert_eq!(names(record.marks()), [""; 0]);
}

/// Does with each brigade what it is told.
struct Rude(fn(&mut Brigade<'_>) -> Result<()>);

impl Terminal for Rude {
    fn write(&mut self, brigade: &mut Brigade<'_>, _cx: &mut ReadCx<'_>) -> Result<()> {
        (self.0)(brigade)
    }
}

#[test]
fn terminal_that_breaks_its_promises_ends_the_connection() {
    let check = |write: fn(&mut Brigade<'_>) -> Result<()>, kind, text: &str| {
        let (filter, _, ends) = Watched::new(push_each());
        let mut chain = Chain::new(Rude(write));
        chain.join_request(member("above", filter));
        let error = chain.pass_bucket(Bucket::immortal(b"x")).unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (kind, text));
        assert_eq!(chain.aborted(), Some(End::Failed));
        assert_eq!(ends.lock().unwrap()[0].end, End::Failed);
    };
    let text = "filter terminal: answered Ok and left 1 buckets in its input";
    check(|_| Ok(()), ErrorKind::Contract, text);
    let text = "filter terminal: answered WouldBlock, and keeps nothing to go on with";
    check(|_| Err(Error::would_block()), ErrorKind::Contract, text);
}
