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
    for command in ["serve", "check", "filters", "stream", "trace"] {
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

/// The filters as programs read them.
fn listed() -> Vec<serde_json::Value> {
    serde_json::from_str(&brigade(&["filters", "--json"])).unwrap()
}

#[test]
fn filters_says_all_of_one_with_an_example() {
    let expected = "\
deflate: compresses with gzip, for clients that accept it
Leaves alone what is coded already, partial content, and whoever does not accept gzip, and says Vary for \
all. A FLUSH lets go of all that came before it.

kind                 ContentSet
effects              Changes
makes                coded
keeps after a flush  none
memory               372 KiB while a body is on its way

options
  level=N      0 stored, 1 fast … 9 small; default 6
  min_bytes=N  leave shorter bodies alone, if the length is known; default 64

example
  brigade trace README.md --filter 'deflate level=9'
  filters = ['deflate level=9']    # in a [[chain]] of a file
";
    assert_eq!(brigade(&["filters", "deflate"]), expected);
}

#[test]
fn example_of_every_filter_runs_as_it_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let page = "Apache streams and streams. ".repeat(10);
    std::fs::write(dir.path().join("README.md"), page).unwrap();
    for filter in listed() {
        let name = filter["name"].as_str().unwrap();
        let printed = brigade(&["filters", name]);
        let command =
            printed.lines().find_map(|line| line.trim().strip_prefix("brigade ")).unwrap();
        let script = format!("{} {command}", env!("CARGO_BIN_EXE_brigade"));
        let mut shell = Command::new("sh");
        let out = shell.args(["-c", &script]).current_dir(dir.path()).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
        assert!(said.contains(&format!("file -> {name}")) && said.contains("EOS"), "{said}");
        let line = printed.lines().find_map(|line| line.trim().strip_prefix("filters = ")).unwrap();
        let config =
            format!("[[route]]\npath = \"/\"\nfiles = \".\"\n[[chain]]\nfilters = {line}\n");
        std::fs::write(dir.path().join("site.toml"), config).unwrap();
        brigade(&["check", dir.path().join("site.toml").to_str().unwrap()]);
    }
}

#[test]
fn every_filter_says_what_it_is_and_each_of_its_keys_the_default() {
    for filter in listed() {
        for key in ["summary", "kind", "effects", "carry", "memory", "example"] {
            assert_ne!(filter[key], "", "{key} of {filter}");
        }
        for option in filter["options"].as_array().unwrap() {
            let (form, help) = (option["form"].as_str().unwrap(), option["help"].as_str().unwrap());
            let is_key = form.split_once('=').is_some_and(|(key, _)| {
                key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            });
            assert!(!is_key || help.contains("default"), "{form}: {help}");
        }
    }
}

#[test]
fn filter_that_there_is_not_is_answered_by_the_nearest() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
    let out = command.args(["filters", "defalte"]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && said.ends_with("did you mean \"deflate\"?\n"), "{said}");
}
