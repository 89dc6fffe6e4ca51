//! What the documents say of the code, checked against it.

#![allow(clippy::unwrap_used)] // What helps tests is a test, though clippy knows only `#[test]`.

mod apache_map;
mod guide;
mod traps;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below `crates/*/part`, as one text.
fn sources(part: &str) -> String {
    let mut text = String::new();
    for member in fs::read_dir(root().join("crates")).unwrap() {
        collect(&member.unwrap().path().join(part), &mut text);
    }
    text
}

fn collect(dir: &Path, text: &mut String) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// The rows of all tables of a document, as cells.
fn rows(document: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs").join(document)).unwrap();
    let cells = |line: &str| {
        let line = line.strip_prefix("| ")?.strip_suffix('|')?;
        Some(line.split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
    };
    text.lines().filter(|line| !line.starts_with("|--")).filter_map(cells).collect()
}

/// What stands between backticks.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
