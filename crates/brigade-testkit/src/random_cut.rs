//! Cuts what goes by at random places.
//!
//! Invariant: bytes and marks stay as they are, and in their order; the same seed cuts the same data the
//! same way.

use brigade::{Brigade, Bucket, Effects, Next, OutputFilter, Result};

use crate::random::Random;

/// Cuts data into pieces of random lengths, puts buckets of no bytes between them, and hands them down
/// in calls of random length.
///
/// Anywhere in the chain of a real server it shows whether what is below depends on where its input is
/// cut: the answers must stay the same. [`register_tools`](crate::register_tools) makes it `randomcut`.
///
/// ```
/// use brigade::{Chain, FilterKind, Member, recorder};
/// use brigade_testkit::{RandomCut, tap};
///
/// # fn main() -> brigade::Result<()> {
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join(Member::new("randomcut", FilterKind::RESOURCE, RandomCut::new(7)));
/// let (tap, tapped) = tap();
/// chain.join(Member::new("tap", FilterKind::RESOURCE, tap));
/// chain.write(b"cut me anywhere, I stay the same")?;
/// chain.flush()?;
/// assert_eq!(record.bytes(), b"cut me anywhere, I stay the same");
/// assert!(tapped.calls().join(", ").matches("HEAP").count() > 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RandomCut {
    random: Random,
    most_bytes: usize,
}

impl RandomCut {
    /// Cuts by the numbers that follow from `seed`, into pieces of 1 to 32 bytes.
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), most_bytes: 32 }
    }

    /// Sets the length of the longest piece.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    pub fn most_bytes(mut self, bytes: usize) -> Self {
        assert!(bytes > 0, "pieces of at most 0 bytes");
        self.most_bytes = bytes;
        self
    }

    /// Between two pieces: nothing, a bucket of no bytes, or the end of a call.
    fn between(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        match self.random.below(8) {
            0 => next.push(Bucket::immortal(b"")),
            // What was pushed goes down before a brigade that is pushed whole.
            1 => next.push_all(&mut Brigade::new()),
            _ => Ok(()),
        }
    }
}

impl OutputFilter for RandomCut {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(mut bucket) = next.read(input)? {
            while let Some(len) = bucket.bytes().map(<[u8]>::len) {
                let at = 1 + self.random.below(self.most_bytes);
                if at >= len {
                    break;
                }
                let rest = bucket.split_at(at as u64)?;
                next.push(std::mem::replace(&mut bucket, rest))?;
                self.between(next)?;
            }
            next.push(bucket)?;
            self.between(next)?;
        }
        Ok(())
    }

    fn effects(&self) -> Effects {
        Effects::Same
    }
}
