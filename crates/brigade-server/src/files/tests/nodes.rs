//! What may lie in the directory, and what is served of it.

use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;

#[test]
fn a_directory_with_its_slash_is_its_index_and_never_a_listing() {
    check_all(
        &Tree::new(),
        &[
            ("/", Content("index.html")),
            ("/?q", Content("index.html")),
            ("/dir/", Content("dir/index.html")),
            ("/dir/sub/", Status(404)),
            ("/empty/", Status(404)),
            ("/nothing/", Status(404)),
            ("/odd/", Status(404)), // Its index.html is a directory.
        ],
    );
}

#[test]
fn a_file_with_a_slash_at_the_end_is_not_found() {
    check_all(
        &Tree::new(),
        &[("/a.txt/", Status(404)), ("/dir/b.txt/", Status(404)), ("/a.txt%2f", Status(404))],
    );
}

#[test]
fn a_link_that_stays_inside_is_followed() {
    check_all(
        &Tree::new(),
        &[
            ("/links/in", Linked("a.txt")),
            ("/links/deep/b.txt", Linked("dir/b.txt")),
            ("/links/deep/", Linked("dir/index.html")),
            ("/links/up-in", Linked("dir/b.txt")),
        ],
    );
}

#[test]
fn a_linked_directory_without_its_slash_redirects_to_the_link() {
    let tree = Tree::new();
    let roots = tree.roots();
    for root in &roots {
        let followed = root.beneath.resolver() != Resolver::Walk;
        check(root, "/links/deep", if followed { Redirect("/links/deep/") } else { Status(404) });
    }
}

#[test]
fn a_link_that_leads_out_or_nowhere_is_not_found() {
    check_all(
        &Tree::new(),
        &[
            ("/links/out", Status(404)),
            ("/links/abs", Status(404)),
            ("/links/abs-in", Status(404)), // The kernel refuses an absolute link wherever it leads.
            ("/links/private", Status(404)),
            ("/links/private/", Status(404)),
            ("/links/private/canary", Status(404)),
            ("/links/root", Status(404)),
            ("/links/root/", Status(404)),
            ("/links/root/etc/passwd", Status(404)),
            ("/links/dangling", Status(404)),
            ("/links/dangling/", Status(404)),
            ("/links/loop", Status(404)),
            ("/links/loop/", Status(404)),
            ("/links/loop/a.txt", Status(404)),
            ("/links/magic", Status(404)),
        ],
    );
}

#[test]
fn a_link_as_the_index_is_judged_like_any_other() {
    let tree = Tree::new();
    tree.link("index-in/index.html", "../a.txt");
    tree.link("index-out/index.html", "../../canary");
    check_all(&tree, &[("/index-in/", Linked("a.txt")), ("/index-out/", Status(404))]);
}

#[test]
fn a_chain_of_more_links_than_the_kernel_follows_is_not_found() {
    let tree = Tree::new();
    tree.link("chain/0", "../a.txt");
    for n in 1..=50 {
        tree.link(&format!("chain/{n}"), &format!("{}", n - 1));
    }
    check_all(&tree, &[("/chain/20", Linked("a.txt")), ("/chain/50", Status(404))]);
}

#[test]
fn the_root_itself_may_be_a_link() {
    let tree = Tree::new();
    let alias = tree.dir.path().join("alias");
    symlink("www", &alias).unwrap();
    for root in roots(&alias) {
        check(&root, "/a.txt", Content("a.txt"));
    }
}

#[test]
fn a_root_that_is_renamed_goes_on_being_served() {
    let tree = Tree::new();
    let roots = tree.roots();
    fs::rename(tree.www(), tree.dir.path().join("moved")).unwrap();
    for root in &roots {
        check(root, "/a.txt", Content("a.txt"));
    }
}

#[test]
fn a_fifo_a_socket_and_a_device_are_not_found_and_hang_nothing() {
    let tree = Tree::new();
    // By the command: rustix has no call for it on every system.
    assert!(Command::new("mkfifo").arg(tree.path("fifo")).status().unwrap().success());
    let _listener = UnixListener::bind(tree.path("socket")).unwrap();
    tree.link("links/fifo", "../fifo");
    tree.link("links/zero", "/dev/zero");
    tree.link("links/tty", "/dev/tty");
    let paths =
        ["/fifo", "/fifo/", "/socket", "/socket/", "/links/fifo", "/links/zero", "/links/tty"];
    let table = paths.map(|path| (path, Status(404)));
    within_seconds(60, move || check_all(&tree, &table));
}

