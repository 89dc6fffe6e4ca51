//! Cutting: a bucket, a brigade at a bucket, a brigade at a byte; and dropping what was written.

use std::collections::VecDeque;
use std::hint::black_box;

use brigade::{Brigade, Bucket, BucketAlloc, Result};
use buf_list::BufList;
use bumpalo::Bump;
use bytes::{Buf, Bytes};

use crate::support::{Are, Criterion, PIECE, Rows, held, sixty_four, sixty_four_bytes};

/// A copy of 32 bytes, cut in the middle; both halves can be kept.
pub(crate) fn split(c: &mut Criterion) {
    let mut alloc = BucketAlloc::new();
    let mut bump = Bump::with_capacity(1 << 20);
    Rows::new(c, "copy and split 32 B", (16, 16))
        .row("brigade", || {
            let mut head = alloc.copy(black_box(PIECE));
            let rest = head.split_at(16).expect("there are 32 bytes");
            (head.bytes().map_or(0, <[u8]>::len), rest.bytes().map_or(0, <[u8]>::len))
        })
        .row("VecDeque<Bytes>", || {
            let mut head = Bytes::copy_from_slice(black_box(PIECE));
            let rest = head.split_off(16);
            (head.len(), rest.len())
        })
        .row("buf-list", || {
            let mut list = BufList::with_capacity(1);
            list.push_chunk(&black_box(PIECE)[..]);
            let head = list.copy_to_bytes(16);
            (head.len(), list.num_bytes())
        })
        .row("bump arena", || {
            let (head, rest) = bump.alloc_slice_copy(black_box(PIECE)).split_at(16);
            let lens = (head.len(), rest.len());
            bump.reset();
            lens
        });
}

/// 64 buckets cut at the 32nd, and joined again.
pub(crate) fn split_off(c: &mut Criterion) {
    let (mut brigade, mut rest) = (sixty_four(Are::Apart), Brigade::new());
    let mut queue: VecDeque<Bytes> = sixty_four_bytes();
    let mut half = VecDeque::new();
    Rows::new(c, "split_off at 32 of 64 and append", 32)
        .row("brigade", || {
            brigade.split_off_into(black_box(32), &mut rest);
            let len = rest.len();
            brigade.append(&mut rest);
            len
        })
        .row("VecDeque<Bytes>", || {
            half.extend(queue.drain(black_box(32)..));
            let len = half.len();
            queue.append(&mut half);
            len
        });
}

/// Exactly 4,000 bytes of 64 × 128 stay, the rest goes to another; both are dropped. They are cloned
/// first, since a piece that was cut stays in two.
pub(crate) fn partition(c: &mut Criterion) {
    let brigade = sixty_four(Are::Apart);
    let (mut head, mut rest) = (Brigade::new(), Brigade::new());
    let queue: VecDeque<Bytes> = sixty_four_bytes();
    let (mut front, mut back) = (VecDeque::new(), VecDeque::new());
    let list: BufList = sixty_four_bytes();
    Rows::new(c, "clone 64 x 128 B and partition at 4000", (4000, 4192))
        .row("brigade", || {
            head.extend(brigade.iter().filter_map(Bucket::try_clone));
            head.partition_into(black_box(4000), &mut rest).expect("there are as many bytes");
            let lens = (held(&head), held(&rest));
            head.clear();
            rest.clear();
            lens
        })
        .row("VecDeque<Bytes>", || {
            back.extend(queue.iter().cloned());
            let mut left = black_box(4000);
            while left > 0 {
                let mut piece: Bytes = back.pop_front().expect("there are as many bytes");
                if piece.len() > left {
                    back.push_front(piece.split_off(left));
                }
                left -= piece.len();
                front.push_back(piece);
            }
            let len = |queue: &mut VecDeque<Bytes>| queue.drain(..).map(|bytes| bytes.len()).sum();
            (len(&mut front), len(&mut back))
        })
        .row("buf-list, by copying", || {
            let mut rest = list.clone();
            let head = rest.copy_to_bytes(black_box(4000));
            (head.len(), rest.num_bytes())
        });
}

/// What a terminal does after each write of 1,000 bytes, until 64 × 128 are gone.
pub(crate) fn consume(c: &mut Criterion) {
    let brigade = sixty_four(Are::Apart);
    let mut waiting = Brigade::new();
    let queue: VecDeque<Bytes> = sixty_four_bytes();
    let mut rest = VecDeque::new();
    let list: BufList = sixty_four_bytes();
    Rows::new(c, "clone 64 x 128 B and consume by 1000", 8192)
        .row("brigade", || {
            waiting.extend(brigade.iter().filter_map(Bucket::try_clone));
            drain(|count| {
                waiting.consume(count, drop);
                Ok(held(&waiting))
            })
        })
        .row("VecDeque<Bytes>", || {
            rest.extend(queue.iter().cloned());
            let mut len = 8192;
            drain(|count| {
                len -= count;
                advance(&mut rest, count);
                Ok(len)
            })
        })
        .row("buf-list", || {
            let mut list = list.clone();
            drain(|count| {
                list.advance(count);
                Ok(list.num_bytes())
            })
        });
}

/// Takes 8,192 bytes, at most 1,000 a time; says how many went.
fn drain(mut take: impl FnMut(usize) -> Result<usize>) -> usize {
    let mut left = 8192;
    while left > 0 {
        left = take(black_box(left.min(1000))).expect("there are as many bytes");
    }
    8192 - left
}

fn advance(queue: &mut VecDeque<Bytes>, mut count: usize) {
    while let Some(front) = queue.front_mut() {
        if front.len() > count {
            front.advance(count);
            return;
        }
        count -= front.len();
        queue.pop_front();
    }
}
