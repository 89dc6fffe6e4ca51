//! The sides of one comparison: each measured by criterion, and then all of them in turn for the ratios.
//!
//! Invariant: no time is noted before the peer has all bytes, and they are the right ones.

use std::net::TcpStream;
use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{BenchmarkGroup, Throughput};

use crate::peer::{Peer, Receiver, pair};
use crate::plot::{Dot, RATIOS};
use crate::support::{CpuTime, Criterion};

/// Every side has its turn so often; a ratio is the median of those of each round.
const ROUNDS: usize = 15;
/// So much of a thread's time is a turn.
const TURN: Duration = Duration::from_millis(10);

/// Sends the same again and again.
pub(crate) trait Side {
    /// Sends all; answers how long that took.
    fn send(&mut self) -> Duration;

    /// Answers what it took besides, now that the peer has everything.
    fn rest(&mut self) -> Duration {
        Duration::ZERO
    }
}

/// What `work` costs this thread.
pub(crate) fn spent(work: impl FnOnce()) -> Duration {
    let start = CpuTime.start();
    work();
    CpuTime.end(start)
}

/// One comparison.
pub(crate) struct Rows<'c> {
    group: BenchmarkGroup<'c, CpuTime>,
    name: String,
    expected: &'c [u8],
    bytes: u64,
    sides: Vec<Row>,
}

struct Row {
    name: &'static str,
    side: Box<dyn Side>,
    peer: Peer,
    total: u64,
    turns: Vec<f64>, // Nanoseconds for all bytes, in each round.
}

impl Row {
    /// Sends so often; answers how long it took.
    fn send(&mut self, count: u64, bytes: u64) -> Duration {
        let mut spent = Duration::ZERO;
        for _ in 0..count {
            spent += self.side.send();
            self.total += bytes;
            let is_right = self.peer.has_read(self.total);
            assert!(is_right, "{}: not the bytes that were sent", self.name);
            spent += self.side.rest();
        }
        spent
    }

    /// Sends until so much time is spent; at least once.
    fn turn(&mut self, bytes: u64, limit: Duration) {
        let (mut spent, mut count) = (Duration::ZERO, 0.0);
        while count == 0.0 || spent < limit {
            spent += self.send(1, bytes);
            count += 1.0;
        }
        self.turns.push(spent.as_secs_f64() * 1e9 / count);
    }
}

impl<'c> Rows<'c> {
    /// Sides that send `bytes` bytes at a time, the next of `expected`, which comes again and again.
    pub(crate) fn new(
        criterion: &'c mut Criterion,
        name: &str,
        expected: &'c [u8],
        bytes: u64,
    ) -> Self {
        let mut group = criterion.benchmark_group(format!("writer, {name}"));
        group.throughput(Throughput::Bytes(bytes)).sample_size(20);
        Self { group, name: name.to_owned(), expected, bytes, sides: Vec::new() }
    }

    /// A side that sends from a socket.
    pub(crate) fn row<S: Side + 'static>(
        self,
        name: &'static str,
        side: impl FnOnce(TcpStream) -> S,
    ) -> Self {
        self.meeting(name, |sender, receiver| (side(sender), receiver.into()))
    }

    /// A side that first has to come to terms with whoever reads.
    pub(crate) fn meeting<S: Side + 'static>(
        mut self,
        name: &'static str,
        meet: impl FnOnce(TcpStream, TcpStream) -> (S, Receiver),
    ) -> Self {
        let (mut row, mut meet) = (None, Some(meet));
        let (expected, bytes) = (self.expected, self.bytes);
        // Called only if the row is asked for.
        self.group.bench_function(name, |bencher| {
            if let Some(meet) = meet.take() {
                let (sender, receiver) = pair().expect("loopback");
                let (side, receiver) = meet(sender, receiver);
                let peer = Peer::new(receiver, expected);
                row = Some(Row { name, side: Box::new(side), peer, total: 0, turns: Vec::new() });
            }
            let row = row.as_mut().expect("it was just made");
            bencher.iter_custom(|count| row.send(count, bytes));
        });
        self.sides.extend(row);
        self
    }

    /// Has all sides send in turn, and prints each one's time and its ratio to that of the first.
    pub(crate) fn compare(self) {
        let Self { group, name, bytes, mut sides, .. } = self;
        group.finish();
        let is_test = std::env::args().any(|argument| argument == "--test");
        for _ in 0..if is_test { 1 } else { ROUNDS } {
            for row in &mut sides {
                row.turn(bytes, if is_test { Duration::ZERO } else { TURN });
            }
        }
        let Some(bare) = sides.first().map(|row| row.turns.clone()) else { return };
        println!("\n{name}");
        for row in sides {
            let ratios = row.turns.iter().zip(&bare).map(|(turn, bare)| turn / bare).collect();
            let (time, ratio) = (median(row.turns), median(ratios));
            println!("  {:<32} {:10.1} us  {ratio:6.2}", row.name, time / 1e3);
            let dot = Dot { of: name.clone(), side: row.name, ratio };
            RATIOS.lock().expect("nothing panics").push(dot);
        }
        println!();
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
