//! What makes a brigade shorter.

use brigade::{Bucket, End, Outcome};

use super::World;
use super::item::{Item, bytes_of, items, items_of};
use super::op::Take;

impl World {
    pub(super) fn take(&mut self, take: &Take) {
        match take {
            Take::Front => {
                let gone = self.brigade.pop_front().map_or(0, |bucket| items_of(&bucket).len());
                self.oracle.drain(..gone);
            }
            Take::Back => {
                let gone = self.brigade.pop_back().map_or(0, |bucket| items_of(&bucket).len());
                self.oracle.truncate(self.oracle.len() - gone);
            }
            Take::Consume(count) => self.consume(*count),
            Take::Advance(count) => self.advance(*count),
            Take::DropData => {
                self.brigade.drop_data();
                self.oracle.retain(|item| matches!(item, Item::Mark(_)));
            }
            Take::Clear => {
                self.brigade.clear();
                self.oracle.clear();
            }
            Take::Complete => {
                self.brigade.complete_all(&Outcome::new(End::Complete, 7));
                self.ends.complete(&self.oracle);
                self.oracle.clear();
            }
            Take::Recycle => {
                self.brigade = std::mem::take(&mut self.brigade).recycle();
                self.oracle.clear();
            }
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

    /// Drops bytes of the front bucket, if it has as many.
    fn advance(&mut self, count: u64) {
        let Some(mut front) = self.brigade.pop_front() else { return };
        let len = front.len();
        let answer = front.advance(count);
        assert_eq!(answer.is_ok(), can_be_cut(&front, len, count), "{front:?} at {count}");
        if answer.is_ok() {
            self.oracle.drain(..usize::try_from(count).expect("it came from a byte"));
            assert_eq!(front.len(), len.map(|len| len - count));
        }
        self.brigade.push_front(front);
    }
}

/// Whether a bucket of `len` bytes ends at `at` or later, and needs not be read for it.
pub(super) fn can_be_cut(bucket: &Bucket<'_>, len: Option<u64>, at: u64) -> bool {
    bucket.is_data() && len.is_some_and(|len| at <= len)
}
