//! A filter that absorbs stands for the chain below it: nobody above is held back while it takes more,
//! and it gets its turn when the chain below can take what it kept.

use std::mem;

use brigade::{
    Brigade, Bucket, Chain, Effects, Error, FilterKind, Member, Next, OutputFilter, Progress,
    ReadMode, Result, from_fn,
};
use brigade_testkit::{SinkRecord, SlowSink};

use crate::kit::pass_all;

/// Keeps up to so many bytes that the chain below cannot take.
struct Absorbs {
    limit: u64,
    kept: Brigade<'static>,
}

impl OutputFilter for Absorbs {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        if !next.should_yield() {
            next.push_all(&mut mem::take(&mut self.kept))?;
        }
        while let Some(bucket) = input.pop_front() {
            if self.kept.resident_bytes() + bucket.len().unwrap_or(0) > self.limit {
                input.push_front(bucket);
                return Err(Error::would_block());
            }
            self.kept.push_back(bucket.set_aside(next.alloc()));
        }
        if self.kept.ends_body() || !next.should_yield() {
            return next.push_all(&mut mem::take(&mut self.kept));
        }
        next.call_when_free();
        Ok(())
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }

    fn absorbs(&self) -> bool {
        true
    }
}

fn chain(limit: u64) -> (Chain, SinkRecord) {
    let (sink, record) = SlowSink::new(10);
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
    let absorbs: Box<dyn OutputFilter> = Box::new(Absorbs { limit, kept: Brigade::new() });
    chain.join_request(Member::new("above", FilterKind::RESOURCE, pass_all()));
    chain.join_request(Member::new("absorbs", FilterKind::NETWORK, absorbs));
    (chain, record)
}

fn give(chain: &mut Chain, count: usize) {
    chain.pass_bucket(Bucket::transient(&vec![b'x'; count])).unwrap();
}

#[test]
fn full_terminal_below_a_filter_that_absorbs_holds_nobody_back() {
    let (mut chain, _) = chain(100);
    give(&mut chain, 11);
    assert_eq!((chain.should_yield(), chain.progress()), (false, Progress::Pending));
    give(&mut chain, 100);
    assert!(!chain.should_yield());
    give(&mut chain, 1);
    assert!(chain.should_yield(), "it waits itself");
}

#[test]
fn filter_above_reads_on_while_the_terminal_is_full() {
    let (mut chain, _) = chain(100_000);
    let reads = from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            assert!(!next.should_yield());
            next.push(bucket)?;
        }
        Ok(())
    });
    chain.join_request(Member::new("reads", FilterKind::RESOURCE, reads));
    give(&mut chain, 11);
    let file = crate::kit::file_of(&vec![b'y'; 50_000]);
    chain.pass_bucket(Bucket::file(file, 0, 50_000)).unwrap();
    assert!(!chain.should_yield());
}

#[test]
fn filter_that_asked_gets_its_turn_when_the_chain_below_can_take_more() {
    let (mut chain, record) = chain(100);
    give(&mut chain, 11);
    give(&mut chain, 14);
    assert_eq!(record.len_bytes(), 10);
    // Nothing is passed any more.
    for came in [20, 25] {
        assert_eq!(chain.progress(), Progress::Pending);
        let _ = chain.resume().unwrap();
        assert_eq!(record.len_bytes(), came);
    }
    assert_eq!(chain.progress(), Progress::Done);
}

#[test]
fn response_has_not_left_while_something_of_it_is_kept() {
    let (mut chain, record) = chain(100);
    give(&mut chain, 11);
    give(&mut chain, 14);
    chain.pass_bucket(Bucket::eos()).unwrap();
    assert!(chain.has_left_request(), "the end brought it all out");
    chain.end_request(None).unwrap();
    while chain.progress() == Progress::Pending {
        let _ = chain.resume().unwrap();
    }
    assert_eq!(record.len_bytes(), 25);
}

#[test]
fn filter_that_has_some_of_the_body_to_give_is_not_taken_out_before_it_gave_it() {
    let (mut chain, record) = chain(100);
    give(&mut chain, 11);
    give(&mut chain, 5);
    // Also one that keeps it elsewhere than in memory, and so holds no bytes.
    let error = chain.remove("absorbs").unwrap_err();
    assert_eq!(error.to_string(), "remove absorbs: it has some of the body to give");
    assert!(chain.replace_kinds(.., []).unwrap_err().is_would_block());
    while chain.progress() == Progress::Pending {
        let _ = chain.resume().unwrap();
    }
    chain.replace_kinds(.., []).unwrap();
    assert_eq!((record.len_bytes(), chain.filters().count()), (16, 0));
}
