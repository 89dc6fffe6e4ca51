//! The chunked coding, byte by byte.

use std::sync::{Arc, Mutex};

use brigade::{
    Brigade, Bucket, Chain, Error, ErrorKind, FilterKind, Member, ReadCx, Result, Terminal,
    from_fn, recorder,
};
use brigade_http::{Chunk, Trailers};

use crate::support::{NeverRead, Unknown, broken_stream, dechunk, get, stream};

fn chunk() -> Member {
    Member::new("chunk", FilterKind::TRANSCODE, Chunk::new())
}

/// The bytes and the marks that come out of the filter for these calls.
#[track_caller]
fn check(calls: Vec<Vec<Bucket<'_>>>, expected: &str, marks: &[(usize, &str)]) {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(chunk());
    for call in calls {
        chain.pass(&mut call.into_iter().collect()).unwrap();
        while chain.progress() == brigade::Progress::Pending {
            let _ = chain.resume().unwrap();
        }
    }
    assert_eq!(String::from_utf8(record.bytes()).unwrap(), expected);
    let seen = record.marks();
    let seen: Vec<(usize, &str)> = seen.iter().map(|(at, name)| (*at, &**name)).collect();
    assert_eq!(seen, marks);
}

fn data(text: &str) -> Bucket<'_> {
    Bucket::transient(text.as_bytes())
}

#[test]
fn a_run_of_data_is_one_chunk() {
    check(vec![vec![data("hello")]], "5\r\nhello\r\n", &[]);
    check(vec![vec![data("he"), data(""), data("llo")]], "5\r\nhello\r\n", &[]);
    check(vec![vec![data("he")], vec![data("llo")]], "2\r\nhe\r\n3\r\nllo\r\n", &[]);
    let expected = format!("1a\r\n{}\r\n", "x".repeat(26));
    check(vec![vec![data(&"x".repeat(26))]], &expected, &[]);
}

#[test]
fn the_end_is_the_last_chunk() {
    let expected = "5\r\nhello\r\n0\r\n\r\n";
    check(vec![vec![data("hello"), Bucket::eos()]], expected, &[(15, "EOS")]);
    check(vec![vec![data("hello")], vec![Bucket::eos()]], expected, &[(15, "EOS")]);
    check(vec![vec![Bucket::eos()]], "0\r\n\r\n", &[(5, "EOS")]);
}

#[test]
fn a_flush_ends_a_chunk_and_goes_after_it() {
    check(
        vec![vec![data("he"), Bucket::flush(), Bucket::flush(), data("llo"), Bucket::flush()]],
        "2\r\nhe\r\n3\r\nllo\r\n",
        &[(7, "FLUSH"), (7, "FLUSH"), (15, "FLUSH")],
    );
}

#[test]
fn no_data_is_no_chunk() {
    check(vec![vec![data("")], vec![data(""), Bucket::flush()]], "", &[(0, "FLUSH")]);
    check(vec![vec![data(""), Bucket::eos()]], "0\r\n\r\n", &[(5, "EOS")]);
    check(vec![vec![stream(&[])]], "", &[]);
}

#[test]
fn unknown_marks_keep_their_place_in_a_chunk() {
    check(
        vec![vec![data("he"), Unknown::bucket(), data("llo"), Unknown::bucket(), Bucket::eos()]],
        "5\r\nhello\r\n0\r\n\r\n",
        &[(5, "UNKNOWN"), (8, "UNKNOWN"), (15, "EOS")],
    );
}

#[test]
fn data_of_unknown_length_is_a_chunk_a_piece() {
    check(
        vec![vec![data("a"), data("b"), stream(&[b"cd", b"e"]), data("f"), Bucket::eos()]],
        "2\r\nab\r\n2\r\ncd\r\n1\r\ne\r\n1\r\nf\r\n0\r\n\r\n",
        &[(31, "EOS")],
    );
}

#[test]
fn a_body_that_failed_has_no_last_chunk() {
    let error = || Bucket::error(Error::other("no"));
    check(vec![vec![data("hello"), error()]], "5\r\nhello\r\n", &[(10, "ERROR")]);
    let sum = Trailers(get(&[("x-sum", "1")]).headers).into_bucket();
    check(vec![vec![sum, error()]], "", &[(0, "ERROR")]);
}

#[test]
fn a_stream_that_fails_leaves_the_body_open() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(chunk());
    let mut body = Brigade::from_iter([data("hello"), broken_stream(), data("!"), Bucket::eos()]);
    let error = chain.pass(&mut body).unwrap_err();
    assert_eq!((error.kind(), error.filter()), (ErrorKind::Io, Some("chunk")));
    assert_eq!(record.bytes(), b"5\r\nhello\r\n");
    assert!(!record.marks().iter().any(|(_, name)| name == "EOS"));
}

