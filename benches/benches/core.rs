//! The hot operations of buckets, brigades, the allocator and the chain, each beside what a user would
//! pick instead: a `VecDeque<Bytes>`.
//!
//! Every routine is run once with its answer checked before it is timed, so that
//! `cargo bench -- --test` is a test.

use std::collections::VecDeque;
use std::hint::black_box;

use brigade::{
    Brigade, Bucket, BucketAlloc, Chain, FilterKind, Member, OutputFilter, ReadCx, Result,
    Terminal, from_fn,
};
use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const PIECE: &[u8; 32] = b"one write of thirty-two bytes..\n";

fn buckets(c: &mut Criterion) {
    let mut group = c.benchmark_group("bucket");
    let mut alloc = BucketAlloc::new();

    let mut brigade = Brigade::new();
    let mut transient = || {
        brigade.push_back(Bucket::transient(black_box(PIECE)));
        let len = brigade.resident_bytes();
        brigade.clear();
        len
    };
    assert_eq!(transient(), 32);
    group.bench_function("transient, clear", |b| b.iter(&mut transient));
    group.bench_function("transient, pop", |b| {
        b.iter(|| {
            brigade.push_back(Bucket::transient(black_box(PIECE)));
            brigade.pop_front()
        });
    });

    let mut queue = VecDeque::new();
    group.bench_function("transient, VecDeque<Bytes>", |b| {
        b.iter(|| {
            queue.push_back(Bytes::from_static(black_box(PIECE)));
            queue.pop_front()
        });
    });

    let mut eight = || {
        (0..8).for_each(|_| brigade.push_back(Bucket::transient(black_box(PIECE))));
        let len = brigade.resident_bytes();
        brigade.clear();
        len
    };
    assert_eq!(eight(), 256);
    group.throughput(Throughput::Elements(8));
    group.bench_function("8 transients, clear", |b| b.iter(&mut eight));
    group.finish();

    let mut group = c.benchmark_group("heap");
    for len in [32, 8192] {
        let bytes = vec![7; len];
        assert_eq!(alloc.copy(&bytes).bytes(), Some(&bytes[..]));
        group.bench_function(format!("copy {len} B"), |b| b.iter(|| alloc.copy(black_box(&bytes))));
        group.bench_function(format!("copy {len} B, Bytes"), |b| {
            b.iter(|| Bytes::copy_from_slice(black_box(&bytes)));
        });
    }
    let mut split = || {
        let mut head = alloc.copy(black_box(PIECE));
        let rest = head.split_at(16);
        (head, rest)
    };
    assert_eq!(split().1.map(|rest| rest.len()).ok().flatten(), Some(16));
    group.bench_function("copy and split 32 B", |b| b.iter(&mut split));
    group.bench_function("copy and split 32 B, Bytes", |b| {
        b.iter(|| {
            let mut head = Bytes::copy_from_slice(black_box(PIECE));
            let rest = head.split_off(16);
            (head, rest)
        });
    });
    group.finish();
}

/// 64 pieces of 128 bytes, next to each other in one block or with something between.
fn sixty_four(neighbours: bool) -> Brigade<'static> {
    let mut alloc = BucketAlloc::new();
    let mut kept = Brigade::new();
    for _ in 0..64 {
        kept.push_back(alloc.copy(&[7; 128]));
        if !neighbours {
            let _ = alloc.copy(b"between");
        }
    }
    kept
}

fn brigades(c: &mut Criterion) {
    let mut group = c.benchmark_group("brigade");
    let mut alloc = BucketAlloc::new();
    gathering(&mut group, &mut alloc);

    for neighbours in [false, true] {
        let name = if neighbours { "neighbours" } else { "apart" };
        let brigade = sixty_four(neighbours);
        assert_eq!(brigade.io_slices(64).len(), if neighbours { 1 } else { 64 });
        assert_eq!(brigade.flatten(8192).ok(), Some(vec![7; 8192]));
        group.bench_function(format!("io_slices of 64, {name}"), |b| {
            b.iter(|| brigade.io_slices(black_box(64)).len());
        });
        group.bench_function(format!("flatten 64 x 128 B, {name}"), |b| {
            b.iter(|| brigade.flatten(black_box(8192)));
        });
    }

    cutting(&mut group, &mut alloc);

    let pieces = [[7; 100]; 16];
    let mut kept = Brigade::new();
    let mut set_aside = || {
        let mut brigade: Brigade<'_> =
            black_box(&pieces).iter().map(|piece| Bucket::transient(piece)).collect();
        brigade.set_aside(&mut kept, &mut alloc);
        let (len, buckets) = (kept.resident_bytes(), kept.len());
        kept.clear();
        (len, buckets)
    };
    assert_eq!(set_aside().0, 1600);
    group.throughput(Throughput::Elements(16));
    group.bench_function("set aside 16 x 100 B", |b| b.iter(&mut set_aside));
    group.bench_function("set aside 16 x 100 B, Vec<Bytes>", |b| {
        b.iter(|| {
            let pieces = black_box(&pieces).iter();
            pieces.map(|piece| Bytes::copy_from_slice(piece)).collect::<Vec<_>>()
        });
    });
    group.finish();
}

