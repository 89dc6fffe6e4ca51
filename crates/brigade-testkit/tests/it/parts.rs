//! The parts that play a peer, a source and a neighbour.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use brigade::{Bucket, Chain, End, FilterKind, Member, Progress, ReadMode};
use brigade_testkit::{SlowSink, brigade, gated, stuttering, unknown_mark, waits_everywhere};

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn brigade_macro_takes_text_bytes_marks_and_buckets_in_order() {
    let owned = vec![b'd'];
    let brigade = brigade!["a", b"bc", FLUSH, owned.as_slice(), Bucket::immortal(b""), EOS];
    let kinds: Vec<&str> = brigade.iter().map(Bucket::kind_name).collect();
    assert_eq!(kinds, ["TRANSIENT", "TRANSIENT", "FLUSH", "TRANSIENT", "IMMORTAL", "EOS"]);
    assert_eq!(brigade.flatten(8).unwrap(), b"abcd");
    assert!(brigade![].is_empty());
    assert_eq!(brigade![EOS,].len(), 1);
}

#[test]
fn slow_sink_takes_its_share_a_turn_and_wakes_for_the_next() {
    let (sink, record) = SlowSink::new(3);
    let wakes = Arc::new(Wakes::default());
    let mut chain = Chain::new(sink);
    chain.set_waker(&Waker::from(wakes.clone()));
    chain.pass(&mut brigade!["abcd", FLUSH, "ef", EOS]).unwrap();
    assert_eq!(record.bytes(), b"abc");
    assert!(chain.should_yield());
    assert_eq!((chain.held_bytes(), wakes.0.load(Ordering::Relaxed)), (3, 1));
    assert_eq!(chain.resume().unwrap(), Progress::Done);
    assert_eq!(record.bytes(), b"abcdef");
    assert_eq!(record.marks(), [(4, "FLUSH".to_owned()), (6, "EOS".to_owned())]);
}

#[test]
fn slow_sink_keeps_counting_after_its_bytes_were_taken_away() {
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink);
    chain.pass(&mut brigade!["abc", FLUSH]).unwrap();
    assert_eq!(record.take_bytes(), b"abc");
    chain.pass(&mut brigade!["de", FLUSH]).unwrap();
    assert_eq!(record.take_bytes(), b"de");
    assert_eq!(record.len_bytes(), 5);
    assert_eq!(record.marks(), [(3, "FLUSH".to_owned()), (5, "FLUSH".to_owned())]);
}

#[test]
fn slow_sink_that_is_aborted_tells_what_it_holds() {
    let (sink, _record) = SlowSink::new(1);
    let mut chain = Chain::new(sink);
    let told = Arc::new(std::sync::Mutex::new(None));
    let tell = told.clone();
    chain.pass(&mut brigade!["ab", EOS]).unwrap();
    chain
        .end_request(Some(Box::new(move |outcome: &brigade::Outcome| {
            *tell.lock().unwrap() = Some(outcome.end);
        })))
        .unwrap();
    assert_eq!(*told.lock().unwrap(), None);
    chain.abort(End::Timeout);
    assert_eq!(*told.lock().unwrap(), Some(End::Timeout));
}

#[test]
fn gated_stream_waits_until_its_gate_gives_and_wakes() {
    let (sink, record) = SlowSink::new(usize::MAX);
    let wakes = Arc::new(Wakes::default());
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
    chain.set_waker(&Waker::from(wakes.clone()));
    let (gate, stream) = gated();
    chain.pass(&mut brigade![stream, EOS]).unwrap();
    assert!(gate.is_awaited());
    gate.give("one");
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(chain.resume().unwrap(), Progress::Pending);
    assert_eq!(record.bytes(), b"one");
    gate.give("two");
    gate.end();
    assert_eq!(chain.resume().unwrap(), Progress::Done);
    assert_eq!(record.marks(), [(6, "EOS".to_owned())]);
}

#[test]
fn gated_stream_that_fails_says_so_after_what_it_gave() {
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
    let (gate, stream) = gated();
    gate.give("one");
    gate.fail(std::io::ErrorKind::ConnectionReset);
    let error = chain.pass(&mut brigade![stream, EOS]).unwrap_err();
    assert_eq!(error.kind(), brigade::ErrorKind::ClientGone);
    assert_eq!(record.bytes(), b"one");
}

#[test]
fn waits_everywhere_waits_once_a_bucket_and_leaves_data_unread() {
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
    chain.join(Member::new("waits", FilterKind::RESOURCE, waits_everywhere()));
    chain.pass(&mut brigade!["a", unknown_mark(1), EOS]).unwrap();
    let mut resumes = 0;
    while chain.resume().unwrap() == Progress::Pending {
        resumes += 1;
    }
    assert_eq!(resumes, 2);
    assert_eq!(record.marks(), [(1, "MARK-1".to_owned()), (1, "EOS".to_owned())]);
}

#[test]
fn stuttering_stream_waits_before_each_piece_and_before_its_end() {
    let (sink, record) = SlowSink::new(usize::MAX);
    let mut chain = Chain::new(sink).mode(ReadMode::NonBlocking);
    chain.pass(&mut brigade![stuttering(["a", "b"]), EOS]).unwrap();
    let mut resumes = 1;
    while chain.resume().unwrap() == Progress::Pending {
        resumes += 1;
    }
    assert_eq!((resumes, record.bytes()), (3, b"ab".to_vec()));
}
