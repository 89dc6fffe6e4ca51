//! Looking at the bytes of 64 × 128: how many, as slices, as one run.

use std::collections::VecDeque;
use std::hint::black_box;
use std::io::IoSlice;

use buf_list::BufList;
use bumpalo::Bump;
use bytes::{Buf, Bytes, BytesMut};
use linkedbytes::LinkedBytes;

use crate::support::{Are, Criterion, Rows, sixty_four, sixty_four_bytes};

fn linked() -> LinkedBytes {
    let mut linked = LinkedBytes::with_capacity(0);
    let pieces: Vec<Bytes> = sixty_four_bytes();
    pieces.into_iter().for_each(|bytes| linked.insert(bytes));
    linked
}

/// Ours is a number that is kept, and knows whether any length is unknown.
pub(crate) fn len_bytes(c: &mut Criterion) {
    let brigade = sixty_four(Are::Apart);
    let queue: VecDeque<Bytes> = sixty_four_bytes();
    let list: BufList = sixty_four_bytes();
    let linked = linked();
    Rows::new(c, "len_bytes of 64", Some(8192))
        .row("brigade", || black_box(&brigade).len_bytes())
        .row("VecDeque<Bytes>", || {
            Some(black_box(&queue).iter().map(|bytes| bytes.len() as u64).sum())
        })
        .row("buf-list", || Some(black_box(&list).num_bytes() as u64))
        .row("linkedbytes", || Some(black_box(&linked).len() as u64));
}

pub(crate) fn io_slices(c: &mut Criterion) {
    let (apart, neighbours) = (sixty_four(Are::Apart), sixty_four(Are::Neighbours));
    let queue: VecDeque<Bytes> = sixty_four_bytes();
    let list: BufList = sixty_four_bytes();
    let linked = linked();
    let sum = |slices: &[IoSlice<'_>]| slices.iter().map(|slice| slice.len()).sum::<usize>();
    Rows::new(c, "io_slices of 64", 8192)
        .row("brigade", || sum(&apart.io_slices(black_box(64))))
        .row("brigade, neighbours", || sum(&neighbours.io_slices(black_box(64))))
        .row("VecDeque<Bytes>", || {
            let mut slices = [IoSlice::new(&[]); 64];
            let pieces = slices.iter_mut().zip(black_box(&queue));
            let count = pieces.map(|(slice, bytes)| *slice = IoSlice::new(bytes)).count();
            sum(&slices[..count])
        })
        .row("buf-list", || {
            let mut slices = [IoSlice::new(&[]); 64];
            let count = black_box(&list).chunks_vectored(&mut slices);
            sum(&slices[..count])
        })
        .row("linkedbytes", || sum(&black_box(&linked).io_slice()));
}

/// Into a vector of one's own.
pub(crate) fn flatten(c: &mut Criterion) {
    let (apart, neighbours) = (sixty_four(Are::Apart), sixty_four(Are::Neighbours));
    let queue: VecDeque<Bytes> = sixty_four_bytes();
    let list: BufList = sixty_four_bytes();
    let linked = linked();
    let mut bump = Bump::with_capacity(1 << 20);
    Rows::new(c, "flatten 64 x 128 B", 8192)
        .bytes(8192)
        .row("brigade", || apart.flatten(black_box(8192)).map_or(0, |flat| flat.len()))
        .row("brigade, neighbours", || {
            neighbours.flatten(black_box(8192)).map_or(0, |flat| flat.len())
        })
        .row("VecDeque<Bytes>", || {
            let mut flat = Vec::with_capacity(8192);
            black_box(&queue).iter().for_each(|bytes| flat.extend_from_slice(bytes));
            flat.len()
        })
        .row("buf-list", || {
            let mut flat = Vec::with_capacity(8192);
            black_box(&list).iter().for_each(|bytes| flat.extend_from_slice(bytes));
            flat.len()
        })
        .row("linkedbytes", || black_box(&linked).concat().len())
        .row("bump arena", || {
            let flat = bump.alloc_slice_fill_copy(8192, 0);
            let mut at = 0;
            for bytes in black_box(&queue) {
                flat[at..at + bytes.len()].copy_from_slice(bytes);
                at += bytes.len();
            }
            bump.reset();
            at
        });
}

/// As one `Bytes` to keep: by reference, where the pieces are neighbours. The others cannot know.
pub(crate) fn flatten_bytes(c: &mut Criterion) {
    let neighbours = sixty_four(Are::Neighbours);
    let queue: VecDeque<Bytes> = sixty_four_bytes();
    let list: BufList = sixty_four_bytes();
    let linked = linked();
    Rows::new(c, "flatten_bytes of 64 neighbours", 8192)
        .bytes(8192)
        .row("brigade", || neighbours.flatten_bytes(black_box(8192)).map_or(0, |flat| flat.len()))
        .row("VecDeque<Bytes>", || {
            let mut flat = BytesMut::with_capacity(8192);
            black_box(&queue).iter().for_each(|bytes| flat.extend_from_slice(bytes));
            flat.freeze().len()
        })
        .row("buf-list, cloned", || black_box(&list).clone().copy_to_bytes(8192).len())
        .row("linkedbytes", || black_box(&linked).concat().freeze().len());
}

/// Into a buffer of the caller's.
pub(crate) fn flatten_into(c: &mut Criterion) {
    let brigade = sixty_four(Are::Apart);
    let queue: VecDeque<Bytes> = sixty_four_bytes();
    let list: BufList = sixty_four_bytes();
    let mut room = vec![0; 8192];
    let mut copied = |pieces: &mut dyn Iterator<Item = &Bytes>| {
        let mut at = 0;
        for bytes in pieces {
            room[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        }
        at
    };
    let mut to = vec![0; 8192];
    Rows::new(c, "flatten_into 8 KiB", 8192)
        .bytes(8192)
        .row("brigade", || brigade.flatten_into(black_box(&mut to)).count_bytes)
        .row("VecDeque<Bytes>", || copied(&mut black_box(&queue).iter()))
        .row("buf-list", || copied(&mut black_box(&list).iter()));
}
