//! The `bare` model: a plain loop that fills a 64 KiB buffer and writes it, what anyone would
//! write by hand and the floor that the other models are held against.
//!
//! Invariant: memory is the buffer, whatever is written.

use super::buffered::{Buffered, Framing};
use super::meter::Meter;
use super::plan::{Plan, Sink, produce};
use super::report::Counts;
use super::server::Served;
use std::io;
use std::net::TcpStream;

/// Answers the one request on `socket`.
pub(crate) fn serve(socket: TcpStream, plan: &Plan, meter: &mut Meter) -> Served {
    let bytes = plan.bytes().expect("a body too long to count is refused before it is planned");
    let mut sink = Bare(Buffered::answer(socket, Framing::Length(bytes))?);
    produce(plan, meter, &mut sink)?;
    Ok(Counts { syscalls: sink.0.syscalls(), ..Counts::default() })
}

struct Bare(Buffered<TcpStream>);

impl Sink for Bare {
    type Error = io::Error;

    #[inline]
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.0.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.finish()
    }
}
