//! Stock filters in a hyper server, over HTTP/1.1 and HTTP/2: what the handler answers goes through
//! them, head and body.
//!
//! Run it: `cargo run -p brigade-embed --example hyper_filters`, then
//! `curl -i --compressed http://127.0.0.1:8080/` and the same with `--http2-prior-knowledge`

use std::convert::Infallible;
use std::error::Error;

use brigade::Registry;
use brigade_http::RequestHead;
use brigade_http::body::{ChainBody, Filters};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

/// A page that knows nothing of filters.
fn page() -> Response<Full<Bytes>> {
    let text = "Apache streams buckets through filters.\n".repeat(20);
    let mut response = Response::new(Full::new(text.into()));
    response.headers_mut().insert("content-type", "text/plain".parse().expect("it is a value"));
    response
}

async fn answer(filters: Filters, request: Request<Incoming>) -> Response<ChainBody> {
    filters.respond(RequestHead::from(&request), page()).await
}

pub(crate) async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    let filters = Filters::from_specs(&registry, ["substitute s/Apache/hyper/", "deflate"])?
        .report(|error| eprintln!("{error}"));
    loop {
        let (stream, _) = listener.accept().await?;
        let filters = filters.clone();
        tokio::spawn(async move {
            let answer = |request| {
                let answer = answer(filters.clone(), request);
                async { Ok::<_, Infallible>(answer.await) }
            };
            let connection = auto::Builder::new(TokioExecutor::new());
            let served =
                connection.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
            if let Err(error) = served {
                eprintln!("{error}");
            }
        });
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    println!("curl -i --compressed http://{address}/");
    serve(TcpListener::bind(address).await?).await
}
