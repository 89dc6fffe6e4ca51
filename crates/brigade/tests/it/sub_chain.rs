//! Chains inside filters: what they make flows into the chain around them, in order, able to wait,
//! bounded, and is told how it ended.

use std::io::Read;
use std::sync::{Arc, Mutex};

use brigade::{
    AllocOptions, Brigade, Bucket, Budget, Chain, End, Error, ErrorKind, Member, Next, Outbox,
    OutputFilter, ReadCx, ReadMode, Record, Result, SubChain, Terminal, from_fn, recorder,
};
use brigade_testkit::{Case, stuttering};

use crate::failure::names;
use crate::kit::{
    Halting, Sip, Upper, Watched, file_of, finish, halting, member, pattern, push_each,
    waits_for_ever,
};

type Page = Box<dyn FnMut() -> (Vec<Member>, Vec<Bucket<'static>>) + Send>;

/// Puts a page, made by filters of its own, where an `@` is.
struct Include {
    page: Page,
    limit_bytes: u64,
    on_error: Option<&'static [u8]>,
    sub: Option<SubChain>,
}

impl Include {
    fn new(mut page: impl FnMut() -> (Vec<Member>, Vec<Bucket<'static>>) + Send + 'static) -> Self {
        let page: Page = Box::new(move || {
            let (filters, mut buckets) = page();
            buckets.push(Bucket::eos());
            (filters, buckets)
        });
        Self { page, limit_bytes: 4096, on_error: None, sub: None }
    }

    fn go_on(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        while let Some(sub) = &mut self.sub {
            match sub.read(next) {
                Ok(Some(bucket)) => next.push(bucket)?,
                Ok(None) => self.sub = None,
                Err(error) if error.is_would_block() => return Err(error),
                Err(error) => {
                    self.sub = None;
                    next.push(Bucket::immortal(self.on_error.ok_or(error)?))?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, next: &Next<'_, '_>) {
        let sub = self.sub.insert(SubChain::new(next, self.limit_bytes));
        let (filters, buckets) = (self.page)();
        filters.into_iter().for_each(|member| sub.join(member));
        sub.pass(&mut buckets.into_iter().collect());
    }
}

impl OutputFilter for Include {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        loop {
            self.go_on(next)?;
            let Some(mut bucket) = next.read(input)? else { return Ok(()) };
            let at = bucket.bytes().and_then(|bytes| bytes.iter().position(|byte| *byte == b'@'));
            let Some(at) = at else {
                next.push(bucket)?;
                continue;
            };
            let mut rest = bucket.split_at(at as u64)?;
            rest.advance(1)?;
            input.push_front(rest);
            next.push(bucket)?;
            self.begin(next);
        }
    }

    fn held_bytes(&self) -> usize {
        self.sub.as_ref().map_or(0, SubChain::held_bytes)
    }
}

fn upper() -> Vec<Member> {
    vec![member("upper", Upper)]
}

#[test]
fn page_flows_into_its_place_however_both_are_cut_and_wait() {
    let include = |filters: fn() -> Vec<Member>| {
        move || {
            let page = move || (filters(), vec![stuttering(["in", "side"])]);
            member("include", Include::new(page))
        }
    };
    Case::new(include(upper), "a@b@", "aINSIDEbINSIDE").check();
}

#[test]
fn page_whose_filters_wait_at_every_place_keeps_its_order_and_marks() {
    for waits in 0..8 {
        let page = move || {
            let filters = (0..3).map(|place| match waits & 1 << place {
                0 => member("upper", Upper),
                _ => member("halting", Halting::new(Upper)),
            });
            let unknown = brigade_testkit::unknown_mark(0);
            (filters.collect(), vec![halting(&[b"in"]), unknown, halting(&[b"si", b"de"])])
        };
        let (terminal, given) = Sip::new(2, 4);
        let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
        chain.join_request(member("include", Include::new(page)));
        chain.pass(&mut [Bucket::immortal(b"a@b@c"), Bucket::eos()].into_iter().collect()).unwrap();
        finish(&mut chain);
        let given = given.lock().unwrap();
        assert_eq!(String::from_utf8_lossy(&given.bytes), "aINSIDEbINSIDEc", "waits {waits:b}");
        let marks = given.marks.iter().filter(|(_, name)| name != "FLUSH");
        let expected = [(3, "MARK-0"), (10, "MARK-0"), (15, "EOS")];
        assert!(marks.map(|(at, name)| (*at, &**name)).eq(expected), "{:?}", given.marks);
    }
}

#[test]
fn sub_chain_inside_a_sub_chain_flows_too() {
    let inner = || Include::new(|| (upper(), vec![halting(&[b"in", b"ner"])]));
    let outer = move || {
        let page =
            move || (vec![member("inner", inner())], vec![halting(&[b"out", b"er(@", b")"])]);
        member("outer", Include::new(page))
    };
    Case::new(outer, "[@]", "[outer(INNER)]").check();
}

#[test]
fn page_that_waits_while_the_peer_takes_nothing_keeps_its_place_and_its_bound() {
    const LEN: usize = 4 * 1024 * 1024;
    let bytes = pattern(LEN);
    let file = file_of(&bytes);
    let (terminal, given) = Sip::new(20_000, 64 * 1024);
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    let page = move || {
        let buckets = vec![halting(&[b"stream "]), Bucket::file(Arc::clone(&file), 0, LEN as u64)];
        (vec![member("a", push_each()), member("b", Upper)], buckets)
    };
    chain.join_request(member("include", Include::new(page)));
    chain.pass(&mut [Bucket::immortal(b"<@>"), Bucket::eos()].into_iter().collect()).unwrap();
    let mut most = 0;
    while chain.resume().unwrap() == brigade::Progress::Pending {
        most = most.max(chain.held_bytes());
    }
    // The outbox and a piece for each filter of the page, a piece for the include, and the terminal.
    assert!(most <= 4096 + 4 * 64 * 1024 + 64 * 1024, "{most} bytes held");
    let expected = [b"<STREAM ", &*bytes.to_ascii_uppercase(), b">"].concat();
    assert!(given.lock().unwrap().bytes == expected);
}

/// Notes what it is given, and reads nothing.
struct Looker(Arc<Mutex<Vec<String>>>);

impl Terminal for Looker {
    fn write(&mut self, brigade: &mut Brigade<'_>, _cx: &mut ReadCx<'_>) -> Result<()> {
        let mut seen = self.0.lock().unwrap();
        while let Some(bucket) = brigade.pop_front() {
            seen.push(bucket.kind_name().to_owned());
        }
        Ok(())
    }
}

#[test]
fn file_of_a_page_that_nobody_reads_stays_a_file() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut chain = Chain::new(Looker(Arc::clone(&seen)));
    let page = || {
        let file = Bucket::file(file_of(b""), 0, 1 << 40);
        (vec![member("pass", crate::kit::pass_all())], vec![file, Bucket::flush()])
    };
    chain.join_request(member("include", Include::new(page)));
    chain.pass_bucket(Bucket::immortal(b"@")).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, ["IMMORTAL", "FILE", "FLUSH", "IMMORTAL"]);
}

fn told(ends: &crate::kit::Ends) -> Vec<(End, u64, u64)> {
    ends.lock().unwrap().iter().map(|o| (o.end, o.bytes_in, o.bytes_out)).collect()
}

/// A chain that includes a page made by `filter`, and how that is told to have ended.
fn including(
    filter: impl OutputFilter + 'static,
    page: Bucket<'static>,
    on_error: Option<&'static [u8]>,
) -> (Chain, Record, crate::kit::Ends) {
    let (filter, _, ends) = Watched::new(filter);
    let mut once = Some((vec![member("page", filter)], vec![page]));
    let mut include = Include::new(move || once.take().expect("one page"));
    include.on_error = on_error;
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    chain.join_request(member("include", include));
    (chain, record, ends)
}

#[test]
fn filters_of_a_page_are_told_once_that_it_was_taken() {
    let (mut chain, record, ends) = including(push_each(), Bucket::immortal(b"page"), None);
    chain.pass(&mut [Bucket::immortal(b"(@)"), Bucket::eos()].into_iter().collect()).unwrap();
    assert_eq!((&*record.bytes(), names(record.marks())), (&b"(page)"[..], vec!["EOS".into()]));
    assert_eq!(told(&ends), [(End::Complete, 4, 4)]);
    drop(chain);
    assert_eq!(ends.lock().unwrap().len(), 1);
}

#[test]
fn page_that_fails_names_its_filter_or_is_replaced() {
    let fails = || {
        let mut calls = 0;
        from_fn(move |input, next| {
            calls += 1;
            if calls == 1 {
                let first = next.read(input)?;
                return first.map_or(Ok(()), |bucket| next.push(bucket));
            }
            Err(Error::other("on purpose"))
        })
    };
    let page = || halting(&[b"half", b"more"]);
    let (mut chain, record, ends) = including(Halting::new(fails()), page(), None);
    chain.pass_bucket(Bucket::immortal(b"(@)")).unwrap();
    let error = loop {
        if let Err(error) = chain.resume() {
            break error;
        }
    };
    assert_eq!(error.to_string(), "filter page, at byte 0: on purpose");
    drop(chain);
    assert_eq!(told(&ends).len(), 1);
    assert_eq!(record.bytes(), b"(");

    let (mut chain, record, ends) = including(fails(), page(), Some(b"[error]"));
    chain.pass(&mut [Bucket::immortal(b"(@)"), Bucket::eos()].into_iter().collect()).unwrap();
    finish(&mut chain);
    let seen = String::from_utf8(record.bytes()).unwrap();
    assert!(seen.starts_with('(') && seen.ends_with("[error])"), "{seen}");
    assert_eq!(names(record.marks()).last().unwrap(), "EOS");
    assert_eq!(told(&ends)[0].0, End::Failed);
}

#[test]
fn page_whose_response_goes_away_while_it_waits_is_told_and_frees_everything() {
    let budget = Budget::new(1 << 20);
    let (chain, _, ends) = including(waits_for_ever(), Bucket::heap(pattern(5000)), None);
    let mut chain = chain.storage(AllocOptions::default().budget(budget.clone()).build());
    let piece = pattern(3000);
    chain
        .pass(&mut [Bucket::immortal(b"@"), Bucket::transient(&piece)].into_iter().collect())
        .unwrap();
    assert_eq!((chain.held_bytes(), told(&ends).len()), (8000, 0), "{chain:?}");
    chain.abort(End::Timeout);
    assert_eq!(told(&ends).len(), 1);
    drop(chain);
    assert_eq!(budget.held_bytes(), 0);
}

#[test]
fn sub_chain_is_on_the_budget_of_the_chain_around_it() {
    let budget = Budget::new(1 << 20);
    let holds = from_fn(|input, next| {
        let copy = next.alloc().copy(&pattern(100));
        input.push_back(copy);
        Err(Error::would_block())
    });
    let (chain, _, _) = including(holds, Bucket::immortal(b"x"), None);
    let options = AllocOptions::default().block_size(512).budget(budget.clone());
    let mut chain = chain.storage(options.build());
    chain.pass_bucket(Bucket::immortal(b"@")).unwrap();
    assert_eq!(budget.held_bytes(), 512);
}

#[test]
fn what_a_page_has_made_reaches_the_peer_before_its_source_blocks_the_thread() {
    struct Slow(Record, u8);
    impl Read for Slow {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            if self.1 == 0 {
                return Ok(0);
            }
            // Who reads now might sleep: all that came before is with the peer.
            let expected = [&b"(CCC"[..], b"(CCCBB"][usize::from(self.1 == 1)];
            let expected = if self.1 == 3 { &b"("[..] } else { expected };
            assert_eq!(self.0.bytes(), expected);
            let piece = [b'a' + self.1 - 1].repeat(usize::from(self.1));
            room[..piece.len()].copy_from_slice(&piece);
            self.1 -= 1;
            Ok(piece.len())
        }
    }
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let source = record.clone();
    let page = move || (upper(), vec![Bucket::stream(Slow(source.clone(), 3))]);
    chain.join_request(member("include", Include::new(page)));
    chain.pass(&mut [Bucket::immortal(b"(@)"), Bucket::eos()].into_iter().collect()).unwrap();
    finish(&mut chain);
    assert_eq!(record.bytes(), b"(CCCBBA)");
}

#[test]
fn what_a_filter_of_a_page_holds_is_flushed_while_the_page_waits_for_its_source() {
    // Keeps all before a FLUSH or the end.
    let holds = || {
        let mut held = Vec::new();
        from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                if let Some(bytes) = bucket.bytes() {
                    held.extend_from_slice(bytes);
                    continue;
                }
                next.push(Bucket::heap(std::mem::take(&mut held)))?;
                next.push(bucket)?;
            }
            Ok(())
        })
    };
    let (gate, stream) = brigade_testkit::gated();
    let (filter, _, _) = Watched::new(holds());
    let mut once =
        Some((vec![member("reads", push_each()), member("holds", filter)], vec![stream]));
    let (terminal, given) = Sip::new(usize::MAX, u64::MAX);
    let mut chain = Chain::new(terminal).mode(ReadMode::NonBlocking);
    chain.join_request(member("include", Include::new(move || once.take().expect("one page"))));
    chain.pass_bucket(Bucket::immortal(b"@")).unwrap();
    gate.give("event");
    let _ = chain.resume().unwrap();
    let _ = chain.resume().unwrap();
    let given = given.lock().unwrap();
    assert_eq!((&*given.bytes, given.marks.len()), (&b"event"[..], 0), "and no FLUSH goes on");
}

