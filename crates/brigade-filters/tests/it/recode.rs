//! A filter of text that meets a coded body: it is decoded above and coded again below, or left alone
//! with one warning.

use std::io::Write;
use std::sync::Arc;

use brigade::{Bucket, Chain, Record, recorder};
use brigade_http::{Exchange, HeaderOptions, RequestHead, ResponseHead, join_protocol};
use brigade_testkit::{Case, brigade};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::gunzip::gunzip;
use crate::support::{head, member, run};

const TEXT: &str = "Apache is what this server was called before it was called something else";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A whole HTTP chain with these filters, for a client that takes `accepts`.
struct Server {
    chain: Chain,
    exchange: Exchange,
    record: Record,
}

impl Server {
    fn new(specs: &[&str], accepts: &str) -> Self {
        let mut request = RequestHead::get("/page".parse().unwrap());
        request.headers.insert("accept-encoding", HeaderValue::from_str(accepts).unwrap());
        let exchange = Exchange::new(Arc::new(request));
        let (terminal, record) = recorder();
        let mut chain = Chain::new(terminal);
        specs.iter().for_each(|spec| chain.join_request(member(spec)));
        join_protocol(&mut chain, &exchange, &Arc::new(HeaderOptions::default()));
        Self { chain, exchange, record }
    }

    fn answer(&mut self, fields: &[(&str, &str)], body: &[u8]) -> (String, Vec<u8>) {
        let mut head = ResponseHead::new(StatusCode::OK, self.exchange.request().clone());
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            head.headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        self.chain.pass(&mut brigade![head.into_bucket(), body, EOS]).unwrap();
        let bytes = self.record.bytes();
        let end = bytes.windows(4).position(|at| at == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        assert!(head.contains("content-length: "), "a body at hand is counted: {head}");
        (head, bytes[end..].to_vec())
    }

    fn names(&self) -> Vec<String> {
        self.chain.filters().map(|(name, ..)| name.to_owned()).collect()
    }
}

const SUBSTITUTE: &str = "substitute s/Apache/httpd/";

#[test]
fn coded_text_is_replaced_and_coded_again_for_a_client_that_takes_it() {
    for (coding, coded) in [("gzip", gzip(TEXT)), ("x-gzip", gzip(TEXT)), ("deflate", zlib(TEXT))] {
        let mut server = Server::new(&[SUBSTITUTE], "gzip");
        let fields =
            [("content-encoding", coding), ("etag", "\"a\""), ("content-type", "text/html")];
        let (head, body) = server.answer(&fields, &coded);
        assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
        assert!(head.contains("vary: Accept-Encoding\r\n") && head.contains("etag: W/\"a-"));
        assert_eq!(String::from_utf8(gunzip(&body)).unwrap(), TEXT.replace("Apache", "httpd"));
        assert!(server.exchange.warnings().is_empty());
    }
}

#[test]
fn coded_text_goes_decoded_to_a_client_that_does_not_take_it() {
    let mut server = Server::new(&[SUBSTITUTE], "identity");
    let (head, body) = server.answer(&[("content-encoding", "gzip")], &gzip(TEXT));
    assert!(!head.contains("content-encoding"), "{head}");
    assert_eq!(String::from_utf8(body).unwrap(), TEXT.replace("Apache", "httpd"));
}

#[test]
fn several_filters_of_text_have_it_decoded_and_coded_once() {
    let mut server = Server::new(&[SUBSTITUTE, "substitute s/httpd/nobody/"], "gzip");
    let (_, body) = server.answer(&[("content-encoding", "gzip")], &gzip(TEXT));
    assert_eq!(String::from_utf8(gunzip(&body)).unwrap(), TEXT.replace("Apache", "nobody"));
    let content: Vec<String> = server.names().into_iter().take(4).collect();
    assert_eq!(content, ["inflate", "substitute", "substitute", "deflate"]);
}

#[test]
fn deflate_that_is_there_codes_it_again_by_its_own_options() {
    let mut server = Server::new(&[SUBSTITUTE, "deflate level=0"], "gzip");
    let (_, body) = server.answer(&[("content-encoding", "gzip")], &gzip(TEXT));
    assert!(body.len() > TEXT.len(), "stored: {} bytes", body.len());
    assert_eq!(String::from_utf8(gunzip(&body)).unwrap(), TEXT.replace("Apache", "httpd"));
}

#[test]
fn every_cut_of_coded_text_gives_what_one_replace_gives() {
    let coded = || {
        let mut head = head(200, &[("content-encoding", "gzip")]);
        Arc::get_mut(&mut head.request).unwrap().headers.remove("accept-encoding");
        head.into_bucket()
    };
    Case::new(|| member("substitute s/ab/X/"), gzip("xabab"), "xXX").head(coded).check();
}

/// What cannot be decoded goes on as it is, with so many warnings.
#[track_caller]
fn check_left_alone(fields: &[(&str, &str)], warning: Option<&str>) {
    let mut server = Server::new(&[SUBSTITUTE, "substitute s/b/c/"], "gzip, br");
    let (head, body) = server.answer(fields, TEXT.as_bytes());
    assert_eq!(body, TEXT.as_bytes(), "{fields:?}");
    for (name, value) in fields {
        assert!(head.contains(&format!("{name}: {value}\r\n")), "{head}");
    }
    let warnings: Vec<String> =
        server.exchange.warnings().iter().map(ToString::to_string).collect();
    // One of each filter.
    let expected: Vec<String> =
        warning.iter().flat_map(|text| [(*text).to_owned(), (*text).to_owned()]).collect();
    assert_eq!(warnings, expected, "{fields:?}");
    assert!(!String::from_utf8_lossy(&server.record.bytes()).contains("WARNING"));
    assert_eq!(server.record.marks().len(), 1, "the warning is not the client's");
}

#[test]
fn other_codings_are_left_alone_with_one_warning_of_each_filter() {
    let said = |coding: &str| {
        format!("filter substitute: step aside: /page is coded ({coding}), and is not decoded here")
    };
    for coding in ["br", "zstd", "gzip, br", "gzip, gzip", "unheard-of"] {
        check_left_alone(&[("content-encoding", coding)], Some(&said(coding)));
    }
    let fixed = [("content-encoding", "gzip"), ("cache-control", "no-transform")];
    check_left_alone(&fixed, Some(&said("gzip")));
}

#[test]
fn what_is_no_text_is_left_alone_without_a_warning() {
    check_left_alone(&[("content-type", "image/png"), ("content-encoding", "br")], None);
    check_left_alone(&[("content-encoding", "gzip"), ("content-range", "bytes 0-3/9")], None);
}

#[test]
fn coded_text_that_is_damaged_is_answered_by_500() {
    let mut server = Server::new(&[SUBSTITUTE], "gzip");
    let mut head = ResponseHead::new(StatusCode::OK, server.exchange.request().clone());
    head.headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    let mut response = brigade![head.into_bucket(), "no gzip at all", EOS];
    let error = server.chain.pass(&mut response).unwrap_err();
    assert_eq!(error.filter(), Some("inflate"));
    assert!(server.record.bytes().starts_with(b"HTTP/1.1 500 "));
}

#[test]
fn filter_of_text_that_steps_aside_changes_no_promise() {
    let coded = head(200, &[("content-encoding", "br")]).into_bucket();
    let came = run(SUBSTITUTE, brigade![coded, Bucket::immortal(b"Apache"), EOS]);
    assert_eq!(came.head.unwrap().0, brigade::Effects::Same);
    let names: Vec<String> = came.marks.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["WARNING", "RESPONSE", "EOS"]);
}