#[test]
fn a_device_in_the_directory_itself_is_not_found() {
    within_seconds(60, || {
        for root in roots(Path::new("/dev")) {
            for path in ["/zero", "/null", "/tty"] {
                check(&root, path, Status(404));
            }
        }
    });
}

/// Runs `work` on a thread of its own, which is left behind when it hangs.
#[track_caller]
fn within_seconds(limit: u64, work: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    match is_done.recv_timeout(Duration::from_secs(limit)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        // The channel also closes when the work panics; then `join` has what it said.
        _ => worker.join().unwrap(),
    }
}

#[test]
fn the_links_of_proc_are_not_followed() {
    if !Path::new("/proc/self").exists() {
        return eprintln!("skipped: this system has no /proc");
    }
    for root in roots(Path::new("/proc")) {
        for path in
            ["/self/root/etc/passwd", "/self/cwd", "/self/exe", "/thread-self/root/", "/self/fd/0"]
        {
            check(&root, path, Status(404));
        }
    }
}

#[test]
fn a_root_that_is_missing_or_no_directory_says_so() {
    let tree = Tree::new();
    for (path, want) in [
        (tree.path("nothing"), "No such file or directory"),
        (tree.path("links/dangling"), "No such file or directory"),
        (tree.path("a.txt"), "Not a directory"),
        ("".into(), "No such file or directory"),
    ] {
        let error = Root::open(&path).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("open the directory {path:?} to serve it: {want}")),
            "{error}"
        );
    }
}

#[test]
fn a_cached_name_is_found_without_waiting() {
    let tree = Tree::new();
    for root in tree.roots() {
        check(&root, "/dir/b.txt", Content("dir/b.txt"));
        // Now it is in the cache; only a change of mounts at this very moment makes the kernel
        // unsure.
        let found = (0..100).find_map(|_| root.find_cached("/dir/b.txt"));
        match found {
            Some(Ok(Found::File(file))) => {
                assert_eq!(std::io::read_to_string(&file.file).unwrap(), "dir/b.txt");
                assert_ne!(root.beneath.resolver(), Resolver::Walk);
            }
            None => assert!(!tells_what_is_cached(&root, &tree), "the kernel could have told"),
            other => panic!("{other:?}"),
        }
    }
}

/// Whether the kernel says of a name in this tree that it is cached, asked without our code.
#[cfg(target_os = "linux")]
fn tells_what_is_cached(root: &Root, tree: &Tree) -> bool {
    use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
    let dir = File::open(tree.www()).unwrap();
    let ask = || openat2(&dir, "dir/b.txt", OFlags::RDONLY, Mode::empty(), ResolveFlags::CACHED);
    root.beneath.resolver() != Resolver::Walk && (0..100).any(|_| ask().is_ok())
}

#[cfg(not(target_os = "linux"))]
fn tells_what_is_cached(_: &Root, _: &Tree) -> bool {
    false
}

#[test]
fn a_name_that_may_need_the_disk_is_left_to_who_may_wait() {
    let tree = Tree::new();
    let walk = Root { beneath: Beneath::at_with(&tree.www(), Resolver::Walk).unwrap() };
    assert!(walk.find_cached("/a.txt").is_none());
    let refused = walk.find_cached("/../canary").unwrap().unwrap_err();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "a bad path needs no disk");
}

#[test]
fn a_root_is_shared_by_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Root>();
    shared::<NotServed>();
}

#[cfg(target_os = "linux")]
mod retries {
    use rustix::io::Errno;

    use crate::files::openat2::{ATTEMPTS, retry_on_again};

    #[track_caller]
    fn check(
        mut answers: impl FnMut(usize) -> Result<u8, Errno>,
        want: Result<u8, Errno>,
        calls_want: usize,
    ) {
        let mut calls = 0;
        let got = retry_on_again(|| {
            calls += 1;
            answers(calls)
        });
        assert_eq!((got, calls), (want, calls_want));
    }

    #[test]
    fn a_lost_race_is_run_again_and_another_error_is_not() {
        check(|_| Ok(7), Ok(7), 1);
        check(|call| if call < 5 { Err(Errno::AGAIN) } else { Ok(7) }, Ok(7), 5);
        check(
            |call| if call < 5 { Err(Errno::AGAIN) } else { Err(Errno::XDEV) },
            Err(Errno::XDEV),
            5,
        );
        check(|_| Err(Errno::AGAIN), Err(Errno::AGAIN), ATTEMPTS);
    }
}
