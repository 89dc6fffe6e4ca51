//! What `check` says of a file that is right.

use std::process::Command;

use super::Site;

const CONFIG: &str = r#"
[[listen]]
on = "127.0.0.1:8080"

[[listen]]
on = "unix:run/site.sock"

[limits]
grace = "5s"
memory_budget = "64Mi"
write_timeout = 90

[error_pages]
404 = "lost.html"

[[route]]
path = "/"
files = "public"

[[route]]
path = "/docs/"
files = "manual"

[[route]]
path = "/-/stream"
demo = "stream"

[[chain]]
path = "/docs/"
extension = ["html", "htm"]
filters = ["substitute s/Apache/httpd/"]

[[chain]]
path = "/raw/"
filters = []
last = true

[[chain]]
type = "text/*"
filters = ["deflate level=9"]

[[chain]]
filters = ["spill limit=1000000"]
"#;

fn site() -> Site {
    Site::new(
        CONFIG,
        &[
            ("public/index.html", "hello"),
            ("public/logo.png", "no picture"),
            ("public/raw/a.txt", "raw"),
            ("manual/a.html", "Apache"),
            ("lost.html", "lost"),
        ],
    )
}

fn said(args: &[&str]) -> String {
    let site = site();
    let mut check = Command::new(env!("CARGO_BIN_EXE_brigade"));
    let out =
        check.args(["check", "site.toml"]).args(args).current_dir(site.dir()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[track_caller]
fn check(url: &str, expected: &str) {
    let expected = format!(
        "{url}{expected}\n  limits  header_timeout 20s, keep_alive_timeout 60s, write_timeout 90s\n"
    );
    assert_eq!(said(&[url]), expected);
}

#[test]
fn file_alone_is_told_as_tables() {
    let expected = "\
listen
  127.0.0.1:8080      plain
  unix:run/site.sock  plain
limits
  header_timeout 20s, keep_alive_timeout 60s, write_timeout 90s
  max_connections 20000, grace 5s, memory_budget 64.0 MiB, threads as many as processors, open_files 256 for 1s
routes: the longest path that fits answers
  /-/stream  the demonstration of a stream  site.toml:24
  /docs/     files in manual                site.toml:20
  /          files in public                site.toml:16
chains: all that fit, equal kinds in this order
  /docs/ .html .htm  substitute s/Apache/httpd/  site.toml:28
  /raw/ last                                     site.toml:33
  / text/*           deflate level=9             site.toml:38
  /                  spill limit=1000000         site.toml:42
error pages
  404  lost.html
";
    assert_eq!(said(&[]), expected);
}

/// What a page below `/docs/` gets.
const MANUAL: &str = "
  route   /docs/: files in manual, site.toml:20
  answer  200, manual/a.html, 6 bytes, text/html; charset=utf-8
  chain   substitute s/Apache/httpd/  Resource    site.toml:31
          deflate level=9             ContentSet  site.toml:40
          spill limit=1000000         Network-1   site.toml:43";

#[test]
fn url_is_told_with_its_file_and_all_filters_in_the_order_in_which_they_run() {
    check("/docs/a.html", MANUAL);
}

#[test]
fn url_spelt_another_way_gets_the_same_chain() {
    check("http://localhost/%64ocs//a.html?x", MANUAL);
}

#[test]
fn type_decides_whether_a_filter_of_text_is_there() {
    check(
        "/logo.png",
        "
  route   /: files in public, site.toml:16
  answer  200, public/logo.png, 10 bytes, image/png
  chain   spill limit=1000000  Network-1  site.toml:43",
    );
}

#[test]
fn rule_that_is_the_last_ends_the_chain() {
    check(
        "/raw/a.txt",
        "
  route   /: files in public, site.toml:16
  answer  200, public/raw/a.txt, 3 bytes, text/plain; charset=utf-8
  chain   none",
    );
}

#[test]
fn path_without_its_slash_is_told_where_it_leads() {
    check(
        "/docs",
        "
  route   /docs/: files in manual, site.toml:20
  answer  308, to /docs/
  chain   spill limit=1000000  Network-1  site.toml:43",
    );
}

#[test]
fn error_is_told_with_its_page_and_without_filters_of_content() {
    check(
        "/nothing.html",
        "
  route   /: files in public, site.toml:16
  answer  404, not found: no such file; the page lost.html
  chain   spill limit=1000000  Network-1  site.toml:43",
    );
}

#[test]
fn json_says_the_same_for_programs() {
    let of_url: serde_json::Value =
        serde_json::from_str(&said(&["--json", "/docs/a.html"])).unwrap();
    assert_eq!(of_url[0]["file"], "manual/a.html");
    assert_eq!(of_url[0]["chain"][0]["spec"], "substitute s/Apache/httpd/");
    assert_eq!(of_url[0]["chain"][0]["from"], "site.toml:31");
    let of_file: serde_json::Value = serde_json::from_str(&said(&["--json"])).unwrap();
    assert_eq!(of_file["routes"][2]["path"], "/");
    assert_eq!(of_file["limits"]["write_timeout_ms"], 90_000);
}

#[test]
fn json_says_what_is_wrong_and_where() {
    let site = Site::new("[[lissten]]", &[]);
    let mut check = Command::new(env!("CARGO_BIN_EXE_brigade"));
    let args = ["check", "site.toml", "--json"];
    let out = check.args(args).current_dir(site.dir()).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    let said: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&said["wrong"][1]["line"], &said["wrong"][1]["column"]), (&1.into(), &3.into()));
}