#[test]
fn outbox_is_full_from_its_limit_on_and_gives_buckets_in_order() {
    let mut chain = Chain::new(Outbox::new(10));
    for piece in [&b"12345"[..], b"67890", b"x"] {
        assert_eq!(chain.should_yield(), piece == b"x");
        chain.pass_bucket(Bucket::transient(piece)).unwrap();
    }
    chain.pass_bucket(Bucket::eos()).unwrap();
    assert_eq!(chain.held_bytes(), 11);
    let mut outbox = chain.terminal::<Outbox>().unwrap();
    let mut seen = Vec::new();
    while let Some(bucket) = outbox.pop() {
        seen.push(format!("{bucket:?}"));
        outbox = chain.terminal::<Outbox>().unwrap();
    }
    // Borrowed pieces were packed together when they were set aside.
    assert_eq!(seen.concat().matches("EOS").count(), 1);
    assert!(!chain.should_yield() && chain.held_bytes() == 0);
    (0..2000).for_each(|_| chain.flush().unwrap_or_default());
    assert!(chain.should_yield(), "marks take room too");
}

#[test]
fn outbox_with_no_limit_is_full_with_its_first_byte_and_not_before() {
    let mut chain = Chain::new(Outbox::new(0));
    assert!(!chain.should_yield());
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    assert!(chain.should_yield());
    let error = chain.pass_bucket(Bucket::error(Error::new(ErrorKind::Io, "the disk")));
    assert!(error.is_ok());
}
