//! Chains inside filters: what a sub-chain makes flows into the chain around it, in order and able to
//! wait.
//!
//! Invariant: a sub-chain holds what its outbox may hold and a piece for each of its filters, however
//! long what it makes is and however slow the peer of the chain around it.

use std::fmt;

use super::next::PIECE_BUCKETS;
use super::{Chain, Member, Next, Progress, Terminal};
use crate::{AllocOptions, Brigade, Bucket, End, Error, Outcome, ReadCx, ReadMode, Result};

/// A terminal that keeps what it is given for somebody to take: the end of a sub-chain.
///
/// It is full from its limit on, and then whoever reads above it waits. FILE and STREAM stay unread in
/// it.
///
/// ```
/// use brigade::{Bucket, Chain, FilterKind, Member, Outbox, map_bytes};
///
/// # fn main() -> brigade::Result<()> {
/// let mut chain = Chain::new(Outbox::new(64 * 1024));
/// let shout = map_bytes(|bytes, out| {
///     out.put(&bytes.to_ascii_uppercase());
///     Ok(())
/// });
/// chain.join(Member::new("shout", FilterKind::RESOURCE, shout));
/// chain.pass_bucket(Bucket::transient(b"hello"))?;
/// let outbox = chain.terminal::<Outbox>().expect("it was made with one");
/// assert_eq!(outbox.pop().as_ref().and_then(Bucket::bytes), Some(&b"HELLO"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Outbox {
    held: Brigade<'static>,
    limit_bytes: u64,
    taken_bytes: u64,
    end: End, // What an EOR that is taken is told.
    is_idling: bool,
}

impl Outbox {
    /// Makes an outbox that is full while it holds `limit_bytes` bytes in memory or more, or 1024
    /// buckets. It takes what it is given even then: up to a piece (64 KiB) more.
    pub fn new(limit_bytes: u64) -> Self {
        Self {
            held: Brigade::new(),
            limit_bytes,
            taken_bytes: 0,
            end: End::Complete,
            is_idling: false,
        }
    }

    /// Takes the next bucket out. EOR is not given: it is told that all before it was taken.
    pub fn pop(&mut self) -> Option<Bucket<'static>> {
        loop {
            let bucket = self.held.pop_front()?;
            if bucket.is_eor() {
                bucket.complete(&Outcome::new(self.end, self.taken_bytes));
                continue;
            }
            if bucket.ends_body() && !bucket.is_eos() {
                self.end = End::Failed;
            }
            self.taken_bytes += bucket.len().unwrap_or(0);
            return Some(bucket);
        }
    }
}

impl Terminal for Outbox {
    fn name(&self) -> &'static str {
        "outbox"
    }

    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        while self.is_idling {
            let Some(bucket) = brigade.pop_front() else { return Ok(()) };
            if !bucket.is_flush() {
                self.held.push_back(bucket.set_aside(cx.alloc()));
            }
        }
        brigade.set_aside(&mut self.held, cx.alloc());
        Ok(())
    }

    fn is_pending(&self) -> bool {
        !self.held.is_empty()
    }

    fn held_bytes(&self) -> usize {
        usize::try_from(self.held.resident_bytes()).unwrap_or(usize::MAX)
    }

    fn should_yield(&self) -> bool {
        let is_full = self.held.resident_bytes() >= self.limit_bytes;
        is_full && self.is_pending() || self.held.len() >= PIECE_BUCKETS
    }

    fn abort(&mut self, end: End) {
        self.end = end;
        self.held.complete_all(&Outcome::new(end, self.taken_bytes));
    }
}

/// A chain that a filter owns, to let something else flow into its own output: what a directive
/// includes, the answer to a subrequest.
///
/// The filter keeps it in a field until [`read`](Self::read) says that all has come. It has storage of
/// its own on the [budget](crate::Budget) of the chain around it. Models `ap_sub_req_method_uri` with a
/// next filter, and SUBREQ_CORE, which takes the EOS away; in Apache the thread runs the whole
/// subrequest before the including filter goes on, and its memory lives as long as the request.
///
/// ```
/// use brigade::{Brigade, Bucket, Next, OutputFilter, Result, SubChain};
///
/// /// Puts a page where an `@` is, in a bucket of its own for the sake of brevity.
/// struct Include {
///     page: fn() -> Bucket<'static>,
///     sub: Option<SubChain>,
/// }
///
/// impl OutputFilter for Include {
///     fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
///         loop {
///             // First what was begun: its `?` waits, and the next call comes back to here.
///             if let Some(sub) = &mut self.sub {
///                 while let Some(bucket) = sub.read(next)? {
///                     next.push(bucket)?;
///                 }
///                 self.sub = None;
///             }
///             let Some(bucket) = next.read(input)? else { return Ok(()) };
///             if bucket.bytes() == Some(b"@") {
///                 let mut page = Brigade::from((self.page)());
///                 page.push_back(Bucket::eos());
///                 let sub = self.sub.insert(SubChain::new(next, 64 * 1024));
///                 sub.pass(&mut page);
///             } else {
///                 next.push(bucket)?;
///             }
///         }
///     }
///
///     fn held_bytes(&self) -> usize {
///         self.sub.as_ref().map_or(0, SubChain::held_bytes)
///     }
/// }
///
/// # fn main() -> Result<()> {
/// use brigade::{Chain, FilterKind, Member, recorder};
///
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// let include = Include { page: || Bucket::stream(&b"the page"[..]), sub: None };
/// chain.join(Member::new("include", FilterKind::RESOURCE, include));
/// chain.pass(&mut [&b"before "[..], b"@", b" after"].map(Bucket::immortal).into_iter().collect())?;
/// assert_eq!(record.bytes(), b"before the page after");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "ap_sub_req_method_uri", alias = "ap_run_sub_req", alias = "SUBREQ_CORE")]
pub struct SubChain {
    chain: Chain,
    input: Brigade<'static>, // Passed to it, and not begun.
}

