//! What the server's user may not read.
//!
//! To root every file is open, so for root each test runs on a thread that is somebody else: Linux
//! has a user for each thread.

use std::os::unix::fs::PermissionsExt;
use std::thread;

use super::*;

/// Runs `work` without root's power, or says that it could not.
fn unprivileged(work: impl FnOnce() + Send) {
    if !rustix::process::geteuid().is_root() {
        return work();
    }
    thread::scope(|scope| {
        scope.spawn(|| match become_nobody() {
            Ok(()) => work(),
            Err(error) => eprintln!("skipped: root reads every file and stays root: {error}"),
        });
    });
}

#[cfg(target_os = "linux")]
fn become_nobody() -> io::Result<()> {
    let nobody = rustix::process::Uid::from_raw(65_534);
    Ok(rustix::thread::set_thread_res_uid(nobody, nobody, nobody)?)
}

#[cfg(not(target_os = "linux"))]
fn become_nobody() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Gives the same permission to owner, group and everybody, so that it binds whoever asks.
fn permit(path: &Path, bits: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(bits * 0o111)).unwrap();
}

/// A tree that everybody may enter, with a file and directories that nobody may read, enter or
/// list.
fn guarded() -> Tree {
    let tree = Tree::new();
    for file in ["secret.txt", "closed/a.txt", "unlisted/a.txt"] {
        tree.file(file);
        permit(&tree.path(file), 0o4);
    }
    permit(&tree.path("secret.txt"), 0o0);
    permit(&tree.path("closed"), 0o6);
    permit(&tree.path("unlisted"), 0o1);
    permit(&tree.www(), 0o7);
    permit(tree.dir.path(), 0o7);
    tree
}

impl Tree {
    /// Lets the tree be deleted.
    fn unguard(&self) {
        for path in ["closed", "unlisted"] {
            permit(&self.path(path), 0o7);
        }
    }
}

#[test]
fn what_the_server_may_not_read_is_forbidden() {
    let tree = guarded();
    unprivileged(|| {
        check_all(
            &tree,
            &[
                ("/secret.txt", Status(403)),
                ("/secret.txt/", Status(404)),
                ("/closed/", Status(403)),
                ("/closed/a.txt", Status(403)),
                ("/closed/nothing", Status(403)),
            ],
        );
    });
    tree.unguard();
}

#[test]
fn a_directory_that_may_be_searched_but_not_listed_is_served() {
    let tree = guarded();
    unprivileged(|| {
        check_all(
            &tree,
            &[
                // Other systems need to open a directory for reading to look into it.
                #[cfg(target_os = "linux")]
                ("/unlisted", Redirect("/unlisted/")),
                #[cfg(target_os = "linux")]
                ("/unlisted/a.txt", Content("unlisted/a.txt")),
                ("/closed", Redirect("/closed/")),
            ],
        );
    });
    tree.unguard();
}

#[test]
fn a_root_that_may_not_be_searched_says_so() {
    let tree = guarded();
    unprivileged(|| {
        let error = Root::open(&tree.path("closed")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        assert!(error.to_string().contains("closed\" to serve it: Permission denied"), "{error}");
    });
    tree.unguard();
}
