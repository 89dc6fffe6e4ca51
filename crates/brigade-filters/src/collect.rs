//! `collect`: keeps in memory what a slow client has not taken yet, so that the producer is free.
//!
//! Invariant: what is kept is packed, and never more than the limit.

use brigade::{Brigade, Bucket, BucketAlloc, Entry, FilterKind, OptionDoc, Result};

use crate::elastic::{Elastic, Storage, is_its_queue};

/// Keeps up to so many bytes in memory for a client that takes them slower than they are made.
///
/// While the client keeps up everything goes by. Otherwise whoever makes the response is not held back:
/// it ends, and frees what it holds, while the client takes its time. Beyond the limit it is held back
/// as without the filter. FILE and STREAM wait unread, and take no memory. Sits just above the network.
/// In a chain that may block the network writer waits itself, and nothing is ever kept.
///
/// ```
/// use brigade::{Chain, FilterKind, Member};
/// use brigade_filters::collect::Collect;
/// use brigade_testkit::SlowSink;
///
/// # fn main() -> brigade::Result<()> {
/// let (slow, record) = SlowSink::new(4);
/// let mut chain = Chain::new(slow);
/// let kind = FilterKind::NETWORK.offset(-1);
/// chain.join_request(Member::new("collect", kind, Collect::new(1024)));
/// for _ in 0..100 {
///     chain.write(b"bytes")?;
///     chain.flush()?;
/// }
/// // The peer has taken 4 bytes; 496 wait, and nobody waits for it.
/// assert_eq!(record.bytes(), b"byte");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Collect(Elastic<Memory>);

#[derive(Debug)]
struct Memory {
    limit_bytes: u64,
}

impl Collect {
    /// Keeps at most `limit_bytes` bytes.
    pub fn new(limit_bytes: u64) -> Self {
        Self(Elastic::new(Memory { limit_bytes }))
    }
}

impl Storage for Memory {
    fn keep<'b>(
        &mut self,
        data: Bucket<'b>,
        queue: &mut Brigade<'static>,
        alloc: &mut BucketAlloc,
    ) -> Result<Option<Bucket<'b>>> {
        let bytes = data.bytes().unwrap_or_default();
        if bytes.len() as u64 > self.limit_bytes.saturating_sub(queue.resident_bytes()) {
            return Ok(Some(data));
        }
        // Copied: a few bytes must not pin a block for as long as a client likes.
        queue.write(alloc, bytes);
        Ok(None)
    }

    fn seal(&mut self, _queue: &mut Brigade<'static>) {}

    fn emptied(&mut self) {}
}

is_its_queue!(Collect);

/// What `collect` is in a registry, with its option.
pub fn entry() -> Entry {
    const LIMIT: OptionDoc =
        OptionDoc { form: "limit=BYTES", help: "the most that is kept; default 1048576, 1 MiB" };
    Entry::new("collect", FilterKind::NETWORK.offset(-1), |spec| {
        let limit = spec.option("limit")?.unwrap_or(1024 * 1024);
        Ok(move || Collect::new(limit))
    })
    .effects(brigade::Effects::Same)
    .carry("the limit, while the client takes nothing")
    .memory("the limit")
    .summary("keeps in memory what a slow client has not taken, so that the producer is free")
    .docs(
        "For a producer that is dearer than memory: it is done as soon as the client has taken all but the limit.",
    )
    .example("collect limit=1000000")
    .options(&[LIMIT])
}
