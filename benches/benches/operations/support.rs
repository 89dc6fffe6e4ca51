//! What the rows share: how one is checked and measured, and pieces to work on.

use std::fmt::Debug;
use std::time::Duration;

use brigade::{Brigade, BucketAlloc};
use bytes::Bytes;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkGroup, Throughput};
use rustix::time::{ClockId, clock_gettime};

pub(crate) const PIECE: &[u8; 32] = b"one write of thirty-two bytes..\n";

pub(crate) type Criterion = criterion::Criterion<CpuTime>;

/// The thread's own time: what others do on the machine meanwhile is not counted.
pub(crate) struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(now).expect("a thread's time is not negative")
    }

    fn end(&self, start: Duration) -> Duration {
        self.start().saturating_sub(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// One operation: each side does the same work, and gives the same answer.
pub(crate) struct Rows<'c, T> {
    group: BenchmarkGroup<'c, CpuTime>,
    answer: T,
}

impl<'c, T: PartialEq + Debug> Rows<'c, T> {
    /// Rows that answer `answer`.
    pub(crate) fn new(criterion: &'c mut Criterion, operation: &str, answer: T) -> Self {
        Self { group: criterion.benchmark_group(operation), answer }
    }

    /// Figures are of one of so many that a routine does.
    pub(crate) fn each_of(mut self, count: u64) -> Self {
        self.group.throughput(Throughput::Elements(count));
        self
    }

    /// Figures are of so many bytes.
    pub(crate) fn bytes(mut self, count: u64) -> Self {
        self.group.throughput(Throughput::Bytes(count));
        self
    }

    /// Checks what `routine` answers, then measures it.
    #[track_caller]
    pub(crate) fn row(mut self, side: &str, mut routine: impl FnMut() -> T) -> Self {
        assert_eq!(routine(), self.answer, "{side}");
        // Once more: what a routine leaves behind must not change what it does.
        assert_eq!(routine(), self.answer, "{side}, the second time");
        self.group.bench_function(side, |bencher| bencher.iter(&mut routine));
        self
    }
}

/// Whether the slices of [`sixty_four`] follow each other in a block.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Are {
    Apart,
    Neighbours,
}

/// 64 pieces of 128 bytes.
pub(crate) fn sixty_four(are: Are) -> Brigade<'static> {
    let mut alloc = BucketAlloc::new();
    let mut kept = Brigade::new();
    for _ in 0..64 {
        kept.push_back(alloc.copy(&[7; 128]));
        if are == Are::Apart {
            // What nobody keeps is between them.
            drop(alloc.copy(b"between"));
        }
    }
    kept
}

/// The same for others, in storage of their own each.
pub(crate) fn sixty_four_bytes<C: FromIterator<Bytes>>() -> C {
    (0..64).map(|_| Bytes::from(vec![7; 128])).collect()
}

/// Bytes in memory, as the others count them.
pub(crate) fn held(brigade: &Brigade<'_>) -> usize {
    usize::try_from(brigade.resident_bytes()).expect("they are in memory")
}
