//! Files that `serve` keeps open: how late a change shows, and what is never shown.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::server::{PATIENCE, Served};

/// A directory with one file, and a server of it that has found out that the file is not being changed.
fn settled(args: &[&str]) -> (tempfile::TempDir, Served) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.txt"), "old").unwrap();
    let served = Served::new(dir.path(), args);
    until("the tag is strong", || !ask(&served).contains("\r\netag: W/"));
    (dir, served)
}

fn ask(served: &Served) -> String {
    String::from_utf8(served.ask(b"GET /a.txt HTTP/1.0\r\n\r\n")).unwrap()
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < late, "it is still not so that {what}");
        std::thread::yield_now();
    }
}

/// Puts another file, or a link, in the place of the one that is served.
fn replace(dir: &Path, make: impl FnOnce(&Path)) {
    let new = dir.join("new");
    make(&new);
    fs::rename(new, dir.join("a.txt")).unwrap();
}

#[test]
fn a_replaced_file_shows_at_the_latest_when_its_age_is_over() {
    let (dir, served) = settled(&["--open-files-age", "300ms"]);
    replace(dir.path(), |new| fs::write(new, "another").unwrap());
    until("the new one shows", || {
        let answer = ask(&served);
        assert!(answer.ends_with("\r\n\r\nold") || answer.ends_with("\r\n\r\nanother"), "{answer}");
        answer.ends_with("another")
    });
}

#[test]
fn a_replaced_file_goes_out_whole_while_it_is_kept_open() {
    let (dir, served) = settled(&["--open-files-age", "60m"]);
    replace(dir.path(), |new| fs::write(new, "another").unwrap());
    let answer = ask(&served);
    assert!(answer.contains("\r\ncontent-length: 3\r\n") && answer.ends_with("old"), "{answer}");
}

#[test]
fn a_replaced_file_shows_at_once_where_none_is_kept_open() {
    for args in [["--open-files", "0"], ["--open-files-age", "0"]] {
        let (dir, served) = settled(&args);
        replace(dir.path(), |new| fs::write(new, "another").unwrap());
        assert!(ask(&served).ends_with("another"), "{args:?}");
    }
}

#[test]
fn a_link_that_leads_out_is_not_followed_after_the_file_whose_place_it_took() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "secret").unwrap();
    let (dir, served) = settled(&["--open-files-age", "300ms"]);
    replace(dir.path(), |new| std::os::unix::fs::symlink(outside.path(), new).unwrap());
    until("it is not found", || {
        let answer = ask(&served);
        assert!(!answer.contains("secret"), "{answer}");
        answer.starts_with("HTTP/1.1 404 ")
    });
}

#[test]
fn a_file_that_nobody_asks_for_any_more_is_closed() {
    let (_dir, served) = settled(&["--open-files-age", "50ms"]);
    let name = Path::new("a.txt");
    let fds = format!("/proc/{}/fd", served.pid());
    let is_open = || {
        let links =
            fs::read_dir(&fds).unwrap().filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
        links.into_iter().any(|link| link.ends_with(name))
    };
    until("it is open", || {
        ask(&served);
        is_open()
    });
    until("it is closed", || !is_open());
}
