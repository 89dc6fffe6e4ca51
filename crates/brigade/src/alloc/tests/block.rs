//! A block and its slices, each promise by itself.

use crate::alloc::BlockCache;
use crate::alloc::block::{BlockSlice, Open};

#[test]
#[should_panic(expected = "opened again while slices of it are alive")]
fn block_with_a_live_slice_is_never_opened_again() {
    let mut open = Open::new(8);
    let _slice = open.append(b"abc");
    let _ = Open::again(open.close());
}

#[test]
#[should_panic(expected = "range end index 6 out of range")]
fn more_than_fits_is_never_written() {
    let mut open = Open::new(8);
    let _ = open.append(b"abc");
    let _ = open.append(b"defghi");
}

#[test]
fn slice_grows_only_where_the_open_block_ends() {
    let mut open = Open::new(8);
    let mut first = open.append(b"ab");
    let mut clone = first.clone();
    assert_eq!(open.extend(&mut first, b"cd"), 2);
    assert_eq!((open.extend(&mut clone, b"XX"), clone.bytes()), (0, &b"ab"[..]));
    let mut tail = first.split_off(2);
    assert_eq!((open.extend(&mut first, b"XX"), first.bytes()), (0, &b"ab"[..]));
    assert_eq!((open.extend(&mut tail, b"efghij"), tail.bytes()), (4, &b"cdefgh"[..]));
    let mut elsewhere = Open::new(8).append(b"abcdefgh");
    assert_eq!(open.extend(&mut elsewhere, b"X"), 0);
}

#[test]
fn run_through_neighbours_is_all_of_their_bytes() {
    let mut open = Open::new(8);
    let (first, last) = (open.append(b"abc"), open.append(b"def"));
    assert!(first.touches(&last) && !last.touches(&first));
    assert_eq!(BlockSlice::through(&first, &last), b"abcdef");
    assert_eq!(BlockSlice::through(&first, &first), b"abc");
}

#[test]
#[should_panic(expected = "a run from")]
fn run_through_slices_of_two_blocks_panics() {
    let _ = BlockSlice::through(&Open::new(8).append(b"abc"), &Open::new(8).append(b"def"));
}

#[test]
#[should_panic(expected = "opened again while slices of it are alive")]
fn block_with_a_live_slice_never_enters_a_cache() {
    let mut open = Open::new(64);
    let _slice = open.append(b"abc");
    BlockCache::new(64, 1).give([open.close()].into_iter().map(Open::again));
}

#[test]
fn run_of_no_bytes_is_not_lent() {
    let mut open = Open::new(8);
    assert!(open.fill(b"abc"));
    assert_eq!(open.lend(1).as_ref().map(BlockSlice::bytes), Some(&b"bc"[..]));
    assert!(open.lend(3).is_none() && open.lend(4).is_none());
}

#[test]
fn block_and_slice_say_how_long_they_are() {
    let mut open = Open::new(8);
    let (_first, slice) = (open.append(b"abc"), open.append(b"de"));
    assert_eq!(format!("{slice:?} of {:?}", open.close()), "BlockSlice(3..5) of Block(8 bytes)");
}
