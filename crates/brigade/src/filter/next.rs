//! What a running filter sees of its chain: where to push, and what it may ask for.
//!
//! Invariant: what was pushed goes down when the call returns, before `read` fetches what is not in
//! memory or waits, and when it has grown past a piece. A filter cannot hold a body by accident.

use std::fmt;
use std::mem::ManuallyDrop;
use std::task::Waker;

use super::node::{Absorbs, Link, Me, State, insert, insert_by_kind, renew, takes_no_more};
use super::run::{Then, hand_down};
use super::shared::Shared;
use super::{Effects, Member, OutputFilter};
use crate::{Brigade, Bucket, BucketAlloc, Budget, Disk, Error, ReadMode, Result};

/// What was pushed goes down when it has grown past this many bytes.
pub(super) const PIECE_BYTES: u64 = 64 * 1024;
/// And when it has grown past this many buckets: marks and FILEs take room too.
pub(super) const PIECE_BUCKETS: usize = 1024;

/// The rest of the chain, as a filter sees it while it runs.
///
/// Models the `f->next` of an `ap_filter_t`; a filter cannot re-enter the chain above it.
#[doc(alias = "ap_pass_brigade")]
pub struct Next<'c, 'b> {
    out: &'c mut Brigade<'b>,
    below: &'c mut Link,
    me: &'c mut Me,
    at: &'c mut Shared,
    below_failed: bool,
}

impl<'c, 'b> Next<'c, 'b> {
    pub(super) fn new(
        out: &'c mut Brigade<'b>,
        below: &'c mut Link,
        me: &'c mut Me,
        at: &'c mut Shared,
    ) -> Self {
        Self { out, below, me, at, below_failed: false }
    }

