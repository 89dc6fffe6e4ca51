//! Keeping bytes past a call, twice, or in less storage; and keeping the marks alone.

use std::collections::VecDeque;
use std::hint::black_box;

use brigade::{Brigade, Bucket, BucketAlloc};
use buf_list::BufList;
use bumpalo::Bump;
use bytes::{Buf, Bytes};
use linkedbytes::LinkedBytes;

use crate::support::{Are, Criterion, PIECE, Rows, held, sixty_four, sixty_four_bytes};

/// 16 borrowed pieces of 100 bytes, which the peer did not take: copied, kept, dropped.
pub(crate) fn set_aside(c: &mut Criterion) {
    let pieces = [[7; 100]; 16];
    let (mut alloc, mut kept) = (BucketAlloc::new(), Brigade::new());
    let mut queue = VecDeque::new();
    let mut list = BufList::new();
    let mut linked = LinkedBytes::new();
    let mut bump = Bump::with_capacity(1 << 20);
    Rows::new(c, "set aside 16 x 100 B", 1600)
        .each_of(16)
        .row("brigade", || {
            let pieces = black_box(&pieces).iter();
            let mut brigade: Brigade<'_> = pieces.map(|piece| Bucket::transient(piece)).collect();
            brigade.set_aside(&mut kept, &mut alloc);
            let len = held(&kept);
            kept.clear();
            len
        })
        .row("VecDeque<Bytes>", || {
            let pieces = black_box(&pieces).iter();
            queue.extend(pieces.map(|piece| Bytes::copy_from_slice(piece)));
            queue.drain(..).map(|bytes| bytes.len()).sum()
        })
        .row("buf-list", || {
            list.extend(black_box(&pieces).iter().map(|piece| &piece[..]));
            let len = list.num_bytes();
            list.advance(len);
            len
        })
        .row("linkedbytes", || {
            let pieces = black_box(&pieces).iter();
            pieces.for_each(|piece| linked.bytes_mut().extend_from_slice(piece));
            let len = linked.len();
            linked.reset();
            len
        })
        .row("bump arena", || {
            let pieces = black_box(&pieces).iter();
            let len = pieces.map(|piece| bump.alloc_slice_copy(piece).len()).sum();
            bump.reset();
            len
        });
}

/// 64 pieces once more, sharing storage, and dropped.
pub(crate) fn try_clone(c: &mut Criterion) {
    let brigade = sixty_four(Are::Apart);
    let mut clone = Brigade::new();
    let queue: VecDeque<Bytes> = sixty_four_bytes();
    let mut again = VecDeque::new();
    let list: BufList = sixty_four_bytes();
    Rows::new(c, "clone 64", 8192)
        .each_of(64)
        .row("brigade", || {
            clone.extend(black_box(&brigade).iter().filter_map(Bucket::try_clone));
            let len = held(&clone);
            clone.clear();
            len
        })
        .row("VecDeque<Bytes>", || {
            again.extend(black_box(&queue).iter().cloned());
            again.drain(..).map(|bytes| bytes.len()).sum()
        })
        .row("buf-list", || black_box(&list).clone().num_bytes());
}

/// 100 bytes of each of 16 blocks are kept, and let go of all but one block. Nobody else can: `Bytes`
/// does not say how much it keeps.
pub(crate) fn compact(c: &mut Criterion) {
    let mut alloc = BucketAlloc::new();
    let mut little = Brigade::new();
    for _ in 0..16 {
        let mut piece = alloc.copy(&[7; 8192]);
        drop(piece.split_at(100));
        little.push_back(piece);
    }
    let mut kept = Brigade::new();
    Rows::new(c, "clone and compact 16 x 100 B of 8 KiB", 1).each_of(16).row("brigade", || {
        kept.extend(little.iter().filter_map(Bucket::try_clone));
        kept.compact(&mut alloc);
        let buckets = kept.len();
        kept.clear();
        // A copy that comes to a block's end goes on in the next.
        buckets.min(1)
    });
}

/// What a chain does with a body that nobody wants.
pub(crate) fn drop_data(c: &mut Criterion) {
    let mut brigade = Brigade::new();
    Rows::new(c, "drop_data of 16", 2).each_of(16).row("brigade", || {
        brigade.extend((0..16).map(|_| Bucket::transient(black_box(PIECE))));
        brigade.push_back(Bucket::flush());
        brigade.push_back(Bucket::eos());
        brigade.drop_data();
        let marks = brigade.len();
        brigade.clear();
        marks
    });
}
