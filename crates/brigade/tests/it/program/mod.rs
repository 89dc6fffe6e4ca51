//! Runs a program of operations on a brigade, and the same on a plain list of bytes and marks: equal
//! after every step, and the tally is the sum over the buckets.
//!
//! The property in `oracle.rs` and the fuzz target `brigade_ops` run the same programs through this; it
//! uses nothing but the public API.

mod item;
mod op;

use brigade::{
    AllocOptions, Brigade, Bucket, BucketAlloc, Error, ErrorKind, ReadCx, ReadMode, Result, Split,
};

use self::item::{Item, bytes_of, items, items_of, make, text};
use self::op::{Kind, Op};

pub(crate) use self::op::Program;

impl Program {
    /// Runs it, compares after each step, and reads to the end what is left.
    ///
    /// # Panics
    ///
    /// When the brigade and the list differ.
    pub(crate) fn run(&self) {
        // Small blocks: a program fills, gathers across and outgrows many of them.
        let alloc = AllocOptions::default().block_size(64).max_idle(2).build();
        let mut world = World { alloc, brigade: Brigade::new(), oracle: Vec::new() };
        for op in &self.0 {
            world.step(op);
            world.check();
        }
        world.finish();
    }
}

struct World {
    alloc: BucketAlloc,
    brigade: Brigade<'static>,
    oracle: Vec<Item>,
}

impl World {
    fn step(&mut self, op: &Op) {
        match op {
            Op::PushBack(kind, len) => {
                let (bucket, items) = make((*kind, *len), &mut self.alloc);
                self.oracle.extend(items);
                self.brigade.push_back(bucket);
            }
            Op::PushFront(kind, len) => {
                let (bucket, items) = make((*kind, *len), &mut self.alloc);
                self.oracle.splice(0..0, items);
                self.brigade.push_front(bucket);
            }
            Op::PopFront => {
                let gone = self.brigade.pop_front().map_or(0, |bucket| items_of(&bucket).len());
                self.oracle.drain(..gone);
            }
            Op::PopBack => {
                let gone = self.brigade.pop_back().map_or(0, |bucket| items_of(&bucket).len());
                self.oracle.truncate(self.oracle.len() - gone);
            }
            Op::PopRead(mode) => _ = self.pop_read(*mode),
            Op::Append(buckets) => self.append(buckets),
            Op::Prepend(buckets) => self.prepend(buckets),
            Op::SplitOff(at) => self.split_off(*at),
            Op::Partition(at) => self.partition(*at),
            Op::PartitionRead(at) => self.partition_read(*at),
            Op::SplitLine(limit) => self.split_line(*limit),
            Op::SplitLineRead(limit) => self.split_line_read(*limit),
            Op::ReadAll(limit) => self.read_all(*limit),
            Op::SplitFront(at) => self.split_front(*at),
            Op::CloneFront => self.clone_front(),
            Op::Flatten(limit) => self.flatten(*limit),
            Op::Consume(count) => self.consume(*count),
            Op::Write(len) => {
                self.brigade.write(&mut self.alloc, text(*len));
                self.oracle.extend(text(*len).iter().copied().map(Item::Byte));
            }
            Op::SetAside => {
                let mut kept = Brigade::new();
                self.brigade.set_aside(&mut kept, &mut self.alloc);
                assert!(self.brigade.is_empty());
                self.brigade = kept;
            }
            Op::DropData => {
                self.brigade.drop_data();
                self.oracle.retain(|item| matches!(item, Item::Mark(_)));
            }
            Op::Recycle => {
                self.brigade = std::mem::take(&mut self.brigade).recycle();
                self.oracle.clear();
            }
            Op::Compact => self.brigade.compact(&mut self.alloc),
            Op::Trim => self.alloc.trim(),
        }
    }

    fn append(&mut self, buckets: &[(Kind, usize)]) {
        let (mut other, items) = self.brigade_of(buckets);
        self.oracle.extend(items);
        self.brigade.append(&mut other);
        other.assert_invariants();
    }

    fn prepend(&mut self, buckets: &[(Kind, usize)]) {
        let (mut other, items) = self.brigade_of(buckets);
        self.oracle.splice(0..0, items);
        self.brigade.prepend(&mut other);
        other.assert_invariants();
    }

    fn brigade_of(&mut self, buckets: &[(Kind, usize)]) -> (Brigade<'static>, Vec<Item>) {
        let (buckets, items): (Vec<_>, Vec<_>) =
            buckets.iter().map(|bucket| make(*bucket, &mut self.alloc)).unzip();
        (buckets.into_iter().collect(), items.concat())
    }