    /// Whether a call that answered `Ok` and took everything leaves nothing to look at but data.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        let is_quiet = !self.me.asks && self.me.state == State::Running;
        is_quiet && (self.out.is_empty() || !self.out.ends_body())
    }

    /// Hands down what such a call pushed.
    #[inline]
    pub(super) fn finish_plain(&mut self, input: &mut Brigade<'b>) -> Result<()> {
        self.me.state = State::Ready;
        self.hand_down_over(input) // Its storage is free.
    }

    pub(super) fn has_failed_below(&self) -> bool {
        self.below_failed
    }

    /// Settles a call that answered `answer` and left `input`; hands down what was pushed.
    pub(super) fn finish(
        &mut self,
        answer: Result<()>,
        below_failed: bool,
        input: &mut Brigade<'b>,
    ) -> (Result<Then>, Result<()>) {
        self.below_failed = below_failed;
        let answer = self.settle(answer, input);
        if let Err(error) = &answer {
            self.give_up(error, input);
        }
        let handed = if input.is_empty() { self.hand_down_over(input) } else { self.hand_down() };
        if let Ok(Then::Done) = answer {
            self.me.settle_body();
        }
        (answer, handed)
    }

    /// What a failed call pushed goes down only together with the end of the body, as one brigade: a
    /// protocol that has not sent its head yet can replace the whole answer, or make it when the owner
    /// of the chain says that the body has failed. `input` is empty afterwards.
    fn give_up(&mut self, error: &Error, input: &mut Brigade<'b>) {
        if self.out.ends_body() || input.ends_body() {
            self.out.fail_ends(error);
            input.fail_with(error);
        } else {
            self.out.keep_only_connection_marks();
            input.keep_only_connection_marks();
        }
        self.out.append(input);
    }

    fn settle(&mut self, answer: Result<()>, input: &Brigade<'b>) -> Result<Then> {
        let me = &mut *self.me;
        let is_aside = me.state == State::Aside;
        if me.state == State::Running {
            me.state = State::Ready;
        }
        let answer = match answer {
            Err(error) if !error.is_would_block() => Err(error),
            _ if !me.insert_before.is_empty() => {
                Ok(Then::Insert(std::mem::take(&mut me.insert_before)))
            }
            _ if is_aside => Ok(Then::GoOn),
            Err(_) => Ok(Then::Wait),
            Ok(()) => me.check_done(input, self.out).map(|()| Then::Done),
        };
        answer.map_err(|error| {
            if self.below_failed && error.filter().is_some() {
                return error; // It began below, and is named.
            }
            self.me.blame(error, input)
        })
    }

    /// Takes the next bucket out of `input`: a mark, or data with its bytes in memory. `None`: there
    /// is no more now.
    ///
    /// Data that is not in memory is read a piece at a time, the rest staying in `input`. In a
    /// blocking chain that may wait. Models `apr_bucket_read` with all that a careful filter does
    /// around it.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](crate::ErrorKind::WouldBlock) when a STREAM has nothing yet, or when the next
    /// bucket is not in memory and the chain [holds back](Self::should_yield). Return it: the chain
    /// keeps what is left in `input` and calls again. What was neither pushed nor kept in a field is
    /// lost then, so push (or keep) each bucket before reading the next. Other errors are the
    /// source's.
    #[inline]
    pub fn read(&mut self, input: &mut Brigade<'b>) -> Result<Option<Bucket<'b>>> {
        match input.front() {
            Some(front) if front.is_deferred() || self.discards() => self.read_on(input),
            _ => Ok(input.pop_front()),
        }
    }

    fn read_on(&mut self, input: &mut Brigade<'b>) -> Result<Option<Bucket<'b>>> {
        while let Some(front) = input.front() {
            if front.is_data() && self.discards() {
                self.me.discarded();
                drop(input.pop_front()); // Nobody wants the body: a FILE goes unread.
                continue;
            }
            if !front.is_deferred() {
                return Ok(input.pop_front());
            }
            let is_unknown = front.len().is_none();
            self.hand_down()?;
            if self.discards() {
                continue; // Nobody wants the body since the head went down just now.
            }
            if self.should_yield() {
                return Err(Error::would_block());
            }
            let observed = self.at.sight.is_some().then(|| front_kind(input));
            let piece = input.pop_read(&mut self.at.read_cx())?;
            if let Some(piece) = piece {
                if let Some(kind) = observed {
                    self.at.sees_read(&kind, &piece);
                }
                if is_unknown {
                    self.me.given_unknown(piece.len().unwrap_or(0));
                }
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Gives a bucket to the filters below. It goes down when this call returns, or earlier.
    ///
    /// # Errors
    ///
    /// What a filter below or the terminal answered; return it. Waiting below is no error.
    #[inline]
    pub fn push(&mut self, bucket: Bucket<'b>) -> Result<()> {
        let bucket = ManuallyDrop::new(bucket); // See `Store::push_back`.
        if self.discards() && bucket.is_data() {
            drop(ManuallyDrop::into_inner(bucket));
            self.me.discarded();
            return Ok(());
        }
        self.out.push_back(ManuallyDrop::into_inner(bucket));
        if self.out.resident_bytes() > PIECE_BYTES || self.out.len() > PIECE_BUCKETS {
            self.hand_down()
        } else {
            Ok(())
        }
    }

    /// Gives all of a brigade to the filters below, in one go; `brigade` is empty afterwards and keeps
    /// its storage. A brigade of the filter's own goes by `push_all(&mut mem::take(&mut self.held))`.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    #[inline]
    pub fn push_all(&mut self, brigade: &mut Brigade<'b>) -> Result<()> {
        if self.discards() || !self.out.is_empty() {
            self.make_way(brigade)?;
        }
        if brigade.is_empty() {
            return Ok(());
        }
        self.me.pushed(brigade);
        // What was pushed has gone down: its storage is free.
        let handed = hand_down(self.below, brigade, self.out, self.at);
        self.below_failed |= handed.is_err();
        handed
    }

    /// Hands down what was pushed before `brigade`, and drops of that what nobody wants.
    #[inline(never)]
    fn make_way(&mut self, brigade: &mut Brigade<'b>) -> Result<()> {
        if self.discards() {
            brigade.drop_data();
            self.me.discarded();
        }
        self.hand_down().inspect_err(|_| brigade.clear())
    }

    /// Storage for new bytes.
    #[inline]
    pub fn alloc(&mut self) -> &mut BucketAlloc {
        &mut self.at.alloc
    }

    /// Whom to wake when a filter that answered [`WouldBlock`](crate::ErrorKind::WouldBlock) for a
    /// reason of its own can go on. In a blocking chain this unparks its thread.
    pub fn waker(&self) -> &Waker {
        &self.at.waker
    }

    /// Whether the chain holds back: the terminal is full, a filter below waits, or the storage is over
    /// its [budget](crate::Budget). A filter that makes much output of little input asks between its
    /// outputs.
    pub fn should_yield(&self) -> bool {
        takes_no_more(self.below, &*self.at.terminal) || self.at.is_over_budget()
    }

    /// Has the filter called again, with nothing new, when the chain below can take more: for one that
    /// [absorbs](super::OutputFilter::absorbs) and has kept some of what it was given. Unlike
    /// [`WouldBlock`](crate::ErrorKind::WouldBlock) this holds nobody back.
    pub fn call_when_free(&mut self) {
        if self.me.absorbs == Absorbs::All {
            self.me.absorbs = Absorbs::AndKeeps;
        }
    }

    /// Says that this response is changed less than the filter declared. To be called before the
    /// first push of a response; it cannot be raised above the declaration.
    pub fn effects(&mut self, effects: Effects) {
        self.set_effects(self.me.effects.min(effects));
    }

    /// The strongest effects of the filters above on the response that is on its way.
    pub fn effects_above(&self) -> Effects {
        self.me.above.effects
    }

    /// What stands for those filters and their options that change the bytes, in order: the same for
    /// the same chain on every machine. 0 when none does. Models the suffix of mod_deflate's ETags.
    pub fn fingerprint_above(&self) -> u64 {
        self.me.above.fingerprint
    }

    /// Nobody below wants the body of this response: data is dropped at the top of the chain, a FILE
    /// unread, a STREAM unstarted; what filters in between still push is dropped here. Marks go on.
    /// This filter's own pushes are not affected.
    pub fn discard_body(&mut self) {
        self.at.discard = self.at.discard.max(self.me.order);
    }

    /// This response skips the filter from here on, at no cost; what is left in the input goes on. A
    /// connection's filter steps aside for good. One that has let no data go down has no
    /// [effects](Self::effects_above) on the response.
    pub fn step_aside(&mut self) {
        self.me.state = State::Aside;
        if !self.me.has_pushed_data() && !self.out.iter().any(Bucket::is_data) {
            self.set_effects(Effects::Same);
        }
    }

    /// Says why the filter does what it does with this response: for who looks at the chain. Nothing is
    /// formatted unless it has an [observer](super::Chain::observe).
    ///
    /// ```
    /// use brigade::{Bucket, Chain, FilterKind, Member, Note, Observer, Pass, from_fn, recorder};
    ///
    /// #[derive(Default)]
    /// struct Why(Vec<String>);
    ///
    /// impl Observer for Why {
    ///     fn passes(&mut self, _pass: &Pass<'_>) {}
    ///     fn notes(&mut self, note: &Note<'_>) {
    ///         self.0.push(format!("{}: {}", note.filter.name(), note.text));
    ///     }
    /// }
    ///
    /// # fn main() -> brigade::Result<()> {
    /// let mut chain = Chain::new(recorder().0);
    /// let small = from_fn(|input, next| {
    ///     next.note(format_args!("left alone: {} buckets are few", input.len()));
    ///     next.step_aside();
    ///     Ok(())
    /// });
    /// chain.join(Member::new("pack", FilterKind::CONTENT_SET, small));
    /// chain.observe(Why::default());
    /// chain.pass_bucket(Bucket::immortal(b"x"))?;
    /// let why = chain.observer::<Why>().expect("it was given a line ago");
    /// assert_eq!(why.0, ["pack: left alone: 1 buckets are few"]);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn note(&mut self, why: fmt::Arguments<'_>) {
        self.at.sees_note(why);
    }

    /// Inserts a filter just below this one, whatever its kind; it sees all that is pushed from here
    /// on.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), from what was pushed before.
    pub fn insert_below(&mut self, member: Member) -> Result<()> {
        self.hand_down()?;
        insert(self.below, member, self.me.order + 1, self.me.is_request);
        renew(self.below, self.me.below());
        Ok(())
    }

    /// Inserts a filter below this one where its kind belongs: behind those of the same kind and
    /// before those of a later one. It sees all that these hand on from here on.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), from what was pushed before.
    pub fn insert_by_kind(&mut self, member: Member) -> Result<()> {
        self.hand_down()?;
        insert_by_kind(self.below, member, self.me.order, self.me.is_request);
        renew(self.below, self.me.below());
        Ok(())
    }

    /// Inserts a filter just above this one, whatever its kind, when the call returns: what is left in
    /// the input goes through it first. Return at once.
    pub fn insert_before(&mut self, member: Member) {
        self.me.insert_before.push(member);
        self.me.asks = true;
    }

    /// The way to files, while a chain inside of this filter runs.
    pub(super) fn disk_mut(&mut self) -> &mut Option<Box<dyn Disk>> {
        &mut self.at.disk
    }

    /// Whether reads may put the thread to sleep.
    pub(super) fn mode(&self) -> ReadMode {
        self.at.mode
    }

    /// Of what size blocks are, and on which budget.
    pub(super) fn storage(&self) -> (usize, Option<&Budget>) {
        (self.at.alloc.block_size(), self.at.alloc.budget())
    }

    /// Whether the filter leaves with the response.
    pub(super) fn is_requests(&self) -> bool {
        self.me.is_request
    }

    fn set_effects(&mut self, effects: Effects) {
        if self.me.effects != effects {
            self.me.effects = effects;
            renew(self.below, self.me.below());
        }
    }

    #[inline]
    fn discards(&self) -> bool {
        self.me.order < self.at.discard
    }

    /// Hands down in the middle of a call, when no storage of this lifetime is free.
    #[inline]
    pub(super) fn hand_down(&mut self) -> Result<()> {
        if self.out.is_empty() { Ok(()) } else { self.hand_down_early() }
    }

    fn hand_down_early(&mut self) -> Result<()> {
        let mut scratch = std::mem::take(&mut self.me.spare);
        let handed = self.hand_down_over(&mut scratch);
        self.me.spare = scratch.recycle();
        handed
    }

    /// Hands down at the end of a call, with the storage of what was its input.
    #[inline]
    fn hand_down_over(&mut self, scratch: &mut Brigade<'b>) -> Result<()> {
        // A filter that pushes all at once has nothing left here.
        if self.out.is_empty() { Ok(()) } else { self.hand_down_rest(scratch) }
    }

    #[inline(never)]
    fn hand_down_rest(&mut self, scratch: &mut Brigade<'b>) -> Result<()> {
        self.me.pushed(self.out);
        let handed = hand_down(self.below, self.out, scratch, self.at);
        self.below_failed |= handed.is_err();
        handed
    }
}

fn front_kind(brigade: &Brigade<'_>) -> String {
    brigade.front().map(Bucket::kind_name).unwrap_or_default().to_owned()
}

impl fmt::Debug for Next<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("filter", &self.me.name)
            .field("pushed", &self.out)
            .finish_non_exhaustive()
    }
}

// A boxed filter must forward every method; a filter of any kind can be boxed.
const _: fn(Box<dyn OutputFilter>) -> Box<dyn OutputFilter> = |filter| Box::new(filter);
