//! What cuts a brigade, or its front.

use brigade::{Brigade, Bucket, ErrorKind, ReadCx, ReadMode};

use super::World;
use super::item::{Item, bytes_of, items, items_of};
use super::op::Cut;
use super::read::check_source_error;
use super::take::can_be_cut;

impl World {
    pub(super) fn cut(&mut self, cut: &Cut) {
        match *cut {
            Cut::SplitOff(at) => {
                let (at, kept) = self.place(at);
                let rest = self.brigade.split_off(at);
                self.check_rest(kept, &rest);
            }
            Cut::SplitOffInto(at) => {
                let (at, kept) = self.place(at);
                self.brigade.split_off_into(at, &mut self.aside);
                self.aside_oracle.extend(self.oracle.drain(kept..));
            }
            Cut::Partition(at) => self.partition(at),
            Cut::PartitionInto(at) => self.partition_into(at),
            Cut::PartitionRead(at) => self.partition_read(at),
            Cut::SplitFront(at) => self.split_front(at),
        }
    }

    /// A bucket to cut at, and how many items are before it.
    fn place(&self, at: usize) -> (usize, usize) {
        let at = at.min(self.brigade.len());
        (at, self.brigade.iter().take(at).map(|bucket| items_of(bucket).len()).sum())
    }

    fn partition(&mut self, at: u64) {
        let before = format!("{:?}", self.brigade);
        let is_unread = self.is_unread_before(at);
        match self.brigade.partition(at) {
            Ok(rest) => {
                let kept = self.kept_before(at);
                self.check_rest(kept, &rest);
            }
            Err(error) => self.check_unchanged(at, is_unread, error.kind(), &before),
        }
    }

    fn partition_into(&mut self, at: u64) {
        let before = format!("{:?}", self.brigade);
        let is_unread = self.is_unread_before(at);
        match self.brigade.partition_into(at, &mut self.aside) {
            Ok(()) => {
                let kept = self.kept_before(at);
                self.aside_oracle.extend(self.oracle.drain(kept..));
            }
            Err(error) => self.check_unchanged(at, is_unread, error.kind(), &before),
        }
    }

    fn partition_read(&mut self, at: u64) {
        let mut cx = ReadCx::new(&mut self.alloc, ReadMode::Blocking);
        match self.brigade.partition_read(at, &mut cx) {
            Ok(rest) => {
                self.learn(items(&self.brigade).into_iter().chain(items(&rest)).collect());
                let kept = self.kept_before(at);
                self.check_rest(kept, &rest);
            }
            Err(error) => {
                self.learn_brigade();
                if error.kind() == ErrorKind::Incomplete {
                    assert!((bytes_of(&self.oracle).len() as u64) < at);
                    assert!(!self.oracle.iter().any(Item::is_source));
                } else {
                    check_source_error(&error, ReadMode::Blocking);
                }
            }
        }
    }

    /// Whether a bucket of unknown length is in the way of a cut.
    fn is_unread_before(&self, at: u64) -> bool {
        let mut before = 0;
        let mut way = self.brigade.iter().map(Bucket::len);
        way.any(|len| {
            let is_in_the_way = before < at && len.is_none();
            before += len.unwrap_or(0);
            is_in_the_way
        })
    }

    /// The items before byte `at`, the marks and sources right there not among them.
    fn kept_before(&self, at: u64) -> usize {
        let mut bytes = 0;
        let is_before = |item: &&Item| {
            let is_kept = bytes < at;
            bytes += u64::from(item.byte().is_some());
            is_kept
        };
        let kept = self.oracle.iter().take_while(is_before).count();
        assert!(!self.oracle[..kept].iter().any(Item::is_source));
        assert_eq!(bytes_of(&self.oracle[..kept]).len() as u64, at);
        kept
    }

    fn check_rest(&mut self, kept: usize, rest: &Brigade<'_>) {
        rest.assert_invariants();
        assert_eq!(items(rest), self.oracle.split_off(kept));
    }

    fn check_unchanged(&self, at: u64, is_unread: bool, kind: ErrorKind, before: &str) {
        if is_unread {
            assert_eq!(kind, ErrorKind::Unsupported);
        } else {
            assert_eq!(kind, ErrorKind::Incomplete);
            assert!((bytes_of(&self.oracle).len() as u64) < at);
        }
        assert_eq!(format!("{:?}", self.brigade), before);
    }

    /// Cuts the front bucket in two, if it can be cut there.
    fn split_front(&mut self, at: u64) {
        let Some(mut front) = self.brigade.pop_front() else { return };
        let len = front.len();
        let answer = front.split_at(at);
        assert_eq!(answer.is_ok(), can_be_cut(&front, len, at), "{front:?} at {at}");
        if let Ok(rest) = answer {
            assert_eq!((front.len(), rest.len()), (Some(at), len.map(|len| len - at)));
            self.brigade.push_front(rest);
        }
        self.brigade.push_front(front);
    }
}
