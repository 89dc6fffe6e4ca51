//! The network writer: the terminal that gives a chain's bytes to a transport.
//!
//! Invariants: every byte goes once, in order, or an error says that it did not. While nothing is
//! waited for, what is kept is in memory, within the limits, and has never been asked to go.

mod give;
mod keep;
mod options;
mod responses;

use std::mem;

use brigade::{Brigade, Bucket, Charge, End, Error, ErrorKind, ReadCx, Result, Terminal};

pub use self::options::{WaitsFor, WriterOptions, WriterStats};
use self::responses::{Line, Responses};
use crate::Transport;

/// Whether giving went on to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    /// `waits_for` says why.
    Stopped,
}

/// The end of a chain: gives its bytes to a [`Transport`], in as few calls as it can.
///
/// It writes at once when a FLUSH or EOC comes, when data comes that is not in memory, and when more
/// than [its limits](WriterOptions) would be held; otherwise it keeps what came, to write it together
/// with what comes next. What was kept and what arrives go in one vectored write; short pieces are
/// copied together first, into the chain's own blocks, so that nothing is copied twice when the
/// transport takes only some of it. FILE goes by [`send_file`](Transport::send_file), unread; where
/// the transport cannot, and for STREAM, a piece is read at a time.
///
/// A transport that would block makes it keep the rest, in memory only what was there already;
/// [`waits_for`](Self::waits_for) says what must happen before [`resume`](Terminal::resume).
///
/// With a [`Disk`](brigade::Disk) in a non-blocking chain, a FILE that is not in memory is waited for in
/// the same way: what came before it leaves, and the chain's waker is called when the window that is to
/// be sent next is there. Without one the thread waits for the disk.
///
/// While the [budget](brigade::Budget) of the storage is used up, what has to be read is left unread,
/// as a STREAM is that has nothing yet: what came before it leaves, and the chain's waker is called
/// when there is room. A file that the transport sends, and what is in memory, need none.
///
/// EOR is completed when the bytes before it are with the kernel: [`End::Failed`] if an ERROR came
/// among them. After EOC nothing is written; responses that had data there have failed.
///
/// Models `ap_core_output_filter`. It does not hold less than 4 KiB back by a rule of its own, and a
/// file that ends early is an error, where httpd sends what there is.
///
/// # Errors
///
/// [`ErrorKind::ClientGone`] and [`ErrorKind::TimedOut`] are only ever the transport's;
/// [`ErrorKind::Incomplete`] is a FILE shorter than promised, with the numbers. All are final.
///
/// ```
/// use brigade::{Bucket, Chain};
/// use brigade_net::NetworkWriter;
/// use brigade_testkit::ScriptedTransport;
///
/// # fn main() -> brigade::Result<()> {
/// let (transport, wire) = ScriptedTransport::new([]);
/// let mut chain = Chain::new(NetworkWriter::new(transport));
/// chain.write(b"one, ")?;
/// chain.pass_bucket(Bucket::transient(b"two, "))?;
/// assert_eq!(wire.received(), b""); // kept, to be written together
/// chain.pass_bucket(Bucket::immortal(b"three"))?;
/// chain.flush()?;
/// assert_eq!((wire.received().as_slice(), wire.calls().len()), (&b"one, two, three"[..], 1));
/// # Ok(())
/// # }
/// ```
#[doc(alias = "ap_core_output_filter")]
#[derive(Debug)]
pub struct NetworkWriter<T> {
    transport: T,
    options: WriterOptions,
    // Neither FLUSH, EOS nor data of no bytes is in here: they ask for nothing any more. No data
    // comes after an EOC.
    pending: Brigade<'static>,
    spare: Brigade<'static>, // Empty between calls: storage.
    waits_for: Option<WaitsFor>,
    line: Line,
    line_charge: Option<Charge>, // What the line keeps, in the budget.
    // The first data in `pending` that is not in memory is a file that cannot be sent unread.
    reads_file: bool,
    has_ended: bool, // EOC arrived.
    aborted: Option<End>,
    compacted: usize, // How many buckets of `pending` have been packed.
    is_large: bool,   // The storage has grown past what is worth keeping.
    responses: Responses,
    stats: WriterStats,
}

impl<T: Transport> NetworkWriter<T> {
    /// Makes a writer with the default options.
    pub fn new(transport: T) -> Self {
        Self::with_options(transport, WriterOptions::default())
    }

    /// Makes a writer.
    pub fn with_options(transport: T, options: WriterOptions) -> Self {
        Self {
            transport,
            options,
            pending: Brigade::new(),
            spare: Brigade::new(),
            waits_for: None,
            line: Line::Clear,
            line_charge: None,
            reads_file: false,
            has_ended: false,
            aborted: None,
            compacted: 0,
            is_large: false,
            responses: Responses::default(),
            stats: WriterStats::default(),
        }
    }

    /// The line to the peer.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The line to the peer; what is written to it past the writer comes before what is pending.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// What was done so far.
    pub fn stats(&self) -> WriterStats {
        self.stats
    }

    /// What must happen before the writer can go on; `None` while it keeps only what nobody asked to
    /// go yet.
    pub fn waits_for(&self) -> Option<WaitsFor> {
        self.waits_for
    }

    /// Whether it waits for the transport, and so for the peer.
    pub fn is_blocked(&self) -> bool {
        matches!(self.waits_for, Some(WaitsFor::Transport(_)))
    }

