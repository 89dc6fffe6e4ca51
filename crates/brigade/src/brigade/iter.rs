//! Walking a brigade, and making one of buckets.

use std::iter::FusedIterator;
use std::{slice, vec};

use super::Brigade;
use crate::Bucket;

/// The buckets of a brigade, first to last.
#[derive(Debug, Clone)]
pub struct Iter<'r, 'a>(slice::Iter<'r, Bucket<'a>>);

/// The buckets of a brigade, owned, first to last.
#[derive(Debug)]
pub struct IntoIter<'a>(vec::IntoIter<Bucket<'a>>);

impl<'a> Brigade<'a> {
    /// The buckets, first to last.
    #[doc(alias = "APR_BUCKET_NEXT", alias = "APR_BUCKET_PREV")]
    pub fn iter(&self) -> Iter<'_, 'a> {
        Iter(self.buckets.as_slice().iter())
    }
}

impl<'r, 'a> Iterator for Iter<'r, 'a> {
    type Item = &'r Bucket<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_, '_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl ExactSizeIterator for Iter<'_, '_> {}
impl FusedIterator for Iter<'_, '_> {}

impl<'a> Iterator for IntoIter<'a> {
    type Item = Bucket<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for IntoIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl ExactSizeIterator for IntoIter<'_> {}
impl FusedIterator for IntoIter<'_> {}

impl<'a> IntoIterator for Brigade<'a> {
    type Item = Bucket<'a>;
    type IntoIter = IntoIter<'a>;

    fn into_iter(self) -> IntoIter<'a> {
        IntoIter(self.buckets.into_vec().into_iter())
    }
}

impl<'r, 'a> IntoIterator for &'r Brigade<'a> {
    type Item = &'r Bucket<'a>;
    type IntoIter = Iter<'r, 'a>;

    fn into_iter(self) -> Iter<'r, 'a> {
        self.iter()
    }
}

impl<'a> Extend<Bucket<'a>> for Brigade<'a> {
    fn extend<I: IntoIterator<Item = Bucket<'a>>>(&mut self, buckets: I) {
        let buckets = buckets.into_iter();
        self.buckets.reserve(buckets.size_hint().0);
        buckets.for_each(|bucket| self.push_back(bucket));
    }
}

impl<'a> FromIterator<Bucket<'a>> for Brigade<'a> {
    fn from_iter<I: IntoIterator<Item = Bucket<'a>>>(buckets: I) -> Self {
        let mut brigade = Self::new();
        brigade.extend(buckets);
        brigade
    }
}

impl<'a> From<Bucket<'a>> for Brigade<'a> {
    fn from(bucket: Bucket<'a>) -> Self {
        let mut brigade = Self::new();
        brigade.push_back(bucket);
        brigade
    }
}
