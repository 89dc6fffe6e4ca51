//! One question, asked before any figure is taken: is the answer the right one?
//!
//! Invariant: [`check`] answers only for a body that, decoded, is the file.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use crate::Result;
use crate::rows::{Coding, Row};

/// How long a server may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the server at `port` for `row`; the length of the body as it was sent, without the framing.
///
/// # Errors
///
/// What is wrong with the answer.
pub(crate) fn check(row: &Row, port: u16, content: &[u8]) -> Result<usize> {
    let answer = ask(row, port).map_err(|error| format!("ask for {}: {error}", row.path))?;
    let (head, body) = split(&answer)?;
    let body =
        if has(&head, "transfer-encoding: chunked") { unchunk(body)? } else { body.to_vec() };
    let decoded = match row.coding {
        Coding::Identity => body.clone(),
        Coding::Gzip if has(&head, "content-encoding: gzip") => {
            let mut decoded = Vec::new();
            let read = MultiGzDecoder::new(&body[..]).read_to_end(&mut decoded);
            read.map_err(|error| format!("decode {}: {error}", row.path))?;
            decoded
        }
        Coding::Gzip => return Err(format!("{} is not compressed: {head}", row.path)),
    };
    if !head.starts_with("http/1.1 200 ") || decoded != content {
        let (got, wanted) = (decoded.len(), content.len());
        return Err(format!("{} is answered by {got} bytes, not {wanted}: {head}", row.path));
    }
    Ok(body.len())
}

fn ask(row: &Row, port: u16) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let accept = if row.coding == Coding::Gzip { "Accept-Encoding: gzip\r\n" } else { "" };
    let path = row.path;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{accept}Connection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// The head, in lower case, and the body.
fn split(answer: &[u8]) -> Result<(String, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no head")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    Ok((head, &answer[end + 4..]))
}

fn has(head: &str, field: &str) -> bool {
    head.lines().any(|line| line == field)
}

fn unchunk(mut body: &[u8]) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").ok_or("a chunk without a size")?;
        let size = String::from_utf8_lossy(&body[..end]);
        let size =
            usize::from_str_radix(size.trim(), 16).map_err(|_| format!("a size {size:?}"))?;
        let rest = &body[end + 2..];
        if size == 0 {
            return Ok(whole);
        }
        whole.extend(rest.get(..size).ok_or("a chunk that is cut short")?);
        body = rest.get(size + 2..).ok_or("a chunk without its end")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_become_the_body_they_were_cut_from() {
        assert_eq!(
            unchunk(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"),
            Ok(b"abc0123456789".to_vec())
        );
        for cut in ["", "3\r\nab", "3\r\nabc\r\n", "x\r\nabc\r\n0\r\n\r\n"] {
            assert!(unchunk(cut.as_bytes()).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn head_ends_at_the_empty_line_and_is_compared_in_lower_case() {
        let (head, body) = split(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nbody").unwrap();
        assert!(has(&head, "content-encoding: gzip") && !has(&head, "content-encoding"));
        assert_eq!(body, b"body");
    }
}
