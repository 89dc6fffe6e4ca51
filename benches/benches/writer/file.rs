//! A file by `sendfile`: a chain, and the loop by hand.

use std::fs::File;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use brigade::{Brigade, Bucket, Chain};
use brigade_net::{NetworkWriter, StdTransport};

use crate::rows::{Side, spent};

/// What is in the file, again and again.
pub(crate) fn file_of(bytes: &[u8], times: u64) -> io::Result<Arc<File>> {
    let mut file = tempfile::tempfile()?;
    for _ in 0..times {
        file.write_all(bytes)?;
    }
    Ok(Arc::new(file))
}

/// A chain that is passed the file, unread.
pub(crate) struct ChainFile {
    chain: Chain,
    file: Arc<File>,
    len: u64,
}

impl ChainFile {
    pub(crate) fn new(socket: TcpStream, file: &Arc<File>, len: u64) -> Self {
        Self::of(Chain::new(NetworkWriter::new(StdTransport::new(socket))), file, len)
    }

    pub(crate) fn of(chain: Chain, file: &Arc<File>, len: u64) -> Self {
        Self { chain, file: Arc::clone(file), len }
    }
}

impl Side for ChainFile {
    fn send(&mut self) -> Duration {
        spent(|| {
            let file = Bucket::file(Arc::clone(&self.file), 0, self.len);
            let mut brigade: Brigade<'_> = [file, Bucket::flush()].into_iter().collect();
            self.chain.pass(&mut brigade).expect("the peer reads");
        })
    }
}

/// `sendfile`, until all has gone.
pub(crate) struct SendFile {
    socket: TcpStream,
    file: Arc<File>,
    len: u64,
}

impl SendFile {
    pub(crate) fn new(socket: TcpStream, file: &Arc<File>, len: u64) -> Self {
        Self { socket, file: Arc::clone(file), len }
    }
}

impl Side for SendFile {
    fn send(&mut self) -> Duration {
        spent(|| {
            let mut offset = 0;
            while offset < self.len {
                let left = usize::try_from(self.len - offset).unwrap_or(usize::MAX);
                rustix::fs::sendfile(&self.socket, &*self.file, Some(&mut offset), left)
                    .expect("the peer reads");
            }
        })
    }
}
