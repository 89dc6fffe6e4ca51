//! The end of a connection: its client reads the whole last answer, whatever it still sends.

use std::io::Write;
use std::time::Duration;

use brigade_http::driver::{Request, Response};

use super::Running;
use super::client::End;

async fn hello(_: Request, mut response: Response) -> brigade::Result<()> {
    response.write(b"hello").await
}

const POST: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n";

#[test]
fn client_that_sends_its_whole_body_first_reads_the_refusal() {
    let running = Running::new(hello);
    let mut client = running.client();
    client.send(POST);
    client.send(&"b".repeat(8 << 20));
    let answer = client.answer();
    assert_eq!((answer.status, answer.is_complete), (405, true));
    assert_eq!(client.end(), End::Closed);
}

#[test]
fn client_that_takes_its_time_over_its_body_reads_the_refusal() {
    let running = Running::new(hello);
    let mut client = running.client();
    client.send(POST);
    // Longer than a silent client is given.
    for _ in 0..12 {
        client.stream().write_all(b"some of a body").unwrap();
        std::thread::sleep(Duration::from_millis(250));
    }
    assert_eq!(client.answer().status, 405);
    assert_eq!(client.end(), End::Closed);
}
