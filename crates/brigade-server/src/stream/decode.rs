//! A response as the client reads it: the head, then a body framed by chunked coding, by its
//! length, or by the end of the connection.
//!
//! Invariant: the same bytes give the same body however they are cut into reads.

use super::failure::Failure;

/// The longest head, and the longest line of the chunked coding, in bytes.
const LONGEST: usize = 16 * 1024;

/// Decodes one response.
#[derive(Debug)]
pub(crate) struct Decoder {
    state: State,
    // Invariant: the part of a head or of a line that came so far; at most LONGEST bytes.
    line: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length { left: u64 },
    UntilClose,
    ChunkSize,
    ChunkData { left: u64 },
    ChunkEnd,
    Trailers,
    Done,
}

impl Decoder {
    /// A decoder before the first byte of a response.
    pub(crate) fn new() -> Self {
        Self { state: State::Head, line: Vec::new() }
    }

    /// Decodes the next bytes, and gives `body` the part of them that is the response's body.
    ///
    /// # Errors
    ///
    /// The response is not a 200, is malformed, or goes on after its end; and what `body` answers.
    pub(crate) fn feed(
        &mut self,
        mut input: &[u8],
        mut body: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while !input.is_empty() {
            input = match self.state {
                State::Head => self.read_line(input, b"\r\n\r\n", start_of_body)?,
                State::ChunkSize => self.read_line(input, b"\r\n", chunk_of_size)?,
                State::ChunkEnd => self.read_line(input, b"\r\n", end_of_chunk)?,
                State::Trailers => self.read_line(input, b"\r\n", trailer)?,
                State::UntilClose => {
                    body(input)?;
                    &[]
                }
                State::Length { left } | State::ChunkData { left } => {
                    let len = usize::try_from(left).map_or(input.len(), |l| l.min(input.len()));
                    let (data, rest) = input.split_at(len);
                    body(data)?;
                    self.state = self.state.after_data(left - len as u64);
                    rest
                }
                State::Done => {
                    let what = format!("{} bytes came after the response's end", input.len());
                    return Err(Failure::new(what));
                }
            };
        }
        Ok(())
    }

    /// Whether the connection may end here: the response is whole.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.state, State::Done | State::UntilClose)
    }

    /// Collects up to and with `end`, then asks `parse` how it goes on.
    fn read_line<'i>(
        &mut self,
        input: &'i [u8],
        end: &[u8],
        parse: fn(&str) -> Option<State>,
    ) -> Result<&'i [u8], Failure> {
        for (at, byte) in input.iter().enumerate() {
            self.line.push(*byte);
            if self.line.ends_with(end) {
                let text = String::from_utf8_lossy(&self.line[..self.line.len() - end.len()]);
                let next = parse(&text).ok_or_else(|| malformed(self.state, &text))?;
                self.state = next;
                self.line.clear();
                return Ok(&input[at + 1..]);
            }
            if self.line.len() == LONGEST {
                let text = String::from_utf8_lossy(&self.line);
                return Err(malformed(self.state, &text));
            }
        }
        Ok(&[])
    }
}

impl State {
    fn after_data(self, left: u64) -> Self {
        match (self, left) {
            (Self::ChunkData { .. }, 0) => Self::ChunkEnd,
            (Self::ChunkData { .. }, left) => Self::ChunkData { left },
            (_, 0) => Self::Done,
            (_, left) => Self::Length { left },
        }
    }
}

#[cold]
fn malformed(state: State, text: &str) -> Failure {
    let what = match state {
        State::Head => "a 200 response's head",
        State::ChunkSize => "a chunk's size line",
        State::ChunkEnd => "the end of a chunk",
        _ => "a trailer",
    };
    let shown: String = text.chars().take(80).collect();
    Failure::new(format!("expected {what}, got {shown:?}"))
}

fn start_of_body(head: &str) -> Option<State> {
    let mut lines = head.split("\r\n");
    let (version, status) = lines.next()?.split_once(' ')?;
    if !version.starts_with("HTTP/1.") || status.split(' ').next() != Some("200") {
        return None;
    }
    let mut framing = State::UntilClose;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("transfer-encoding") {
            // Chunked decides, whatever length is given beside it.
            return value.trim().eq_ignore_ascii_case("chunked").then_some(State::ChunkSize);
        }
        if name.eq_ignore_ascii_case("content-length") {
            framing = State::Length { left: 0 }.after_data(value.trim().parse().ok()?);
        }
    }
    Some(framing)
}

