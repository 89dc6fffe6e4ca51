//! Making buckets: of borrowed bytes, of copies, of what is changed on the way.

use std::collections::VecDeque;
use std::hint::black_box;

use brigade::{Brigade, Bucket, BucketAlloc};
use buf_list::BufList;
use bumpalo::Bump;
use bytes::{Buf, Bytes, BytesMut};
use linkedbytes::LinkedBytes;

use crate::support::{Criterion, PIECE, Rows, held};

/// Pieces that are not copied, put in and dropped. Ours borrow; the others' are static, since they
/// cannot. (An arena has nothing to do here.)
pub(crate) fn transient(c: &mut Criterion) {
    for count in [1, 8] {
        let mut brigade = Brigade::new();
        let mut queue = VecDeque::new();
        let mut list = BufList::new();
        Rows::new(c, &format!("transient x {count}"), count * PIECE.len())
            .each_of(count as u64)
            .row("brigade", || {
                (0..count).for_each(|_| brigade.push_back(Bucket::transient(black_box(PIECE))));
                let len = held(&brigade);
                brigade.clear();
                len
            })
            .row("VecDeque<Bytes>", || {
                (0..count).for_each(|_| queue.push_back(Bytes::from_static(black_box(PIECE))));
                queue.drain(..).map(|bytes| bytes.len()).sum()
            })
            .row("buf-list", || {
                let chunks = (0..count).map(|_| Bytes::from_static(black_box(PIECE)));
                list.extend(chunks);
                let len = list.num_bytes();
                list.advance(len);
                len
            })
            .row("linkedbytes", || {
                let mut list = LinkedBytes::with_capacity(0);
                (0..count).for_each(|_| list.insert(Bytes::from_static(black_box(PIECE))));
                list.len()
            });
    }
}

/// A copy of the caller's bytes, made and dropped.
pub(crate) fn heap_copy(c: &mut Criterion) {
    for len in [32, 8192] {
        let bytes = vec![7; len];
        let mut alloc = BucketAlloc::new();
        let mut linked = LinkedBytes::new();
        let mut bump = Bump::with_capacity(1 << 20);
        Rows::new(c, &format!("heap copy {len} B"), len)
            .bytes(len as u64)
            .row("brigade", || alloc.copy(black_box(&bytes)).bytes().map_or(0, <[u8]>::len))
            .row("VecDeque<Bytes>", || Bytes::copy_from_slice(black_box(&bytes)).len())
            .row("buf-list", || {
                let mut list = BufList::with_capacity(1);
                list.push_chunk(black_box(&bytes[..])).len()
            })
            .row("linkedbytes", || {
                linked.bytes_mut().extend_from_slice(black_box(&bytes));
                let len = linked.len();
                linked.reset();
                len
            })
            .row("bump arena", || {
                let len = bump.alloc_slice_copy(black_box(&bytes)).len();
                bump.reset();
                len
            });
    }
}

/// What a filter does that changes bytes: reads one bucket and writes the next, in one copy.
pub(crate) fn change(c: &mut Criterion) {
    let (from, to) = ([b'a'; 512], [b'A'; 512]);
    let mut alloc = BucketAlloc::new();
    let mut bump = Bump::with_capacity(1 << 20);
    Rows::new(c, "change 512 B", Some(to[511]))
        .bytes(512)
        .row("brigade", || {
            let changed = alloc.copy_with(from.len(), |to| {
                to.copy_from_slice(black_box(&from));
                to.make_ascii_uppercase();
            });
            changed.bytes().and_then(<[u8]>::last).copied()
        })
        .row("VecDeque<Bytes>", || {
            let mut changed = BytesMut::from(&black_box(&from)[..]);
            changed.make_ascii_uppercase();
            changed.freeze().last().copied()
        })
        .row("bump arena", || {
            let changed = bump.alloc_slice_copy(black_box(&from));
            changed.make_ascii_uppercase();
            let last = changed.last().copied();
            bump.reset();
            last
        });
}
