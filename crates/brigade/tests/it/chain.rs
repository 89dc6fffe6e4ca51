//! A chain whose parts all work: order, passing, gathering, inserting, stepping aside, discarding.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use brigade::{
    AllocOptions, Brigade, Bucket, Chain, FilterKind, Member, OutputFilter, Recorder, from_fn,
    recorder,
};

use crate::kit::{RESOURCE, Upper, file_of, member, pass_all, pattern};

/// Appends its sign to every piece of data.
pub(crate) fn sign(text: &'static [u8]) -> impl OutputFilter {
    from_fn(move |input, next| {
        while let Some(bucket) = next.read(input)? {
            let is_data = bucket.is_data();
            next.push(bucket)?;
            if is_data {
                next.push(Bucket::immortal(text))?;
            }
        }
        Ok(())
    })
}

#[test]
fn filters_run_by_kind_and_within_a_kind_in_the_order_of_joining() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(Member::new("d", FilterKind::NETWORK, sign(b"d")));
    chain.join(Member::new("b", RESOURCE, sign(b"b")));
    chain.join(Member::new("a", RESOURCE.offset(-1), sign(b"a")));
    chain.join(Member::new("c", RESOURCE, sign(b"c")));
    let names: Vec<_> = chain.filters().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    assert_eq!(record.bytes(), b"xdcdbdcdadcdbdcd");
}

#[test]
fn pass_takes_everything_and_leaves_the_brigade_empty() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(member("upper", Upper));
    let line = String::from("borrowed");
    let mut brigade: Brigade<'_> =
        [Bucket::transient(line.as_bytes()), Bucket::flush()].into_iter().collect();
    chain.pass(&mut brigade).unwrap();
    brigade.assert_invariants();
    assert!(brigade.is_empty());
    assert_eq!((record.bytes(), record.marks()), (b"BORROWED".to_vec(), vec![(8, "FLUSH".into())]));
}

#[test]
fn empty_pass_reaches_no_filter() {
    let mut chain = Chain::new(recorder().0);
    chain.join(member("pass", pass_all()));
    chain.pass(&mut Brigade::new()).unwrap();
    chain.write(b"").unwrap();
    assert_eq!(chain.filters().next().unwrap().2.calls, 0);
}

#[test]
fn zero_length_data_flows_and_ends_nothing() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(member("sign", sign(b".")));
    chain.join_request(member("pass", pass_all()));
    let empty = [Bucket::immortal(b""), Bucket::transient(b""), Bucket::eos()];
    chain.pass(&mut empty.into_iter().collect()).unwrap();
    assert_eq!(record.bytes(), b"..");
}

#[test]
fn small_writes_gather_until_they_are_a_piece_or_something_else_is_passed() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(member("pass", pass_all()));
    for _ in 0..5000 {
        chain.write(b"sixteen bytes...").unwrap();
    }
    // Nine blocks of 8 KiB are the first to be more than 64 KiB.
    assert_eq!((record.bytes().len(), chain.gathered_bytes()), (73_728, 80_000 - 73_728));
    chain.print(format_args!("{}-{}", 1, 2)).unwrap();
    chain.pass_bucket(Bucket::immortal(b"!")).unwrap();
    assert_eq!((record.bytes().len(), chain.gathered_bytes()), (80_004, 0));
    assert!(record.bytes().ends_with(b"sixteen bytes...1-2!"));
    let stats = chain.filters().next().unwrap().2;
    assert_eq!((stats.calls, stats.buckets_in, stats.bytes_in), (2, 11, 80_004));
    assert_eq!((stats.buckets_out, stats.bytes_out, stats.held_bytes), (11, 80_004, 0));
}

#[test]
fn piece_of_a_block_or_more_is_passed_at_once_without_a_copy() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(member("pass", pass_all()));
    chain.write(b"head").unwrap();
    chain.write(&pattern(8192)).unwrap();
    assert_eq!((record.bytes().len(), chain.gathered_bytes()), (8196, 0));
    assert_eq!(chain.alloc().stats().copied_bytes, 4);
    assert_eq!(chain.filters().next().unwrap().2.calls, 1, "one pass: the head goes along");
}

