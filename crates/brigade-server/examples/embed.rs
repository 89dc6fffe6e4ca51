//! A server of one's own, with stock filters: the README's twenty lines, and a client that asks it.
//!
//! Run it: `cargo run -p brigade-server --example embed`

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use brigade::Registry;
use brigade_http::driver::{Request, Response, Server, Settings};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A long response in small writes: memory stays flat.
async fn count(_request: Request, mut response: Response) -> brigade::Result<()> {
    response.header("content-type", "text/plain")?;
    for n in 0..1_000_000 {
        response.print(format!("{n} bottles\n")).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    let settings = Settings::default().filter(registry.prepare("substitute s/bottles/buckets/")?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let client = tokio::task::spawn_blocking(move || {
        let answer = ask(address);
        drop(stop); // which ends the server
        answer
    });
    let stopped = async { drop(stopped.await) };
    Server::new(count).settings(settings).serve(listener, stopped).await?;
    let answer = client.await??;
    let last = answer.rsplit("\r\n").find(|line| line.contains("buckets"));
    println!("{} bytes, the last lines of them:\n{}", answer.len(), tail(last.unwrap_or_default()));
    Ok(())
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().rev().take(2).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
