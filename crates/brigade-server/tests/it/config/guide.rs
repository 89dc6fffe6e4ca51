//! The guide's files of configuration, and its table for those who come from other servers: each is run.

use std::path::Path;

use super::{Site, brigade};
use crate::server::Served;

fn guide(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide").join(name);
    std::fs::read_to_string(path).unwrap()
}

const PAGE: &str =
    "<p>Apache streams what it serves, and this page is long enough to be compressed.</p>";

/// A site with everything that the guide names.
fn site(config: &str) -> Site {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Site::new(
        config,
        &[
            ("public/page.html", PAGE),
            ("public/page.txt", PAGE),
            ("public/docs/page.html", PAGE),
            ("manual/page.html", "Apache below"),
            ("lost.html", "lost, sorry"),
            ("busy.html", "busy"),
            ("cert.pem", &made.cert.pem()),
            ("key.pem", &made.signing_key.serialize_pem()),
        ],
    )
}

const ROUTE: &str = "[[route]]\npath = \"/\"\nfiles = \"public\"\n";

fn with_route(config: &str) -> String {
    // The guide's own route for all paths stays.
    if config.contains("path = \"/\"\n") { config.to_owned() } else { format!("{config}\n{ROUTE}") }
}

/// Whether this build can do it.
fn can(config: &str) -> bool {
    cfg!(feature = "tls") || !config.contains("tls")
}

#[test]
fn every_file_of_the_guide_is_right() {
    let guide = guide("configuration.md");
    let blocks = guide.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let blocks: Vec<&str> = blocks.filter(|block| can(block)).collect();
    assert!(blocks.len() > 4);
    for block in blocks {
        let site = site(&with_route(block));
        let (code, _, said) = brigade(&site, &["check", "site.toml"]);
        assert_eq!(code, Some(0), "{block}\n{said}");
    }
}

#[test]
fn first_file_of_the_guide_serves_what_the_guide_says() {
    let guide = guide("configuration.md");
    let config = guide.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let site = site(config);
    let served = Served::configured(&site.config(), &["--listen", "127.0.0.1:0"]);
    check_row(&served, "identity", "`GET /docs/page.html`: `httpd below`");
    check_row(
        &served,
        "gzip",
        "`GET /page.html`: `content-encoding: gzip`; `GET /nothing`: `lost, sorry`",
    );
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Asks for what a cell says: `GET /path`: what is there, and behind "not" what is not; `;` between two.
#[track_caller]
fn check_row(served: &Served, accepts: &str, then: &str) {
    for asked in then.split("; ") {
        let (present, absent) = asked.split_once("not `").unwrap_or((asked, ""));
        let (present, absent) =
            (code(present), absent.split('`').next().filter(|text| !text.is_empty()));
        let (get, present) = present.split_first().expect("a request");
        let request = format!(
            "{get} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {accepts}\r\nConnection: close\r\n\r\n"
        );
        let answer = served.ask(request.as_bytes());
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let answer = format!("{}\n{body}", head.to_ascii_lowercase());
        for text in present {
            assert!(answer.contains(text), "{then}: {text:?} in\n{answer}");
        }
        assert!(present.len() + absent.iter().len() > 0, "{then}: it says nothing");
        if let Some(text) = absent {
            assert!(!answer.contains(text), "{then}: {text:?} in\n{answer}");
        }
    }
}

/// The rows of the tables: what stands here, and what then happens.
fn rows(guide: &str) -> Vec<(String, String)> {
    let rows =
        guide.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| httpd |"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, _, here, then] = cells[..] else { panic!("four cells: {row}") };
        (code(here).join("\n"), then.to_owned())
    })
    .collect()
}

#[test]
fn what_was_written_for_httpd_and_nginx_does_here_what_the_table_says() {
    let guide = guide("from-httpd-and-nginx.md");
    let rows = rows(&guide);
    assert!(rows.len() > 20, "{}", rows.len());
    for (config, then) in rows.iter().filter(|(config, _)| can(config)) {
        let site = site(&with_route(config));
        let served = Served::configured(&site.config(), &["--listen", "127.0.0.1:0"]);
        check_row(&served, "gzip", then);
    }
}

#[test]
fn table_for_httpd_and_nginx_has_every_stock_filter() {
    let guide = guide("from-httpd-and-nginx.md");
    let all: String = rows(&guide).into_iter().map(|(config, _)| config).collect();
    let (_, listed, _) = brigade(&site(""), &["filters", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let tools = ["bucketeer", "randomcut", "waits"];
    for filter in listed.as_array().unwrap() {
        let name = filter["name"].as_str().unwrap();
        assert!(all.contains(name) || tools.contains(&name), "{name} is not in the table");
    }
}
