//! Giving bytes to the transport: vectored writes, files, and pieces of what has to be read.
//!
//! Invariant: bytes leave `ready` and files when the transport took them, not before; `input` is
//! read only when what is before it has gone, or while more of it can be had without waiting.

use std::io;
use std::task::Poll;

use brigade::{
    Brigade, Bucket, BucketAlloc, Error, ErrorKind, FileSlice, IoSlices, ReadCx, ReadMode, Result,
};

use super::{Flow, Line, NetworkWriter, WaitsFor};
use crate::{More, Transport};

/// Slices in one call: with slices of at least `small_bytes` this is twice the limit. Systems take
/// 1,024, and walk them all for a call that takes the first.
const MAX_SLICES: usize = 64;

/// Windows of a file that a chain which waits sends by one call. Nobody else waits for its thread, and each
/// call ends by sending what does not fill a packet.
const WAITING_WINDOWS: u64 = 4;

impl<T: Transport> NetworkWriter<T> {
    /// Gives away what is `ready`, all of it in memory, and then all of `input`.
    pub(super) fn give<'b>(
        &mut self,
        ready: &mut Brigade<'b>,
        input: &mut Brigade<'b>,
        cx: &mut ReadCx<'_>,
    ) -> Result<Flow> {
        let turn_ends = match cx.mode() {
            ReadMode::Blocking => u64::MAX,
            ReadMode::NonBlocking => self.stats.bytes_written + self.options.turn_bytes,
        };
        while let Some(front) = input.front() {
            let flow = if front.is_deferred() && !front.is_empty() {
                if self.stats.bytes_written >= turn_ends {
                    cx.waker().wake_by_ref();
                    self.stop(WaitsFor::Waker)
                } else {
                    self.give_deferred(ready, input, cx)?
                }
            } else {
                self.place(ready, input, cx.alloc());
                // A remainder in memory goes along in the same call, unless it is a limit's worth.
                if self.is_over_limit(ready) && self.is_over_limit(input) {
                    self.write_out(ready, what_follows(input), cx.alloc())?
                } else {
                    Flow::On
                }
            };
            if flow == Flow::Stopped {
                return Ok(flow);
            }
        }
        self.write_out(ready, More::None, cx.alloc())
    }

    /// Sends some of the file at the front of `input`, or reads a piece of the data there.
    fn give_deferred<'b>(
        &mut self,
        ready: &mut Brigade<'b>,
        input: &mut Brigade<'b>,
        cx: &mut ReadCx<'_>,
    ) -> Result<Flow> {
        let file_len = input.front().and_then(Bucket::as_file).map(|file| file.len);
        let is_file = file_len.is_some();
        // One call instead of two. What remains of a file that is being sent has nothing before it.
        let goes_along = file_len.is_some_and(|len| len <= self.options.read_file_bytes)
            && ready.resident_bytes() > 0;
        if is_file && !goes_along && self.transport.sends_files() && !self.reads_file {
            // Asked first: what comes before it must not wait for the disk with it.
            let is_there = self.is_file_there(input, cx)?;
            let more = if is_there { More::Follows } else { More::None };
            return match self.write_out(ready, more, cx.alloc())? {
                Flow::Stopped => Ok(Flow::Stopped),
                Flow::On if is_there => self.send_file(input, cx),
                Flow::On => Ok(self.stop(WaitsFor::Waker)),
            };
        }
        // A source that may put the thread to sleep must not take what came before it along. A file
        // does not sleep, and a non-blocking source says that it would: their pieces go together.
        let may_sleep = !is_file && cx.mode() == ReadMode::Blocking;
        if may_sleep || self.is_over_limit(ready) {
            let more = if is_file { More::Follows } else { More::None };
            if self.write_out(ready, more, cx.alloc())? == Flow::Stopped {
                return Ok(Flow::Stopped);
            }
        }
        self.read_piece(ready, input, cx)
    }

    /// Reads a piece of the data at the front of `input` and leaves it there, before the rest.
    fn read_piece<'b>(
        &mut self,
        ready: &mut Brigade<'b>,
        input: &mut Brigade<'b>,
        cx: &mut ReadCx<'_>,
    ) -> Result<Flow> {
        let Some(mut data) = input.pop_front() else { return Ok(Flow::On) };
        match data.read(cx) {
            Ok(piece) => {
                if piece.is_some() && !data.is_empty() {
                    input.push_front(data);
                } else {
                    self.reads_file = false;
                }
                piece.into_iter().for_each(|piece| input.push_front(piece));
                Ok(Flow::On)
            }
            Err(error) if error.is_would_block() => {
                input.push_front(data);
                match self.write_out(ready, More::None, cx.alloc())? {
                    Flow::On => Ok(self.stop(WaitsFor::Waker)),
                    Flow::Stopped => Ok(Flow::Stopped),
                }
            }
            Err(error) => Err(self.source_failed(data.kind_name(), error)),
        }
    }

    /// Whether a window of the file at the front of `input` can be sent without waiting for the disk; if
    /// not, the chain's waker is called when it can.
    fn is_file_there(&self, input: &Brigade<'_>, cx: &mut ReadCx<'_>) -> Result<bool> {
        let Some(file) = input.front().and_then(Bucket::as_file) else { return Ok(true) };
        let window = FileSlice { len: file.len.min(self.options.file_window), ..file };
        match cx.poll_file(window) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(cause)) => Err(self.source_failed("FILE", Error::from(cause))),
        }
    }

    /// Sends a window of the file at the front of `input`.
    fn send_file(&mut self, input: &mut Brigade<'_>, cx: &ReadCx<'_>) -> Result<Flow> {
        let follows = input.len_bytes();
        let Some(mut bucket) = input.pop_front() else { return Ok(Flow::On) };
        let Some(file) = bucket.as_file() else { return Ok(Flow::On) };
        let windows = if cx.mode() == ReadMode::Blocking { WAITING_WINDOWS } else { 1 };
        let window = file.len.min(self.options.file_window.saturating_mul(windows));
        let more = if window < file.len || follows.is_some_and(|bytes| bytes > window) {
            More::Follows
        } else {
            More::None
        };
        self.stats.send_file_calls += 1;
        let flow = match self.transport.send_file(file.file, file.offset, window, more) {
            Ok(0) => {
                let (offset, len) = (file.offset, file.len);
                let context = format!("send a file at byte {offset}: it ends {len} bytes early");
                return Err(Error::new(ErrorKind::Incomplete, context));
            }
            Ok(count) => {
                let count = count as u64;
                assert!(count <= window, "a transport sent {count} bytes of {window}");
                self.stats.bytes_written += count;
                self.stats.file_bytes += count;
                self.responses.took(count);
                if count == file.len {
                    return Ok(Flow::On);
                }
                bucket.advance(count)?;
                Flow::On
            }
            Err(cause) => match cause.kind() {
                io::ErrorKind::Interrupted => Flow::On,
                io::ErrorKind::WouldBlock => self.stop_for_transport(),
                io::ErrorKind::Unsupported => {
                    self.reads_file = true;
                    Flow::On
                }
                _ => {
                    let (offset, len) = (file.offset, file.len);
                    let what =
                        format!("send {window} bytes of a file from byte {offset}, {len} to go");
                    return Err(self.failed(&what, cause));
                }
            },
        };
        input.push_front(bucket);
        Ok(flow)
    }

    /// Writes all of `ready`, and deals with the marks in it.
    pub(super) fn write_out(
        &mut self,
        ready: &mut Brigade<'_>,
        more: More,
        alloc: &mut BucketAlloc,
    ) -> Result<Flow> {
        self.settle_marks(ready, alloc);
        while ready.resident_bytes() > 0 {
            match self.write_once(ready, more) {
                Ok(count) if count > 0 => {
                    let flow = self.clear_line(alloc)?;
                    self.took(ready, count, alloc);
                    if flow == Flow::Stopped {
                        return Ok(flow);
                    }
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(self.stop_for_transport());
                }
                answer => {
                    // Taking nothing without a reason would go on for ever.
                    let cause = answer.err().unwrap_or_else(|| io::ErrorKind::WriteZero.into());
                    let what = format!("write {} bytes", ready.resident_bytes());
                    return Err(self.failed(&what, cause));
                }
            }
        }
        Ok(Flow::On)
    }

    fn write_once(&mut self, ready: &Brigade<'_>, more: More) -> io::Result<usize> {
        let mut slices = IoSlices::new();
        ready.io_slices_into(MAX_SLICES, &mut slices);
        let more = if slices.has_rest() { More::Follows } else { more };
        self.stats.write_calls += 1;
        self.transport.write(&slices, more)
    }

    /// Takes `count` bytes that the transport took out of `ready`, and the marks they have passed.
    fn took(&mut self, ready: &mut Brigade<'_>, mut count: usize, alloc: &mut BucketAlloc) {
        self.stats.bytes_written += count as u64;
        while count > 0 {
            let mut bucket = ready.pop_front().expect("a transport takes no more than it is given");
            match bucket.bytes().map(<[u8]>::len) {
                None => self.responses.mark(bucket, self.line, alloc),
                Some(len) => {
                    let taken = len.min(count);
                    self.responses.took(taken as u64);
                    count -= taken;
                    if taken < len {
                        bucket.advance(taken as u64).expect("the bucket has more bytes than that");
                        ready.push_front(bucket);
                    }
                }
            }
        }
        self.settle_marks(ready, alloc);
    }

    /// Deals with the marks that no byte precedes any more.
    fn settle_marks(&mut self, ready: &mut Brigade<'_>, alloc: &mut BucketAlloc) {
        while ready.front().is_some_and(|bucket| bucket.is_metadata() || bucket.is_empty()) {
            if let Some(mark) = ready.pop_front() {
                self.responses.mark(mark, self.line, alloc);
            }
        }
    }

    /// Has the transport send what it keeps itself; what it goes on keeping counts in the budget.
    pub(super) fn clear_line(&mut self, alloc: &BucketAlloc) -> Result<Flow> {
        loop {
            match self.transport.flush() {
                Ok(()) => {
                    self.line = Line::Clear;
                    self.line_charge = None;
                    self.responses.line_is_clear();
                    return Ok(Flow::On);
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {
                    self.line = Line::KeepsBytes;
                    self.line_charge = alloc.charge(self.transport.held_bytes());
                    return Ok(self.stop_for_transport());
                }
                Err(cause) => return Err(self.failed("send what the transport keeps", cause)),
            }
        }
    }

    fn is_over_limit(&self, ready: &Brigade<'_>) -> bool {
        ready.resident_bytes() > self.options.limit_bytes as u64
    }

    fn stop_for_transport(&mut self) -> Flow {
        self.stop(WaitsFor::Transport(self.transport.waits_for()))
    }

    fn stop(&mut self, waits_for: WaitsFor) -> Flow {
        self.waits_for = Some(waits_for);
        Flow::Stopped
    }

    /// The transport's error, with what was tried.
    #[cold]
    fn failed(&self, what: &str, cause: io::Error) -> Error {
        let kind = Error::from(io::Error::from(cause.kind())).kind();
        let written = self.stats.bytes_written;
        Error::new(kind, format!("{what}, after {written} bytes")).because(cause)
    }

    /// A source's error. Its peer's going away is not the going away of ours.
    #[cold]
    fn source_failed(&self, what: &str, cause: Error) -> Error {
        let kind = match cause.kind() {
            ErrorKind::ClientGone | ErrorKind::TimedOut | ErrorKind::Aborted => ErrorKind::Io,
            kind => kind,
        };
        let written = self.stats.bytes_written;
        Error::new(kind, format!("read {what} to write it, after {written} bytes")).because(cause)
    }
}

/// Whether what is in `input` goes without waiting for anybody but the peer.
fn what_follows(input: &Brigade<'_>) -> More {
    match input.iter().find(|bucket| bucket.is_data() && !bucket.is_empty()) {
        Some(data) if !data.is_deferred() || data.as_file().is_some() => More::Follows,
        _ => More::None,
    }
}
