//! A server on tokio: any number of connections on a few threads, and an orderly end.
//!
//! Run it: `cargo run -p brigade-http --example tokio_server`, and ask it:
//! `curl http://127.0.0.1:8080/` or, for a response that comes bit by bit, `curl -N …/slow`. Ctrl-C ends it
//! when the responses that are running have gone.

use std::future::Future;
use std::time::Duration;

use brigade_http::driver::{Request, Response, Router, Server, Settings};
use tokio::net::TcpListener;

/// A long response in small writes: memory stays flat, and a slow client slows only this.
async fn count(_request: Request, mut response: Response) -> brigade::Result<()> {
    response.header("content-type", "text/plain")?;
    for n in 1..=100_000 {
        response.print(format!("{n} buckets\n")).await?;
    }
    Ok(())
}

/// A response that waits for something else: what was written before leaves meanwhile, by itself.
async fn slow(_request: Request, mut response: Response) -> brigade::Result<()> {
    for n in 1..=3 {
        response.print(format!("{n}\n")).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("counting on http://{}/", listener.local_addr()?);
    // Without a way to be told, it ends at once.
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    Ok(serve(listener, interrupted).await?)
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> brigade::Result<()> {
    let settings = Settings::default().report(|error| eprintln!("{error}"));
    let router = Router::new(count).route("/slow", slow);
    Server::new(router).settings(settings).serve(listener, stop).await
}
