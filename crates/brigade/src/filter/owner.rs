//! What the owner of a chain changes between passes: filters inserted, removed and replaced by name,
//! and all of some kinds swapped for those of another protocol.
//!
//! Invariant: no byte is lost and none overtakes another. What was written before goes through the
//! chain as it was; what waited for a filter that leaves goes on where it was.

use std::ops::RangeBounds;

use super::node::{Above, Absorbs, Link, Node, State, insert, renew};
use super::run::hand_down;
use super::{Chain, FilterKind, Member};
use crate::{Brigade, Error, ErrorKind, Result};

impl Chain {
    /// Inserts a filter just above the uppermost one named `name`, whatever its own kind. It sees what
    /// is passed from here on, and leaves when that one does: with the request, or never.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when there is no such filter, saying which there are; else as
    /// [`pass`](Self::pass), from what was written before. The chain is as it was then.
    ///
    /// ```
    /// use brigade::{Bucket, Chain, FilterKind, Member, from_fn, recorder};
    ///
    /// # fn main() -> brigade::Result<()> {
    /// let pass = || from_fn(|input, next| next.push_all(input));
    /// let mut chain = Chain::new(recorder().0);
    /// chain.join(Member::new("tls", FilterKind::NETWORK, pass()));
    /// chain.insert_before("tls", Member::new("spill", FilterKind::NETWORK, pass()))?;
    /// chain.insert_after("spill", Member::new("meter", FilterKind::NETWORK, pass()))?;
    /// let names: Vec<&str> = chain.filters().map(|(name, ..)| name).collect();
    /// assert_eq!(names, ["spill", "meter", "tls"]);
    ///
    /// let error = chain.remove("chunk").unwrap_err();
    /// assert_eq!(error.to_string(), "remove chunk: the filters are spill, meter, tls");
    /// # Ok(())
    /// # }
    /// ```
    pub fn insert_before(&mut self, name: &str, member: Member) -> Result<()> {
        self.check_named("insert before", name)?;
        let link = place_of(&mut self.head, name);
        if let Some(node) = link {
            // Orders are spaced: there is one between this filter's and those above.
            let (order, is_request) = (node.me.order - 1, node.me.is_request);
            insert(link, member, order, is_request);
        }
        renew(&mut self.head, Above::default());
        Ok(())
    }

    /// Inserts a filter just below the uppermost one named `name`, as
    /// [`insert_before`](Self::insert_before) does above it.
    ///
    /// # Errors
    ///
    /// As [`insert_before`](Self::insert_before).
    pub fn insert_after(&mut self, name: &str, member: Member) -> Result<()> {
        self.check_named("insert after", name)?;
        if let Some(node) = place_of(&mut self.head, name) {
            let (order, is_request) = (node.me.order + 1, node.me.is_request);
            insert(&mut node.next, member, order, is_request);
        }
        renew(&mut self.head, Above::default());
        Ok(())
    }

    /// Takes the uppermost filter named `name` out. What it waited with goes on past it, as when it
    /// [steps aside](super::Next::step_aside). A request's filter is still told how its response
    /// ended. Models `ap_remove_output_filter_byhandle`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when there is no such filter. [`ErrorKind::Contract`] when it
    /// [holds](super::OutputFilter::held_bytes) bytes, which would be lost (pass a FLUSH, or the end
    /// of the body, first); when it has failed, or has ended the body, which would then look complete,
    /// or end twice. The chain is as it was after those. Else as [`pass`](Self::pass).
    #[doc(alias = "ap_remove_output_filter", alias = "ap_remove_output_filter_byhandle")]
    pub fn remove(&mut self, name: &str) -> Result<()> {
        self.take_out("remove", name, None)
    }