    /// Counts what arrived and cuts off what comes too late; says whether it has to be given away
    /// before the call returns.
    fn arrive(&mut self, arriving: &mut Brigade<'_>) -> bool {
        let mut must = false;
        let mut end = self.has_ended.then_some(0);
        for (index, bucket) in arriving.iter().enumerate() {
            self.responses.arrived(bucket);
            must |= bucket.is_flush() || bucket.is_eoc();
            if bucket.is_eoc() && end.is_none() {
                end = Some(index + 1);
            }
        }
        if let Some(end) = end {
            self.has_ended = true;
            cut_data_after(arriving, end);
        }
        let resident = self.pending.resident_bytes() + arriving.resident_bytes();
        must || resident > self.options.limit_bytes as u64
            || has_deferred(arriving)
            || self.responses.queued() > self.options.max_pipelined
    }

    /// Keeps what was not given away; after an error only the EORs, which [`abort`] will tell.
    ///
    /// [`abort`]: Terminal::abort
    fn settle<'b>(
        &mut self,
        answer: Result<Flow>,
        mut ready: Brigade<'b>,
        input: &mut Brigade<'b>,
        cx: &mut ReadCx<'_>,
    ) -> Result<()> {
        match answer {
            Ok(Flow::On) => {
                debug_assert!(ready.is_empty() && input.is_empty(), "{ready:?} {input:?} are left");
                self.pending = ready.recycle();
                self.release_large();
                Ok(())
            }
            Ok(Flow::Stopped) => {
                self.pending = mem::take(&mut self.spare);
                ready.set_aside(&mut self.pending, cx.alloc());
                self.spare = ready.recycle();
                self.keep(input, cx.alloc());
                Ok(())
            }
            Err(error) => {
                for left in [&mut ready, input] {
                    left.drop_data();
                    left.set_aside(&mut self.pending, cx.alloc());
                }
                Err(error)
            }
        }
    }

    /// Gives storage back that a burst left behind.
    fn release_large(&mut self) {
        if mem::take(&mut self.is_large) {
            self.pending = Brigade::new();
            self.spare = Brigade::new();
        }
    }

    fn drop_all(&mut self, brigade: &mut Brigade<'_>, end: End) {
        while let Some(bucket) = brigade.pop_front() {
            self.responses.drop_bucket(bucket, end);
        }
    }
}

impl<T: Transport> Terminal for NetworkWriter<T> {
    fn name(&self) -> &'static str {
        "network"
    }

    fn write(&mut self, brigade: &mut Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<()> {
        let must = self.arrive(brigade);
        if let Some(end) = self.aborted {
            self.drop_all(brigade, end);
            return Ok(());
        }
        if self.waits_for.is_some() || !must {
            self.keep(brigade, cx.alloc());
            return Ok(());
        }
        let mut ready = mem::take(&mut self.pending);
        let answer = self.give(&mut ready, brigade, cx);
        self.settle(answer, ready, brigade, cx)
    }

    fn resume(&mut self, cx: &mut ReadCx<'_>) -> Result<()> {
        // What nobody asked to go yet stays: it may go together with what comes next.
        if self.waits_for.take().is_none() {
            return Ok(());
        }
        if self.line == Line::KeepsBytes && self.clear_line(cx.alloc())? == Flow::Stopped {
            return Ok(());
        }
        let mut input = mem::take(&mut self.pending);
        let mut ready = mem::take(&mut self.spare);
        // What was kept is packed: up to the first data that has to be read it goes as it is.
        while input.front().is_some_and(|bucket| !bucket.is_deferred()) {
            ready.extend(input.pop_front());
        }
        let answer = self.give(&mut ready, &mut input, cx);
        if answer.is_err() {
            ready.drop_data();
            input.drop_data();
        }
        ready.append(&mut input);
        self.pending = ready;
        self.spare = input;
        if self.pending.is_empty() {
            self.release_large();
        }
        answer.map(|_| ())
    }

    fn is_pending(&self) -> bool {
        self.waits_for.is_some()
    }

    fn held_bytes(&self) -> usize {
        let pending = usize::try_from(self.pending.resident_bytes()).unwrap_or(usize::MAX);
        match self.line {
            Line::Clear => pending,
            Line::KeepsBytes => pending.saturating_add(self.transport.held_bytes()),
        }
    }

    fn should_yield(&self) -> bool {
        self.pending.resident_bytes() > self.options.limit_bytes as u64
            || has_deferred(&self.pending)
            || self.responses.queued() > self.options.max_pipelined
    }

    fn abort(&mut self, end: End) {
        self.aborted = Some(end);
        self.waits_for = None;
        self.line = Line::Clear;
        self.line_charge = None;
        self.responses.abort(end);
        let mut pending = mem::take(&mut self.pending);
        self.spare = Brigade::new();
        self.drop_all(&mut pending, end);
    }
}

/// Whether there is data that has to be read first. Known without a walk; data of no bytes does not
/// count.
fn has_deferred(brigade: &Brigade<'_>) -> bool {
    brigade.len_bytes() != Some(brigade.resident_bytes())
}

/// Replaces data from bucket `at` on by an ERROR: nobody will read it, so its response has failed.
fn cut_data_after(brigade: &mut Brigade<'_>, at: usize) {
    for bucket in brigade.split_off(at) {
        if bucket.is_metadata() {
            brigade.push_back(bucket);
        } else if !bucket.is_empty() {
            let context = "pass data to a connection that has been told to end";
            brigade.push_back(Bucket::error(Error::new(ErrorKind::Contract, context)));
        }
    }
}
