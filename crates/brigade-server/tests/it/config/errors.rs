//! What is said of a file that is wrong, word by word.

use std::process::Command;

use super::Site;

/// How `check` ends, and what it says, of a site with this configuration and the directory `public`.
fn checked(config: &str) -> (Option<i32>, String) {
    let site = Site::new(config, &[("public/index.html", "hello"), ("key.pem", "no key")]);
    let mut check = Command::new(env!("CARGO_BIN_EXE_brigade"));
    let out = check.args(["check", "site.toml"]).current_dir(site.dir()).output().unwrap();
    (out.status.code(), String::from_utf8(out.stderr).unwrap())
}

const ROUTE: &str = "[[route]]\npath = \"/\"\nfiles = \"public\"\n";

/// Checks what is said of `config`, to which a route is added.
#[track_caller]
fn check(config: &str, said: &str) {
    check_whole(&format!("{config}\n{ROUTE}"), said);
}

#[track_caller]
fn check_whole(config: &str, said: &str) {
    let said = format!("brigade: {}\n", said.trim_start_matches('\n'));
    assert_eq!(checked(config), (Some(2), said), "of\n{config}");
}

#[test]
fn key_that_there_is_not_is_named_with_the_nearest_and_with_all() {
    check(
        "[[lissten]]",
        r#"
site.toml is wrong:

site.toml:1:3: there is no key "lissten" at the top of the file; did you mean "listen"?
  |
1 | [[lissten]]
  |   ^^^^^^^
  = allowed: listen, limits, route, chain, error_pages"#,
    );
    check(
        "[limits]\ncolour = 1",
        r#"
site.toml is wrong:

site.toml:2:1: there is no key "colour" in [limits]
  |
2 | colour = 1
  | ^^^^^^
  = allowed: grace, max_connections, header_timeout, keep_alive_timeout, write_timeout, memory_budget, open_files, open_files_age, threads"#,
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_lines() {
    check(
        "[limits]\ngrace = \"5x\"\nthreads = 0\n\n[[chain]]\nlast = 1",
        r#"
site.toml is wrong in 4 places:

site.toml:2:9: grace: there is no unit "x"; there are ms, s and m
  |
2 | grace = "5x"
  |         ^^^^

site.toml:3:11: threads: must be at least 1
  |
3 | threads = 0
  |           ^

site.toml:5:1: [[chain]] has no filters
  |
5 | [[chain]]
  | ^^^^^^^^^
  = for example: filters = ["deflate"]

site.toml:6:8: last is true or false, not a whole number
  |
6 | last = 1
  |        ^"#,
    );
}

#[test]
fn text_that_is_no_toml_is_shown_where_it_is_none() {
    check_whole(
        "[limits\n",
        r"
site.toml is wrong:

site.toml:1:8: no TOML: unclosed table, expected `]`
  |
1 | [limits
  |        ^",
    );
}

#[test]
fn file_without_a_route_says_that_nothing_would_be_served() {
    check_whole(
        "[limits]",
        r#"
site.toml is wrong:

site.toml:1:1: there is no [[route]], so nothing would be served
  |
1 | [limits]
  | ^
  = for example: [[route]], and below it: path = "/" and files = "public""#,
    );
}

#[test]
fn place_that_is_none_or_is_there_twice_is_refused() {
    check(
        "[[listen]]\non = \"localhost\"",
        r#"
site.toml is wrong:

site.toml:2:6: on: "localhost" is neither an address, such as 127.0.0.1:8080, nor unix:PATH
  |
2 | on = "localhost"
  |      ^^^^^^^^^^^"#,
    );
    check(
        "[[listen]]\non = \"127.0.0.1:80\"\n[[listen]]\non = \"127.0.0.1:80\"",
        r#"
site.toml is wrong:

site.toml:4:6: on: it listens on 127.0.0.1:80 already
  |
4 | on = "127.0.0.1:80"
  |      ^^^^^^^^^^^^^^"#,
    );
}

#[test]
fn table_that_may_be_there_several_times_is_written_with_two_brackets() {
    check(
        "[listen]\non = \"127.0.0.1:80\"",
        r"
site.toml is wrong:

site.toml:1:2: listen may be there several times
  |
1 | [listen]
  |  ^^^^^^
  = write [[listen]] above it",
    );
}

#[test]
fn path_that_no_request_can_have_is_refused() {
    check_whole(
        "[[route]]\npath = \"docs\"\nfiles = \"public\"",
        r#"
site.toml is wrong:

site.toml:2:8: path: "docs" does not begin with a slash
  |
2 | path = "docs"
  |        ^^^^^^"#,
    );
    check_whole(
        "[[route]]\npath = \"/docs\"\nfiles = \"public\"",
        r#"
site.toml is wrong:

site.toml:3:9: files: a directory answers for all below a path; /docs is one path
  |
3 | files = "public"
  |         ^^^^^^^^
  = write path = "/docs/""#,
    );
}

#[test]
fn route_that_is_there_twice_names_the_line_of_the_first() {
    check(
        ROUTE,
        r#"
site.toml is wrong:

site.toml:6:8: path: / has a route already, at site.toml:1
  |
6 | path = "/"
  |        ^^^"#,
    );
}

#[test]
fn directory_that_there_is_not_is_named() {
    check_whole(
        "[[route]]\npath = \"/\"\nfiles = \"pubic\"",
        r#"
site.toml is wrong:

site.toml:3:9: files: open the directory "pubic" to serve it: No such file or directory (os error 2)
  |
3 | files = "pubic"
  |         ^^^^^^^"#,
    );
}

#[test]
fn filter_that_there_is_not_is_named_with_the_nearest() {
    let (code, said) = checked(&format!("[[chain]]\nfilters = [\"defalte\"]\n{ROUTE}"));
    assert_eq!(code, Some(2));
    // Which filters there are depends on how it was built.
    assert!(
        said.contains("site.toml:2:12: filters: there is no filter \"defalte\"; there are "),
        "{said}"
    );
    assert!(
        said.ends_with("\n  |            ^^^^^^^^^\n  = did you mean \"deflate\"?\n"),
        "{said}"
    );
}

#[test]
fn option_of_a_filter_that_is_wrong_is_told_with_those_that_are_right() {
    check(
        "[[chain]]\nfilters = [\"deflate levle=3\", \"deflate level=11\"]",
        r#"
site.toml is wrong in 2 places:

site.toml:2:12: filters: deflate: there is no option levle; it has level=N, min_bytes=N
  |
2 | filters = ["deflate levle=3", "deflate level=11"]
  |            ^^^^^^^^^^^^^^^^^
  = did you mean "level"?

site.toml:2:31: filters: deflate: option level cannot be 11: it goes from 0 to 9
  |
2 | filters = ["deflate levle=3", "deflate level=11"]
  |                               ^^^^^^^^^^^^^^^^^^"#,
    );
}

#[test]
fn condition_that_is_none_is_refused() {
    check(
        "[[chain]]\ntype = \"html\"\nextension = [\"tar.gz\"]\nfilters = \"deflate\"",
        r#"
site.toml is wrong in 2 places:

site.toml:2:8: type: "html" is no media type
  |
2 | type = "html"
  |        ^^^^^^
  = a media type is such as "text/html", or "text/*" for all text

site.toml:3:14: extension: "tar.gz" is the end of no file's name
  |
3 | extension = ["tar.gz"]
  |              ^^^^^^^^
  = an extension is what stands behind the last dot, such as "html""#,
    );
}

#[test]
fn rule_that_asks_for_the_type_cannot_be_the_last() {
    check(
        "[[chain]]\ntype = \"text/*\"\nlast = true\nfilters = \"deflate\"",
        r"
site.toml is wrong:

site.toml:3:1: last: a rule with a type cannot be the last
  |
3 | last = true
  | ^^^^
  = which rules are looked at is decided before the type is known",
    );
}

#[test]
fn page_for_what_is_no_error_or_that_there_is_not_is_refused() {
    check(
        "[error_pages]\n200 = \"public/index.html\"\n404 = \"lost.html\"",
        r#"
site.toml is wrong in 2 places:

site.toml:2:1: error_pages: 200 OK is answered by no error page; those from 400 to 599 are
  |
2 | 200 = "public/index.html"
  | ^^^

site.toml:3:7: error_pages: read lost.html, the error page for 404 Not Found: No such file or directory (os error 2)
  |
3 | 404 = "lost.html"
  |       ^^^^^^^^^^^"#,
    );
}

#[cfg(feature = "tls")]
#[test]
fn certificate_that_is_incomplete_or_cannot_be_read_is_refused() {
    check(
        "[[listen]]\non = \"127.0.0.1:0\"\ntls = { cert = \"cert.pem\" }",
        r#"
site.toml is wrong:

site.toml:3:7: tls has no key
  |
3 | tls = { cert = "cert.pem" }
  |       ^^^^^^^^^^^^^^^^^^^^^
  = for example: key = "key.pem""#,
    );
    let (code, said) = checked(&format!(
        "[[listen]]\non = \"127.0.0.1:0\"\ntls = {{ cert = \"key.pem\", key = \"key.pem\" }}\n{ROUTE}"
    ));
    assert_eq!(code, Some(2));
    assert!(said.contains("site.toml:3:1: tls: find a certificate in key.pem\n"), "{said}");
}

#[test]
fn file_that_cannot_be_read_is_said_to_be_so() {
    let site = Site::new("", &[]);
    let out = Command::new(env!("CARGO_BIN_EXE_brigade"))
        .args(["check", "other.toml"])
        .current_dir(site.dir())
        .output()
        .unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2));
    let expected =
        "brigade: other.toml: it cannot be read: No such file or directory (os error 2)\n";
    assert_eq!(said, expected);
}

#[test]
fn server_refuses_what_check_refuses() {
    let site = Site::new("[[lissten]]", &[]);
    let out = Command::new(env!("CARGO_BIN_EXE_brigade"))
        .args(["serve", "--config", "site.toml"])
        .current_dir(site.dir())
        .output()
        .unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(said.starts_with("brigade: site.toml is wrong in 2 places:\n"), "{said}");
}

#[test]
fn flags_that_say_what_the_file_says_are_refused_with_it() {
    for flags in [&["docs"][..], &["--filter", "pass"], &["--error-page", "404=x"], &["--demo"]] {
        let out = Command::new(env!("CARGO_BIN_EXE_brigade"))
            .args(["serve", "--config", "site.toml"])
            .args(flags)
            .output()
            .unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(2), "{flags:?}");
        assert!(said.contains("'--config <FILE>' cannot be used with"), "{flags:?}: {said}");
    }
}
