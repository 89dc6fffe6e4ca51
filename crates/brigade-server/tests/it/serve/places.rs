//! Several places to listen, Unix sockets among them, asked by curl.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::server::{Served, curl};

fn dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), "the same everywhere").unwrap();
    dir
}

fn socket_in(dir: &Path) -> (String, String) {
    let path = dir.join("brigade.sock").to_str().unwrap().to_owned();
    (format!("unix:{path}"), path)
}

#[test]
fn one_serve_answers_at_every_place_it_was_given() {
    let (files, sockets) = (dir(), tempfile::tempdir().unwrap());
    let (unix, path) = socket_in(sockets.path());
    let places = ["127.0.0.1:0", &unix, "127.0.0.1:0"];
    let (_served, printed) = Served::at(&places, files.path(), &[]);
    assert_eq!(printed[1], unix);
    for url in [&printed[0], &printed[2]] {
        if let Some(said) = curl(&[&format!("{url}a.txt")]) {
            assert_eq!(said, (Some(0), "the same everywhere".to_owned()), "{url}");
        }
    }
    if let Some(said) = curl(&["--unix-socket", &path, "http://anything/a.txt"]) {
        assert_eq!(said, (Some(0), "the same everywhere".to_owned()));
    }
    assert_ne!(printed[0], printed[2]);
}

#[test]
fn a_socket_is_removed_at_the_end_and_one_that_was_left_behind_makes_way() {
    let (files, sockets) = (dir(), tempfile::tempdir().unwrap());
    let (unix, path) = socket_in(sockets.path());
    // As a server that was killed leaves it.
    drop(UnixListener::bind(&path).unwrap());
    let (served, _) = Served::at(&["127.0.0.1:0", &unix], files.path(), &[]);
    if let Some(said) = curl(&["--unix-socket", &path, "http://anything/a.txt"]) {
        assert_eq!(said.0, Some(0));
    }
    served.signal("TERM");
    assert!(served.wait().success());
    assert!(!Path::new(&path).exists(), "the socket is left behind");
}

#[test]
fn a_path_where_a_server_listens_or_a_file_lies_is_refused() {
    let (files, sockets) = (dir(), tempfile::tempdir().unwrap());
    let (unix, path) = socket_in(sockets.path());
    let check_refused = || {
        let mut second = Command::new(env!("CARGO_BIN_EXE_brigade"));
        let out = second.arg("serve").arg(files.path()).args(["--listen", &unix]).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && said.contains("another server"), "{said}");
        assert!(Path::new(&path).exists());
    };
    let listener = UnixListener::bind(&path).unwrap();
    check_refused();
    drop(listener);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    check_refused();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
