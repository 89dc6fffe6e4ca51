//! Taking lines and parts out, nothing copied but where it says so.

use std::collections::VecDeque;
use std::hint::black_box;
use std::io::BufRead;

use brigade::{Brigade, Bucket, BucketAlloc, Split};
use buf_list::{BufList, Cursor};
use bytes::Bytes;

use crate::support::{Criterion, Rows};

const LINE: &str =
    "seventy-nine characters of text and then one line feed, which is the 80th one.\n";
const LINES: usize = 100;

/// A hundred lines, one after the other.
pub(crate) fn split_line(c: &mut Criterion) {
    let text = LINE.repeat(LINES).into_bytes();
    let block = BucketAlloc::new().copy(&text);
    let shared = Bytes::from(text.clone());
    let list = BufList::from(shared.clone());
    let (mut line, mut kept) = (Brigade::new(), Brigade::new());
    Rows::new(c, "split_line, 79 B", LINES)
        .each_of(LINES as u64)
        .row("brigade, borrowed", || {
            let mut input = Brigade::from(Bucket::transient(black_box(&text)));
            count(|| {
                line.clear();
                input.split_line(&mut line, 8192).is_ok_and(Split::is_found)
            })
        })
        .row("brigade, in a block", || {
            let mut input = Brigade::from(block.try_clone().expect("HEAP can be cloned"));
            count(|| {
                kept.clear();
                input.split_line(&mut kept, 8192).is_ok_and(Split::is_found)
            })
        })
        .row("VecDeque<Bytes>", || {
            let mut input = VecDeque::from([black_box(&shared).clone()]);
            count(|| take_line(&mut input).is_some())
        })
        .row("buf-list, by copying", || {
            let mut input = Cursor::new(black_box(&list));
            let mut line = Vec::new();
            count(|| {
                line.clear();
                input.read_until(b'\n', &mut line).is_ok_and(|len| len > 0)
            })
        });
}

/// A hundred parts with a boundary of 40 bytes between them.
pub(crate) fn split_boundary(c: &mut Criterion) {
    let boundary = b"\r\n------------------------a1b2c3d4e5f60718";
    let body: Vec<u8> = (0..LINES).flat_map(|_| [LINE.as_bytes(), boundary].concat()).collect();
    let block = BucketAlloc::new().copy(&body);
    let shared = Bytes::from(body.clone());
    let mut part = Brigade::new();
    Rows::new(c, "split_boundary, parts of 80 B", LINES)
        .each_of(LINES as u64)
        .row("brigade, in a block", || {
            let mut input = Brigade::from(block.try_clone().expect("HEAP can be cloned"));
            count(|| {
                part.clear();
                let split = input.split_boundary(&mut part, boundary, 8192);
                split.is_ok_and(Split::is_found)
            })
        })
        .row("VecDeque<Bytes>, of one piece", || {
            let mut input = black_box(&shared).clone();
            let finder = memchr::memmem::Finder::new(boundary);
            count(|| match finder.find(&input) {
                Some(at) => {
                    let part = input.split_to(at);
                    drop(input.split_to(boundary.len()));
                    !part.is_empty()
                }
                None => false,
            })
        });
}

fn count(mut next: impl FnMut() -> bool) -> usize {
    let mut count = 0;
    while next() {
        count += 1;
    }
    count
}

/// The pieces of the next line.
fn take_line(input: &mut VecDeque<Bytes>) -> Option<VecDeque<Bytes>> {
    let mut line = VecDeque::with_capacity(1);
    while let Some(front) = input.front_mut() {
        let found = memchr::memchr(b'\n', front);
        match found {
            Some(at) if at + 1 < front.len() => line.push_back(front.split_to(at + 1)),
            _ => line.extend(input.pop_front()),
        }
        if found.is_some() {
            return Some(line);
        }
    }
    None
}
