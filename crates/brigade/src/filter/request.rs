//! A request's filters after its end: inside the EOR bucket, until the outcome is known.
//!
//! Invariant: each filter is told the outcome exactly once.

use super::node::{Link, Node};
use crate::{EndOfRequest, Outcome};

/// Owns the filters of a response that has been produced, and is told how it ended.
pub(super) struct FinishedRequest {
    pub(super) filters: Vec<Box<Node>>,
    pub(super) bytes_in: u64,
    pub(super) and_then: Option<Box<dyn EndOfRequest>>,
}

impl EndOfRequest for FinishedRequest {
    fn end(self: Box<Self>, outcome: &Outcome) {
        let outcome = Outcome { bytes_in: self.bytes_in, ..*outcome };
        for mut node in self.filters {
            node.filter.on_end(&outcome);
        }
        if let Some(end) = self.and_then {
            end.end(&outcome);
        }
    }
}

/// Takes the filters that belong to the request out of the chain.
pub(super) fn unlink_request(mut link: &mut Link) -> Vec<Box<Node>> {
    let mut taken = Vec::new();
    loop {
        let Some(node) = link else { return taken };
        if node.me.is_request {
            let mut node = link.take().expect("it was there a line ago");
            *link = node.next.take();
            taken.push(node);
        } else {
            link = match link {
                Some(node) => &mut node.next,
                None => return taken,
            };
        }
    }
}
