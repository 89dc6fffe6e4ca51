//! FILE in a server that cannot send one unread.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use brigade::{Brigade, Bucket, End, Error, FilterKind, Member, from_fn};
use brigade_http::body::{ChainBody, Filters};
use http_body_util::BodyExt;

use super::{transcript, upper, watched};

fn file_of(bytes: &[u8]) -> Arc<std::fs::File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// The sizes of the frames of `body`, and its bytes.
async fn frames(mut body: ChainBody) -> (Vec<usize>, Vec<u8>) {
    let (mut sizes, mut bytes) = (Vec::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        sizes.push(data.len());
        bytes.extend_from_slice(&data);
    }
    (sizes, bytes)
}

#[test]
fn file_comes_in_pieces_of_64_kib_beside_what_is_around_it() {
    let content: Vec<u8> = (0..150_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let buckets = [
        Bucket::immortal(b"<"),
        Bucket::file(file_of(&content), 0, 150_000),
        Bucket::file(file_of(b"xyz"), 1, 2),
        Bucket::immortal(b">"),
    ];
    let expected = [b"<", &content[..], b"yz", b">"].concat();
    let body = ChainBody::new(&Filters::none(), Brigade::from_iter(buckets));
    let (sizes, bytes) = runtime().block_on(frames(body));
    assert_eq!(sizes, [1, 65_536, 65_536, 18_928, 2, 1]);
    assert!(bytes == expected, "the bytes differ");
}

#[test]
fn file_is_read_on_a_thread_for_blocking_work() {
    let started = Arc::new(AtomicUsize::new(0));
    let count = started.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .on_thread_start(move || _ = count.fetch_add(1, Ordering::Relaxed))
        .build()
        .unwrap();
    // A runtime of the current thread starts others for nothing else.
    let body = ChainBody::new(&Filters::none(), Brigade::from(Bucket::immortal(b"abc")));
    assert_eq!(runtime.block_on(frames(body)).1, b"abc");
    assert_eq!(started.load(Ordering::Relaxed), 0);
    let file = Bucket::file(file_of(b"abc"), 0, 3);
    let body = ChainBody::new(&Filters::none(), Brigade::from(file));
    assert_eq!(runtime.block_on(frames(body)).1, b"abc");
    assert_eq!(started.load(Ordering::Relaxed), 1);
}

#[test]
fn file_is_read_in_place_where_there_is_no_runtime() {
    let body = ChainBody::new(&Filters::none(), Brigade::from(Bucket::file(file_of(b"abc"), 0, 3)));
    assert_eq!(super::transcript(body), "abc .");
}

#[test]
fn file_that_a_filter_reads_comes_out_of_it() {
    let body = ChainBody::new(&upper(), Brigade::from(Bucket::file(file_of(b"abc"), 0, 3)));
    assert_eq!(runtime().block_on(frames(body)).1, b"ABC");
}

#[test]
fn file_that_a_filter_let_go_of_later_needs_no_other_wake() {
    let waits_once = || {
        let mut has_waited = false;
        let filter = from_fn(move |input, next| {
            if !std::mem::replace(&mut has_waited, true) {
                next.waker().wake_by_ref();
                return Err(Error::would_block());
            }
            next.push_all(input)
        });
        Member::new("waits once", FilterKind::RESOURCE, filter)
    };
    let file = Bucket::file(file_of(b"abc"), 0, 3);
    let body = ChainBody::new(&Filters::none().member(waits_once), Brigade::from(file));
    assert_eq!(transcript(body), "abc .");
}

#[test]
fn file_that_is_shorter_than_it_was_said_to_be_fails_the_body() {
    let (filters, ends) = watched();
    let body = ChainBody::new(&filters, Brigade::from(Bucket::file(file_of(b"abc"), 0, 9)));
    let error = runtime().block_on(body.collect()).unwrap_err();
    assert_eq!(error.to_string(), "filter body: read a file at byte 3: it ends 6 bytes early");
    assert_eq!(ends.take(), [End::Failed]);
}
