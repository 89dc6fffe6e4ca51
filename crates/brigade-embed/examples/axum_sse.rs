//! Server-sent events in axum, compressed, each on its way as soon as it is made.
//!
//! Run it: `cargo run -p brigade-embed --example axum_sse`, then
//! `curl -N --compressed http://127.0.0.1:8080/events`

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use brigade::Registry;
use brigade_http::body::{ChainBody, Filters, streaming};
use brigade_http::tower::FilterLayer;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Five events, half a second apart. What was written leaves whenever this waits: no flush is needed.
async fn events() -> http::Response<ChainBody> {
    streaming(|mut response| async move {
        response.header("content-type", "text/event-stream")?;
        for n in 0..5 {
            response.print(format!("data: event {n}\n\n")).await?;
            tokio::select! {
                () = sleep(Duration::from_millis(500)) => {}
                () = response.closed() => break, // The client has left.
            }
        }
        Ok(())
    })
    .await
}

pub(crate) async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    let filters = Filters::from_specs(&registry, ["deflate"])?;
    let app = Router::new().route("/events", get(events)).layer(FilterLayer::new(filters));
    Ok(axum::serve(listener, app).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    println!("curl -N --compressed http://{address}/events");
    serve(TcpListener::bind(address).await?).await
}