impl SubChain {
    /// Makes a chain without filters, in the mode of the one that `next` is of. Its outbox holds up to
    /// `limit_bytes` bytes; in a blocking chain nothing, so that all that has come out goes on before a
    /// read may put the thread to sleep.
    pub fn new(next: &Next<'_, '_>, limit_bytes: u64) -> Self {
        let limit_bytes = match next.mode() {
            ReadMode::Blocking => 0,
            ReadMode::NonBlocking => limit_bytes,
        };
        let (block_size, budget) = next.storage();
        let mut storage = AllocOptions::default().block_size(block_size);
        if let Some(budget) = budget {
            storage = storage.budget(budget.clone());
        }
        let chain = Chain::new(Outbox::new(limit_bytes)).mode(next.mode()).storage(storage.build());
        Self { chain, input: Brigade::new() }
    }

    /// Adds a filter, as [`Chain::join_request`] does.
    pub fn join(&mut self, member: Member) {
        self.chain.join_request(member);
    }

    /// Takes all of `brigade`, the EOS of the body at its end, to be led through the filters when
    /// somebody [reads](Self::read). Nothing is read before.
    pub fn pass(&mut self, brigade: &mut Brigade<'_>) {
        brigade.set_aside(&mut self.input, self.chain.alloc());
    }

    /// Takes the next bucket that has come out of the sub-chain: push it, or drop a head that has no
    /// place in the middle of a body. EOS is not given; with it the sub-chain's filters are told that
    /// all was taken. `None`: all that was passed has come out.
    ///
    /// It makes the sub-chain go on whenever its outbox is empty, unless the chain around it
    /// [holds back](Next::should_yield); what was pushed before goes down first.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](crate::ErrorKind::WouldBlock) when the sub-chain waits or the chain around it
    /// holds back: return it, with the sub-chain in a field, and call again when called again. What
    /// failed in the sub-chain, named by its filter there: return it, or drop the sub-chain and go on.
    pub fn read(&mut self, next: &mut Next<'_, '_>) -> Result<Option<Bucket<'static>>> {
        self.read_on(next).inspect_err(|error| {
            if !error.is_would_block() {
                self.chain.abort(End::Failed);
            }
        })
    }

    fn read_on(&mut self, next: &mut Next<'_, '_>) -> Result<Option<Bucket<'static>>> {
        loop {
            while let Some(bucket) = self.pop() {
                if let Some(error) = bucket.as_error() {
                    return Err(error.clone());
                }
                if !bucket.is_eos() {
                    return Ok(Some(bucket));
                }
                self.chain.end_request(None)?;
            }
            if self.input.is_empty() && self.chain.progress() == Progress::Done {
                return Ok(None);
            }
            self.go_on(next)?;
        }
    }

    /// Bytes in memory that it holds.
    pub fn held_bytes(&self) -> usize {
        let bytes = self.input.resident_bytes() + self.chain.held_bytes();
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Makes the sub-chain put something in its empty outbox.
    fn go_on(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        next.hand_down()?;
        if next.should_yield() {
            return Err(Error::would_block());
        }
        self.chain.set_waker(next.waker());
        // There is one way to files for a connection. It is lent to the chain that runs.
        std::mem::swap(self.chain.disk_mut(), next.disk_mut());
        let answer = self.run();
        std::mem::swap(self.chain.disk_mut(), next.disk_mut());
        answer
    }

    fn run(&mut self) -> Result<()> {
        let _ = self.chain.resume()?;
        if !self.chain.should_yield() {
            self.chain.pass(&mut self.input)?;
        }
        if self.is_empty() {
            self.idle()?;
        }
        if self.is_empty() && self.chain.progress() == Progress::Pending {
            return Err(Error::would_block());
        }
        Ok(())
    }

    /// It waits for a source, and what its filters hold must not wait with it. The FLUSH that brings
    /// that out stays here: when the chain around it is idle too, that sends one of its own.
    fn idle(&mut self) -> Result<()> {
        self.chain.terminal::<Outbox>().into_iter().for_each(|outbox| outbox.is_idling = true);
        let answer = self.chain.idle();
        self.chain.terminal::<Outbox>().into_iter().for_each(|outbox| outbox.is_idling = false);
        answer
    }

    fn pop(&mut self) -> Option<Bucket<'static>> {
        self.chain.terminal::<Outbox>().and_then(Outbox::pop)
    }

    fn is_empty(&mut self) -> bool {
        self.chain.terminal::<Outbox>().is_none_or(|outbox| outbox.held.is_empty())
    }
}

impl fmt::Debug for SubChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubChain").field("chain", &self.chain).field("input", &self.input).finish()
    }
}