#[test]
fn gather_takes_only_what_needs_no_filter_and_write_takes_the_rest() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal).storage(AllocOptions::default().block_size(64).build());
    assert!(!chain.gather(&[b'a'; 40]), "a block must be opened first");
    chain.write(&[b'a'; 40]).unwrap();
    assert!(chain.gather(&[b'b'; 20]));
    assert!(!chain.gather(&[b'c'; 10]), "only four bytes fit");
    chain.write(&[b'c'; 10]).unwrap();
    assert!(!chain.gather(&[b'd'; 64]), "too large to gather");
    chain.pass_bucket(Bucket::eos()).unwrap();
    assert_eq!(record.bytes(), [&[b'a'; 40][..], &[b'b'; 20], &[b'c'; 10]].concat());
    assert!(!chain.gather(b"late"), "nothing comes after the end");
    assert!(chain.write(b"late").is_err());
}

#[test]
fn taken_back_bytes_were_never_written() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.write(b"half an answer").unwrap();
    assert_eq!(chain.gathered_bytes(), 14);
    chain.take_back();
    chain.write(b"another").unwrap();
    chain.flush().unwrap();
    assert_eq!(record.bytes(), b"another");
}

#[test]
fn file_and_stream_are_read_by_who_needs_the_bytes() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(member("pass", pass_all()));
    chain.join(member("upper", Upper));
    let mut brigade = Brigade::new();
    brigade.insert_file(file_of(&vec![b'a'; 20_000]), 0, 20_000);
    brigade.push_back(Bucket::stream(&b"stream"[..]));
    chain.pass(&mut brigade).unwrap();
    assert_eq!(record.bytes(), [vec![b'A'; 20_000], b"STREAM".to_vec()].concat());
    let upper = chain.filters().nth(1).unwrap().2;
    assert_eq!(upper.bytes_in, 20_006, "a STREAM counts when it is read");
    assert_eq!((upper.bytes_out, upper.calls), (20_006, 1));
}

#[test]
fn filter_cannot_hold_a_body_by_accident() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    chain.join(member(
        "blow-up",
        from_fn(move |input, next| {
            while input.pop_front().is_some() {
                for _ in 0..100 {
                    next.push(Bucket::immortal(&[b'x'; 8192]))?;
                    told.lock().unwrap().push(record.bytes().len());
                }
            }
            Ok(())
        }),
    ));
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    let seen = seen.lock().unwrap();
    let held = seen.iter().zip(1..).map(|(gone, pushed)| pushed * 8192 - gone).max().unwrap();
    assert!(held <= 64 * 1024 + 8192, "held {held} bytes");
}

#[test]
fn many_marks_in_one_call_go_down_too() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let most = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&most);
    chain.join(member(
        "marks",
        from_fn(move |input, next| {
            while input.pop_front().is_some() {
                for pushed in 1..=5000 {
                    next.push(Bucket::flush())?;
                    told.fetch_max(pushed - record.marks().len(), Ordering::Relaxed);
                }
            }
            Ok(())
        }),
    ));
    chain.pass_bucket(Bucket::immortal(b"x")).unwrap();
    assert!(most.load(Ordering::Relaxed) <= 1025);
}

#[test]
fn inserted_below_sees_what_is_pushed_from_then_on() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let mut is_first = true;
    chain.join(member(
        "inserts",
        from_fn(move |input, next| {
            while let Some(bucket) = next.read(input)? {
                next.push(bucket)?;
                if std::mem::take(&mut is_first) {
                    next.insert_below(member("upper", Upper))?;
                }
            }
            Ok(())
        }),
    ));
    let pieces = [&b"one"[..], b"two", b"three"].map(Bucket::immortal);
    chain.pass(&mut pieces.into_iter().collect()).unwrap();
    chain.pass_bucket(Bucket::immortal(b"four")).unwrap();
    assert_eq!(record.bytes(), b"oneTWOTHREEFOUR");
}

