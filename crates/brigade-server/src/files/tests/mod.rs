//! What the served directory promises, on a real file system, by both ways of staying inside.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use http::StatusCode;
use tempfile::TempDir;

use super::beneath::{Beneath, Resolver};
use super::*;

mod heads;
mod nodes;
mod paths;
mod permissions;
mod property;
// Only Linux swaps two names at once.
#[cfg(target_os = "linux")]
mod races;

/// What no path may ever give.
const CANARY: &str = "outside";

/// A directory to serve, `www`, and beside it the file `canary` and the directory `private`, never
/// to be served.
///
/// In `www` every file's content is its own path. Links: `links/in`, `links/abs-in`, `links/deep`,
/// `links/up-in` lead inside; `links/out`, `links/abs`, `links/private`, `links/root` out;
/// `links/dangling`, `links/loop` nowhere; `links/magic` through `/proc`.
struct Tree {
    dir: TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(tree.www()).unwrap();
        tree.beside("canary", CANARY);
        tree.beside("private/canary", CANARY);
        for path in ["index.html", "a.txt", "dir/index.html", "dir/b.txt", "dir/sub/c.css"] {
            tree.file(path);
        }
        tree.directory("empty");
        tree.directory("odd/index.html");
        tree.link("links/in", "../a.txt");
        tree.link("links/abs-in", tree.www().join("a.txt").to_str().unwrap());
        tree.link("links/deep", "../dir");
        tree.link("links/up-in", "../dir/../dir/./sub/../b.txt");
        tree.link("links/out", "../../canary");
        tree.link("links/abs", "/etc/passwd");
        tree.link("links/private", "../../private");
        tree.link("links/root", "/");
        tree.link("links/dangling", "nothing");
        tree.link("links/loop", "loop");
        tree.link("links/magic", "/proc/self/root/etc/passwd");
        tree
    }

    fn www(&self) -> std::path::PathBuf {
        self.dir.path().join("www")
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.www().join(path)
    }

    /// Adds a file whose content is its path.
    fn file(&self, path: &str) {
        write(&self.path(path), path);
    }

    fn beside(&self, path: &str, content: &str) {
        write(&self.dir.path().join(path), content);
    }

    fn directory(&self, path: &str) {
        fs::create_dir_all(self.path(path)).unwrap();
    }

    fn link(&self, path: &str, to: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        symlink(to, self.path(path)).unwrap();
    }

    /// The tree as a root by each way of staying inside that this system has.
    fn roots(&self) -> Vec<Root> {
        roots(&self.www())
    }
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn roots(dir: &Path) -> Vec<Root> {
    let best = Root::open(dir).unwrap();
    let walk = Root { beneath: Beneath::at_with(dir, Resolver::Walk).unwrap() };
    if best.beneath.resolver() == Resolver::Walk {
        eprintln!("skipped in part: this system has no openat2");
        return vec![walk];
    }
    vec![best, walk]
}

/// What a path is expected to give.
#[derive(Clone, Copy, Debug)]
enum Want<'a> {
    /// A file with this content.
    File(&'a str),
    /// A redirect to this location.
    Redirect(&'a str),
    /// This status.
    Status(u16),
    /// A file with this content where the kernel follows links, else 404.
    Linked(&'a str),
}
use Want::{File as Content, Linked, Redirect, Status};

#[track_caller]
fn check(root: &Root, path: &str, want: Want<'_>) {
    let found = root.find(path);
    let want = match want {
        Linked(_) if root.beneath.resolver() == Resolver::Walk => Status(404),
        Linked(content) => Content(content),
        other => other,
    };
    match (&found, want) {
        (Ok(Found::File(file)), Content(content)) => {
            assert_eq!(
                std::io::read_to_string(&file.file).unwrap(),
                content,
                "{path:?} by {root:?}"
            );
            assert_eq!(file.len, content.len() as u64, "{path:?} by {root:?}");
        }
        (Ok(Found::Redirect { location }), Redirect(to)) => {
            assert_eq!(location, to, "{path:?} by {root:?}");
        }
        (Err(error), Status(status)) => {
            assert_eq!(
                error.status(),
                StatusCode::from_u16(status).unwrap(),
                "{path:?}: {error} by {root:?}"
            );
        }
        _ => panic!("{path:?} gave {found:?}, not {want:?}, by {root:?}"),
    }
}

/// Checks each path of a table, by each way of staying inside.
#[track_caller]
fn check_all(tree: &Tree, table: &[(&str, Want<'_>)]) {
    for root in tree.roots() {
        for &(path, want) in table {
            check(&root, path, want);
        }
    }
}