fn chunk_of_size(line: &str) -> Option<State> {
    let digits = line.split(';').next()?.trim_end();
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    match u64::from_str_radix(digits, 16).ok()? {
        0 => Some(State::Trailers),
        left => Some(State::ChunkData { left }),
    }
}

fn end_of_chunk(line: &str) -> Option<State> {
    line.is_empty().then_some(State::ChunkSize)
}

fn trailer(line: &str) -> Option<State> {
    if line.is_empty() { Some(State::Done) } else { line.contains(':').then_some(State::Trailers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const LENGTH: &str = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\nA: b\r\n\r\n";
    const CLOSE: &str = "HTTP/1.0 200 OK\r\n\r\n";

    fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), Failure> {
        let mut decoder = Decoder::new();
        let mut body = Vec::new();
        for piece in pieces {
            decoder.feed(piece, |data| {
                body.extend_from_slice(data);
                Ok(())
            })?;
        }
        Ok((body, decoder.is_whole()))
    }

    /// Whole, byte by byte, and cut once at every place.
    #[track_caller]
    fn check_every_cut(response: &str, expected: &str) {
        let response = response.as_bytes();
        let expected = (expected.as_bytes().to_vec(), true);
        let bytes: Vec<&[u8]> = response.chunks(1).collect();
        assert_eq!(decode(&bytes).expect("byte by byte"), expected);
        for cut in 0..=response.len() {
            let (first, second) = response.split_at(cut);
            assert_eq!(decode(&[first, second]).expect("cut once"), expected, "cut at {cut}");
        }
    }

    #[track_caller]
    fn check_refused(response: &str, because: &str) {
        let whole = decode(&[response.as_bytes()]).expect_err(response);
        let bytes: Vec<&[u8]> = response.as_bytes().chunks(1).collect();
        let bytewise = decode(&bytes).expect_err(response);
        assert_eq!(whole.to_string(), bytewise.to_string());
        assert!(whole.to_string().contains(because), "{whole}");
    }

    #[test]
    fn chunked_response_is_the_same_body_at_every_cut() {
        check_every_cut(&format!("{CHUNKED}0\r\n\r\n"), "");
        check_every_cut(&format!("{CHUNKED}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), "hello world");
        check_every_cut(&format!("{CHUNKED}4\r\na\r\n\r\r\n0\r\n\r\n"), "a\r\n\r");
        check_every_cut(
            &format!("{CHUNKED}00b;x=\"y\"\r\nhello world\r\n0\r\n\r\n"),
            "hello world",
        );
        check_every_cut(&format!("{CHUNKED}1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n"), "x");
    }

    #[test]
    fn response_with_a_length_is_the_same_body_at_every_cut() {
        check_every_cut(&format!("{LENGTH}hello world"), "hello world");
        check_every_cut("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "");
    }

    #[test]
    fn response_until_the_connection_ends_is_the_same_body_at_every_cut() {
        check_every_cut(&format!("{CLOSE}hello world"), "hello world");
        check_every_cut(CLOSE, "");
    }

    #[test]
    fn response_that_is_cut_short_is_not_whole() {
        for response in [CHUNKED.to_owned(), format!("{CHUNKED}0\r\n"), format!("{LENGTH}hello")] {
            let (_, whole) = decode(&[response.as_bytes()]).expect("a good beginning");
            assert!(!whole, "{response}");
        }
    }

    #[test]
    fn malformed_response_is_refused_with_what_was_expected() {
        check_refused("HTTP/1.1 500 Oops\r\n\r\n", "a 200 response's head, got \"HTTP/1.1 500");
        check_refused("SSH-2.0 200\r\n\r\n", "a 200 response's head");
        check_refused("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "a 200 response's head");
        check_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "response's head");
        check_refused(&format!("{CHUNKED}+5\r\n"), "a chunk's size line, got \"+5\"");
        check_refused(&format!("{CHUNKED}\r\n"), "a chunk's size line, got \"\"");
        check_refused(&format!("{CHUNKED}10000000000000000\r\n"), "a chunk's size line");
        check_refused(&format!("{CHUNKED}1\r\nxy\r\n"), "the end of a chunk, got \"y\"");
        check_refused(&format!("{CHUNKED}0\r\nno colon\r\n"), "a trailer");
        check_refused(&"x".repeat(LONGEST + 1), "a 200 response's head");
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        check_refused(&format!("{CHUNKED}0\r\n\r\n!"), "1 bytes came after the response's end");
        check_refused(&format!("{LENGTH}hello world!"), "1 bytes came after");
    }
}