    /// Takes a piece out, and compares it.
    fn pop_read(&mut self, mode: ReadMode) -> Result<bool> {
        let answer = self.brigade.pop_read(&mut ReadCx::new(&mut self.alloc, mode));
        let piece = match &answer {
            Ok(piece) => piece.as_ref(),
            Err(error) => {
                check_source_error(error, mode);
                assert!(self.brigade.front().is_some_and(|front| items_of(front)[0].is_source()));
                None
            }
        };
        let gone = piece.map_or(Vec::new(), items_of);
        self.learn(gone.iter().cloned().chain(items(&self.brigade)).collect());
        self.oracle.drain(..gone.len());
        answer.map(|piece| piece.is_some())
    }

    /// The brigade was read: it is `now` what the oracle is when bytes come out of sources, in their
    /// place, and sources that have ended are gone.
    fn learn(&mut self, now: Vec<Item>) {
        let sources = |items: &[Item]| items.iter().filter(|item| item.is_source()).count();
        // Reading goes from the front on, so that these are the first that have ended.
        let mut ended = sources(&self.oracle) - sources(&now);
        let mut now = now.into_iter().peekable();
        let mut oracle = Vec::new();
        for item in self.oracle.drain(..) {
            let Item::Source(mut rest) = item else {
                assert_eq!(now.next().as_ref(), Some(&item));
                oracle.push(item);
                continue;
            };
            while let Some(byte) = now.next_if(|next| !next.is_source() && !rest.is_empty()) {
                assert_eq!(byte.byte(), rest.pop_front());
                oracle.push(byte);
            }
            if ended > 0 {
                ended -= 1;
                assert!(rest.is_empty(), "a STREAM went with {rest:?} in it");
            } else {
                assert!(now.next_if(Item::is_source).is_some(), "a STREAM is gone");
                oracle.push(Item::Source(rest));
            }
        }
        assert_eq!(now.next(), None);
        self.oracle = oracle;
    }

    fn learn_brigade(&mut self) {
        self.learn(items(&self.brigade));
    }

    fn split_off(&mut self, at: usize) {
        let at = at.min(self.brigade.len());
        let kept: usize = self.brigade.iter().take(at).map(|bucket| items_of(bucket).len()).sum();
        let rest = self.brigade.split_off(at);
        self.check_rest(kept, &rest);
    }

    fn partition(&mut self, at: u64) {
        let before = format!("{:?}", self.brigade);
        let is_unread = self.brigade.iter().any(|bucket| bucket.len().is_none());
        match self.brigade.partition(at) {
            Ok(rest) => self.check_partition(at, &rest),
            Err(_) => {
                assert!(is_unread || (bytes_of(&self.oracle).len() as u64) < at);
                assert_eq!(format!("{:?}", self.brigade), before);
            }
        }
    }

    fn partition_read(&mut self, at: u64) {
        let mut cx = ReadCx::new(&mut self.alloc, ReadMode::Blocking);
        match self.brigade.partition_read(at, &mut cx) {
            Ok(rest) => {
                self.learn(items(&self.brigade).into_iter().chain(items(&rest)).collect());
                self.check_partition(at, &rest);
            }
            Err(error) => {
                self.learn_brigade();
                if error.kind() == ErrorKind::Incomplete {
                    assert!((bytes_of(&self.oracle).len() as u64) < at);
                } else {
                    check_source_error(&error, ReadMode::Blocking);
                }
            }
        }
    }

    fn check_partition(&mut self, at: u64, rest: &Brigade<'_>) {
        let mut bytes = 0;
        let is_before = |item: &&Item| {
            let is_kept = bytes < at;
            bytes += u64::from(item.byte().is_some());
            is_kept
        };
        let kept = self.oracle.iter().take_while(is_before).count();
        assert!(!self.oracle[..kept].iter().any(Item::is_source));
        self.check_rest(kept, rest);
    }

    fn read_all(&mut self, limit: u64) {
        let mut cx = ReadCx::new(&mut self.alloc, ReadMode::Blocking);
        let answer = self.brigade.read_all(limit, &mut cx);
        self.learn_brigade();
        match answer {
            Ok(()) => assert!(!self.brigade.iter().any(Bucket::is_deferred)),
            // Whether it is too large can be told before all of it is there.
            Err(error) if error.kind() == ErrorKind::TooLarge => {
                assert!(bytes_of(&self.oracle).len() as u64 > limit);
            }
            Err(error) => check_source_error(&error, ReadMode::Blocking),
        }
    }

    fn split_line(&mut self, limit: u64) {
        let mut line = Brigade::new();
        let answer = self.brigade.split_line(&mut line, limit);
        self.check_line(&answer, &line, limit);
    }

    fn split_line_read(&mut self, limit: u64) {
        let mut line = Brigade::new();
        let mut cx = ReadCx::new(&mut self.alloc, ReadMode::Blocking);
        let answer = self.brigade.split_line_read(&mut line, limit, &mut cx);
        self.learn(items(&line).into_iter().chain(items(&self.brigade)).collect());
        if let Err(error) = &answer {
            check_source_error(error, ReadMode::Blocking);
        }
        self.check_line(&answer, &line, limit);
    }

