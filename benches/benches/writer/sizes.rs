//! What the writer's sizes were chosen by: the same bytes with other options.

use std::fs::File;
use std::net::TcpStream;
use std::sync::Arc;

use brigade::{Bucket, Chain};
use brigade_net::{NetworkWriter, StdTransport, WriterOptions};

use crate::file::ChainFile;
use crate::shapes::Shape;
use crate::sides::{ChainBuckets, Of, Sends};

/// So long are pieces that are copied together or are slices of their own.
pub(crate) const PIECES: [(usize, &str); 6] = [
    (64, "64 B"),
    (256, "256 B"),
    (512, "512 B"),
    (1024, "1 KiB"),
    (2048, "2 KiB"),
    (4096, "4 KiB"),
];

/// So much is kept before it is written.
pub(crate) const LIMITS: [(usize, &str); 5] = [
    (64 * 1024, "64 KiB"),
    (16 * 1024, "16 KiB"),
    (32 * 1024, "32 KiB"),
    (128 * 1024, "128 KiB"),
    (256 * 1024, "256 KiB"),
];

/// So much of a file goes by one call.
pub(crate) const WINDOWS: [(u64, &str); 5] = [
    (64 * 1024, "64 KiB"),
    (256 * 1024, "256 KiB"),
    (512 * 1024, "512 KiB"),
    (1024 * 1024, "1 MiB"),
    (4 * 1024 * 1024, "4 MiB"),
];

fn chain(socket: TcpStream, options: WriterOptions) -> Chain {
    Chain::new(NetworkWriter::with_options(StdTransport::new(socket), options))
}

/// Passes all pieces at once; those below `small_bytes` are copied together.
pub(crate) fn copying_below(
    small_bytes: usize,
    shape: &Shape,
    socket: TcpStream,
) -> Of<ChainBuckets> {
    let options = WriterOptions::default().small_bytes(small_bytes);
    Of(shape.clone(), ChainBuckets::of(chain(socket, options)))
}

/// Passes piece by piece; what is kept is written when it is more than `limit_bytes`.
pub(crate) fn keeping(limit_bytes: usize, shape: &Shape, socket: TcpStream) -> Of<ChainPieces> {
    let options = WriterOptions::default().limit_bytes(limit_bytes);
    Of(shape.clone(), ChainPieces(chain(socket, options)))
}

/// Passes a file, of which `window` bytes go by one call.
pub(crate) fn by_window(window: u64, file: &Arc<File>, len: u64, socket: TcpStream) -> ChainFile {
    ChainFile::of(chain(socket, WriterOptions::default().file_window(window)), file, len)
}

/// A chain that is passed a piece at a time.
pub(crate) struct ChainPieces(Chain);

impl Sends for ChainPieces {
    fn send(&mut self, shape: &Shape) {
        for pieces in shape.flushes() {
            for piece in pieces {
                self.0.pass_bucket(Bucket::transient(piece)).expect("the peer reads");
            }
            self.0.flush().expect("the peer reads");
        }
    }
}
