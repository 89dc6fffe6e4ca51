//! Reading what is not in memory: 1 MiB of a file (in the page cache), of a stream, and as far as a cut.

use std::collections::VecDeque;
use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write as _};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use brigade::{Brigade, Bucket, BucketAlloc, ReadCx, ReadMode};
use buf_list::BufList;
use bumpalo::Bump;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use linkedbytes::LinkedBytes;

use crate::support::{Criterion, Rows, held};

const LEN: usize = 1 << 20;
const BLOCK: usize = 8 * 1024;

static BODY: [u8; LEN] = [7; LEN];

fn file_of_a_mib() -> Arc<File> {
    let mut file = tempfile::tempfile().expect("there is room for a file of 1 MiB");
    file.write_all(&BODY).expect("there is room for 1 MiB");
    Arc::new(file)
}

/// Piece by piece, each dropped before the next: what a filter sees.
fn pop_all(mut brigade: Brigade<'_>, alloc: &mut BucketAlloc) -> usize {
    let mut cx = ReadCx::new(alloc, ReadMode::Blocking);
    let mut len = 0;
    while let Ok(Some(piece)) = brigade.pop_read(&mut cx) {
        len += piece.bytes().map_or(0, <[u8]>::len);
    }
    len
}

/// By positional reads, into storage that lives as long as the piece.
pub(crate) fn file(c: &mut Criterion) {
    let file = file_of_a_mib();
    let mut alloc = BucketAlloc::new();
    let mut queue = VecDeque::new();
    let mut list = BufList::new();
    let mut bump = Bump::with_capacity(LEN);
    let read =
        |offset: usize, to: &mut [u8]| file.read_at(to, offset as u64).expect("the file is there");
    let pieces = || (0..LEN).step_by(BLOCK);
    let bytes = |offset| {
        let mut piece = BytesMut::zeroed(BLOCK);
        let len = read(offset, &mut piece);
        piece.truncate(len);
        piece.freeze()
    };
    Rows::new(c, "read a FILE of 1 MiB", LEN)
        .bytes(LEN as u64)
        .row("brigade", || {
            let body = Bucket::file(file.clone(), 0, LEN as u64);
            pop_all(Brigade::from(body), &mut alloc)
        })
        .row("VecDeque<Bytes>", || {
            let mut len = 0;
            for offset in pieces() {
                queue.push_back(bytes(offset));
                len += queue.pop_front().map_or(0, |piece: Bytes| piece.len());
            }
            len
        })
        .row("buf-list", || {
            let mut len = 0;
            for offset in pieces() {
                list.push_chunk(bytes(offset));
                len += list.num_bytes();
                list.advance(list.num_bytes());
            }
            len
        })
        .row("bump arena, all kept", || {
            let piece = |offset| read(offset, bump.alloc_slice_fill_copy(BLOCK, 0));
            let len = pieces().map(piece).sum();
            bump.reset();
            len
        });
}

/// From memory, so that what is measured is what is done around the reads.
pub(crate) fn stream(c: &mut Criterion) {
    let mut alloc = BucketAlloc::new();
    let mut queue = VecDeque::new();
    let mut linked = LinkedBytes::with_capacity(BLOCK);
    Rows::new(c, "read a STREAM of 1 MiB", LEN)
        .bytes(LEN as u64)
        .row("brigade", || pop_all(Brigade::from(Bucket::stream(black_box(&BODY[..]))), &mut alloc))
        .row("VecDeque<Bytes>", || {
            let mut source = black_box(&BODY[..]);
            let mut len = 0;
            loop {
                let mut piece = BytesMut::zeroed(BLOCK);
                let count = source.read(&mut piece).expect("memory cannot fail");
                if count == 0 {
                    return len;
                }
                piece.truncate(count);
                queue.push_back(piece.freeze());
                len += queue.pop_front().map_or(0, |piece: Bytes| piece.len());
            }
        })
        .row("linkedbytes", || {
            let mut source = black_box(&BODY[..]);
            let mut len = 0;
            while source.has_remaining() {
                linked.bytes_mut().put(Buf::take(&mut source, BLOCK));
                len += linked.len();
                linked.reset();
            }
            len
        });
}

/// The first 4,000 bytes of a stream; nobody else stops there by themselves.
pub(crate) fn partition_read(c: &mut Criterion) {
    let mut alloc = BucketAlloc::new();
    Rows::new(c, "partition_read of a STREAM at 4000", 4000).row("brigade", || {
        let mut body = Brigade::from(Bucket::stream(black_box(&BODY[..])));
        let mut cx = ReadCx::new(&mut alloc, ReadMode::Blocking);
        body.partition_read(4000, &mut cx).expect("there are as many bytes");
        held(&body)
    });
}
