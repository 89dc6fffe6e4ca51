//! Small writes that gather: 2,048 of 32 bytes, 64 KiB, then all is dropped.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{IoSlice, Write as _};

use brigade::{Brigade, BucketAlloc};
use buf_list::BufList;
use bumpalo::Bump;
use bytes::{Buf, Bytes, BytesMut};
use linkedbytes::LinkedBytes;

use crate::support::{Criterion, PIECE, Rows, held};

const WRITES: usize = 2048;
const BLOCK: usize = 8 * 1024;

/// A buffer that becomes a piece when it is full, which is how a `VecDeque<Bytes>` gathers.
#[derive(Default)]
struct Gathered {
    open: BytesMut,
    full: VecDeque<Bytes>,
}

impl Gathered {
    fn write(&mut self, bytes: &[u8]) {
        if self.open.capacity() - self.open.len() < bytes.len() {
            self.full.push_back(self.open.split().freeze());
            self.open.reserve(BLOCK);
        }
        self.open.extend_from_slice(bytes);
    }

    fn clear(&mut self) -> usize {
        self.full.push_back(self.open.split().freeze());
        self.full.drain(..).map(|bytes| bytes.len()).sum()
    }
}

pub(crate) fn write(c: &mut Criterion) {
    let (mut alloc, mut brigade) = (BucketAlloc::new(), Brigade::new());
    let mut gathered = Gathered::default();
    let mut list = BufList::new();
    let mut linked = LinkedBytes::with_capacity(WRITES * PIECE.len());
    let mut bump = Bump::with_capacity(1 << 20);
    Rows::new(c, "gathered write 32 B", WRITES * PIECE.len())
        .each_of(WRITES as u64)
        .row("brigade", || {
            (0..WRITES).for_each(|_| brigade.write(&mut alloc, black_box(PIECE)));
            let len = held(&brigade);
            brigade.clear();
            len
        })
        .row("VecDeque<Bytes>", || {
            (0..WRITES).for_each(|_| gathered.write(black_box(PIECE)));
            gathered.clear()
        })
        .row("buf-list", || {
            (0..WRITES).for_each(|_| _ = list.push_chunk(&black_box(PIECE)[..]));
            let len = list.num_bytes();
            list.advance(len);
            len
        })
        .row("linkedbytes", || {
            (0..WRITES).for_each(|_| linked.bytes_mut().extend_from_slice(black_box(PIECE)));
            let len = linked.len();
            linked.reset();
            len
        })
        .row("bump arena", || {
            let written = |_| bump.alloc_slice_copy(black_box(PIECE)).len();
            let len = (0..WRITES).map(written).sum();
            bump.reset();
            len
        });
}

/// Four slices a call: a line of a head.
pub(crate) fn writev(c: &mut Criterion) {
    let line = ["Content-Length", ": ", "1048576", "\r\n"];
    let len: usize = line.iter().map(|part| part.len()).sum();
    let (mut alloc, mut brigade) = (BucketAlloc::new(), Brigade::new());
    let mut gathered = Gathered::default();
    let mut linked = LinkedBytes::with_capacity(BLOCK);
    Rows::new(c, "writev of 4", 64 * len)
        .each_of(64)
        .row("brigade", || {
            let mut out = brigade.writer(&mut alloc);
            let mut len = 0;
            for _ in 0..64 {
                let slices = black_box(line).map(|part| IoSlice::new(part.as_bytes()));
                len += out.write_vectored(&slices).expect("a brigade takes all");
            }
            brigade.clear();
            len
        })
        .row("VecDeque<Bytes>", || {
            for _ in 0..64 {
                black_box(line).iter().for_each(|part| gathered.write(part.as_bytes()));
            }
            gathered.clear()
        })
        .row("linkedbytes", || {
            for _ in 0..64 {
                let parts = black_box(line);
                parts.iter().for_each(|part| linked.bytes_mut().extend_from_slice(part.as_bytes()));
            }
            let len = linked.len();
            linked.reset();
            len
        });
}

/// A number, formatted.
pub(crate) fn print(c: &mut Criterion) {
    let (mut alloc, mut brigade) = (BucketAlloc::new(), Brigade::new());
    let mut buffer = BytesMut::with_capacity(BLOCK);
    let mut linked = LinkedBytes::with_capacity(BLOCK);
    Rows::new(c, "print", 64 * 9)
        .each_of(64)
        .row("brigade", || {
            for _ in 0..64 {
                brigade.print(&mut alloc, format_args!("{}\r\n", black_box(1_048_576)));
            }
            let len = held(&brigade);
            brigade.clear();
            len
        })
        .row("VecDeque<Bytes>", || {
            for _ in 0..64 {
                write!(buffer, "{}\r\n", black_box(1_048_576)).expect("it grows");
            }
            let len = buffer.len();
            buffer.clear();
            len
        })
        .row("linkedbytes", || {
            for _ in 0..64 {
                write!(linked.bytes_mut(), "{}\r\n", black_box(1_048_576)).expect("it grows");
            }
            let len = linked.len();
            linked.reset();
            len
        });
}
