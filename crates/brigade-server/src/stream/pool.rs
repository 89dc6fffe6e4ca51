//! The `pool` model: what each `req.write()` of mod_python cost on httpd 2.2.
//!
//! A write flushed, the flush took a brigade from the request's pool, and the pool gives nothing
//! back before the request ends. The bytes themselves were sent and forgotten; what stayed was
//! the empty brigade, and the record that would have destroyed it.
//!
//! Invariant: each write takes exactly [`BYTES_PER_WRITE`] bytes from the arena, which keeps
//! them until the request ends.

use super::buffered::{Buffered, Framing};
use super::meter::Meter;
use super::plan::{Plan, Sink, produce};
use super::report::Counts;
use super::server::Served;
use bumpalo::Bump;
use std::hint::black_box;
use std::io;
use std::net::TcpStream;

/// `struct apr_bucket_brigade`: the pool, both ends of the ring, the bucket allocator.
type BrigadeRecord = [u64; 4];
/// `struct cleanup_t`: the next one, the brigade, and what destroys it in this process and in a
/// child.
type CleanUpRecord = [u64; 4];

/// What a write leaves behind.
const BYTES_PER_WRITE: usize = size_of::<BrigadeRecord>() + size_of::<CleanUpRecord>();
const _: () = assert!(BYTES_PER_WRITE == 64, "as APR 1.x lays them out on a 64-bit machine");

/// Answers the one request on `socket`.
pub(crate) fn serve(socket: TcpStream, plan: &Plan, meter: &mut Meter) -> Served {
    let out = Buffered::answer(socket, Framing::Chunked)?;
    let mut sink = Pool { request: Bump::new(), out };
    produce(plan, meter, &mut sink)?;
    Ok(Counts { syscalls: sink.out.syscalls(), ..Counts::default() })
}

struct Pool {
    request: Bump,
    out: Buffered<TcpStream>,
}

impl Sink for Pool {
    type Error = io::Error;

    #[inline]
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        // Without the black box nobody would look at the records, and they need not be written.
        black_box(self.request.alloc::<BrigadeRecord>([1; 4]));
        black_box(self.request.alloc::<CleanUpRecord>([2; 4]));
        self.out.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.finish()
    }
}
