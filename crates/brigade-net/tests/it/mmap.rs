//! Mapped buckets: what may be mapped, how long it stays, and that no byte is copied.

use std::fs::{self, File};
use std::io::Write;

use brigade::{Brigade, Bucket, BucketAlloc, ErrorKind};
use brigade_net::WriterOptions;
use brigade_net::mmap::{anonymous, sealed, vouched};
use brigade_testkit::{ScriptedTransport, Step};
use proptest::prelude::*;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use crate::kit::{FILE, Line, PATTERN, file_of};
use crate::program::Program;

/// A file in memory of these bytes.
fn memfd(name: &str, bytes: &[u8], seals: SealFlags) -> File {
    let fd = memfd_create(name, MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC).unwrap();
    let mut file = File::from(fd);
    file.write_all(bytes).unwrap();
    fcntl_add_seals(&file, seals).unwrap();
    file
}

/// Whether anything with this name is mapped.
fn is_mapped(name: &str) -> bool {
    fs::read_to_string("/proc/self/maps").unwrap().contains(name)
}

#[test]
fn anonymous_mapping_shows_what_was_written_and_is_cut_and_kept_without_a_copy() {
    let mut alloc = BucketAlloc::new();
    let mut head = anonymous(1 << 20, |to| {
        assert!(to.iter().all(|byte| *byte == 0), "it is lent zeroes");
        to.copy_from_slice(&PATTERN);
    })
    .unwrap();
    let at = head.bytes().unwrap().as_ptr();
    let tail = head.split_at(1000).unwrap();
    let clone = tail.try_clone().unwrap();
    let mut kept = Brigade::new();
    Brigade::from_iter([head, tail]).set_aside(&mut kept, &mut alloc);
    kept.compact(&mut alloc);
    assert_eq!(kept.front().unwrap().bytes(), Some(&PATTERN[..1000]));
    assert_eq!(kept.back().unwrap().bytes(), Some(&PATTERN[1000..]));
    assert_eq!(kept.front().unwrap().bytes().unwrap().as_ptr(), at);
    drop(kept);
    assert_eq!(clone.bytes(), Some(&PATTERN[1000..]), "a clone keeps it");
    assert_eq!(alloc.stats().copied_bytes, 0);
}

#[test]
fn sealed_mapping_shows_the_file_and_is_unmapped_with_its_last_part() {
    let name = "brigade-sealed-and-dropped";
    let file = memfd(name, &PATTERN[..10_000], SealFlags::SHRINK | SealFlags::WRITE);
    let mut bucket = sealed(&file).unwrap();
    assert!(file.set_len(0).is_err(), "it cannot shrink");
    drop(file);
    assert_eq!(bucket.bytes(), Some(&PATTERN[..10_000]));
    let tail = bucket.split_at(5000).unwrap();
    drop(bucket);
    assert!(is_mapped(name));
    std::thread::spawn(move || drop(tail)).join().unwrap();
    assert!(!is_mapped(name));
}

#[test]
fn file_that_may_shrink_or_change_is_refused() {
    for seals in [SealFlags::empty(), SealFlags::SHRINK, SealFlags::WRITE, SealFlags::GROW] {
        let error = sealed(&memfd("brigade-unsealed", b"abc", seals)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{seals:?}");
    }
    let error = sealed(&file_of(b"abc")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
#[allow(unsafe_code)] // Nobody else has this file.
fn vouched_part_of_a_file_may_begin_anywhere_and_must_be_there() {
    // SAFETY: the file has no name, is written once, and never made shorter.
    let part = |offset, len| unsafe { vouched(&FILE, offset, len) };
    assert_eq!(part(4099, 10_000).unwrap().bytes(), Some(&PATTERN[4099..14_099]));
    assert_eq!(part(0, 1 << 20).unwrap().bytes(), Some(&PATTERN[..]));
    assert!(part(1 << 20, 0).unwrap().is_empty());
    for (offset, len) in [(0, (1 << 20) + 1), (1 << 20, 1), (u64::MAX, 1), (u64::MAX, u64::MAX)] {
        let error = part(offset, len).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incomplete);
        let text = format!("map {len} bytes from {offset} of a file of 1048576");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn mapping_of_no_bytes_is_an_empty_bucket() {
    let empty = memfd("brigade-empty", b"", SealFlags::SHRINK | SealFlags::WRITE);
    for bucket in [anonymous(0, |_| ()).unwrap(), sealed(&empty).unwrap()] {
        assert!(bucket.is_data() && bucket.is_empty());
    }
    assert!(anonymous(usize::MAX / 2, |_| ()).is_err());
}

#[test]
fn mapping_goes_out_from_where_it_is_however_slowly_the_peer_takes_it() {
    let (transport, wire) = ScriptedTransport::new([Step::Take(1000), Step::WouldBlock]);
    let mut line = Line::new(transport.repeating(), WriterOptions::default());
    let map = anonymous(100_000, |to| to.copy_from_slice(&PATTERN[..100_000])).unwrap();
    line.pass([map, Bucket::flush()]).unwrap();
    line.drain().unwrap();
    assert!(wire.received() == PATTERN[..100_000]);
    assert_eq!(line.alloc.stats().copied_bytes, 0);
}

/// A mapping with these bytes.
fn mapped(bytes: &[u8]) -> Bucket<'static> {
    anonymous(bytes.len(), |to| to.copy_from_slice(bytes)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn brigade_with_mappings_equals_a_list_of_bytes_and_marks_after_every_step(
        program in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        Program::from_bytes(&program).run(mapped);
    }
}
