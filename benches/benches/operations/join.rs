//! Joining: one brigade behind or before another, and a queue that never runs empty.

use std::collections::VecDeque;
use std::hint::black_box;

use brigade::{Brigade, Bucket};
use buf_list::BufList;
use bytes::{Buf, Bytes};

use crate::support::{Criterion, PIECE, Rows, held};

fn eight<'a>() -> impl Iterator<Item = Bucket<'a>> {
    (0..8).map(|_| Bucket::transient(black_box(PIECE)))
}

fn eight_bytes() -> impl Iterator<Item = Bytes> {
    (0..8).map(|_| Bytes::from_static(black_box(PIECE)))
}

/// Eight pieces are made and moved to the end of eight others.
pub(crate) fn append(c: &mut Criterion) {
    let (mut brigade, mut other) = (Brigade::new(), Brigade::new());
    let (mut queue, mut more) = (VecDeque::new(), VecDeque::new());
    let mut list = BufList::new();
    Rows::new(c, "8 appended to 8", 512)
        .each_of(16)
        .row("brigade", || {
            brigade.extend(eight());
            other.extend(eight());
            brigade.append(&mut other);
            let len = held(&brigade);
            brigade.clear();
            len
        })
        .row("VecDeque<Bytes>", || {
            queue.extend(eight_bytes());
            more.extend(eight_bytes());
            queue.append(&mut more);
            queue.drain(..).map(|bytes| bytes.len()).sum()
        })
        .row("buf-list", || {
            list.extend(eight_bytes());
            let mut more = BufList::new();
            more.extend(eight_bytes());
            list.extend(more);
            let len = list.num_bytes();
            list.advance(len);
            len
        });
}

/// Eight pieces are made and moved before eight others.
pub(crate) fn prepend(c: &mut Criterion) {
    let (mut brigade, mut other) = (Brigade::new(), Brigade::new());
    let (mut queue, mut more) = (VecDeque::new(), VecDeque::new());
    Rows::new(c, "8 put before 8", 512)
        .each_of(16)
        .row("brigade", || {
            brigade.extend(eight());
            other.extend(eight());
            brigade.prepend(&mut other);
            let len = held(&brigade);
            brigade.clear();
            len
        })
        .row("VecDeque<Bytes>", || {
            queue.extend(eight_bytes());
            more.extend(eight_bytes());
            while let Some(bytes) = more.pop_back() {
                queue.push_front(bytes);
            }
            queue.drain(..).map(|bytes: Bytes| bytes.len()).sum()
        });
}

/// One piece goes in at the end and one comes out in front, eight being in between.
pub(crate) fn push_and_pop(c: &mut Criterion) {
    let mut brigade: Brigade<'_> = eight().collect();
    let mut queue: VecDeque<Bytes> = eight_bytes().collect();
    let mut list: BufList = eight_bytes().collect();
    Rows::new(c, "push_back and pop_front", Some(PIECE.len()))
        .row("brigade", || {
            brigade.push_back(Bucket::transient(black_box(PIECE)));
            brigade.pop_front().and_then(|bucket| bucket.bytes().map(<[u8]>::len))
        })
        .row("VecDeque<Bytes>", || {
            queue.push_back(Bytes::from_static(black_box(PIECE)));
            queue.pop_front().map(|bytes| bytes.len())
        })
        .row("buf-list", || {
            list.push_chunk(Bytes::from_static(black_box(PIECE)));
            Some(list.copy_to_bytes(PIECE.len()).len())
        });
}
