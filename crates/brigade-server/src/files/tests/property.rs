//! Whatever a path says, nothing from outside is found.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;

use super::*;

/// The device and inode of every regular file in `dir`, links not followed.
fn inodes(dir: &Path) -> HashSet<(u64, u64)> {
    let mut all = HashSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        if meta.is_dir() {
            all.extend(inodes(&entry.path()));
        } else if meta.is_file() {
            all.insert((meta.dev(), meta.ino()));
        }
    }
    all
}

/// Pieces of paths, chosen so that many paths name something and many nearly leave.
const PIECES: &str = r"
    / / / // .. /.. ../ . %2e %2E%2e %2f %2F %5c \ %00 % %25 %252e %c0%ae %c0%af ? #
    canary /canary /private /etc/passwd a.txt /a.txt /dir /dir/ b.txt sub /index.html /empty /odd
    /links/ in out abs abs-in deep deep/ up-in private root dangling loop magic
    /links/deep/ /links/root/ /links/private/
";

fn path() -> impl Strategy<Value = String> {
    let pieces: Vec<_> = PIECES.split_whitespace().collect();
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
        1 => any::<char>().prop_map(String::from),
    ];
    let pieces = proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat());
    prop_oneof![
        7 => pieces.prop_map(|path| format!("/{path}")),
        1 => any::<String>(),
    ]
}

/// The invariants of any answer.
fn check_found(root: &Root, inside: &HashSet<(u64, u64)>, path: &str) -> Result<(), TestCaseError> {
    match root.find(path) {
        Ok(Found::File(found)) => {
            let meta = found.file.metadata().unwrap();
            prop_assert!(inside.contains(&(meta.dev(), meta.ino())), "{path:?} left the root");
            prop_assert_ne!(std::io::read_to_string(&found.file).unwrap(), CANARY);
        }
        Ok(Found::Redirect { location }) => {
            prop_assert!(
                location.bytes().all(|byte| byte.is_ascii_graphic()),
                "{location:?} fits a field"
            );
            prop_assert!(
                location.starts_with('/') && !location.starts_with("//"),
                "{location:?} stays here"
            );
            prop_assert!(location.parse::<http::Uri>().is_ok(), "{location:?} is a URI");
            let then = root.find(&location);
            let ends = matches!(&then, Ok(Found::File(_)) | Err(NotServed::NotFound(_)));
            prop_assert!(ends, "{location:?} gave {then:?}: no second redirect");
        }
        Err(error) => prop_assert!(error.status().is_client_error(), "{path:?}: {error}"),
    }
    Ok(())
}

#[test]
fn whatever_the_path_what_is_found_lies_inside() {
    let tree = Tree::new();
    let inside = inodes(&tree.www());
    let roots = tree.roots();
    let config =
        ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() };
    proptest::test_runner::TestRunner::new(config)
        .run(&path(), |path| roots.iter().try_for_each(|root| check_found(root, &inside, &path)))
        .unwrap();
}

#[test]
fn what_is_found_in_the_cache_is_what_is_found() {
    let tree = Tree::new();
    let root = &tree.roots()[0];
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    proptest::test_runner::TestRunner::new(config)
        .run(&path(), |path| {
            let inode = |found: Found| match found {
                Found::File(found) => {
                    (found.file.metadata().unwrap().ino().to_string(), String::new())
                }
                Found::Redirect { location } => (String::new(), location),
            };
            let slow = root.find(&path).map(inode).map_err(|error| error.to_string());
            if let Some(fast) = root.find_cached(&path) {
                prop_assert_eq!(fast.map(inode).map_err(|error| error.to_string()), slow);
            }
            Ok(())
        })
        .unwrap();
}

/// What a path is however it is spelt: an empty name before it changes nothing, but is read the long way.
fn check_plain(path: &str) -> Result<(), TestCaseError> {
    let (short, long) = (plain_path(path), format!("/{path}"));
    match (short, plain_path(&long)) {
        (Ok(short), Ok(long)) => {
            prop_assert_eq!(&short, &long, "{:?}", path);
            let again = percent_encode(&short, NON_ALPHANUMERIC).to_string().replace("%2F", "/");
            prop_assert_eq!(&plain_path(&again).unwrap(), &short, "{:?} encoded", path);
            let names = short.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).count();
            let rest = behind(path, names);
            let is_end = rest.is_empty() || rest.starts_with('/');
            prop_assert!(is_end, "{path:?} has {names} names, and then {rest:?}");
            prop_assert_eq!(behind(path, names + 1), "", "{:?}", path);
        }
        (Err(_), Err(_)) => {}
        // What does not begin with a slash is no path, and is one with it.
        (Err(_), Ok(_)) if !path.starts_with('/') => {}
        (short, long) => prop_assert!(false, "{path:?} is {short:?}, with a slash {long:?}"),
    }
    Ok(())
}

#[test]
fn whatever_the_path_rules_and_files_read_it_the_same_way() {
    let config =
        ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(path in path())| check_plain(&path)?);
}

#[test]
fn what_stands_behind_names_is_found_however_they_are_spelt() {
    for (path, names, rest) in [
        ("/a/b?c", 0, "/a/b?c"),
        ("/docs/a.html", 1, "/a.html"),
        ("/%64ocs//a", 1, "//a"),
        ("//docs/", 1, "/"),
        ("/a//b/c/d?e", 2, "/c/d?e"),
        ("/docs", 1, ""),
        ("/docs?a/b", 1, ""),
        ("/docs/?a/b", 1, "/?a/b"),
        ("/docs/", 2, ""),
    ] {
        assert_eq!(behind(path, names), rest, "{path} {names}");
    }
}
