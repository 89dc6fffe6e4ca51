//! What the head of a response says of a file: length, type, validators, and the status of an
//! error.

use std::collections::HashSet;
use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};

use rustix::io::Errno;

use super::*;
use crate::files::validators::SETTLED;

#[track_caller]
fn found(tree: &Tree, path: &str) -> FoundFile {
    match tree.roots()[0].find(path).unwrap() {
        Found::File(file) => file,
        other @ Found::Redirect { .. } => panic!("{path:?} gave {other:?}"),
    }
}

#[test]
fn a_file_larger_than_two_gibibytes_has_its_whole_length() {
    let tree = Tree::new();
    let len = (2 << 30) + 12_345;
    File::create(tree.path("big.iso")).unwrap().set_len(len).unwrap();
    assert_eq!(found(&tree, "/big.iso").len, len);
}

#[test]
fn an_empty_file_is_a_file() {
    let tree = Tree::new();
    fs::write(tree.path("zero"), "").unwrap();
    check_all(&tree, &[("/zero", Content(""))]);
}

#[test]
fn the_type_follows_from_the_name() {
    #[track_caller]
    fn check(name: &str, want: &str) {
        assert_eq!(content_type::of(name.as_bytes()), want, "{name:?}");
    }
    check("index.html", "text/html; charset=utf-8");
    check("a.b/INDEX.HTM", "text/html; charset=utf-8");
    check("style.css", "text/css; charset=utf-8");
    check("code.js", "text/javascript; charset=utf-8");
    check("notes.txt", "text/plain; charset=utf-8");
    check("guide.md", "text/markdown; charset=utf-8");
    check("feed.xml", "text/xml");
    check("data.json", "application/json");
    check("code.wasm", "application/wasm");
    check("logo.svg", "image/svg+xml");
    check("photo.jpeg", "image/jpeg");
    check("archive.tar.gz", "application/gzip");
    check("README", "application/octet-stream");
    check("dir.html/README", "application/octet-stream");
    check("name.unknown-extension", "application/octet-stream");
    check(".html", "application/octet-stream");
    check("dot.", "application/octet-stream");
    assert_eq!(content_type::of(b"\xff.html"), "text/html; charset=utf-8");
    assert_eq!(content_type::of(b"name.\xff"), "application/octet-stream");
}

#[test]
fn an_index_has_the_type_of_its_own_name() {
    assert_eq!(found(&Tree::new(), "/dir/").content_type, "text/html; charset=utf-8");
}

#[test]
fn every_type_and_tag_fits_a_header_field() {
    let tree = Tree::new();
    for path in ["/", "/a.txt", "/dir/sub/c.css"] {
        let file = found(&tree, path);
        for value in [&*file.content_type, &file.etag] {
            assert!(http::HeaderValue::from_str(value).is_ok(), "{value:?}");
        }
    }
}

/// A file's tag as it will be once its last change is long past.
#[track_caller]
fn settled_tag(tree: &Tree, path: &str) -> String {
    let meta = tree.path(path).metadata().unwrap();
    let tag = Version::of(&meta).etag(SystemTime::now() + 2 * SETTLED);
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag} is strong");
    tag
}

/// Waits until the clock of the file system is past the last change in it; its tick is some
/// milliseconds.
fn next_tick(tree: &Tree) {
    use std::os::unix::fs::MetadataExt;
    let stamp = || {
        fs::write(tree.path("clock"), "").unwrap();
        let meta = tree.path("clock").metadata().unwrap();
        (meta.ctime(), meta.ctime_nsec())
    };
    let before = stamp();
    while stamp() == before {}
}

#[test]
fn the_tag_is_the_same_while_the_file_is() {
    let tree = Tree::new();
    let before = settled_tag(&tree, "a.txt");
    next_tick(&tree);
    check_all(&tree, &[("/a.txt", Content("a.txt"))]);
    assert_eq!(settled_tag(&tree, "a.txt"), before);
}

#[test]
fn the_tag_changes_with_the_content_even_when_length_and_modification_time_do_not() {
    let tree = Tree::new();
    let path = tree.path("a.txt");
    let stamp = UNIX_EPOCH + Duration::from_secs(1);
    let set_stamp =
        || File::options().write(true).open(&path).unwrap().set_modified(stamp).unwrap();
    set_stamp();
    let before = settled_tag(&tree, "a.txt");

    next_tick(&tree);
    fs::write(&path, "A.TXT").unwrap();
    set_stamp();

    let file = found(&tree, "/a.txt");
    assert_eq!((file.len, file.modified), (5, stamp));
    assert_ne!(settled_tag(&tree, "a.txt"), before);
}

#[test]
fn the_tag_tells_inode_length_and_every_nanosecond_apart() {
    let now = UNIX_EPOCH + 2 * SETTLED;
    let version = Version { inode: 7, len_bytes: 5, changed_nanos: 1 };
    let others = [
        version,
        Version { inode: 8, ..version },
        Version { len_bytes: 6, ..version },
        Version { changed_nanos: 2, ..version },
        Version { changed_nanos: -1, ..version },
    ];
    let tags: HashSet<_> = others.map(|version| version.etag(now)).into();
    assert_eq!(tags.len(), others.len(), "{tags:?}");
}

