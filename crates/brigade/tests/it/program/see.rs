//! What looks at the bytes and leaves the brigade as it is.

use brigade::{Bucket, ErrorKind};

use super::World;
use super::item::bytes_of;
use super::op::See;

impl World {
    pub(super) fn see(&self, see: &See) {
        match *see {
            See::Flatten(limit) => self.check_flat(limit, self.brigade.flatten(limit)),
            See::FlattenBytes(limit) => self.check_flat(limit, self.brigade.flatten_bytes(limit)),
            See::FlattenInto(room) => self.flatten_into(room),
            See::IoSlices(limit) => self.io_slices(limit),
        }
    }

    fn check_flat(&self, limit: u64, answer: brigade::Result<impl AsRef<[u8]>>) {
        let must_be_read = |bucket: &Bucket<'_>| bucket.is_deferred() && !bucket.is_empty();
        let is_unread = self.brigade.iter().any(must_be_read);
        match answer {
            _ if self.brigade.resident_bytes() > limit => {
                assert_eq!(answer.err().map(|error| error.kind()), Some(ErrorKind::TooLarge));
            }
            _ if is_unread => {
                assert_eq!(answer.err().map(|error| error.kind()), Some(ErrorKind::Unsupported));
            }
            Ok(flat) => assert!(flat.as_ref() == bytes_of(&self.oracle)),
            Err(error) => panic!("nothing is in the way: {error}"),
        }
    }

    fn flatten_into(&self, room: usize) {
        let mut to = vec![0; room];
        let copied = self.brigade.flatten_into(&mut to);
        let must_be_read = |bucket: &Bucket<'_>| bucket.is_deferred() && !bucket.is_empty();
        let ready: usize = self
            .brigade
            .iter()
            .take_while(|bucket| !must_be_read(bucket))
            .map(|bucket| bucket.bytes().map_or(0, <[u8]>::len))
            .sum();
        assert_eq!(copied.count_bytes, ready.min(room));
        assert_eq!(copied.has_rest, ready > room || self.brigade.iter().any(must_be_read));
        assert!(bytes_of(&self.oracle).starts_with(&to[..copied.count_bytes]));
        assert!(to[copied.count_bytes..].iter().all(|byte| *byte == 0));
    }

    fn io_slices(&self, limit: usize) {
        let slices = self.brigade.io_slices(limit);
        assert!(slices.len() <= limit);
        assert!(slices.iter().all(|slice| !slice.is_empty()));
        let shown: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let all: usize = self
            .brigade
            .iter()
            .take_while(|bucket| !bucket.is_deferred())
            .map(|bucket| bucket.bytes().map_or(0, <[u8]>::len))
            .sum();
        assert_eq!(slices.has_rest(), shown.len() < all);
        assert!(slices.has_rest() || shown.len() == all);
        assert!(bytes_of(&self.oracle).starts_with(&shown));
    }
}
