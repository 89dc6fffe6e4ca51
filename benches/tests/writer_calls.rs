//! How many system calls the shapes of the writer's bench cost, and how many slices: counted, not timed.

#[path = "../benches/writer/shapes.rs"]
mod shapes;

use brigade::{Bucket, BucketAlloc, Chain};
use brigade_net::NetworkWriter;
use brigade_testkit::{Call, ScriptedTransport};

use shapes::{Shape, shapes};

/// Sends a shape to a peer that takes everything; answers slices and bytes of each call.
#[track_caller]
fn calls(shape: &Shape, mut send: impl FnMut(&mut Chain, Vec<&[u8]>)) -> Vec<(usize, usize)> {
    let (transport, wire) = ScriptedTransport::new([]);
    let mut chain = Chain::new(NetworkWriter::new(transport));
    shape.flushes().for_each(|pieces| send(&mut chain, pieces));
    assert_eq!(wire.received(), shape.bytes, "{}", shape.name);
    let size = |call: &Call| match *call {
        Call::Write { slices, bytes, .. } => (slices, bytes),
        ref other => panic!("{other:?}"),
    };
    wire.calls().iter().map(size).collect()
}

/// Writes each piece.
fn written(shape: &Shape) -> Vec<(usize, usize)> {
    calls(shape, |chain, pieces| {
        pieces.into_iter().for_each(|piece| chain.write(piece).expect("the peer takes all"));
        chain.flush().expect("the peer takes all");
    })
}

/// Passes the pieces of a flush as one brigade.
fn passed(shape: &Shape) -> Vec<(usize, usize)> {
    calls(shape, |chain, pieces| {
        let buckets = pieces.into_iter().map(Bucket::transient).chain([Bucket::flush()]);
        chain.pass(&mut buckets.collect()).expect("the peer takes all");
    })
}

fn shape(name: &str) -> Shape {
    shapes().into_iter().find(|shape| shape.name == name).expect("it is among those measured")
}

/// Checks how many calls the pieces of `name` take, written one by one and passed as one brigade.
#[track_caller]
fn check_calls(name: &str, by_writes: usize, by_passes: usize) {
    let shape = shape(name);
    assert_eq!((written(&shape).len(), passed(&shape).len()), (by_writes, by_passes), "{name}");
}

#[test]
fn small_pieces_of_256_kib_leave_in_calls_of_the_limit_and_what_passed_it() {
    for name in ["pieces of 32 B", "pieces of 512 B", "pieces of 4 KiB"] {
        check_calls(name, 4, 3);
    }
    check_calls("pieces of 64 KiB", 2, 2);
}

#[test]
fn a_head_and_a_small_body_are_one_call_of_one_slice_or_two_where_a_block_ends() {
    let shape = shape("a head and a body of 1 KiB, flushed");
    for calls in [written(&shape), passed(&shape)] {
        assert_eq!(calls.len(), shape.flushes().count());
        assert!(calls.iter().all(|&(slices, bytes)| slices <= 2 && bytes == 180 + 1024));
        assert!(calls.iter().filter(|&&(slices, _)| slices == 1).count() * 4 > 3 * calls.len());
    }
}

#[test]
fn a_flush_after_each_write_is_one_call_of_one_slice_each() {
    let shape = shape("32 B, flushed");
    let expected = vec![(1, 32); shape.flushes().count()];
    assert_eq!((&written(&shape), &passed(&shape)), (&expected, &expected));
}

#[test]
fn small_writes_are_neighbours_and_leave_as_one_slice_a_block() {
    let block = BucketAlloc::new().block_size();
    for (slices, bytes) in written(&shape("pieces of 32 B")) {
        assert_eq!(slices, bytes.div_ceil(block));
    }
}

#[test]
fn long_pieces_leave_from_where_they_are_each_as_a_slice() {
    let [first, ..] = passed(&shape("pieces of 4 KiB"))[..] else { panic!("nothing was sent") };
    assert_eq!(first, (17, 17 * 4096));
}
