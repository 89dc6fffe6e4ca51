//! A writer with all that is around it, and responses made of a few items.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use brigade::{
    AllocOptions, Brigade, Bucket, BucketAlloc, End, Error, Outcome, ReadCx, ReadMode, Result,
    Terminal,
};
use brigade_net::{NetworkReader, NetworkWriter, Source, Transport, WriterOptions};
use brigade_testkit::{Wire, stuttering};

/// Long enough for every test, and no two of its short runs alike.
pub(crate) static PATTERN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 1_u32;
    let next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(1 << 20).collect()
});

/// The pattern, in a file.
pub(crate) static FILE: LazyLock<Arc<File>> = LazyLock::new(|| Arc::new(file_of(&PATTERN)));

/// An allocator with blocks of a few bytes.
pub(crate) fn small_blocks() -> BucketAlloc {
    AllocOptions::default().block_size(64).build()
}

/// A file of these bytes, without a name.
pub(crate) fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Receives as a connection without a budget does.
pub(crate) fn fill(
    reader: &mut NetworkReader,
    alloc: &mut BucketAlloc,
    source: impl Source,
) -> Result<usize> {
    reader.fill(&mut ReadCx::new(alloc, ReadMode::NonBlocking), source)
}

/// A writer, and what a chain would lend it.
pub(crate) struct Line<T> {
    pub(crate) writer: NetworkWriter<T>,
    pub(crate) alloc: BucketAlloc,
    pub(crate) mode: ReadMode,
}

impl<T: Transport> Line<T> {
    pub(crate) fn new(transport: T, options: WriterOptions) -> Self {
        let writer = NetworkWriter::with_options(transport, options);
        Self { writer, alloc: BucketAlloc::new(), mode: ReadMode::NonBlocking }
    }

    pub(crate) fn blocking(mut self) -> Self {
        self.mode = ReadMode::Blocking;
        self
    }

    /// With blocks of a few bytes, so that everything crosses their borders.
    pub(crate) fn with_small_blocks(mut self) -> Self {
        self.alloc = small_blocks();
        self
    }

    /// Passes buckets, and does after an error what a chain does.
    pub(crate) fn pass<'b>(&mut self, buckets: impl IntoIterator<Item = Bucket<'b>>) -> Result<()> {
        let mut brigade: Brigade<'b> = buckets.into_iter().collect();
        let answer = self.writer.write(&mut brigade, &mut ReadCx::new(&mut self.alloc, self.mode));
        assert!(answer.is_err() || brigade.is_empty(), "{brigade:?} is left");
        self.settle(answer)
    }

    pub(crate) fn resume(&mut self) -> Result<()> {
        let answer = self.writer.resume(&mut ReadCx::new(&mut self.alloc, self.mode));
        self.settle(answer)
    }

    /// Resumes until nothing is asked to go any more.
    #[track_caller]
    pub(crate) fn drain(&mut self) -> Result<()> {
        for _ in 0..10_000 {
            if !self.writer.is_pending() {
                return Ok(());
            }
            self.resume()?;
        }
        panic!("still waits for {:?}", self.writer.waits_for());
    }

    fn settle(&mut self, answer: Result<()>) -> Result<()> {
        answer.inspect_err(|error| {
            self.writer.abort(match error.kind() {
                brigade::ErrorKind::ClientGone => End::ClientGone,
                brigade::ErrorKind::TimedOut => End::Timeout,
                _ => End::Failed,
            });
        })
    }
}

/// What EORs were told, in order, and how many bytes the peer had by then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ends(Arc<Mutex<Vec<(Outcome, u64)>>>);

impl Ends {
    /// An EOR that notes what it is told.
    pub(crate) fn eor(&self, wire: &Wire) -> Bucket<'static> {
        let (ends, wire) = (self.clone(), wire.clone());
        Bucket::eor(move |outcome: &Outcome| {
            ends.0.lock().unwrap().push((*outcome, wire.received_bytes()));
        })
    }

    /// How each response ended, and with how many bytes.
    pub(crate) fn told(&self) -> Vec<(End, u64)> {
        self.0.lock().unwrap().iter().map(|(told, _)| (told.end, told.bytes_out)).collect()
    }

    /// How many bytes the peer had when each was told.
    pub(crate) fn received_by_then(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(|(_, received)| *received).collect()
    }
}

/// One bucket of a test; data is the next bytes of the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// Borrowed bytes.
    Borrowed(usize),
    /// Bytes of the program.
    Immortal(usize),
    /// Bytes in a block.
    Block(usize),
    /// Part of a file.
    File(usize),
    /// Two pieces of so many bytes, with nothing to be had before each, and before the end.
    Stream(usize),
    Flush,
    Eos,
    Eor,
    Error,
}

impl Item {
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Borrowed(len) | Self::Immortal(len) | Self::Block(len) | Self::File(len) => len,
            Self::Stream(piece) => 2 * piece,
            Self::Flush | Self::Eos | Self::Eor | Self::Error => 0,
        }
    }

    /// The bucket, its data from byte `at` of the pattern.
    pub(crate) fn bucket(
        self,
        at: usize,
        alloc: &mut BucketAlloc,
        ends: &Ends,
        wire: &Wire,
    ) -> Bucket<'static> {
        let bytes = &PATTERN[at..at + self.len()];
        match self {
            Self::Borrowed(_) => Bucket::transient(bytes),
            Self::Immortal(_) => Bucket::immortal(bytes),
            Self::Block(_) => alloc.copy(bytes),
            Self::File(len) => Bucket::file(Arc::clone(&FILE), at as u64, len as u64),
            Self::Stream(piece) => stuttering(bytes.chunks(piece.max(1))),
            Self::Flush => Bucket::flush(),
            Self::Eos => Bucket::eos(),
            Self::Eor => ends.eor(wire),
            Self::Error => Bucket::error(Error::other("a test")),
        }
    }
}

/// What every EOR among `items` must be told, if the peer takes everything.
pub(crate) fn expected_ends(items: &[Item]) -> Vec<(End, u64)> {
    let mut ends = Vec::new();
    let (mut bytes, mut end) = (0, End::Complete);
    for item in items {
        bytes += item.len() as u64;
        match item {
            Item::Error => end = End::Failed,
            Item::Eor => {
                ends.push((end, bytes));
                (bytes, end) = (0, End::Complete);
            }
            _ => {}
        }
    }
    ends
}
