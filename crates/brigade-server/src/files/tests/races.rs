//! Whoever renames and links meanwhile, nothing from outside is found.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;

/// How many files and how many errors are seen before a race counts as run.
const ENOUGH: usize = 2_000;

/// How often it is tried: on one busy core it may take long, but not for ever.
const TRIES: usize = 1_000_000;

/// Sets its flag when dropped, so that a failed assertion ends the other thread too.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `meanwhile` while another thread swaps two names, over and over.
fn while_swapping(tree: &Tree, one: &str, other: &str, meanwhile: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (one, other) = (tree.path(one), tree.path(other));
                renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let _done = SetOnDrop(&done);
        meanwhile();
    });
}

/// Finds `path` until enough files of the tree and enough errors were seen, and nothing else.
fn check_while_swapping(tree: &Tree, one: &str, other: &str, path: &str) {
    for root in tree.roots() {
        while_swapping(tree, one, other, || check_often(&root, path));
    }
}

fn check_often(root: &Root, path: &str) {
    let (mut files, mut errors) = (0, 0);
    for _ in 0..TRIES {
        match root.find(path) {
            Ok(Found::File(found)) => {
                let content = std::io::read_to_string(&found.file).unwrap();
                assert_ne!(content, CANARY, "{path:?} left the root by {root:?}");
                files += 1;
            }
            Ok(redirect) => panic!("{path:?} gave {redirect:?}"),
            Err(error) => {
                assert!(matches!(error.status().as_u16(), 404 | 503), "{error} by {root:?}");
                errors += 1;
            }
        }
        if files > ENOUGH && errors > ENOUGH {
            return;
        }
    }
    assert!(files > 0 && errors > 0, "no swap seen: {files} files, {errors} errors by {root:?}");
}

#[test]
fn a_directory_swapped_for_a_link_that_leads_out_never_gives_the_outside() {
    let tree = Tree::new();
    tree.file("swap/canary");
    tree.link("trap", "../private");
    check_while_swapping(&tree, "swap", "trap", "/swap/canary");
}

#[test]
fn a_file_swapped_for_a_link_that_leads_out_never_gives_the_outside() {
    let tree = Tree::new();
    tree.link("trap", "../canary");
    check_while_swapping(&tree, "a.txt", "trap", "/a.txt");
}

#[test]
fn a_link_with_a_way_up_is_followed_while_others_rename() {
    let tree = Tree::new();
    tree.file("swap/one");
    tree.file("swap/other");
    let root = &tree.roots()[0];
    if root.beneath.resolver() == Resolver::Walk {
        return eprintln!("skipped: links are not followed here");
    }
    while_swapping(&tree, "swap/one", "swap/other", || {
        let served = (0..ENOUGH).filter(|_| root.find("/links/up-in").is_ok()).count();
        // The kernel takes back every look that a rename meets; looking again is what gets through.
        assert!(served * 10 > ENOUGH * 9, "{served} of {ENOUGH} served");
    });
}
