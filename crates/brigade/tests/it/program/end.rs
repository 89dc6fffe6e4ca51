//! EOR: who is told how a request ended, when, and how often.
//!
//! Invariant: what was made and not told yet is in a brigade.

use std::sync::{Arc, Mutex, PoisonError};

use brigade::{Bucket, End, Outcome};

use super::item::Item;

#[derive(Default)]
pub(super) struct Ends {
    made: usize,
    completed: usize, // How many were told so by a terminal; all others by a drop.
    told: Arc<Mutex<Vec<End>>>,
}

impl Ends {
    pub(super) fn make(&mut self) -> Bucket<'static> {
        self.made += 1;
        let told = self.told.clone();
        Bucket::eor(move |outcome: &Outcome| {
            told.lock().unwrap_or_else(PoisonError::into_inner).push(outcome.end);
        })
    }

    /// All in `gone` are told that their response is complete.
    pub(super) fn complete(&mut self, gone: &[Item]) {
        self.completed += gone.iter().filter(|item| item.is_eor()).count();
    }

    pub(super) fn check<'i>(&self, held: impl Iterator<Item = &'i Item>) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(told.len() + held.filter(|item| item.is_eor()).count(), self.made);
        let completed = told.iter().filter(|end| **end == End::Complete).count();
        assert_eq!(completed, self.completed);
        let dropped = told.iter().filter(|end| **end == End::ClientGone).count();
        assert_eq!(completed + dropped, told.len());
    }
}
