//! Threads that make, move, clone, split, grow, keep and drop buckets at random, each byte checked: what
//! a data race or a block written too early would spoil. Meant for AddressSanitizer, see `.ci/sanitize`;
//! short in the ordinary suite. `BRIGADE_STRESS_MS` makes it longer.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use brigade::{AllocOptions, Brigade, Bucket, BucketAlloc, Fill};

/// A bucket that knows what is in it.
struct Piece {
    bucket: Bucket<'static>,
    seed: u64,
    from: u64, // Its first byte is this one of what `seed` gives.
}

fn byte(seed: u64, at: u64) -> u8 {
    ((seed ^ at).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

impl Piece {
    fn check(&self) {
        let bytes = self.bucket.bytes().expect("it is in memory");
        for (at, &seen) in (self.from..).zip(bytes) {
            assert_eq!(seen, byte(self.seed, at), "byte {at} of {}", self.seed);
        }
    }

    fn len(&self) -> u64 {
        self.bucket.len().expect("it is in memory")
    }
}

struct Worker {
    dice: u64,
    alloc: BucketAlloc,
    kept: Vec<Piece>,
    growing: Brigade<'static>,
    growing_seed: u64,
    to: Vec<Sender<Piece>>,
    inbox: Receiver<Piece>,
}

impl Worker {
    fn below(&mut self, limit: usize) -> usize {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.dice >> 33).expect("31 bits") % limit.max(1)
    }

    fn make(&mut self) {
        let (seed, len) = (self.dice, self.below(300));
        let write = |to: &mut [u8]| {
            (0..).zip(to).for_each(|(at, to)| *to = byte(seed, at));
        };
        let bucket = match self.below(4) {
            0 => {
                let mut bytes = vec![0; len];
                write(&mut bytes);
                self.alloc.copy(&bytes)
            }
            1 => self.alloc.copy_with(len, write),
            _ => {
                let filled = self.alloc.fill(len + 1, |room| {
                    write(room);
                    Ok(room.len())
                });
                let Ok(Fill::Data(bucket)) = filled else { return };
                bucket
            }
        };
        self.kept.push(Piece { bucket, seed, from: 0 });
    }

    /// Writes on where the last write ended, and takes a clone of what is there.
    fn grow(&mut self) {
        let from = self.growing.len_bytes().expect("it is in memory");
        let len = self.below(40) as u64;
        let bytes: Vec<u8> = (from..from + len).map(|at| byte(self.growing_seed, at)).collect();
        self.growing.write(&mut self.alloc, &bytes);
        if from > 500 {
            let mut from = 0;
            for bucket in std::mem::take(&mut self.growing) {
                let piece = Piece { bucket, seed: self.growing_seed, from };
                from += piece.len();
                self.kept.push(piece);
            }
            self.growing_seed = self.dice;
        } else if let Some(last) = self.growing.back() {
            let bucket = last.try_clone().expect("HEAP is cloned");
            let before = self.growing.len_bytes().expect("it is in memory");
            let from = before - bucket.len().expect("it is in memory");
            self.kept.push(Piece { bucket, seed: self.growing_seed, from });
        }
    }

    fn turn(&mut self) {
        let at = self.below(self.kept.len());
        match self.below(12) {
            0..=2 => self.make(),
            3 => self.grow(),
            4 | 5 if !self.kept.is_empty() => {
                let piece = self.kept.swap_remove(at);
                piece.check();
                let to = self.below(self.to.len());
                // A worker that has ended drops what is sent to it: one more thread that drops.
                let _ = self.to[to].send(piece);
            }
            6 if !self.kept.is_empty() => {
                let Piece { bucket, seed, from } = &self.kept[at];
                let clone = bucket.try_clone().expect("HEAP is cloned");
                let clone = Piece { bucket: clone, seed: *seed, from: *from };
                self.kept.push(clone);
            }
            7 if !self.kept.is_empty() => {
                let mut piece = self.kept.swap_remove(at);
                let cut = self.below(usize::try_from(piece.len()).expect("small") + 1) as u64;
                let bucket = piece.bucket.split_at(cut).expect("within its length");
                self.kept.push(Piece { bucket, seed: piece.seed, from: piece.from + cut });
                self.kept.push(piece);
            }
            8 if self.below(50) == 0 => self.alloc.trim(),
            _ => {
                let more = self.kept.len().saturating_sub(60);
                for _ in 0..=more {
                    let at = self.below(self.kept.len());
                    if at < self.kept.len() {
                        self.kept.swap_remove(at).check();
                    }
                }
            }
        }
        self.kept.extend(self.inbox.try_recv());
    }
}

#[test]
fn bytes_are_right_whatever_threads_do_with_their_buckets() {
    let millis = std::env::var("BRIGADE_STRESS_MS").ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_millis(millis.unwrap_or(300));
    let (to, inboxes): (Vec<_>, Vec<_>) = (0..4).map(|_| channel()).unzip();
    let workers: Vec<_> = (1u64..)
        .zip(inboxes)
        .map(|(dice, inbox)| {
            let to = to.clone();
            thread::spawn(move || {
                let options = AllocOptions::default().block_size(256).max_idle(2);
                let mut worker = Worker {
                    dice,
                    alloc: options.build(),
                    kept: Vec::new(),
                    growing: Brigade::new(),
                    growing_seed: dice,
                    to,
                    inbox,
                };
                while Instant::now() < end {
                    (0..100).for_each(|_| worker.turn());
                }
                worker.kept.iter().for_each(Piece::check);
            })
        })
        .collect();
    drop(to);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
}
