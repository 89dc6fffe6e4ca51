//! `trace`, `filters` and `--help`: what a person reads.

use std::process::Command;

#[track_caller]
fn brigade(args: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_brigade")).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{args:?}: {said}");
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn trace_shows_which_filter_was_given_which_buckets() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("page.txt");
    std::fs::write(&file, "Apache streams").unwrap();
    let file = file.to_str().unwrap();
    let printed =
        brigade(&["trace", file, "--filter", "deflate", "--filter", "substitute s/Apache/httpd/"]);
    // Sorted by kind: substitute comes first, although it is named last.
    for line in [
        "file -> substitute",
        "FILE 14",
        "substitute -> deflate",
        "deflate -> network",
        "content-encoding: gzip",
        "EOS",
    ] {
        assert!(printed.contains(line), "{line:?} in\n{printed}");
    }
    assert!(!printed.contains('\x1b'), "no colours when piped");
}

#[test]
fn trace_leaves_a_file_that_nobody_reads_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data.bin");
    std::fs::write(&file, vec![0; 100_000]).unwrap();
    let printed = brigade(&["trace", file.to_str().unwrap(), "--filter", "pass"]);
    let journey = "pass -> network\n      RESPONSE 200 content-type: application/octet-stream\n      FILE 100000";
    assert!(printed.contains(journey), "{printed}");
}

#[test]
fn filters_lists_each_filter_with_its_kind_and_options() {
    let printed = brigade(&["filters"]);
    for words in ["deflate:", "kind ContentSet", "level=N", "pass:", "substitute:", "s/FROM/TO/"] {
        assert!(printed.contains(words), "{words:?} in\n{printed}");
    }
}

#[test]
fn help_of_every_command_teaches_by_example() {
    for command in ["serve", "stream", "trace"] {
        let printed = brigade(&[command, "--help"]);
        assert!(printed.contains("Example") && printed.contains("brigade "), "{printed}");
    }
}

#[test]
fn option_that_is_wrong_is_named_with_those_there_are() {
    let args = ["trace", "Cargo.toml", "--filter", "deflate speed=9"];
    let out = Command::new(env!("CARGO_BIN_EXE_brigade")).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success());
    assert!(said.contains("speed") && said.contains("level=N"), "{said}");
}
