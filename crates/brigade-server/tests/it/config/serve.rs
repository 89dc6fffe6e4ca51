//! A server that does what a file says.

use super::Site;
use crate::server::Served;

#[track_caller]
fn check(served: &Served, path: &str, status: &str, body: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8(served.ask(request.as_bytes())).unwrap();
    let (head, got) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
    // Chunks or not, the text is in one piece.
    assert!(got.contains(body), "{path}: {got}");
}

#[test]
fn file_says_which_directory_and_which_chain_each_path_gets() {
    let config = r#"
[[listen]]
on = "127.0.0.1:0"

[error_pages]
404 = "lost.html"

[[route]]
path = "/"
files = "public"

[[route]]
path = "/docs/"
files = "manual"

[[chain]]
path = "/docs/"
extension = "html"
filters = ["substitute s/Apache/httpd/"]

[[chain]]
type = "text/plain"
filters = ["substitute s/Apache/text/"]

[[chain]]
path = "/docs/raw/"
filters = ["substitute s/httpd/raw/"]
"#;
    let site = Site::new(
        config,
        &[
            ("public/a.html", "Apache at the top"),
            ("public/a.txt", "Apache"),
            ("manual/a.html", "Apache below"),
            ("manual/raw/a.html", "Apache"),
            ("lost.html", "lost Apache"),
        ],
    );
    let served = Served::configured(&site.config(), &[]);
    check(&served, "/a.html", "200", "Apache at the top");
    check(&served, "/a.txt", "200", "text");
    check(&served, "/docs/a.html", "200", "httpd below");
    check(&served, "/%64ocs//a.html", "200", "httpd below");
    check(&served, "/docs/raw/a.html", "200", "raw");
    check(&served, "/docs", "308", "");
    check(&served, "/docs/nothing.html", "404", "lost Apache");
    check(&served, "/docs/../a.html", "400", "");
}

#[test]
fn listen_on_the_command_line_wins_over_the_file() {
    let config = "[[listen]]\non = \"192.0.2.1:1\"\n[[route]]\npath = \"/\"\nfiles = \"public\"";
    let site = Site::new(config, &[("public/a.txt", "here")]);
    let served = Served::configured(&site.config(), &["--listen", "127.0.0.1:0"]);
    check(&served, "/a.txt", "200", "here");
}

#[test]
fn path_below_no_route_is_not_found() {
    let config = "[[listen]]\non = \"127.0.0.1:0\"\n[[route]]\npath = \"/a/\"\nfiles = \"public\"";
    let site = Site::new(config, &[("public/a.txt", "here")]);
    let served = Served::configured(&site.config(), &[]);
    check(&served, "/a/a.txt", "200", "here");
    check(&served, "/a.txt", "404", "");
    check(&served, "/a", "308", "");
    check(&served, "/a/../a.txt", "404", "");
}
