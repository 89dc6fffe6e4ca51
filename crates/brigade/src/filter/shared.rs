//! What all filters of a chain share: storage, the terminal, and whether the chain refuses.
//!
//! Invariant: a hard error of the terminal is final. It is asked for nothing more, and is told so.

use std::task::Waker;

use super::Terminal;
use super::observer::Sight;
use crate::{Brigade, BucketAlloc, Disk, End, Error, ErrorKind, Outcome, ReadCx, ReadMode, Result};

pub(super) struct Shared {
    pub(super) alloc: BucketAlloc,
    pub(super) mode: ReadMode,
    pub(super) waker: Waker,
    pub(super) disk: Option<Box<dyn Disk>>,
    pub(super) terminal: Box<dyn Terminal>,
    /// Data of filters with a lower order is dropped; 0: of none.
    pub(super) discard: u64,
    /// Set by a hard error of the terminal, and by the owner.
    pub(super) refused: Option<End>,
    pub(super) sight: Option<Box<Sight>>,
    /// Whether a brigade goes another way than from filter to filter: one look at each hop for both.
    // Invariant: the chain refuses, or has an observer.
    pub(super) is_special: bool,
}

impl Shared {
    pub(super) fn new(terminal: impl Terminal) -> Self {
        Self {
            alloc: BucketAlloc::new(),
            mode: ReadMode::Blocking,
            waker: Waker::noop().clone(),
            disk: None,
            terminal: Box::new(terminal),
            discard: 0,
            refused: None,
            sight: None,
            is_special: false,
        }
    }

    /// Whether the storage is over its budget: the waker is called when there is room.
    #[inline]
    pub(super) fn is_over_budget(&self) -> bool {
        self.alloc.is_over_budget(&self.waker)
    }

    /// The filter of this order leaves: if it was the one that wants no body, another may.
    pub(super) fn forget_discard(&mut self, order: u64) {
        if self.discard == order {
            self.discard = 0;
        }
    }

    pub(super) fn read_cx(&mut self) -> ReadCx<'_> {
        self.terminal_and_cx().1
    }

    #[inline]
    fn terminal_and_cx(&mut self) -> (&mut dyn Terminal, ReadCx<'_>) {
        let cx = ReadCx::new(&mut self.alloc, self.mode)
            .with_waker(&self.waker)
            .with_disk_if(self.disk.as_mut().map(|disk| &mut **disk as &mut dyn Disk));
        (&mut *self.terminal, cx)
    }

    /// Gives `brigade` to the terminal; it is empty afterwards.
    pub(super) fn write(&mut self, brigade: &mut Brigade<'_>) -> Result<()> {
        let (terminal, mut cx) = self.terminal_and_cx();
        let answer = terminal.write(brigade, &mut cx);
        if answer.is_ok() && brigade.is_empty() {
            return Ok(());
        }
        self.write_failed(answer, brigade)
    }

    #[cold]
    fn write_failed(&mut self, answer: Result<()>, brigade: &mut Brigade<'_>) -> Result<()> {
        let answer = answer.and_then(|()| {
            let context = format!("answered Ok and left {} buckets in its input", brigade.len());
            Err(Error::new(ErrorKind::Contract, context))
        });
        let answer = self.settle(answer);
        answer.or_else(|error| self.refuse_brigade(brigade).map_err(|_| error))
    }

    /// Drops what is passed after the end of the connection.
    #[cold]
    pub(super) fn refuse_brigade(&self, brigade: &mut Brigade<'_>) -> Result<()> {
        let end = self.refused.unwrap_or(End::Failed);
        brigade.complete_all(&Outcome::new(end, 0));
        Err(self.aborted())
    }

    pub(super) fn resume(&mut self) -> Result<()> {
        let (terminal, mut cx) = self.terminal_and_cx();
        let answer = terminal.resume(&mut cx);
        let answer = self.settle(answer);
        self.sees_write(&answer);
        answer
    }

    /// Names the terminal in its errors, and refuses from then on.
    fn settle(&mut self, answer: Result<()>) -> Result<()> {
        answer.map_err(|error| {
            // A filter would take it for its own wish to wait.
            let error = match error.kind() {
                ErrorKind::WouldBlock => {
                    let context = "answered WouldBlock, and keeps nothing to go on with";
                    Error::new(ErrorKind::Contract, context).because(error)
                }
                _ => error,
            };
            self.refuse(match error.kind() {
                ErrorKind::ClientGone => End::ClientGone,
                ErrorKind::TimedOut => End::Timeout,
                _ => End::Failed,
            });
            error.in_filter(self.terminal.name())
        })
    }

    pub(super) fn refuse(&mut self, end: End) {
        if self.refused.is_none() {
            self.refused = Some(end);
            self.is_special = true;
            self.terminal.abort(end);
        }
    }

    pub(super) fn check_open(&self) -> Result<()> {
        match self.refused {
            Some(_) => Err(self.aborted()),
            None => Ok(()),
        }
    }

    #[cold]
    pub(super) fn aborted(&self) -> Error {
        Error::new(ErrorKind::Aborted, "the connection has ended").in_filter(self.terminal.name())
    }
}
