//! Bodies cut anywhere, with flushes between: `substitute` does what a search over the whole body does,
//! and what `deflate` made decodes to the body, all of it that came before each flush.
#![no_main]

use std::io::Read;

use brigade::{Bucket, BucketAlloc, Chain, FilterKind, Member, OutputFilter, Record, recorder};
use brigade_filters::deflate::Deflate;
use brigade_filters::substitute::Substitute;
use libfuzzer_sys::arbitrary::{self, Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;

#[derive(Debug)]
struct Input {
    from: Vec<u8>,
    to: Vec<u8>,
    level: u32,
    body: Vec<Piece>,
}

#[derive(Debug, Arbitrary)]
enum Piece {
    /// Small writes, which gather.
    Write(Vec<u8>),
    Borrowed(Vec<u8>),
    Heap(Vec<u8>),
    Stream(Vec<u8>),
    /// The needle itself, cut at a byte.
    Needle(u8),
    Flush,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let from_len = bytes.int_in_range(1..=5)?;
        // Few letters, so that a needle repeats itself.
        let from = (0..from_len).map(|_| Ok(b'a' + bytes.arbitrary::<u8>()? % 3));
        let from = from.collect::<Result<_>>()?;
        let to_len = bytes.int_in_range(0..=4)?;
        let to = bytes.bytes(to_len)?.to_vec();
        Ok(Self { from, to, level: bytes.int_in_range(0..=9)?, body: bytes.arbitrary()? })
    }
}

fuzz_target!(|input: Input| {
    let body = body_of(&input);
    let filter = Substitute::new(&input.from, &input.to).expect("the needle is not empty");
    let (record, _) = pass(&input, filter);
    assert_eq!(record.bytes(), replace(&body, &input.from, &input.to));
    check_marks(&input, &record);

    let (record, flushed) = pass(&input, Deflate::new().level(input.level));
    let mut text = Vec::new();
    let bytes = record.bytes();
    let mut rest = &bytes[..];
    let mut decoder = flate2::bufread::GzDecoder::new(&mut rest);
    decoder.read_to_end(&mut text).expect("what was compressed decodes");
    assert!(rest.is_empty(), "bytes after the trailer: {rest:?}");
    assert_eq!(text, body);
    check_marks(&input, &record);
    for (out, before) in flushed {
        let mut text = vec![0; before];
        flate2::bufread::GzDecoder::new(&bytes[..out])
            .read_exact(&mut text)
            .expect("all that came before a flush went on");
    }
});

fn pieces(input: &Input) -> impl Iterator<Item = (&Piece, Vec<&[u8]>)> {
    input.body.iter().map(|piece| {
        let bytes: Vec<&[u8]> = match piece {
            Piece::Write(bytes) => bytes.chunks(3).collect(),
            Piece::Borrowed(bytes) | Piece::Heap(bytes) | Piece::Stream(bytes) => vec![bytes],
            Piece::Needle(cut) => {
                let (front, back) = input.from.split_at(usize::from(*cut) % input.from.len());
                vec![front, back]
            }
            Piece::Flush => vec![],
        };
        (piece, bytes)
    })
}

fn body_of(input: &Input) -> Vec<u8> {
    pieces(input).flat_map(|(_, bytes)| bytes.concat()).collect()
}

/// Passes the body through `filter`: what came out, and for each flush, how much had come out then, of
/// how much that had gone in.
fn pass(input: &Input, filter: impl OutputFilter + 'static) -> (Record, Vec<(usize, usize)>) {
    let (terminal, record) = recorder();
    let alloc: BucketAlloc = brigade::AllocOptions::default().block_size(64).build();
    let mut chain = Chain::new(terminal).storage(alloc);
    chain.join(Member::new("filter", FilterKind::RESOURCE, filter));
    let mut flushed = Vec::new();
    let mut given = 0;
    for (piece, bytes) in pieces(input) {
        given += bytes.iter().map(|bytes| bytes.len()).sum::<usize>();
        for bytes in bytes {
            match piece {
                Piece::Write(_) => chain.write(bytes),
                Piece::Heap(_) => chain.pass_bucket(Bucket::heap(bytes.to_vec())),
                Piece::Stream(_) => {
                    chain.pass_bucket(Bucket::stream(std::io::Cursor::new(bytes.to_vec())))
                }
                _ => chain.pass_bucket(Bucket::transient(bytes)),
            }
            .expect("a body that goes on is taken");
        }
        if matches!(piece, Piece::Flush) {
            chain.flush().expect("a flush is taken");
            flushed.push((record.bytes().len(), given));
        }
    }
    chain.pass_bucket(Bucket::eos()).expect("the end is taken");
    (record, flushed)
}

/// As many flushes as were asked for, and one end.
fn check_marks(input: &Input, record: &Record) {
    let mut marks: Vec<String> = record.marks().into_iter().map(|(_, name)| name).collect();
    assert_eq!(marks.pop().as_deref(), Some("EOS"));
    let flushes = input.body.iter().filter(|piece| matches!(piece, Piece::Flush)).count();
    assert_eq!(marks, vec!["FLUSH"; flushes]);
}

fn replace(mut body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((first, rest)) = body.split_first() {
        match body.strip_prefix(from) {
            Some(rest) => {
                out.extend_from_slice(to);
                body = rest;
            }
            None => {
                out.push(*first);
                body = rest;
            }
        }
    }
    out
}
