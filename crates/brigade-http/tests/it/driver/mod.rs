//! Connections as a client and as a handler see them, async and blocking.

mod blocking;
mod budget;
mod client;
mod close;
mod cold;
mod commit;
mod curl;
mod endings;
mod examples;
mod gone;
mod hold;
mod idle;
mod interim;
mod leaving;
mod ledger;
#[cfg(feature = "tls")]
mod lines;
mod live;
#[cfg(feature = "tls")]
#[path = "../../../../brigade-net/tests/it/suite/localhost.rs"]
mod localhost;
mod panics;
mod pump;
mod turns;
mod unwanted;
mod warnings;

pub(crate) use client::{Answer, Client};

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use brigade_http::driver::{Drain, Handler, Server, Settings, serve_connection};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Whatever takes longer is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a runtime of its own, on one worker thread; it ends with the value.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
    server: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Running {
    pub(crate) fn new(handler: impl Handler) -> Self {
        Self::with(Settings::default(), handler)
    }

    pub(crate) fn with(settings: Settings, handler: impl Handler) -> Self {
        Self::of(Server::new(handler).settings(settings))
    }

    pub(crate) fn of(server: Server) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (address, addressed) = mpsc::channel();
        let server = runtime.spawn(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            address.send(listener.local_addr().unwrap()).unwrap();
            let stopped = async { drop(stopped.await) };
            server.serve(listener, stopped).await.unwrap();
        });
        let address = addressed.recv_timeout(PATIENCE).unwrap();
        Self { address, runtime: Some(runtime), server, stop: Some(stop) }
    }

    /// Drops the server's future: all connections are cut off. Tasks of handlers go on.
    pub(crate) fn give_up(&self) {
        self.server.abort();
    }

    /// Asks the server to stop.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

/// Serves one connection until it ends, while `client` runs; answers how serving ended.
#[track_caller]
pub(crate) fn serve_one(
    settings: Settings,
    handler: impl Handler,
    client: impl FnOnce(Client) + Send + 'static,
) -> brigade::Result<()> {
    within_patience(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || client(Client::new(address)));
        let (stream, _) = listener.accept().await.unwrap();
        let (settings, handler) = (Arc::new(settings), Arc::new(handler));
        let served = serve_connection(stream, settings, handler, Drain::never()).await;
        client.join().unwrap();
        served
    })
}

/// Waits for `future` on this thread, for a bounded time.
#[track_caller]
pub(crate) fn within_patience<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("in time") })
}