fn cutting(group: &mut Group<'_>, alloc: &mut BucketAlloc) {
    let mut brigade = sixty_four(false);
    let mut partition = || -> Result<u64> {
        let mut rest = brigade.partition(black_box(4000))?;
        let len = rest.resident_bytes();
        brigade.append(&mut rest);
        Ok(len)
    };
    assert_eq!(partition().ok(), Some(8192 - 4000));
    group.bench_function("partition at 4000 of 64 x 128 B and append", |b| b.iter(&mut partition));

    let text = "seventy-nine characters of text and then one line feed, which is the 80th one.\n";
    let text = text.repeat(100).into_bytes();
    let mut line = Brigade::new();
    let mut lines = || -> Result<usize> {
        let mut brigade = Brigade::from(Bucket::transient(&text));
        let mut count = 0;
        while brigade.split_line(&mut line, 8192)?.is_found() {
            line.clear();
            count += 1;
        }
        Ok(count)
    };
    assert_eq!(lines().ok(), Some(100));
    group.throughput(Throughput::Elements(100));
    group.bench_function("split_line, 79 B, borrowed", |b| b.iter(&mut lines));
    let block = alloc.copy(&text);
    let mut line = Brigade::new();
    let mut lines = || -> Result<usize> {
        let mut brigade = Brigade::from(block.try_clone().expect("HEAP is cloned"));
        let mut count = 0;
        while brigade.split_line(&mut line, 8192)?.is_found() {
            line.clear();
            count += 1;
        }
        Ok(count)
    };
    assert_eq!(lines().ok(), Some(100));
    group.bench_function("split_line, 79 B, in a block", |b| b.iter(&mut lines));
    group.throughput(Throughput::Elements(1));
}

type Group<'g> = criterion::BenchmarkGroup<'g, criterion::measurement::WallTime>;

fn gathering(group: &mut Group<'_>, alloc: &mut BucketAlloc) {
    let mut brigade = Brigade::new();
    brigade.write(alloc, PIECE);
    brigade.write(alloc, PIECE);
    assert_eq!((brigade.len(), brigade.len_bytes()), (1, Some(64)));
    group.bench_function("write 32 B", |b| {
        b.iter(|| {
            brigade.write(alloc, black_box(PIECE));
            if brigade.resident_bytes() >= 64 * 1024 {
                brigade.clear();
            }
        });
    });
    let mut buffer = BytesMut::with_capacity(64 * 1024);
    group.bench_function("write 32 B, BytesMut", |b| {
        b.iter(|| {
            buffer.extend_from_slice(black_box(PIECE));
            if buffer.len() >= 64 * 1024 {
                buffer.clear();
            }
        });
    });
}

/// Takes everything and forgets it.
struct Sink(u64);

impl Terminal for Sink {
    fn write(&mut self, brigade: &mut Brigade<'_>, _cx: &mut ReadCx<'_>) -> Result<()> {
        self.0 += brigade.resident_bytes();
        brigade.clear();
        Ok(())
    }
}

fn push_all() -> impl OutputFilter {
    from_fn(|input, next| next.push_all(input))
}

fn push_loop() -> impl OutputFilter {
    from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            next.push(bucket)?;
        }
        Ok(())
    })
}

fn chain_of<F: OutputFilter + 'static>(count: usize, filter: fn() -> F) -> Chain {
    let mut chain = Chain::new(Sink(0));
    for _ in 0..count {
        chain.join(Member::new("filter", FilterKind::RESOURCE, filter()));
    }
    chain
}

#[track_caller]
fn check(chain: &mut Chain, passed: u64) {
    assert_eq!(chain.terminal::<Sink>().map(|sink| sink.0), Some(passed));
}

fn chains(c: &mut Criterion) {
    let mut group = c.benchmark_group("chain");
    for filters in [0, 5] {
        let mut chain = chain_of(filters, push_all);
        assert!((0..512).all(|_| chain.write(PIECE).is_ok()));
        assert!(chain.flush().is_ok());
        check(&mut chain, 512 * 32);
        group.bench_function(format!("write 32 B, {filters} filters"), |b| {
            b.iter(|| chain.write(black_box(PIECE)));
        });
        group.bench_function(format!("write 32 B and flush, {filters} filters"), |b| {
            b.iter(|| chain.write(black_box(PIECE)).and_then(|()| chain.flush()));
        });
    }
    passing(&mut group, "8 idle filters", &mut chain_of(8, push_all));
    passing(&mut group, "8 push-loop filters", &mut chain_of(8, push_loop));
    group.finish();
}

/// One brigade of one borrowed bucket, used again for each pass; and a new one each time.
fn passing(group: &mut Group<'_>, name: &str, chain: &mut Chain) {
    let mut brigade = Brigade::new();
    let mut pass = |chain: &mut Chain| {
        brigade.push_back(Bucket::transient(black_box(PIECE)));
        chain.pass(&mut brigade)
    };
    assert!(pass(chain).is_ok());
    check(chain, 32);
    group.bench_function(format!("{name}, brigade used again"), |b| b.iter(|| pass(chain)));
    group.bench_function(format!("{name}, new brigade"), |b| {
        b.iter(|| chain.pass_bucket(Bucket::transient(black_box(PIECE))));
    });
    let mut eight = Brigade::new();
    group.bench_function(format!("{name}, 8 buckets"), |b| {
        b.iter(|| {
            eight.extend((0..8).map(|_| Bucket::transient(black_box(PIECE))));
            chain.pass(&mut eight)
        });
    });
}

criterion_group!(benches, buckets, brigades, chains);
criterion_main!(benches);
