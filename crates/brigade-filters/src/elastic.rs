//! What `spill` and `collect` have in common: a queue between a fast producer and a slow client.
//!
//! Invariants: bytes go on in the order in which they came, and as they come while the client keeps up.
//! What is stored is given away as soon as the chain below can take it. The queue is bounded by its
//! storage, and by the number of its buckets; beyond, the producer is held back.

use brigade::{Brigade, Bucket, BucketAlloc, Effects, Error, Next, OutputFilter, Result};

/// Marks, and data that is not in memory, take room too.
const MAX_BUCKETS: usize = 1024;

/// Where bytes wait.
pub(crate) trait Storage: Send {
    /// Takes data in, in memory, behind what is in `queue`; answers it when there is no room for it.
    fn keep<'b>(
        &mut self,
        data: Bucket<'b>,
        queue: &mut Brigade<'static>,
        alloc: &mut BucketAlloc,
    ) -> Result<Option<Bucket<'b>>>;

    /// Puts what was taken in and is not in `queue` yet there.
    fn seal(&mut self, queue: &mut Brigade<'static>);

    /// Everything has been given away.
    fn emptied(&mut self);
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Elastic<S> {
    storage: S,
    queue: Brigade<'static>,
}

impl<S: Storage> Elastic<S> {
    pub(crate) fn new(storage: S) -> Self {
        Self { storage, queue: Brigade::new() }
    }

    #[cfg(feature = "spill")]
    pub(crate) fn storage_mut(&mut self) -> &mut S {
        &mut self.storage
    }

    /// Gives away what the chain below can take; all of it once the body has ended.
    fn release(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        self.storage.seal(&mut self.queue);
        let has_ended = self.queue.ends_body();
        while has_ended || !next.should_yield() {
            let Some(bucket) = self.queue.pop_front() else {
                self.storage.emptied();
                return Ok(());
            };
            next.push(bucket)?;
        }
        Ok(())
    }

    /// Takes `input` in.
    fn store<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = input.pop_front() {
            let is_resident = bucket.bytes().is_some();
            let refused = if self.queue.len() >= MAX_BUCKETS && !bucket.ends_body() {
                Some(bucket)
            } else if is_resident {
                self.storage.keep(bucket, &mut self.queue, next.alloc())?
            } else {
                self.storage.seal(&mut self.queue);
                self.queue.push_back(bucket.set_aside(next.alloc()));
                None
            };
            if let Some(bucket) = refused {
                input.push_front(bucket);
                return Err(Error::would_block());
            }
        }
        Ok(())
    }
}

impl<S: Storage> OutputFilter for Elastic<S> {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        self.release(next)?;
        if self.queue.is_empty() && !next.should_yield() {
            return next.push_all(input);
        }
        self.store(input, next)?;
        self.release(next)?;
        if !self.queue.is_empty() {
            next.call_when_free();
        }
        Ok(())
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }

    fn absorbs(&self) -> bool {
        true
    }

    fn held_bytes(&self) -> usize {
        usize::try_from(self.queue.resident_bytes()).unwrap_or(usize::MAX)
    }
}

/// Makes a filter of a type around an [`Elastic`]: a public type that says what it stores and where.
/// Every method is forwarded; one forgotten would silently take its default.
macro_rules! is_its_queue {
    ($filter:ty) => {
        impl brigade::OutputFilter for $filter {
            fn filter<'b>(
                &mut self,
                input: &mut brigade::Brigade<'b>,
                next: &mut brigade::Next<'_, 'b>,
            ) -> brigade::Result<()> {
                self.0.filter(input, next)
            }

            fn effects(&self) -> brigade::Effects {
                self.0.effects()
            }

            fn absorbs(&self) -> bool {
                self.0.absorbs()
            }

            fn held_bytes(&self) -> usize {
                self.0.held_bytes()
            }

            fn on_end(&mut self, outcome: &brigade::Outcome) {
                self.0.on_end(outcome);
            }
        }
    };
}

pub(crate) use is_its_queue;
