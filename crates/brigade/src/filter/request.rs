//! A request's filters after its end: inside the EOR bucket, until the outcome is known.
//!
//! Invariant: each filter is told the outcome exactly once, also when another of them panics.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::node::Link;
use crate::{EndOfRequest, Outcome};

/// Owns the filters of a response that has been produced, and is told how it ended.
pub(super) struct FinishedRequest {
    pub(super) filters: Link,
    pub(super) bytes_in: u64,
    pub(super) and_then: Option<Box<dyn EndOfRequest>>,
}

impl EndOfRequest for FinishedRequest {
    fn end(self: Box<Self>, outcome: &Outcome) {
        let outcome = Outcome { bytes_in: self.bytes_in, ..*outcome };
        let and_then = self.and_then;
        tell_end(self.filters, &outcome, || {
            if let Some(end) = and_then {
                end.end(&outcome);
            }
        });
    }
}

/// Tells each filter how its response ended, drops it, and calls `and_then`. A panic goes on only when
/// all have been told: one filter must not keep another's clean-up from happening.
pub(super) fn tell_end(mut link: Link, outcome: &Outcome, and_then: impl FnOnce()) {
    let mut panicked: Option<Box<dyn Any + Send>> = None;
    while let Some(mut node) = link {
        link = node.next.take();
        let told = catch_unwind(AssertUnwindSafe(|| {
            node.filter.on_end(outcome);
            drop(node);
        }));
        panicked = panicked.or(told.err());
    }
    let told = catch_unwind(AssertUnwindSafe(and_then));
    if let Some(panic) = panicked.or(told.err())
        && !thread::panicking()
    {
        resume_unwind(panic);
    }
}

/// Takes the filters that belong to the request out of the chain, in their order; `removed` come
/// after them.
pub(super) fn unlink_request(mut link: &mut Link, removed: Link) -> Link {
    let mut taken: Link = None;
    let mut end = &mut taken;
    loop {
        match link {
            None => {
                *end = removed;
                return taken;
            }
            Some(node) if node.me.is_request => {
                let rest = node.next.take();
                *end = std::mem::replace(link, rest);
                if let Some(node) = end {
                    end = &mut node.next;
                }
            }
            Some(node) => link = &mut node.next,
        }
    }
}