    fn check_line(&mut self, answer: &Result<Split>, line: &Brigade<'_>, limit: u64) {
        line.assert_invariants();
        let line = items(line);
        assert_eq!(self.oracle.drain(..line.len()).collect::<Vec<_>>(), line);
        assert_eq!(bytes_of(&line).len(), line.len(), "a mark was moved");
        assert!(line.len() as u64 <= limit);
        let newline = line.iter().position(|item| *item == Item::Byte(b'\n'));
        let is_found = matches!(answer, Ok(Split::Found));
        assert_eq!(newline, is_found.then(|| line.len().saturating_sub(1)));
        match answer {
            Ok(Split::Limit) => assert_eq!(line.len() as u64, limit),
            Ok(Split::Mark) => assert!(matches!(self.oracle.first(), Some(Item::Mark(_)))),
            Ok(Split::More) => assert!(self.oracle.is_empty()),
            _ => {}
        }
    }

    /// Cuts the front bucket in two, if it can be cut there.
    fn split_front(&mut self, at: u64) {
        let Some(mut front) = self.brigade.pop_front() else { return };
        let len = front.len();
        let answer = front.split_at(at);
        if let Ok(rest) = &answer {
            assert_eq!(front.len(), Some(at));
            assert_eq!(rest.len(), len.map(|len| len - at));
        } else {
            assert!(front.is_metadata() || len.is_none_or(|len| len < at));
        }
        if let Ok(rest) = answer {
            self.brigade.push_front(rest);
        }
        self.brigade.push_front(front);
    }

    /// The front once more, at the end: two buckets then share storage, and writing must not.
    fn clone_front(&mut self) {
        if let Some(clone) = self.brigade.front().and_then(Bucket::try_clone) {
            self.oracle.extend(items_of(&clone));
            self.brigade.push_back(clone);
        }
    }

    fn flatten(&mut self, limit: u64) {
        let is_deferred = self.brigade.iter().any(Bucket::is_deferred);
        let bytes = bytes_of(&self.oracle);
        match self.brigade.flatten(limit) {
            Ok(flat) => assert!(flat == bytes && bytes.len() as u64 <= limit),
            Err(_) => assert!(is_deferred || bytes.len() as u64 > limit),
        }
    }

    fn consume(&mut self, count: usize) {
        let slices = self.brigade.io_slices(usize::MAX);
        let count = count.min(slices.iter().map(|slice| slice.len()).sum());
        drop(slices);
        let mut marks = Vec::new();
        self.brigade.consume(count, |mark| marks.extend(items_of(&mark)));
        let gone = self.oracle.len() - items(&self.brigade).len();
        let gone: Vec<Item> = self.oracle.drain(..gone).collect();
        assert_eq!(bytes_of(&gone).len(), count);
        assert!(gone.into_iter().filter(|item| item.byte().is_none()).eq(marks));
    }

    fn check_rest(&mut self, kept: usize, rest: &Brigade<'_>) {
        rest.assert_invariants();
        assert_eq!(items(rest), self.oracle.split_off(kept));
    }

    fn check(&self) {
        self.brigade.assert_invariants();
        assert_eq!(items(&self.brigade), self.oracle);
        let bytes = bytes_of(&self.oracle);
        let is_known = self.brigade.iter().all(|bucket| bucket.len().is_some());
        assert_eq!(self.brigade.len_bytes(), is_known.then_some(bytes.len() as u64));
        let slices = self.brigade.io_slices(usize::MAX);
        let front: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        assert!(bytes.starts_with(&front));
    }

    /// Reads all that is left. Nothing is left then, in the allocator neither.
    fn finish(mut self) {
        let (mut waits, most) = (0, self.brigade.len());
        loop {
            match self.pop_read(ReadMode::Blocking) {
                Ok(true) => waits = 0,
                Ok(false) => break,
                // Whatever waits has something the next time, or is at its end.
                Err(error) => {
                    waits += 1;
                    assert!(waits <= most, "{error}");
                }
            }
            self.check();
        }
        assert!(self.brigade.is_empty() && self.oracle.is_empty());
        self.alloc.trim();
        assert_eq!(self.alloc.stats().blocks_live, 0);
    }
}

/// A source that has nothing yet, or one that may block where that is not allowed.
#[track_caller]
fn check_source_error(error: &Error, mode: ReadMode) {
    let is_refusal = error.kind() == ErrorKind::Unsupported && mode == ReadMode::NonBlocking;
    assert!(error.kind() == ErrorKind::WouldBlock || is_refusal, "{error}");
}
