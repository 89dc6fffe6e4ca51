//! A client that decodes gzip as it comes.

use flate2::{Decompress, FlushDecompress, Status};

/// A decoder that is given the bytes one piece after another.
pub(crate) struct Gunzip {
    decoder: Decompress,
    /// What it has decoded, and was not taken away.
    pub(crate) text: Vec<u8>,
    /// Whether the trailer came, and was right.
    pub(crate) is_complete: bool,
}

impl Gunzip {
    pub(crate) fn new() -> Self {
        Self { decoder: Decompress::new_gzip(15), text: Vec::new(), is_complete: false }
    }

    #[track_caller]
    pub(crate) fn give(&mut self, mut bytes: &[u8]) {
        let mut room = [0; 4096];
        loop {
            assert!(!self.is_complete || bytes.is_empty(), "bytes after the trailer: {bytes:?}");
            let (taken, given) = (self.decoder.total_in(), self.decoder.total_out());
            let status = self.decoder.decompress(bytes, &mut room, FlushDecompress::Sync).unwrap();
            let taken = usize::try_from(self.decoder.total_in() - taken).unwrap();
            let given = usize::try_from(self.decoder.total_out() - given).unwrap();
            bytes = &bytes[taken..];
            self.text.extend_from_slice(&room[..given]);
            self.is_complete |= status == Status::StreamEnd;
            if taken == 0 && given == 0 || self.is_complete {
                assert!(bytes.is_empty(), "not decoded: {bytes:?}");
                return;
            }
        }
    }
}

/// What a client has decoded after `bytes`; all of them belong to one gzip stream, or none does.
#[track_caller]
pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut client = Gunzip::new();
    client.give(bytes);
    client.text
}
