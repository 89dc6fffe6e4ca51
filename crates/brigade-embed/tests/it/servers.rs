//! Four servers for one handler and one list of filters.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use brigade::{Registry, Result};
use brigade_http::RequestHead;
use brigade_http::body::{Filters, streaming};
use brigade_http::driver::{Handler, Request, Server, Settings};
use brigade_http::tower::FilterLayer;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The driver of our own.
    Brigade,
    /// hyper, the filters in the handler's response.
    Hyper1,
    Hyper2,
    /// axum, the filters in a layer around it.
    Axum,
}

pub(crate) const ALL: [Kind; 4] = [Kind::Brigade, Kind::Hyper1, Kind::Hyper2, Kind::Axum];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brigade => "brigade serve",
            Self::Hyper1 => "hyper HTTP/1.1",
            Self::Hyper2 => "hyper HTTP/2",
            Self::Axum => "axum",
        }
    }

    pub(crate) fn is_http2(self) -> bool {
        self == Self::Hyper2
    }
}

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    brigade_filters::register_all(&mut registry);
    registry
}

/// Serves until the runtime ends.
pub(crate) async fn start(kind: Kind, specs: &[&str], handler: impl Handler) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let filters = Filters::from_specs(&registry(), specs)?;
    match kind {
        Kind::Brigade => {
            let mut settings = Settings::default();
            for spec in specs {
                settings = settings.filter(registry().prepare(spec)?);
            }
            let server = Server::new(handler).settings(settings);
            tokio::spawn(server.serve(listener, std::future::pending::<()>()));
        }
        Kind::Axum => {
            let handler = Arc::new(handler);
            let answer = |request: axum::extract::Request| async move {
                let request = request_of(&request);
                streaming(move |response| handler.call(request, response)).await
            };
            let router = axum::Router::new().fallback(answer).layer(FilterLayer::new(filters));
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
        Kind::Hyper1 | Kind::Hyper2 => {
            tokio::spawn(accept(listener, kind, filters, Arc::new(handler)));
        }
    }
    Ok(address)
}

async fn accept(listener: TcpListener, kind: Kind, filters: Filters, handler: Arc<impl Handler>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let (filters, handler) = (filters.clone(), handler.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let (head, handler) = (RequestHead::from(&request), handler.clone());
                let request = request_of(&request);
                let respond = filters.stream(head, move |response| handler.call(request, response));
                async move { Ok::<_, Infallible>(respond.await) }
            });
            let stream = TokioIo::new(stream);
            // A client that leaves is an error there; what it means here is what is tested.
            let _ = match kind {
                Kind::Hyper2 => {
                    http2::Builder::new(TokioExecutor::new())
                        .serve_connection(stream, service)
                        .await
                }
                _ => http1::Builder::new().serve_connection(stream, service).await,
            };
        });
    }
}

fn request_of<B>(request: &http::Request<B>) -> Request {
    Request::new(Arc::new(RequestHead::from(request)), None)
}
