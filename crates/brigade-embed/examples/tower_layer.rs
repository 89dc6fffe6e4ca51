//! Filters chosen by what is answered, one of them a closure, around any tower service.
//!
//! Run it: `cargo run -p brigade-embed --example tower_layer`, then
//! `curl http://127.0.0.1:8080/text` and `curl http://127.0.0.1:8080/page`

use std::error::Error;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use brigade::{FilterKind, Member, Registry, map_bytes};
use brigade_http::body::Filters;
use brigade_http::tower::FilterLayer;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;

/// Makes upper case.
fn upper() -> Member {
    let filter = map_bytes(|bytes, out| {
        out.put(&bytes.to_ascii_uppercase());
        Ok(())
    });
    Member::new("upper", FilterKind::RESOURCE, filter)
}

fn layer() -> brigade::Result<FilterLayer> {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    let html = Filters::from_specs(&registry, ["substitute s/Apache/axum/", "deflate"])?;
    let text = Filters::none().member(upper);
    Ok(FilterLayer::by_response(move |head| {
        let content_type =
            head.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        match (head.request.uri.path(), content_type) {
            ("/plain", _) => Filters::none(),
            (_, kind) if kind.starts_with(b"text/html") => html.clone(),
            (_, kind) if kind.starts_with(b"text/plain") => text.clone(),
            _ => Filters::none(),
        }
    }))
}

pub(crate) async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let app = Router::new()
        .route("/page", get(|| async { Html("<h1>Apache</h1>\n") }))
        .route("/text", get(|| async { "quiet text\n" }))
        .route("/plain", get(|| async { "left alone\n" }))
        .layer(layer()?);
    Ok(axum::serve(listener, app).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    println!("curl http://{address}/text");
    serve(TcpListener::bind(address).await?).await
}