#[test]
fn inserted_by_kind_joins_behind_those_of_its_kind() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let mut is_first = true;
    let inserts = from_fn(move |input, next| {
        if std::mem::take(&mut is_first) {
            let kind = FilterKind::CONTENT_SET;
            next.insert_by_kind(Member::new("new", kind, sign(b"+")))?;
        }
        next.push_all(input)
    });
    chain.join_request(Member::new("inserts", FilterKind::RESOURCE, inserts));
    for (name, kind, mark) in [
        ("resource", FilterKind::RESOURCE, b"r"),
        ("set", FilterKind::CONTENT_SET, b"s"),
        ("protocol", FilterKind::PROTOCOL, b"p"),
    ] {
        chain.join_request(Member::new(name, kind, sign(mark)));
    }
    chain.pass(&mut Brigade::from_iter([Bucket::immortal(b"1"), Bucket::eos()])).unwrap();
    let signed = record.bytes().split(|byte| *byte == b'+').count() - 1;
    assert_eq!(signed, 4, "one behind each piece that left `set`");
    let names: Vec<_> = chain.filters().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(names, ["inserts", "resource", "set", "new", "protocol"]);
    chain.end_request(None).unwrap();
    assert_eq!(chain.filters().count(), 0, "it leaves with the request");
}

#[test]
fn inserted_before_sees_what_was_left_in_the_input_first() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let mut calls = 0;
    chain.join(member(
        "inserts",
        from_fn(move |input, next| {
            calls += 1;
            if calls == 2 {
                next.insert_before(member("a", sign(b"a")));
                next.insert_before(member("b", sign(b"b")));
                return Ok(());
            }
            next.push_all(input)
        }),
    ));
    for piece in [b"1", b"2", b"3"] {
        chain.pass_bucket(Bucket::immortal(piece)).unwrap();
    }
    assert_eq!(record.bytes(), b"12bab3bab");
    let names: Vec<_> = chain.filters().map(|(name, ..)| name.to_owned()).collect();
    assert_eq!(names, ["a", "b", "inserts"]);
}

#[test]
fn what_goes_through_an_inserted_filter_first_counts_once() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let mut is_first = true;
    let inserts = from_fn(move |input, next| {
        if std::mem::take(&mut is_first) {
            next.insert_before(member("new", sign(b"+")));
            return Ok(());
        }
        next.push_all(input)
    });
    chain.join_request(member("inserts", inserts));
    // The end is in the call that inserts: the filter keeps nothing of it.
    chain.pass(&mut Brigade::from_iter([Bucket::immortal(b"12"), Bucket::eos()])).unwrap();
    assert_eq!(record.bytes(), b"12+");
    let stats: Vec<_> = chain.filters().map(|(_, _, stats)| stats).collect();
    assert_eq!((stats[0].bytes_in, stats[0].bytes_out), (2, 3));
    assert_eq!((stats[1].bytes_in, stats[1].bytes_out, stats[1].buckets_in), (3, 3, 3));
}

#[test]
fn filter_that_steps_aside_is_called_no_more_and_what_it_left_goes_on() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(member(
        "first-only",
        from_fn(|input, next| {
            let first = next.read(input)?.expect("called with something");
            next.push(first)?;
            next.push(Bucket::immortal(b"."))?;
            next.step_aside();
            Ok(())
        }),
    ));
    chain.join(member("upper", Upper));
    chain.pass(&mut [&b"a"[..], b"b"].map(Bucket::immortal).into_iter().collect()).unwrap();
    chain.pass_bucket(Bucket::immortal(b"c")).unwrap();
    assert_eq!(record.bytes(), b"A.BC");
    assert_eq!(chain.filters().next().unwrap().2.calls, 1);
}

#[test]
fn long_chain_is_dropped_without_deep_recursion() {
    let build_and_drop = || {
        let mut chain = Chain::new(recorder().0);
        (0..2_000).for_each(|_| chain.join(member("pass", pass_all())));
        drop(chain);
    };
    let on_a_small_stack = std::thread::Builder::new().stack_size(64 * 1024);
    on_a_small_stack.spawn(build_and_drop).unwrap().join().unwrap();
}

#[test]
fn terminal_is_found_by_its_type() {
    let mut chain = Chain::new(recorder().0);
    assert!(chain.terminal::<Recorder>().is_some());
    assert!(chain.terminal::<crate::kit::Sip>().is_none());
    assert!(format!("{chain:?}").contains("recorder"));
}