    /// Puts a filter in the place of the uppermost one named `name`, which leaves as by
    /// [`remove`](Self::remove). What that one waited with goes through the new one.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    pub fn replace(&mut self, name: &str, member: Member) -> Result<()> {
        self.take_out("replace", name, Some(member))
    }

    /// Swaps all filters whose kind is in `kinds` for the connection's filters in `with`: how the
    /// framing of one protocol makes way for that of another once the answer to an upgrade (101) has
    /// gone through it. All that was passed before has gone through the filters that leave, and all
    /// that is passed from here on goes through the new ones.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WouldBlock`] while a filter of these kinds, or above them, waits:
    /// [`resume`](Self::resume) when woken, and call again. Else as [`remove`](Self::remove), for each
    /// filter that leaves. The chain is as it was then.
    ///
    /// ```
    /// use brigade::{Bucket, Chain, FilterKind, Member, from_fn, recorder};
    ///
    /// # fn main() -> brigade::Result<()> {
    /// let framed = |sign: &'static [u8]| from_fn(move |input, next| {
    ///     while let Some(bucket) = next.read(input)? {
    ///         if bucket.is_data() {
    ///             next.push(Bucket::immortal(sign))?;
    ///         }
    ///         next.push(bucket)?;
    ///     }
    ///     Ok(())
    /// });
    /// let (terminal, record) = recorder();
    /// let mut chain = Chain::new(terminal);
    /// chain.join_request(Member::new("http", FilterKind::PROTOCOL, framed(b"http:")));
    /// chain.join_request(Member::new("chunk", FilterKind::TRANSCODE, framed(b"chunk:")));
    /// chain.write(b"101 ")?;
    /// chain.replace_kinds(
    ///     FilterKind::PROTOCOL..FilterKind::CONNECTION,
    ///     [Member::new("websocket", FilterKind::TRANSCODE, framed(b"frame:"))],
    /// )?;
    /// chain.write(b"hello")?;
    /// chain.flush()?;
    /// assert_eq!(record.bytes(), b"chunk:http:chunk:101 frame:hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn replace_kinds(
        &mut self,
        kinds: impl RangeBounds<FilterKind>,
        with: impl IntoIterator<Item = Member>,
    ) -> Result<()> {
        self.pass(&mut Brigade::new())?;
        self.check_swap(&kinds)?;
        self.take_kinds(&kinds);
        renew(&mut self.head, Above::default());
        with.into_iter().for_each(|member| self.join(member));
        Ok(())
    }

    fn take_kinds(&mut self, kinds: &impl RangeBounds<FilterKind>) {
        let mut link = &mut self.head;
        while let Some(kind) = link.as_ref().map(|node| node.me.kind) {
            if !kinds.contains(&kind) {
                link = &mut link.as_mut().expect("it was there a line ago").next;
            } else if let Some(node) = unlink(link) {
                self.at.forget_discard(node.me.order);
                retire(node, &mut self.removed);
            }
        }
    }

    fn take_out(&mut self, verb: &str, name: &str, with: Option<Member>) -> Result<()> {
        self.check_named(verb, name)?;
        let link = place_of(&mut self.head, name);
        if let Some(node) = link {
            check_leaves(verb, node, self.response.ended)?;
        }
        let Some(mut node) = unlink(link) else { return Ok(()) };
        let mut kept = std::mem::take(&mut node.kept);
        if let Some(member) = with {
            insert(link, member, node.me.order, node.me.is_request);
        }
        renew(link, node.me.above);
        // Before what waited goes on: this may be the filter that wanted no more of the body.
        self.at.forget_discard(node.me.order);
        retire(node, &mut self.removed);
        let answer = hand_down(link, &mut kept, &mut Brigade::new(), &mut self.at);
        self.settle(answer)
    }

    /// Passes what was written before; there is a filter named `name`.
    fn check_named(&mut self, verb: &str, name: &str) -> Result<()> {
        let names: Vec<&str> = self.filters().map(|(name, ..)| name).collect();
        if !names.contains(&name) {
            let context = match &*names.join(", ") {
                "" => format!("{verb} {name}: there are no filters"),
                names => format!("{verb} {name}: the filters are {names}"),
            };
            return Err(Error::new(ErrorKind::InvalidInput, context));
        }
        self.pass(&mut Brigade::new())
    }

    /// Whether the filters of `kinds` can go, and nothing is under way to them.
    fn check_swap(&self, kinds: &impl RangeBounds<FilterKind>) -> Result<()> {
        let mut waits = false;
        let mut link = &self.head;
        while let Some(node) = link {
            waits |= node.me.state == State::Waiting || node.me.absorbs == Absorbs::AndKeeps;
            if kinds.contains(&node.me.kind) {
                if waits {
                    return Err(Error::would_block());
                }
                check_leaves("replace", node, self.response.ended)?;
            }
            link = &node.next;
        }
        Ok(())
    }
}

/// The uppermost filter of that name.
fn place_of<'l>(mut link: &'l mut Link, name: &str) -> &'l mut Link {
    while link.as_ref().is_some_and(|node| node.me.name != name) {
        link = &mut link.as_mut().expect("it was there a line ago").next;
    }
    link
}

/// Whether nothing is lost, and nothing looks whole that is not, when a filter leaves in this body.
fn check_leaves(verb: &str, node: &Node, body_ended: bool) -> Result<()> {
    let held = node.filter.held_bytes();
    let why = if matches!(node.me.state, State::Failed | State::Running) {
        "the body failed in it".to_owned()
    } else if held > 0 {
        format!("it holds {held} bytes")
    } else if node.me.absorbs == Absorbs::AndKeeps {
        "it has some of the body to give".to_owned()
    } else if node.me.has_ended_body() && !body_ended {
        "it has ended the body".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Contract, format!("{verb} {}: {why}", node.me.name)))
}

fn unlink(link: &mut Link) -> Option<Box<Node>> {
    let mut node = link.take()?;
    *link = node.next.take();
    Some(node)
}

/// A request's filter is told how its response ended, wherever it is then.
fn retire(mut node: Box<Node>, removed: &mut Link) {
    if node.me.is_request {
        node.next = removed.take();
        *removed = Some(node);
    }
}
