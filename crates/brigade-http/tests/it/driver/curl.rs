//! What a user's curl says.

use std::process::Command;

use brigade::Error;
use brigade_http::driver::{Request, Response};

use super::Running;

/// Gives 4 KiB, flushed or not, and fails.
async fn fails(request: Request, mut response: Response) -> brigade::Result<()> {
    response.write(&[b'x'; 4096]).await?;
    if request.path() == "/flushed" {
        response.flush().await?;
    }
    Err(Error::other("on purpose"))
}

#[track_caller]
fn check_curl(path: &str, args: &[&str], exit: i32, said: &str) {
    let running = Running::new(fails);
    let url = format!("http://{}{path}", running.address);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--output", "-", "--max-time", "20", "--write-out", "%{http_code}"]);
    let out = match curl.args(args).arg(&url).output() {
        Ok(out) => out,
        Err(error) => return println!("passed over: curl cannot be run: {error}"),
    };
    assert_eq!(out.status.code(), Some(exit), "{path} {args:?}");
    let printed = String::from_utf8_lossy(&out.stdout);
    assert!(printed.ends_with(said), "{path} {args:?}: {printed}");
}

#[test]
fn curl_gets_a_whole_500_before_the_commit() {
    check_curl("/", &[], 0, "500");
}

#[test]
fn curl_exits_18_for_a_body_that_failed_after_a_flush() {
    check_curl("/flushed", &[], 18, "200");
}

#[test]
fn curl_sees_a_reset_where_a_close_delimited_body_failed() {
    check_curl("/flushed", &["--http1.0"], 56, "200");
}