#[test]
fn a_second_end_writes_no_second_last_chunk() {
    let twice = from_fn(|input, next| {
        let has_end = input.ends_body();
        next.push_all(input)?;
        if has_end { next.push(Bucket::eos()) } else { Ok(()) }
    });
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join_request(Member::new("twice", FilterKind::RESOURCE, twice));
    chain.join_request(chunk());
    // A breach of contract that the chain reports; what leaves is whole all the same.
    let _ = chain.pass(&mut Brigade::from_iter([data("a"), Bucket::eos()]));
    assert_eq!(record.bytes(), b"1\r\na\r\n0\r\n\r\n");
}

#[test]
fn a_second_body_is_framed_like_the_first() {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    chain.join(chunk());
    let sum = Trailers(get(&[("x-sum", "1")]).headers).into_bucket();
    for end in [Bucket::error(Error::other("no")), Bucket::eos()] {
        chain.begin_response().unwrap();
        let sum = sum.try_clone().filter(|_| !end.is_eos());
        chain.pass(&mut sum.into_iter().chain([data("a"), end]).collect()).unwrap();
    }
    assert_eq!(record.bytes(), b"1\r\na\r\n1\r\na\r\n0\r\n\r\n");
}

#[test]
fn trailers_follow_the_last_chunk() {
    let one = || Trailers(get(&[("x-sum", "1"), ("x-sum", "2")]).headers).into_bucket();
    let two = || Trailers(get(&[("etag", "\"a\"")]).headers).into_bucket();
    let expected = "1\r\na\r\n0\r\nx-sum: 1\r\nx-sum: 2\r\netag: \"a\"\r\n\r\n";
    let marks: &[_] = &[(expected.len(), "EOS")];
    check(vec![vec![data("a"), one(), two(), Bucket::eos()]], expected, marks);
    check(
        vec![vec![data("a")], vec![one()], vec![two(), data("")], vec![Bucket::eos()]],
        expected,
        marks,
    );
    let (_, trailers) = dechunk(expected.as_bytes()).unwrap();
    assert_eq!(trailers, "x-sum: 1\r\nx-sum: 2\r\netag: \"a\"\r\n\r\n");
}

#[test]
fn trailers_that_would_frame_route_or_authorise_are_dropped() {
    let fields = [
        ("transfer-encoding", "chunked"),
        ("content-length", "9"),
        ("host", "evil"),
        ("authorization", "Basic x"),
        ("content-encoding", "gzip"),
        ("content-type", "text/html"),
        ("content-range", "bytes 0-1/2"),
        ("set-cookie", "a=b"),
        ("trailer", "host"),
        ("connection", "close"),
        ("x-sum", "1"),
    ];
    let trailers = Trailers(get(&fields).headers).into_bucket();
    let expected = "0\r\nx-sum: 1\r\n\r\n";
    check(vec![vec![trailers, Bucket::eos()]], expected, &[(expected.len(), "EOS")]);
}

/// A terminal that looks at what it is given and reads nothing.
struct Looker(Arc<Mutex<Vec<String>>>);

impl Terminal for Looker {
    fn write(&mut self, brigade: &mut Brigade<'_>, _cx: &mut ReadCx<'_>) -> Result<()> {
        let mut seen = self.0.lock().unwrap();
        while let Some(bucket) = brigade.pop_front() {
            seen.push(match bucket.bytes() {
                Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                None => format!("{bucket:?}"),
            });
        }
        Ok(())
    }

    fn should_yield(&self) -> bool {
        true // Even then what needs no reading goes on.
    }
}

/// What the terminal is given for data of these lengths that nobody may read.
#[track_caller]
fn check_unread(lens: &[u64], expected: &[&str]) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut chain = Chain::new(Looker(seen.clone()));
    chain.join_request(chunk());
    chain.pass(&mut lens.iter().map(|len| NeverRead::file(*len)).collect()).unwrap();
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn data_of_known_length_is_framed_unread() {
    check_unread(&[8192], &["2000\r\n", "UNREAD 8192", "\r\n"]);
    check_unread(&[10, 0, 6], &["10\r\n", "UNREAD 10", "UNREAD 0", "UNREAD 6", "\r\n"]);
}

#[test]
fn the_largest_lengths_are_written_whole() {
    check_unread(&[1 << 60], &["1000000000000000\r\n", "UNREAD 1152921504606846976", "\r\n"]);
    check_unread(&[u64::MAX >> 1], &["7fffffffffffffff\r\n", "UNREAD 9223372036854775807", "\r\n"]);
    check_unread(&[u64::MAX], &["ffffffffffffffff\r\n", "UNREAD 18446744073709551615", "\r\n"]);
    // Together they are more than one chunk can say.
    let (two, three) = ("UNREAD 2", "UNREAD 18446744073709551615");
    check_unread(&[2, u64::MAX], &["2\r\n", two, "\r\n", "ffffffffffffffff\r\n", three, "\r\n"]);
}
