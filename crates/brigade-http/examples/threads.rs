//! A thread for each connection: handlers that simply wait, in plain code.
//!
//! Run it: `cargo run -p brigade-http --example threads`, and ask it: `curl http://127.0.0.1:8080/`

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use brigade_http::driver::blocking::{Response, serve_connection};
use brigade_http::driver::{Request, Settings};

/// A long response in small writes: each waits until the client has room, and memory stays flat.
fn count(request: &Request, response: &mut Response<'_>) -> brigade::Result<()> {
    response.header("content-type", "text/plain")?;
    response.print(format_args!("{} asked for {}\n", request.method, request.path()))?;
    for n in 1..=100_000 {
        response.print(format_args!("{n} buckets\n"))?;
    }
    Ok(())
}

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    println!("counting on http://{}/", listener.local_addr()?);
    serve(&listener);
    Ok(())
}

/// Serves every client that comes.
pub(crate) fn serve(listener: &TcpListener) {
    let settings = Settings::default().report(|error| eprintln!("{error}"));
    for accepted in listener.incoming() {
        let Ok(stream) = accepted else {
            // No descriptor is left, perhaps: those who are served give theirs back.
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        let settings = settings.clone();
        thread::spawn(move || {
            // What went wrong with one connection ends that one.
            if let Err(error) = serve_connection(stream, &settings, &count) {
                eprintln!("{error}");
            }
        });
    }
}
