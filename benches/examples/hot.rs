//! One hot operation, so many times and nothing else: `hot ROW COUNT`. `.ci/instructions` runs it under
//! callgrind twice and counts what an operation takes.
//!
//! Every row checks its answer before it ends, so that what is counted was done.

#![allow(clippy::unnecessary_wraps)] // The rows are of one type, and some of them can fail.

use std::hint::black_box;
use std::process::ExitCode;

use brigade::{Brigade, Bucket, BucketAlloc, Chain, FilterKind, Member, Result, from_fn};
use brigade_benches::Sink;

const PIECE: &[u8; 32] = b"one write of thirty-two bytes..\n";

/// A row: its name in `.ci/instructions.limits`, and what does the operation `count` times.
type Row = (&'static str, fn(count: u64) -> Result<()>);

const ROWS: [Row; 11] = [
    ("chain_write_32", chain_write),
    ("transient_push_clear", transient),
    ("heap_copy_32", heap_copy),
    ("gather_32", gather),
    ("split", split),
    ("io_slices_64", io_slices),
    ("pass_empty_chain", |count| pass(count, 0)),
    // Eight of them above the same pass: the difference is eight hops.
    ("pass_8_idle_filters", |count| pass(count, 8)),
    ("set_aside_16x100", set_aside),
    ("split_line_80", split_line),
    ("flatten_64", flatten),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, count)) = row_and_count(&arguments) else {
        let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: hot ROW COUNT, a row being one of {}", names.join(", "));
        return ExitCode::from(2);
    };
    match name.1(count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hot: {}: {error}", name.0);
            ExitCode::FAILURE
        }
    }
}

fn row_and_count(arguments: &[String]) -> Option<(Row, u64)> {
    let [name, count] = arguments else { return None };
    let row = ROWS.into_iter().find(|row| row.0 == name)?;
    Some((row, count.parse().ok()?))
}

fn chain_write(count: u64) -> Result<()> {
    let mut chain = Chain::new(Sink(0));
    for _ in 0..count {
        chain.write(black_box(PIECE))?;
    }
    chain.flush()?;
    check(&mut chain, count * 32);
    Ok(())
}

fn transient(count: u64) -> Result<()> {
    let mut brigade = Brigade::new();
    let mut bytes = 0;
    for _ in 0..count {
        brigade.push_back(Bucket::transient(black_box(PIECE)));
        bytes += brigade.resident_bytes();
        brigade.clear();
    }
    assert_eq!(bytes, count * 32);
    Ok(())
}

fn heap_copy(count: u64) -> Result<()> {
    let mut alloc = BucketAlloc::new();
    for _ in 0..count {
        black_box(alloc.copy(black_box(PIECE)));
    }
    assert_eq!(alloc.stats().copied_bytes, count * 32);
    Ok(())
}

/// Small writes that share a bucket until its block is full.
fn gather(count: u64) -> Result<()> {
    let (mut alloc, mut brigade) = (BucketAlloc::new(), Brigade::new());
    let mut bytes = 0;
    for _ in 0..count {
        brigade.write(&mut alloc, black_box(PIECE));
        if brigade.len() > 1 {
            bytes += brigade.resident_bytes();
            brigade.clear();
        }
    }
    assert_eq!(bytes + brigade.resident_bytes(), count * 32);
    Ok(())
}

/// In halves, of a bucket that shares its block with a clone.
fn split(count: u64) -> Result<()> {
    let mut alloc = BucketAlloc::new();
    let whole = alloc.copy(PIECE);
    for _ in 0..count {
        let mut head = whole.try_clone().expect("HEAP is cloned");
        let rest = head.split_at(black_box(16))?;
        assert_eq!(black_box((head, rest)).1.len(), Some(16));
    }
    Ok(())
}

/// Of 64 pieces that are no neighbours.
fn io_slices(count: u64) -> Result<()> {
    let mut alloc = BucketAlloc::new();
    let mut brigade = Brigade::new();
    for _ in 0..64 {
        brigade.push_back(alloc.copy(&[7; 128]));
        drop(alloc.copy(b"between"));
    }
    for _ in 0..count {
        assert_eq!(brigade.io_slices(black_box(64)).len(), 64);
    }
    Ok(())
}

/// One borrowed bucket, the brigade used again, through `filters` that hand on what they get.
fn pass(count: u64, filters: usize) -> Result<()> {
    let mut chain = Chain::new(Sink(0));
    for _ in 0..filters {
        let idle = from_fn(|input, next| next.push_all(input));
        chain.join(Member::new("idle", FilterKind::RESOURCE, idle));
    }
    let mut brigade = Brigade::new();
    for _ in 0..count {
        brigade.push_back(Bucket::transient(black_box(PIECE)));
        chain.pass(&mut brigade)?;
    }
    check(&mut chain, count * 32);
    Ok(())
}

fn set_aside(count: u64) -> Result<()> {
    let mut alloc = BucketAlloc::new();
    let pieces = [[7; 100]; 16];
    let (mut brigade, mut kept) = (Brigade::new(), Brigade::new());
    for _ in 0..count {
        brigade.extend(black_box(&pieces).iter().map(|piece| Bucket::transient(piece)));
        brigade.set_aside(&mut kept, &mut alloc);
        assert_eq!(kept.resident_bytes(), 1600);
        kept.clear();
    }
    Ok(())
}

/// Lines of 80 bytes, out of one borrowed bucket at a time.
fn split_line(count: u64) -> Result<()> {
    let mut lines = [b'x'; 8000];
    lines.iter_mut().skip(79).step_by(80).for_each(|byte| *byte = b'\n');
    let (mut brigade, mut line) = (Brigade::new(), Brigade::new());
    for _ in 0..count {
        if brigade.is_empty() {
            brigade.push_back(Bucket::transient(black_box(&lines)));
        }
        assert!(brigade.split_line(&mut line, 8192)?.is_found());
        assert_eq!(line.resident_bytes(), 80);
        line.clear();
    }
    Ok(())
}

/// Of 64 pieces of 16 to 128 bytes.
fn flatten(count: u64) -> Result<()> {
    let bytes = [7; 128];
    let lens = [128, 64, 48, 16];
    let pieces = (0..64).map(|at| Bucket::transient(&bytes[..lens[at % lens.len()]]));
    let (brigade, mut flat) = (pieces.collect::<Brigade<'_>>(), [0; 4096]);
    for _ in 0..count {
        assert_eq!(black_box(&brigade).flatten_into(&mut flat).count_bytes, 4096);
    }
    Ok(())
}

#[track_caller]
fn check(chain: &mut Chain, passed_bytes: u64) {
    assert_eq!(chain.terminal::<Sink>().map(|sink| sink.0), Some(passed_bytes));
}
