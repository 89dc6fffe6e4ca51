//! The `brigade` model: this framework, HTTP/1.1 with chunked coding through its chain.

use std::cell::RefCell;
use std::net::TcpStream;

use brigade::{BlockUse, Chain, Result};
use brigade_http::driver::Settings;
use brigade_http::driver::blocking::{Response, Writer, serve_connection};

use super::live::Seen;
use super::meter::Meter;
use super::plan::{Plan, Sink, produce};
use super::report::Counts;
use super::server::Served;
use crate::registry;

/// Answers the one request on `socket` by a handler that writes the planned body.
pub(crate) fn serve(socket: TcpStream, plan: &Plan, meter: &mut Meter) -> Served {
    let registry = registry();
    let mut settings = Settings::default();
    for filter in registry.prepare_all(&plan.filters)? {
        settings = settings.filter(filter);
    }
    // A handler is shared by all requests; here there is one.
    let state = RefCell::new((meter, None));
    serve_connection(socket, &settings, &|_: &_, response: &mut Response<'_>| {
        let (meter, counts) = &mut *state.borrow_mut();
        let mut sink = Body(response);
        produce(plan, meter, &mut sink)?;
        *counts = Some(counts_of(sink.0.chain()));
        Ok(())
    })?;
    let (_, counts) = state.into_inner();
    counts.ok_or_else(|| "the client asked for nothing".into())
}

/// The handler's side: what `req.write()` and `req.flush()` are.
struct Body<'b, 'c>(&'b mut Response<'c>);

impl Sink for Body<'_, '_> {
    type Error = brigade::Error;

    #[inline]
    fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.0.write(piece)
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }

    fn finish(&mut self) -> Result<()> {
        self.0.finish()?;
        // The writer keeps the end of a response for the next one's head; the clock waits for the
        // kernel to have it.
        self.0.chain().idle()
    }

    fn seen(&mut self) -> Seen {
        let chain = self.0.chain();
        let filters = chain.filters().map(|(name, _, stats)| (name.to_owned(), stats.held_bytes));
        let mut held: Vec<_> = filters.collect();
        let in_filters: u64 = held.iter().map(|(_, bytes)| bytes).sum();
        held.push(("network".to_owned(), chain.held_bytes() - in_filters));
        let alloc = chain.alloc();
        let lent = alloc.blocks().filter(|(_, now)| matches!(now, BlockUse::Lent(_)));
        let lent = lent.map(|(key, _)| key).collect();
        let blocks = alloc.stats().blocks_live;
        Seen { blocks, lent, held, syscalls: syscalls(chain) }
    }
}

fn counts_of(chain: &mut Chain) -> Counts {
    let storage = chain.alloc().stats();
    Counts {
        blocks_created: storage.blocks_created,
        blocks_reused: storage.blocks_reused,
        syscalls: syscalls(chain),
    }
}

fn syscalls(chain: &mut Chain) -> u64 {
    let written = chain.terminal::<Writer>().map(|writer| writer.stats());
    written.map_or(0, |stats| stats.write_calls + stats.send_file_calls)
}
