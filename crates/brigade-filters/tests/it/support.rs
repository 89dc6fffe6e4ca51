//! What the tests share: filters by their SPEC, heads, a chain with a look at what is below.

use std::sync::{Arc, Mutex};

use brigade::{
    Brigade, Bucket, Chain, Data, Effects, FilterKind, Member, ReadCx, Registry, Result, from_fn,
};
use brigade_http::{RequestHead, ResponseHead};
use brigade_testkit::{SinkRecord, SlowSink};
use http::{HeaderName, HeaderValue, StatusCode};

/// A filter made as a configuration makes it.
pub(crate) fn member(spec: &str) -> Member {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    registry.prepare(spec).unwrap_or_else(|error| panic!("{spec}: {error}")).member()
}

/// What came out of a chain.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) bytes: Vec<u8>,
    pub(crate) marks: Vec<(u64, String)>,
    /// The strongest effects above the terminal when a head went by, and the head.
    pub(crate) head: Option<(Effects, ResponseHead)>,
    pub(crate) held_bytes: u64,
}

/// Passes `brigade` through the filter that `spec` names, as one call.
pub(crate) fn run(spec: &str, brigade: Brigade<'_>) -> Came {
    let mut chain = Watched::new(spec, usize::MAX);
    chain.pass(brigade);
    chain.came()
}

/// A chain with one filter, and a look at the heads that leave it.
pub(crate) struct Watched {
    pub(crate) chain: Chain,
    pub(crate) record: SinkRecord,
    head: Arc<Mutex<Option<(Effects, ResponseHead)>>>,
}

impl Watched {
    pub(crate) fn new(spec: &str, turn_bytes: usize) -> Self {
        let (sink, record) = SlowSink::new(turn_bytes);
        let mut chain = Chain::new(sink);
        chain.join_request(member(spec));
        let head = Arc::new(Mutex::new(None));
        chain.join(Member::new("looks", FilterKind::NETWORK, looks(head.clone())));
        Self { chain, record, head }
    }

    #[track_caller]
    pub(crate) fn pass(&mut self, mut brigade: Brigade<'_>) {
        self.chain.pass(&mut brigade).unwrap();
    }

    pub(crate) fn came(&self) -> Came {
        Came {
            bytes: self.record.bytes(),
            marks: self.record.marks(),
            head: self.head.lock().unwrap().clone(),
            held_bytes: self.chain.held_bytes(),
        }
    }
}

fn looks(seen: Arc<Mutex<Option<(Effects, ResponseHead)>>>) -> impl brigade::OutputFilter {
    from_fn(move |input, next| {
        while let Some(bucket) = input.pop_front() {
            if let Some(head) = bucket.as_metadata::<ResponseHead>() {
                *seen.lock().unwrap() = Some((next.effects_above(), head.clone()));
            }
            next.push(bucket)?;
        }
        Ok(())
    })
}

/// The head of an answer to a GET with `Accept-Encoding: gzip`, with these fields.
pub(crate) fn head(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
    let mut request = RequestHead::get("/".parse().unwrap());
    request.headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
    let mut head = ResponseHead::new(StatusCode::from_u16(status).unwrap(), request.into());
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        head.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    head
}

/// So many bytes of text that nobody stores: lines of pseudo-random words, the same each time.
pub(crate) struct Lines {
    pub(crate) left: u64,
    pub(crate) seed: u64,
}

impl Data for Lines {
    fn name(&self) -> &'static str {
        "LINES"
    }

    fn len(&self) -> Option<u64> {
        Some(self.left)
    }

    fn read(&mut self, cx: &mut ReadCx<'_>) -> Result<Option<Bucket<'static>>> {
        let len = usize::try_from(self.left).unwrap().min(cx.alloc().block_size());
        self.left -= len as u64;
        let piece = cx.alloc().copy_with(len, |to| {
            for word in to.chunks_mut(8) {
                self.seed = self.seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                let words = [b"bucket, ", b"brigade ", b"filter.\n", b"chain..."];
                word.copy_from_slice(&words[(self.seed >> 62) as usize][..word.len()]);
            }
        });
        Ok((len > 0).then_some(piece))
    }
}
