//! `spill`: keeps in a temporary file what a slow client has not taken yet, so that the producer is free.
//!
//! Invariants: the file has no name, and goes with the response. It is written behind what is still to be
//! sent, up to the limit, and from its beginning again once all of it has been sent.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use brigade::{
    Brigade, Bucket, BucketAlloc, Effects, Entry, Error, ErrorKind, FilterKind, OptionDoc, Result,
};

use crate::elastic::{Elastic, Storage, is_its_queue};

/// Keeps up to so many bytes in an unlinked temporary file for a client that takes them slower than they
/// are made. They go on as a FILE, by `sendfile` where the transport can.
///
/// While the client keeps up everything goes by, and no file is made. Otherwise whoever makes the
/// response is not held back: it ends, and frees what it holds, while the client takes its time. Beyond
/// the limit it is held back as without the filter. FILE and STREAM wait unread, and are not copied.
/// Nothing is kept in memory. Writing goes to the system's cache, and counts as not waiting, as reading
/// a file does.
///
/// A file that cannot be made or written fails the response, and the error says where it should have
/// been: hold producers back by a limit that the disk can take.
///
/// Sits just above the network. In a chain that may block the network writer waits itself, and nothing is
/// ever kept. Models what proxies do with `proxy_max_temp_file_size`.
///
/// ```
/// use brigade::{Chain, FilterKind, Member};
/// use brigade_filters::spill::Spill;
/// use brigade_testkit::SlowSink;
///
/// # fn main() -> brigade::Result<()> {
/// let (slow, _) = SlowSink::new(4);
/// let mut chain = Chain::new(slow);
/// let kind = FilterKind::NETWORK.offset(-1);
/// chain.join_request(Member::new("spill", kind, Spill::new(1 << 30, std::env::temp_dir())));
/// for _ in 0..1000 {
///     chain.write(&[b'x'; 8192])?;
/// }
/// // 8 MB wait for the peer, and not in memory.
/// assert!(chain.held_bytes() < 200_000);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Spill(Elastic<Disk>);

#[derive(Debug)]
struct Disk {
    limit_bytes: u64,
    dir: Arc<Path>,
    file: Option<Arc<File>>,
    end: u64,    // Where the next byte goes.
    sealed: u64, // Up to where the file's bytes are in the queue, or were.
}

impl Spill {
    /// Keeps at most `limit_bytes` bytes in a file in `dir`, which is made when it is needed.
    pub fn new(limit_bytes: u64, dir: impl Into<PathBuf>) -> Self {
        Self::within(limit_bytes, Arc::from(dir.into()))
    }

    fn within(limit_bytes: u64, dir: Arc<Path>) -> Self {
        Self(Elastic::new(Disk { limit_bytes, dir, file: None, end: 0, sealed: 0 }))
    }

    /// Writes to `file`, from its beginning, in the place of a temporary one.
    #[must_use]
    pub fn file(mut self, file: File) -> Self {
        self.0.storage_mut().file = Some(Arc::new(file));
        self
    }
}

impl Disk {
    fn file(&mut self) -> Result<&Arc<File>> {
        if self.file.is_none() {
            self.file = Some(Arc::new(temporary_file(&self.dir)?));
        }
        self.file.as_ref().ok_or_else(|| Error::other("make a temporary file"))
    }
}

fn temporary_file(dir: &Path) -> Result<File> {
    tempfile::tempfile_in(dir).map_err(|cause| {
        let context = format!("make a temporary file in {}", dir.display());
        Error::new(ErrorKind::Io, context).because(cause)
    })
}

impl Storage for Disk {
    fn keep<'b>(
        &mut self,
        data: Bucket<'b>,
        _queue: &mut Brigade<'static>,
        _alloc: &mut BucketAlloc,
    ) -> Result<Option<Bucket<'b>>> {
        let bytes = data.bytes().unwrap_or_default();
        let (at, len) = (self.end, bytes.len() as u64);
        if len > self.limit_bytes.saturating_sub(at) {
            return Ok(Some(data));
        }
        let written = self.file()?.write_all_at(bytes, at);
        written.map_err(|cause| self.cannot_write(len, cause))?;
        self.end += len;
        Ok(None)
    }

    fn seal(&mut self, queue: &mut Brigade<'static>) {
        if let Some(file) = &self.file
            && self.end > self.sealed
        {
            queue.insert_file(file.clone(), self.sealed, self.end - self.sealed);
            self.sealed = self.end;
        }
    }

    fn emptied(&mut self) {
        // Once no bucket is in it any more, all of it has been sent.
        if let Some(file) = &self.file
            && self.end > 0
            && Arc::strong_count(file) == 1
            && file.set_len(0).is_ok()
        {
            (self.end, self.sealed) = (0, 0);
        }
    }
}

impl Disk {
    fn cannot_write(&self, len: u64, cause: io::Error) -> Error {
        let (at, dir) = (self.end, self.dir.display());
        let context = format!("write {len} bytes at {at} of a temporary file in {dir}");
        Error::new(ErrorKind::Io, context).because(cause)
    }
}

is_its_queue!(Spill);

/// What `spill` is in a registry, with its options. A directory in which no file can be made is refused
/// when the SPEC is prepared.
pub fn entry() -> Entry {
    const LIMIT: OptionDoc =
        OptionDoc { form: "limit=BYTES", help: "the most that is kept; default 1073741824, 1 GiB" };
    const DIR: OptionDoc =
        OptionDoc { form: "dir=PATH", help: "where the file is made; default the system's place" };
    Entry::new("spill", FilterKind::NETWORK.offset(-1), |spec| {
        let limit = spec.option("limit")?.unwrap_or(1024 * 1024 * 1024);
        let dir: Option<PathBuf> = spec.option("dir")?;
        let dir: Arc<Path> = Arc::from(dir.unwrap_or_else(std::env::temp_dir));
        temporary_file(&dir).map_err(|cause| {
            spec.wrong(format!("no file can be made in {}", dir.display())).because(cause)
        })?;
        Ok(move || Spill::within(limit, dir.clone()))
    })
    .effects(Effects::Same)
    .carry("the limit, on disk, while the client takes nothing")
    .memory("none: it is on disk")
    .summary("keeps on disk what a slow client has not taken, so that the producer is free")
    .docs(
        "For a producer that is dearer than disk: what waits is in a file without a name, sent from there by the \
         system.",
    )
    .example("spill limit=1000000")
    .options(&[LIMIT, DIR])
}
