//! The same requests to the four servers: the same heads, bytes and flush points.

use std::net::SocketAddr;

use http::Request;
use http::header::{HeaderMap, HeaderName};

use crate::client::{Decoded, ask};
use crate::servers::{ALL, Kind, start};
use crate::site::{Site, lines};
use crate::within_patience;

const FILTERS: [&str; 2] = ["substitute s/Apache/httpd/", "deflate"];

/// A request, and how many bytes can be decoded each time its handler waits.
struct Case {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    pauses: &'static [usize],
}

const GZIP: &[(&str, &str)] = &[("accept-encoding", "gzip")];
const GZIP_TRAILERS: &[(&str, &str)] = &[("accept-encoding", "gzip"), ("te", "trailers")];
const PIECES: &[usize] = &[18, 36, 54, 72, 90];

const fn get(
    name: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
) -> Case {
    Case { name, method: "GET", path, fields, pauses: &[] }
}

const CASES: [Case; 18] = [
    get("a short page", "/short", &[]),
    get("a short page, gzip", "/short", GZIP),
    get("670 KB of text", "/long", &[]),
    get("670 KB of text, gzip", "/long", GZIP),
    get("2,000 small writes, gzip", "/small-writes", GZIP),
    get("a file", "/file", &[]),
    get("a file, gzip", "/file", GZIP),
    get("a file that no filter touches", "/picture", GZIP),
    Case { pauses: PIECES, ..get("five pieces, each waited for", "/paced", &[]) },
    Case { pauses: PIECES, ..get("five pieces, each waited for, gzip", "/paced", GZIP) },
    get("five pieces, each flushed, gzip", "/flushed", GZIP),
    Case { method: "HEAD", ..get("HEAD of a page", "/long", GZIP) },
    get("204", "/nothing", GZIP),
    get("404", "/other", GZIP),
    get("trailers", "/trailers", GZIP_TRAILERS),
    get("trailers behind what compresses", "/long-trailers", GZIP_TRAILERS),
    get("a handler that fails before its head", "/fails-early", GZIP),
    Case { pauses: &[18], ..get("a handler that fails later", "/fails-late", GZIP) },
];

/// What came of a request, framing aside.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    status: u16,
    fields: Vec<(String, String)>,
    bytes: Vec<u8>,
    trailers: Vec<(String, String)>,
    has_failed: bool,
    pauses: Vec<usize>,
}

impl Came {
    /// In the few words of a table.
    fn summary(&self) -> String {
        let gzip = self.fields.iter().any(|(name, _)| name == "content-encoding");
        let coding = if gzip { " gzip" } else { "" };
        let end = if self.has_failed { " broken off" } else { "" };
        let trailers = if self.trailers.is_empty() { "" } else { " +trailers" };
        let pauses = match self.pauses.len() {
            0 => String::new(),
            count => format!(" {count} flushes seen"),
        };
        format!("{} {} B{coding}{pauses}{trailers}{end}", self.status, self.bytes.len())
    }
}

/// Fields but those of framing, and of who serves, sorted.
fn told(fields: &HeaderMap) -> Vec<(String, String)> {
    const FRAMING: [&str; 5] =
        ["connection", "content-length", "date", "trailer", "transfer-encoding"];
    let is_told = |name: &HeaderName| !FRAMING.contains(&name.as_str());
    let mut told: Vec<(String, String)> = fields
        .iter()
        .filter(|(name, _)| is_told(name))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    told.sort();
    told
}

async fn run(kind: Kind, address: SocketAddr, site: &Site, case: &Case) -> Came {
    let query = format!("{kind:?}-{}", case.name.replace(' ', "-"));
    let mut request = Request::builder().method(case.method).uri(format!("{}?{query}", case.path));
    for (name, value) in case.fields {
        request = request.header(*name, *value);
    }
    let response = ask(kind, address, request).await;
    let (status, mut fields) = (response.status().as_u16(), told(response.headers()));
    if status == 500 {
        // Around a service, the page is an answer of its like any other, and goes through the filters.
        fields.retain(|field| field.0 != "accept-ranges");
    }
    let mut body = Decoded::new(response);
    let mut pauses = Vec::new();
    for &bytes in case.pauses {
        body.until(bytes).await; // It would wait for ever, were it not flushed.
        pauses.push(body.bytes().len());
        site.gate(&query).add_permits(1);
    }
    let mut body = body.finish().await;
    let trailers = body.trailers.as_ref().map(told).unwrap_or_default();
    Came {
        status,
        fields,
        bytes: body.bytes().to_vec(),
        trailers,
        has_failed: body.has_failed,
        pauses,
    }
}

#[test]
fn same_request_gets_the_same_answer_from_every_server() {
    within_patience(async {
        let site = Site::default();
        let mut servers = Vec::new();
        for kind in ALL {
            servers.push((kind, start(kind, &FILTERS, site.clone()).await.unwrap()));
        }
        println!("{:37} {}", "", ALL.map(|kind| format!("{:28}", kind.name())).join(" "));
        for case in &CASES {
            let mut row = Vec::new();
            for (kind, address) in &servers {
                row.push(run(*kind, *address, &site, case).await);
            }
            let words: Vec<String> =
                row.iter().map(|came| format!("{:28}", came.summary())).collect();
            println!("{:37} {}", case.name, words.join(" "));
            assert_eq!(row[0].pauses, case.pauses, "{}", case.name);
            for (came, kind) in row.iter().zip(ALL) {
                let differs = || format!("{} from {}, not as the first", case.name, kind.name());
                assert_eq!(
                    (&came.fields, came.summary()),
                    (&row[0].fields, row[0].summary()),
                    "{}",
                    differs()
                );
                assert!(came == &row[0], "{}", differs()); // The bytes fill many screens.
            }
        }
    });
}

#[test]
fn answers_are_what_the_filters_make_of_the_handler() {
    within_patience(async {
        let site = Site::default();
        let address = start(Kind::Hyper1, &FILTERS, site.clone()).await.unwrap();
        let long = get("", "/long", GZIP);
        let came = run(Kind::Hyper1, address, &site, &long).await;
        assert!(came.bytes == lines(20_000).replace("Apache", "httpd").into_bytes());
        let field =
            |name: &str| came.fields.iter().find(|field| field.0 == name).map(|field| &*field.1);
        assert_eq!(field("accept-ranges"), Some("none"));
        assert_eq!(field("vary"), Some("Accept-Encoding"));
        assert!(field("etag").unwrap().starts_with("W/\"v1-"));
    });
}

#[test]
fn client_that_has_it_is_answered_304_by_every_server() {
    within_patience(async {
        for kind in ALL {
            let address = start(kind, &FILTERS, Site::default()).await.unwrap();
            let request = || Request::get("/long").header("accept-encoding", "gzip");
            let tag = ask(kind, address, request()).await.headers()["etag"].clone();
            let again = ask(kind, address, request().header("if-none-match", &tag)).await;
            assert_eq!(
                (again.status().as_u16(), &again.headers()["etag"]),
                (304, &tag),
                "{kind:?}"
            );
        }
    });
}