#[test]
fn the_tag_is_weak_while_another_change_could_look_the_same() {
    let at = |nanos| UNIX_EPOCH + Duration::from_nanos(nanos);
    let changed = 1_000_000_007;
    let version = Version { inode: 7, len_bytes: 5, changed_nanos: changed.into() };
    let weak = |now| version.etag(now).starts_with("W/\"");
    assert!(weak(at(changed)), "it changed just now");
    assert!(weak(at(changed + 1_999_999_999)), "it changed less than two seconds ago");
    assert!(!weak(at(changed + 2_000_000_000)), "no later change can have that time");
    assert!(weak(at(0)), "it changed in the future");
    assert!(weak(UNIX_EPOCH - SETTLED), "the clock is before time");
}

#[test]
fn the_weak_tag_of_a_file_that_just_changed_does_not_outlive_the_doubt() {
    let version = Version { inode: 7, len_bytes: 5, changed_nanos: 0 };
    let opaque = |now| version.etag(now).trim_start_matches("W/").to_owned();
    let second = Duration::from_secs(1);
    assert_eq!(opaque(UNIX_EPOCH), opaque(UNIX_EPOCH + second));
    assert_ne!(opaque(UNIX_EPOCH + second), opaque(UNIX_EPOCH + SETTLED));
    assert_eq!(opaque(UNIX_EPOCH + SETTLED), opaque(UNIX_EPOCH + 9 * SETTLED));
}

#[test]
fn a_file_that_was_just_written_has_a_weak_tag() {
    let tree = Tree::new();
    assert!(found(&tree, "/a.txt").etag.starts_with("W/\""));
}

#[test]
fn last_modified_is_in_whole_seconds_and_never_after_the_response() {
    #[track_caller]
    fn check(modified: Duration, now: Duration, want: &str) {
        let date = validators::last_modified(UNIX_EPOCH + modified, UNIX_EPOCH + now);
        assert_eq!(date.map(|date| date.to_string()).as_deref(), Some(want));
    }
    let (second, at) = (Duration::from_secs(1), Duration::from_secs(784_111_777));
    check(at, at + second, "Sun, 06 Nov 1994 08:49:37 GMT");
    check(at + Duration::from_millis(999), at + second, "Sun, 06 Nov 1994 08:49:37 GMT");
    check(at + 3600 * second, at, "Sun, 06 Nov 1994 08:49:37 GMT");
    check(Duration::ZERO, at, "Thu, 01 Jan 1970 00:00:00 GMT");
}

#[test]
fn last_modified_is_left_out_where_a_date_cannot_say_it() {
    let year_9999 = Duration::from_secs(253_402_300_799);
    let date =
        |modified, now| validators::last_modified(modified, now).map(|date| date.to_string());
    assert_eq!(date(UNIX_EPOCH - Duration::from_secs(1), SystemTime::now()), None);
    let end = UNIX_EPOCH + year_9999;
    assert_eq!(date(end, end).as_deref(), Some("Fri, 31 Dec 9999 23:59:59 GMT"));
    let after = end + Duration::from_secs(1);
    assert_eq!(date(after, after), None);
}

#[test]
fn a_file_dated_before_1970_or_far_ahead_is_served() {
    let tree = Tree::new();
    let file = File::options().write(true).open(tree.path("a.txt")).unwrap();
    file.set_modified(UNIX_EPOCH - Duration::from_secs(86_400)).unwrap();
    assert_eq!(found(&tree, "/a.txt").last_modified(SystemTime::now()), None);

    let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
    file.set_modified(now + Duration::from_secs(1 << 31)).unwrap();
    let date = found(&tree, "/a.txt").last_modified(now).unwrap();
    assert_eq!(date.to_string(), "Sun, 06 Nov 1994 08:49:37 GMT");
}

#[test]
fn each_error_of_the_file_system_has_its_status() {
    #[track_caller]
    fn check(errno: Errno, status: u16) {
        let error = NotServed::from(errno);
        assert_eq!(error.status().as_u16(), status, "{errno}");
        assert_eq!(
            error.source().is_some(),
            status != 404,
            "{errno} keeps its cause unless the words say it all"
        );
        assert!(!error.to_string().contains("os error"), "{error} leaves the cause to source()");
    }
    for errno in [
        Errno::NOENT,
        Errno::NOTDIR,
        Errno::NAMETOOLONG,
        Errno::XDEV,
        Errno::LOOP,
        Errno::INVAL,
        Errno::ILSEQ,
    ] {
        check(errno, 404);
    }
    for errno in [Errno::NXIO, Errno::NODEV, Errno::OPNOTSUPP] {
        check(errno, 404);
    }
    for errno in [Errno::ACCESS, Errno::PERM] {
        check(errno, 403);
    }
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN] {
        check(errno, 503);
    }
    for errno in [Errno::IO, Errno::STALE] {
        check(errno, 500);
    }
    assert_eq!(NotServed::BadPath("").status(), StatusCode::BAD_REQUEST);
}
